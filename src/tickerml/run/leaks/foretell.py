"""Columns made before the run that know too much: they go with the price of the rows that follow.

A file that was computed with the whole series in hand looks honest when it is cut: its past holds the future already.
No honest column of market data orders the next moves nearly as well as they order themselves, so one that does is named
where decisions lean on it. This finds what is plain and nothing subtle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.run.leaks.times import Bars, Times

LEAST: Final = 200  # rows
MOST: Final = 20_000  # rows that are looked at
AHEAD: Final = (1, 2, 3, 5, 10)  # rows
TOO_GOOD: Final = 0.4  # rank correlation with the move that follows; honest features stay far below a tenth


@dataclass(frozen=True)
class Foretold:
    """A column that goes with what comes `ahead` rows later."""

    correlation: float
    ahead: int
    rows: int

    def __str__(self) -> str:
        return (
            f"its rank correlation with the move of the price over the {self.ahead} rows that follow is "
            f"{self.correlation:+.2f} in {self.rows:,} rows: it was made from what came later"
        )


def foretold(values: NDArray[np.float64], known: Times, bars: Bars) -> Foretold | None:
    """Whether `values`, known at `known`, go with the moves that follow in `bars`; None where they do not."""
    values, known = values[:MOST], known[:MOST]
    if len(values) < LEAST or not len(bars.closed):
        return None
    best: Foretold | None = None
    for ahead in AHEAD:
        now, later = _price(bars, known[:-ahead]), _price(bars, known[ahead:])
        move = later / now - 1
        for x in (values[:-ahead], values[:-ahead] / now - 1):
            good = np.isfinite(x) & np.isfinite(move) & (move != 0)
            n = int(good.sum())
            rho = _ranked(x[good], move[good]) if n >= LEAST else 0.0
            if abs(rho) > max(TOO_GOOD, abs(best.correlation) if best is not None else 0.0):
                best = Foretold(rho, ahead, n)
    return best


def _price(bars: Bars, times: Times) -> NDArray[np.float64]:
    """The last close known at each time; nan before the first and long after the last."""
    place = np.searchsorted(bars.closed, times, "right") - 1
    inside = (place >= 0) & (times <= bars.closed[-1])
    return np.where(inside, bars.close[np.maximum(place, 0)], np.nan)


def _ranked(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; ties have the mean of their ranks."""
    a, b = _ranks(x), _ranks(y)
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 0 else 0.0


def _ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place], np.float64)
