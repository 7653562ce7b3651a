"""Intervals and floors of shares, means and forecasts, on plain arrays. Sources are named at each."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.lab.bootstrap import gathered, interval, net_sum
from tickerml.lab.series import generator
from tickerml.views.story import Floats

GATHERED: Final = 250  # values that a net or a mean is redrawn from; more are summed with their neighbours
Z95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the 95 % interval it stands with, and n."""

    value: float
    low: float
    high: float
    n: int


def seed_of(*parts: str) -> int:
    """A seed that depends on `parts` alone (a run's hash, a figure's name): same run, same bytes."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:8], "big")


def wilson(hits: int, n: int) -> Interval:
    """95 % score interval of a share (Wilson 1927). n = 0 gives 0..1 around nan."""
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    share, z2 = hits / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), n)


def mean_95(values: Floats, seed: int) -> Interval:
    """A mean with its 95 % interval, neighbours redrawn together (lab/bootstrap.py); nan ends below 10 values."""
    n = len(values)
    found = interval(gathered(values, GATHERED), net_sum, seed=seed, times=1000) if n else None
    if found is None:
        return Interval(float(values.mean()) if n else math.nan, math.nan, math.nan, n)
    return Interval(found.value / n, found.low / n, found.high / n, n)


def brier(said: Floats, won: Floats) -> float:
    """Mean squared distance of what was said from what happened (Brier 1950); 0 is perfect."""
    return float(np.mean((said - won) ** 2))


def calibration_error(said: Floats, won: Floats, bins: int = 10) -> float:
    """Expected calibration error: |said - happened| of equal-width bins, weighted by n (Naeini et al. 2015)."""
    which = np.minimum((said * bins).astype(np.int64), bins - 1)
    gaps = np.abs(np.bincount(which, said, bins) - np.bincount(which, won, bins))
    return float(gaps.sum() / len(said))


def calibration_floor(said: Floats, seed: int, times: int = 200) -> float:
    """The calibration error that a perfect forecaster shows with the same n: mean over redrawn outcomes."""
    redrawn = (generator(seed).random((times, len(said))) < said).astype(np.float64)
    return float(np.mean([calibration_error(said, row) for row in redrawn]))
