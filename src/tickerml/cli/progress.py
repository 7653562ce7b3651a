"""Progress of long work on stderr: a bar with rate and time left on a terminal, key-value lines everywhere else."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from tickerml.cli.terminal import Terminal

if TYPE_CHECKING:
    from tickerml.cli.screen import Screen

FRAME: Final = 0.25
"""Seconds between two frames."""
LINE_EVERY: Final = 60.0
"""Seconds after which a plain line is due although no tenth of the work was done."""


class Watch:
    """Draws what work reports (tape.progress.Progress) and turns Ctrl-C into `stop`. Used in a `with`.

    `graceful`: the first Ctrl-C asks the work to end cleanly, the second stops at once; else the first one stops.
    """

    def __init__(self, name: str, to: Terminal, verbose: int = 0, *, graceful: bool = False) -> None:
        self.name, self.to, self.verbose, self.graceful = name, to, verbose, graceful
        self.stop = False
        self._screen: Screen | None = None
        self._pace = Pace()
        self._drawn = 0.0
        self._state: object = None
        self._before: Any = None

    def __enter__(self) -> Self:
        if self.graceful and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        if self.to.animate:
            from tickerml.cli.screen import Screen

            self._screen = Screen(self.name, self.to)
            self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._screen is not None:
            self._screen.finish()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @property
    def due(self) -> bool:
        """True when a frame (or, without a moving display, a line) would be drawn now."""
        wait = FRAME if self._screen is not None else LINE_EVERY / 10
        return time.monotonic() - self._drawn >= wait

    def __call__(self, done: int, total: int | None = None, what: str = "", unit: str = "rows") -> None:
        """Report `done` of `total`; cheap when nothing is due."""
        now = time.monotonic()
        self._pace.step(done, total, what or self.name, unit, now)
        if self._screen is not None:
            self._screen.step(self._pace)
        elif self._pace.line_due(now):
            self._log("INFO", self.name, "  ".join(self._pairs()))

    def note(self, text: str, level: Literal["INFO", "WARNING"] = "INFO", source: str = "") -> None:
        """An event worth a line: above the moving display, or as a log line."""
        if self._screen is not None:
            self._screen.say(text if level == "INFO" else f"warning: {text}")
        else:
            self._log(level, source or self.name, text)

    def show(self, state: object) -> None:
        """The newest state of a running market, drawn at the next frame."""
        self._state, self._drawn = state, time.monotonic()
        if self._screen is not None:
            self._screen.show(state)

    def _pairs(self) -> Iterator[str]:
        yield from self._pace.pairs()
        figures = getattr(self._state, "pairs", None)
        if figures is not None:
            yield from (f"{key} {value}" for key, value in figures().items())

    def _log(self, level: str, source: str, text: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self.to.write(f"{stamp} - {source} - {level} - {text}")

    def _interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stop:
            raise KeyboardInterrupt
        self.stop = True
        self.note("closing: the run ends cleanly and writes its report; Ctrl-C again stops at once")


class Pace:
    """How far and how fast: the figures of one piece of work, whatever draws them."""

    def __init__(self) -> None:
        self.what, self.unit, self.done = "", "rows", 0
        self.total: int | None = None
        self._since = self._line_at = time.monotonic()
        self._first = 0
        self._tenth = -1

    def step(self, done: int, total: int | None, what: str, unit: str, now: float) -> None:
        """A new report; another `what` starts its own clock."""
        if what != self.what:
            self.what, self._since, self._first, self._tenth = what, now, done, -1
        self.done, self.total, self.unit = done, total, unit

    def rate(self, now: float) -> float:
        """Units a second since this work began; 0 in its first tenth of a second."""
        spent = now - self._since
        return (self.done - self._first) / spent if spent > 0.1 else 0.0

    def left(self, now: float) -> float | None:
        """Seconds left at the present rate; None when the end or the rate is not known."""
        rate = self.rate(now)
        return None if not self.total or not rate else max(0.0, (self.total - self.done) / rate)

    def line_due(self, now: float) -> bool:
        """True at the start, at each tenth of a known whole, and after a minute."""
        tenth = 10 * self.done // self.total if self.total else 0
        if tenth == self._tenth and now - self._line_at < LINE_EVERY:
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
