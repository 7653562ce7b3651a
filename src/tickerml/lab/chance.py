"""How often chance does as well: the p-value of a run among draws that have no edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tickerml.lab.series import Floats, checked


@dataclass(frozen=True, slots=True)
class Chance:
    """Of n draws without an edge, how many did at least as well."""

    as_good: int
    n: int

    @property
    def p(self) -> float:
        """(as_good + 1) / (n + 1): never 0, since the run itself is one more draw (Davison and Hinkley 1997, 4.2)."""
        return (self.as_good + 1) / (self.n + 1)

    def best_of(self, trials: int) -> float:
        """Probability that the best of so many independent trials does as well: 1 - (1 - p)^trials (Sidak 1967).

        Raises ValueError below one trial.
        """
        if trials < 1:
            raise ValueError("at least one trial was made")
        return float(-np.expm1(trials * np.log1p(-self.p))) if self.p < 1 else 1.0


def p_value(run: float, twins: ArrayLike) -> Chance:
    """How many of `twins` (the same figure of draws without an edge) are at least `run`; higher is better.

    Raises ValueError where a value is not finite: a twin that failed is no draw.
    """
    nets = checked(twins, "twins")
    if not np.isfinite(run):
        raise ValueError("the run's figure is not finite")
    return Chance(int((nets >= run).sum()), len(nets))


def bands(curves: ArrayLike, low: float = 0.05, high: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Pointwise quantiles `low`, 0.5 and `high` of `curves` (draws, times): the band in which runs without edge lie."""
    found = np.quantile(checked(curves, "curves", dims=2), (low, 0.5, high), axis=0)
    return found[0], found[1], found[2]
