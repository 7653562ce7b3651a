"""How far and how fast: the figures of one piece of work, whatever draws them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Final

LINE_EVERY: Final = 60.0
"""Seconds after which a plain line is due although no tenth of the work was done."""
LINE_LEAST: Final = 1.0
"""Seconds between two plain lines: work that takes a moment needs none but its first."""
NEWEST: Final = 5.0
"""Seconds of work by which the time left is judged: the first of them compile, which says nothing of the rest."""


class Pace:
    """One piece of work: what, how much of it is done, its rate and the time left."""

    def __init__(self) -> None:
        self.what, self.unit, self.done = "", "rows", 0
        self.total: int | None = None
        self._since = self._line_at = time.monotonic()
        self._first = 0
        self._tenth = -1
        self._marks: deque[tuple[float, int]] = deque()  # when, done: a second apart at least

    def step(self, done: int, total: int | None, what: str, unit: str, now: float) -> None:
        """A new report; another `what` starts its own clock."""
        if what != self.what:
            self.what, self._since, self._first, self._tenth = what, now, done, -1
            self._marks.clear()
        self.done, self.total, self.unit = done, total, unit
        if not self._marks or now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= NEWEST:
            self._marks.popleft()

    def rate(self, now: float) -> float:
        """Units a second since this work began; 0 in its first tenth of a second."""
        spent = now - self._since
        return (self.done - self._first) / spent if spent > 0.1 else 0.0

    def spent(self, now: float) -> float:
        """Seconds since this work began."""
        return now - self._since

    def left(self, now: float) -> float | None:
        """Seconds left at the rate of the newest reports; None when the end or the rate is not known."""
        if not self.total or not self.rate(now):
            return None
        since, first = self._marks[0]
        newest = (self.done - first) / (now - since) if self.done > first and now > since else self.rate(now)
        return max(0.0, (self.total - self.done) / newest)

    def line_due(self, now: float) -> bool:
        """True at the start, at each tenth of a known whole that takes a second or more, and after a minute."""
        tenth = 10 * self.done // self.total if self.total else 0
        waited = now - self._line_at
        if self._tenth >= 0 and waited < (LINE_EVERY if tenth == self._tenth else LINE_LEAST):
            return False
        self._tenth, self._line_at = tenth, now
        return True

    def pairs(self) -> Iterator[str]:
        """`61 %`, `rows 2914021`, `rows_s 214000`, `left 9s`."""
        now = time.monotonic()
        if self.total:
            yield f"{100 * self.done // self.total} %"
        yield self.what
        yield f"{self.unit} {self.done}"
        if self.rate(now):
            yield f"{self.unit}_s {self.rate(now):.0f}"
        left = self.left(now)
        if left is not None:
            yield f"left {clock(left)}"


def clock(seconds: float) -> str:
    """`9s`, `3m 10s`, `2h 05m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
