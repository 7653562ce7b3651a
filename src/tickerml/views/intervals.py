"""Intervals and floors: the statistics under the figures, on plain arrays. Sources are named at each."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from tickerml.views.story import Floats

RESAMPLES: Final = 2000  # for intervals
CHANCE_DRAWS: Final = 20_000  # for chances: the best of 144 trials needs p below 0.0004
Z95: Final = 1.959963984540054
EULER: Final = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the 95 % interval it stands with, and n."""

    value: float
    low: float
    high: float
    n: int


def generator(*parts: str) -> np.random.Generator:
    """Random numbers that depend on `parts` alone (a run's hash, a figure's name): same run, same bytes."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def wilson(hits: int, n: int) -> Interval:
    """95 % score interval of a share (Wilson 1927). n = 0 gives 0..1 around nan."""
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    share, z2 = hits / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), n)


def block_length(n: int) -> int:
    """Length of a bootstrap block of n dependent values: n^(1/3) (Hall, Horowitz and Jing 1995)."""
    return max(1, round(n ** (1 / 3)))


def block_sums(values: Floats, rng: np.random.Generator, block: int, times: int = RESAMPLES) -> Floats:
    """Sums of `times` circular block resamples of n values each (Politis and Romano 1992); shape (times,)."""
    n = len(values)
    whole, rest = divmod(n, block)
    ring = np.concatenate(([0.0], np.cumsum(np.concatenate((values, values[:block])))))
    found = []
    for first in range(0, times, piece := max(1, 2_000_000 // (whole + 1))):  # bounded memory, whatever n is
        starts = rng.integers(0, n, (min(piece, times - first), whole + (rest > 0)))
        sums: Floats = (ring[starts[:, :whole] + block] - ring[starts[:, :whole]]).sum(axis=1)
        found.append(sums + (ring[starts[:, whole] + rest] - ring[starts[:, whole]]) if rest else sums)
    return np.concatenate(found)


def block_indices(n: int, rng: np.random.Generator, block: int, times: int) -> np.typing.NDArray[np.int64]:
    """Row numbers of `times` circular block resamples of n values; shape (times, n)."""
    starts = rng.integers(0, n, (times, -(-n // block)))
    return ((starts[:, :, None] + np.arange(block)) % n).reshape(times, -1)[:, :n]


def spread_95(resampled: Floats) -> tuple[float, float]:
    """The middle 95 % of resampled values (percentile method)."""
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(low), float(high)


def mean_95(values: Floats, rng: np.random.Generator) -> Interval:
    """A mean with its 95 % bootstrap interval, values taken as independent."""
    n = len(values)
    low, high = spread_95(block_sums(values, rng, 1, 1000) / n)
    return Interval(float(values.mean()), low, high, n)


def brier(said: Floats, won: Floats) -> float:
    """Mean squared distance of what was said from what happened (Brier 1950); 0 is perfect."""
    return float(np.mean((said - won) ** 2))


def calibration_error(said: Floats, won: Floats, bins: int = 10) -> float:
    """Expected calibration error: |said - happened| of equal-width bins, weighted by n (Naeini et al. 2015)."""
    which = np.minimum((said * bins).astype(np.int64), bins - 1)
    gaps = np.abs(np.bincount(which, said, bins) - np.bincount(which, won, bins))
    return float(gaps.sum() / len(said))


def calibration_floor(said: Floats, rng: np.random.Generator, times: int = 200) -> float:
    """The calibration error that a perfect forecaster shows with the same n: mean over redrawn outcomes."""
    redrawn = (rng.random((times, len(said))) < said).astype(np.float64)
    return float(np.mean([calibration_error(said, row) for row in redrawn]))


def sharpe_of(daily: Floats) -> float:
    """Mean over standard deviation of daily returns, times the root of 365; nan when nothing moved."""
    deviation = float(daily.std(ddof=1))
    return float(daily.mean()) / deviation * math.sqrt(365) if deviation > 0 else math.nan


def deflated_sharpe(daily: Floats, trials: int) -> float:
    """Probability that the true Sharpe is above zero after `trials` tries (Bailey and Lopez de Prado 2014).

    The variance among trials is taken as that of the estimate without any edge, 1 / (n - 1).
    """
    n, deviation = len(daily), float(daily.std(ddof=1))
    if n < 3 or deviation <= 0:
        return math.nan
    z = (daily - daily.mean()) / daily.std()
    best = 0.0
    if trials > 1:
        normal = NormalDist()
        upper = normal.inv_cdf(1 - 1 / trials), normal.inv_cdf(1 - 1 / (trials * math.e))
        best = ((1 - EULER) * upper[0] + EULER * upper[1]) / math.sqrt(n - 1)
    return probabilistic_sharpe(float(daily.mean()) / deviation, best, n, float(np.mean(z**3)), float(np.mean(z**4)))


def probabilistic_sharpe(sharpe: float, floor: float, n: int, skew: float, kurtosis: float) -> float:
    """Probability that the true Sharpe (per period, as `sharpe`) is above `floor`, from n periods (the same paper)."""
    error = math.sqrt(max(1e-12, 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe))
    return NormalDist().cdf((sharpe - floor) * math.sqrt(n - 1) / error)
