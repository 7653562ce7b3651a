"""Weights of coins by an optimiser: equal, inverse volatility, or hierarchical risk parity with a shrunk covariance.

All take returns, shape (time, coin), and give one weight a coin, not below 0 and 1 in all. None guesses returns.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.errors import InputError

METHODS: Final = ("hrp", "inverse_volatility", "equal")
Matrix = NDArray[np.float64]


def weights_of(method: str, returns: Matrix) -> Matrix:
    """Weights, shape (coin,). A coin that did not move gets none. InputError `method`, `extra-missing`."""
    if method not in METHODS:
        raise InputError("method", f'"{method}" is no way to weigh coins', key="--method", try_=" | ".join(METHODS))
    moving = returns.std(axis=0) > 0
    weights = np.zeros(returns.shape[1])
    if moving.any():
        some = returns[:, moving]
        by = {"hrp": _hrp, "inverse_volatility": _inverse, "equal": _equal}[method]
        weights[moving] = by(some) if some.shape[1] > 1 else 1.0
    return weights


def _equal(returns: Matrix) -> Matrix:
    return np.full(returns.shape[1], 1 / returns.shape[1])


def _inverse(returns: Matrix) -> Matrix:
    inverse = 1 / returns.std(axis=0)
    return np.asarray(inverse / inverse.sum())


def _hrp(returns: Matrix) -> Matrix:
    """Lopez de Prado, "Building diversified portfolios that outperform out of sample" (2016), as skfolio has it.

    Distances and risks are both of the covariance that Ledoit and Wolf's formula shrinks ("A well-conditioned
    estimator for large-dimensional covariance matrices", 2004).
    """
    try:
        from skfolio.distance import CovarianceDistance
        from skfolio.moments import LedoitWolf
        from skfolio.optimization import HierarchicalRiskParity
        from skfolio.prior import EmpiricalPrior
    except ImportError:
        raise InputError(
            "extra-missing", "hierarchical risk parity needs skfolio", try_="pip install 'tickerml[portfolio]'"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries below about each other
        model = HierarchicalRiskParity(
            prior_estimator=EmpiricalPrior(covariance_estimator=LedoitWolf()),
            distance_estimator=CovarianceDistance(covariance_estimator=LedoitWolf()),
        )
        found = np.asarray(model.fit(returns).weights_, np.float64)
    found = np.maximum(found, 0.0)
    return np.asarray(found / found.sum())
