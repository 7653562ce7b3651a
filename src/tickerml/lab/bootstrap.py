"""Intervals by the stationary bootstrap: series redrawn in blocks of random length, so that dependence stays.

Sources: Politis and Romano, "The Stationary Bootstrap", JASA 89, 1994; Politis and White, "Automatic Block-Length
Selection for the Dependent Bootstrap", Econometric Reviews 23, 2004, with the correction of Patton, Politis and White,
Econometric Reviews 28, 2009.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tickerml.lab.series import Floats, checked, generator

RESAMPLES: Final = 2000
_CELLS: Final = 2_000_000  # resampled values held at once: 16 MB, several times over while they are worked on

Statistic: TypeAlias = Callable[[Floats], Floats]
"""From resampled returns (times, n) to one value each (times,); nan where it is not defined."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the middle of what the resampled series give (percentile method)."""

    value: float
    low: float
    high: float
    n: int
    block: float  # mean length of a block, in periods
    resamples: int  # those that gave a value

    @property
    def method(self) -> str:
        """What the interval stands on, to be named once beside it."""
        return f"stationary bootstrap, blocks of {self.block:.3g} on average, {self.resamples} resamples"


def optimal_block(values: ArrayLike) -> float:
    """Mean block length of the stationary bootstrap with the least error for a mean (2004, corrected 2009), >= 1.

    n^(1/3) times the root-3 of 2 G^2 / D, D = 2 g(0)^2, G = sum |k| R(k), g(0) = sum R(k) over the lags k within twice
    the first lag from which K autocorrelations in a row stay below 2 sqrt(log10(n) / n), weighted by a flat-top window;
    at most ceil(min(3 sqrt(n), n / 3)). 1 for fewer than 8 values, or values that do not vary.
    """
    x = checked(values, "values")
    n = len(x)
    centred = x - x.mean() if n else x
    if n < 8 or not float(np.abs(centred).max()) > 1e-12 * float(np.abs(x).max()):
        return 1.0
    quiet = max(5, int(math.log10(n)))  # K
    most = min(n - 1, math.ceil(math.sqrt(n)) + quiet)
    covariance = np.array([float(centred[k:] @ centred[: n - k]) / n for k in range(most + 1)])
    small = np.abs(covariance[1:] / covariance[0]) < 2.0 * math.sqrt(math.log10(n) / n)
    lags = min(2 * _first_quiet(small, quiet), most)
    k = np.arange(1, lags + 1)
    weight = np.minimum(1.0, 2.0 * (1.0 - k / lags))
    long_run = float(covariance[0] + 2.0 * (weight * covariance[1 : lags + 1]).sum())  # g(0)
    bend = float(2.0 * (weight * k * covariance[1 : lags + 1]).sum())  # G
    ceiling = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if long_run == 0:
        return float(ceiling)
    return float(min(max(1.0, (bend * bend / long_run**2 * n) ** (1.0 / 3.0)), ceiling))


def _first_quiet(small: NDArray[np.bool_], quiet: int) -> int:
    """The first lag that begins `quiet` small ones; the last one that is not small, where there is no such run."""
    runs = np.convolve(small, np.ones(quiet, np.int64), "valid") == quiet
    if runs.any():
        return int(runs.argmax()) + 1
    loud = np.flatnonzero(~small)
    return int(loud[-1]) + 1 if len(loud) else 1


def stationary_indices(n: int, block: float, times: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Row numbers of `times` resamples of n values, shape (times, n).

    Blocks are circular and of geometric length with mean `block`.

    Raises ValueError where n or `times` is below 1 or `block` below 1.
    """
    if n < 1 or times < 1 or not block >= 1:
        raise ValueError("needs at least one value, one resample and a mean block of at least 1")
    fresh = rng.random(times * n) < 1.0 / block
    fresh[::n] = True
    begun = np.flatnonzero(fresh)
    starts = rng.integers(0, n, len(begun))
    rows: NDArray[np.int64] = np.repeat(starts - begun, np.diff(begun, append=times * n))
    rows += np.arange(times * n)
    return (rows % n).reshape(times, n)


def resampled(
    values: ArrayLike, statistic: Statistic, *, seed: int, block: float | None = None, times: int = RESAMPLES
) -> Floats:
    """`statistic` of `times` resamples of `values`, shape (times,). `block` None chooses it by `optimal_block`."""
    x = checked(values, "values")
    length = optimal_block(x) if block is None else block
    return np.concatenate([statistic(part) for part in _resamples(x, length, times, seed)])


def _resamples(x: Floats, block: float, times: int, seed: int) -> Iterator[Floats]:
    """All resamples, in parts of bounded size; the same whatever else is drawn."""
    rng = generator(seed)
    part = max(1, _CELLS // max(1, len(x)))
    for first in range(0, times, part):
        yield x[stationary_indices(len(x), block, min(part, times - first), rng)]


def interval(
    values: ArrayLike,
    statistic: Statistic,
    *,
    seed: int,
    confidence: float = 0.95,
    block: float | None = None,
    times: int = RESAMPLES,
) -> Interval | None:
    """The statistic with the middle `confidence` of its resamples; None below 10 values or where it is not defined.

    The interval says: had the same periods come in another order and number, the statistic would have lain within. It
    knows nothing of trials and of what never happened in these periods. Raises ValueError unless 0 < confidence < 1.
    """
    if not 0 < confidence < 1:
        raise ValueError("confidence lies between 0 and 1")
    x = checked(values, "values")
    if len(x) < 10:
        return None
    length = optimal_block(x) if block is None else block
    found = resampled(x, statistic, seed=seed, block=length, times=times)
    found = found[np.isfinite(found)]
    value = float(statistic(x[None, :])[0])
    if not len(found) or not math.isfinite(value):
        return None
    low, high = np.quantile(found, ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0))
    return Interval(value, float(low), float(high), len(x), length, len(found))


def gathered(values: ArrayLike, most: int) -> Floats:
    """Sums of neighbours, at most `most` of them: what a net is redrawn from where there are very many values.

    The sum of all stays; what depends on each other within a few neighbours stays together.
    """
    x = checked(values, "values")
    each = -(-len(x) // most) if most > 0 else 1
    return x if each <= 1 else np.add.reduceat(x, np.arange(0, len(x), each))


def net_return(returns: Floats) -> Floats:
    """Compounded return of each row; -1 from a period on that lost everything."""
    growth = np.maximum(1.0 + returns, 0.0)
    return np.asarray(growth.prod(axis=1) - 1.0, np.float64)


def net_sum(values: Floats) -> Floats:
    """Sum of each row: the net of profits and losses in money."""
    return np.asarray(values.sum(axis=1), np.float64)


def sharpe_ratio(returns: Floats) -> Floats:
    """Mean over standard deviation (n - 1) of each row, per period; nan where a row does not vary."""
    deviation = returns.std(axis=1, ddof=1)
    moved = deviation > 1e-9 * np.abs(returns).max(axis=1)
    return np.asarray(np.where(moved, returns.mean(axis=1) / np.where(moved, deviation, 1.0), np.nan), np.float64)


def worst_fall(returns: Floats) -> Floats:
    """Maximum drawdown of each row's compounded equity as a share of its peak, <= 0; the start counts as a peak."""
    equity = np.cumprod(np.maximum(1.0 + returns, 0.0), axis=1)
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    return np.asarray((equity / peak - 1.0).min(axis=1), np.float64)
