"""What the statistics work on: arrays over a time grid, and a figure that says why it is not shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tickerml.tape.rows import DAY, HOUR

Times: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

YEAR: Final = 365 * DAY
"""Crypto trades around the clock, so a year has 365 days of 24 hours; square-root-of-time scaling uses it."""

EDGE: Final = 4 * HOUR
"""So much may be missing of the first and of the last day of a series: the last bar of a day is told when the day is
over, so a run over one month's bars, of four hours or less, ends that much before the month does."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, or nan with the reason why there is none."""

    value: float
    reason: str = ""

    @property
    def shown(self) -> bool:
        """Whether there is a value to show."""
        return not self.reason

    @property
    def plain(self) -> float | None:
        """The value for JSON: None where there is none, or where it is no finite number."""
        return self.value if self.shown and math.isfinite(self.value) else None


def no_figure(reason: str) -> Figure:
    """Nothing to show, and why."""
    return Figure(math.nan, reason)


def checked(values: ArrayLike, what: str, *, dims: int = 1) -> Floats:
    """`values` as finite float64 of `dims` dimensions. Raises ValueError naming `what`."""
    array = np.ascontiguousarray(values, np.float64)
    if array.ndim != dims:
        raise ValueError(f"{what} has {array.ndim} dimensions; it needs {dims}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} holds a value that is not finite")
    return array


def sampled(time: Times, values: ArrayLike, step: int, *, edge: int = 0) -> tuple[Times, Floats]:
    """The latest value at each multiple of `step` (ns, UTC) within the series: (grid, values).

    `time` is ns, ascending. A part of a step at either end gives no period, unless at most `edge` of it is missing:
    then the first value stands at its begin, the last at its end. Raises ValueError where `time` goes back, lengths
    differ, `step` is not positive or `edge` is no part of it.
    """
    array = checked(values, "values")
    if step <= 0 or not 0 <= edge < step or len(time) != len(array) or (np.diff(time) < 0).any():
        raise ValueError("a grid needs a positive step, an edge below it and as many ascending times as values")
    if not len(time):
        return np.zeros(0, np.int64), array
    first, last = -(-(int(time[0]) - edge) // step), (int(time[-1]) + edge) // step
    grid = np.arange(first, last + 1, dtype=np.int64) * step
    return grid, array[np.maximum(np.searchsorted(time, grid, "right") - 1, 0)]


def daily(time: Times, values: ArrayLike) -> Floats:
    """The value at each midnight (UTC), one more than days: a day at either end counts when it lacks at most `EDGE`."""
    return sampled(time, values, DAY, edge=EDGE)[1]


def simple_returns(equity: ArrayLike) -> Floats:
    """Change of each period as a share of the equity before it: one fewer than equities.

    Raises ValueError where equity is not above zero: a share of nothing is not defined.
    """
    values = checked(equity, "equity")
    if (values <= 0).any():
        raise ValueError("equity is at or below zero somewhere; returns are not defined there")
    return np.asarray(values[1:] / values[:-1] - 1.0, np.float64)


def generator(seed: int, *what: int) -> np.random.Generator:
    """Random numbers that depend on `seed` and `what` alone (numpy SeedSequence, PCG64)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *what])))
