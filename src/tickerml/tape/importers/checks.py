"""Refusing what cannot be true: each row is judged by rules in order, and counted under the first that it breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers.frames import NO_TIME
from tickerml.tape.problems import KEEP, Problems

EARLIEST: Final = 1_230_768_000_000_000_000  # 2009-01-01: nothing was traded before the first coin
DEAREST: Final = 1e15  # nothing costs more, in whatever currency
LARGEST: Final = 1e36  # no amount of anything is larger
_LAST: Final = 4_102_444_800_000_000_000  # 2100-01-01
Mask = NDArray[np.bool_]
Rules = list[tuple[str, Mask]]
"""(reason, rows that break the rule), in the order in which they are tried."""


class Judge:
    """Keeps the line number and the latest time from piece to piece of one file."""

    def __init__(self, path: Path, problems: Problems, first_line: int, step: int = 1) -> None:
        """`step` is -1 for a file that is read from its end; `first_line` is then its last."""
        self._path, self._problems, self.line, self._step = path, problems, first_line, step
        self._from = first_line
        if step < 0:
            problems.add("reversed-file", str(path), note="newest row first: read from its end")
        self.latest = NO_TIME
        self.kept = 0

    def keep(self, times: NDArray[np.int64], rules: Rules, *, repeats: str = "") -> Mask:
        """Rows that break no rule and whose time does not run backwards; `repeats`: the reason for an equal time."""
        good, self._from = np.ones(len(times), bool), self.line
        absurd = (times != NO_TIME) & ((times < EARLIEST) | (times > _LAST))
        for reason, broken in [("time-missing", times == NO_TIME), ("time-implausible", absurd), *rules]:
            good &= ~self._refuse(reason, good & broken)
        ordered = np.where(good, times, self.latest)
        before = np.maximum.accumulate(np.concatenate([[self.latest], ordered]))[:-1]
        good &= ~self._refuse("time-backwards", good & (times < before))
        if repeats:
            good &= ~self._refuse(repeats, good & (times == before))
        if good.any():
            self.latest = max(self.latest, int(times[good].max()))
        self.line += len(times) * self._step
        self.kept += int(good.sum())
        return good

    def lines(self, rows: Mask) -> NDArray[np.int64]:
        """Line numbers of these rows of the piece that was judged last."""
        return np.asarray(np.flatnonzero(rows) * self._step + self._from, np.int64)

    def note(self, reason: str, lines: NDArray[np.int64], weight: NDArray[np.int64] | None = None) -> None:
        """Count rows by line number; `weight` says how much each counts (0 = not at all), else 1."""
        if weight is not None:
            lines, weight = lines[weight > 0], weight[weight > 0]
        for i, line in enumerate(lines[:KEEP]):
            self._problems.add(reason, str(self._path), int(line), n=1 if weight is None else int(weight[i]))
        self._problems.add(reason, n=len(lines[KEEP:]) if weight is None else int(weight[KEEP:].sum()))

    def count(self, reason: str, n: int) -> None:
        """Count something that has no line."""
        self._problems.add(reason, n=n)

    def _refuse(self, reason: str, rows: Mask) -> Mask:
        self.note(reason, self.lines(rows))
        return rows

    def something(self) -> None:
        """Raise InputError nothing-valid when no row was kept."""
        if not self.kept:
            counts = ", ".join(f"{reason} {n}" for reason, n in self._problems.counts.items()) or "it has no rows"
            raise InputError(
                "nothing-valid",
                f"no row of {self._path.name} can be used: {counts}",
                where=Where(str(self._path)),
                means="nothing was imported from it",
                try_=f"head {self._path}",
            )


def no_number(values: NDArray[np.float64]) -> Mask:
    """NaN, infinite, or not a number at all."""
    return ~np.isfinite(values)
