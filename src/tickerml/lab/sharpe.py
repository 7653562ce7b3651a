"""How sure a Sharpe ratio is: probabilistic and deflated Sharpe ratio, minimum track record length.

Sources: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012; the same, "The
Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014. Every ratio here is per period, never yearly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tickerml.lab.metrics import spread
from tickerml.lab.series import Figure, checked, no_figure

EULER: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Moments:
    """What these statistics need of n returns: Sharpe ratio per period, skewness, kurtosis (3 = normal)."""

    sharpe: float
    skew: float
    kurtosis: float
    n: int

    @property
    def variance(self) -> float:
        """Variance of the ratio's estimate, times n - 1: 1 - skew SR + (kurtosis - 1) / 4 SR^2 (Mertens 2002).

        Never below zero for moments that returns can have: kurtosis is at least 1 + skew^2.
        """
        return 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2


@dataclass(frozen=True, slots=True)
class Deflated:
    """A Sharpe ratio judged after many trials. Ratios per period."""

    sharpe: float
    floor: float  # SR0: what the best of so many trials without an edge is expected to show
    probability: float  # DSR: that the true ratio is above zero, given that this is the best of them
    trials: float
    variance: float  # of the trials' ratios


def moments(returns: ArrayLike) -> Moments | None:
    """Moments of `returns` (biased skewness and kurtosis, as in the paper); None below 3 or where they do not vary."""
    values = checked(returns, "returns")
    if len(values) < 3 or spread(values) == 0:
        return None
    z = (values - values.mean()) / values.std()
    return Moments(float(values.mean()) / spread(values), float(np.mean(z**3)), float(np.mean(z**4)), len(values))


def probabilistic_sharpe(of: Moments, benchmark: float = 0.0) -> float:
    """Probability that the true ratio is above `benchmark`: Phi((SR - SR*) sqrt(n - 1) / sqrt(variance)).

    It is nan for n < 2. Where the variance is zero the estimate has no error, and the answer is 0, 0.5 or 1.
    """
    if of.n < 2:
        return math.nan
    distance = (of.sharpe - benchmark) * math.sqrt(of.n - 1)
    if of.variance <= 0:
        return 0.5 * (1.0 + math.copysign(1.0, distance)) if distance else 0.5
    return _NORMAL.cdf(distance / math.sqrt(of.variance))


def expected_max_sharpe(trials: float, variance: float) -> float:
    """What the best of `trials` independent trials without an edge is expected to show (per period).

    sqrt(variance) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))), g the Euler-Mascheroni constant; 0 for one trial.
    Raises ValueError for fewer than one trial or a variance below zero.
    """
    if trials < 1 or variance < 0:
        raise ValueError("needs at least one trial and a variance of at least zero")
    if trials == 1:
        return 0.0
    below_max = -_NORMAL.inv_cdf(1.0 / trials), -_NORMAL.inv_cdf(1.0 / (trials * math.e))
    return math.sqrt(variance) * max(0.0, (1.0 - EULER) * below_max[0] + EULER * below_max[1])


def deflated_sharpe(of: Moments, trials: float, variance: float | None = None) -> Deflated:
    """The probability that the true ratio is above zero when it is the best of `trials`.

    `variance` is that of the trials' ratios per period (`trials_variance`). Not known, it is taken as that of the
    estimate itself without an edge, 1 / (n - 1). Raises ValueError as `expected_max_sharpe`.
    """
    assumed = 1.0 / (of.n - 1) if variance is None else variance
    floor = expected_max_sharpe(trials, assumed)
    return Deflated(of.sharpe, floor, probabilistic_sharpe(of, floor), trials, assumed)


def trials_variance(sharpes: ArrayLike) -> Figure:
    """Variance (N - 1) of the ratios of all recorded trials, per period; those that are nan never traded and count 0.

    A trial that stayed out of the market earned nothing in every period: leaving it out would hide a trial.
    """
    values = checked(np.nan_to_num(np.asarray(sharpes, np.float64), nan=0.0), "sharpes")
    return Figure(float(values.var(ddof=1))) if len(values) > 1 else no_figure("fewer than 2 trials on record")


def independent_trials(returns: ArrayLike) -> float:
    """How many independent trials the columns of `returns` (T, N) amount to: r + (1 - r) N (2014, appendix A.3).

    r is the mean correlation of pairs of columns, taken as 0 where it is below; columns that do not vary correlate
    with none. Memory is O(T N): the mean of all pairs is that of the sum of standardised columns.
    """
    values = checked(returns, "returns", dims=2)
    count = values.shape[1]
    if count < 2 or len(values) < 2:
        return float(count)
    deviation = values.std(axis=0)
    still = deviation <= 1e-12 * np.abs(values).max(axis=0)
    z = np.where(still, 0.0, (values - values.mean(axis=0)) / np.where(still, 1.0, deviation))
    total = float(np.mean(z.sum(axis=1) ** 2))  # = sum of all correlations, the diagonal included
    mean = max(0.0, (total - float((~still).sum())) / (count * (count - 1)))
    return mean + (1.0 - mean) * count


def minimum_track_record(of: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Periods needed until the ratio is above `benchmark` with `confidence`: 1 + variance (z / (SR - SR*))^2 (2012).

    inf where the ratio is not above the benchmark: no length would do. Raises ValueError unless 0.5 < confidence < 1.
    """
    if not 0.5 < confidence < 1:
        raise ValueError("confidence lies between 0.5 and 1")
    if of.sharpe <= benchmark:
        return math.inf
    return 1.0 + of.variance * (_NORMAL.inv_cdf(confidence) / (of.sharpe - benchmark)) ** 2
