"""F6: weights of coins by an optimiser, against Lopez de Prado's steps written down plainly."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform
from sklearn.covariance import ledoit_wolf

from tickerml.lab.portfolio import METHODS, weights_of
from tickerml.tape.errors import InputError


def returns(seed=1, n=400, groups=(3, 3, 2)):
    """Coins in groups that move together, each with its own volatility."""
    r = np.random.default_rng(seed)
    columns = []
    for size in groups:
        common = r.normal(0, 1, n)
        columns += [(common + 0.5 * r.normal(0, 1, n)) * r.uniform(0.005, 0.03) for _ in range(size)]
    return np.stack(columns, axis=1)


def risk_parity(x):
    """Recursive bisection over the leaves of a tree; each half by the variance of its inverse-variance portfolio."""
    cov = ledoit_wolf(x)[0]
    deviation = np.sqrt(np.diag(cov))
    distance = np.sqrt(np.clip(0.5 * (1 - cov / np.outer(deviation, deviation)), 0, 1))
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance, checks=False)
    order = leaves_list(optimal_leaf_ordering(linkage(condensed, "ward"), condensed)).tolist()
    weights, parts = np.ones(x.shape[1]), [order]

    def variance(items):
        inverse = 1 / np.diag(cov)[items]
        inverse /= inverse.sum()
        return inverse @ cov[np.ix_(items, items)] @ inverse

    while parts:
        parts = [half for part in parts if len(part) > 1 for half in (part[: len(part) // 2], part[len(part) // 2 :])]
        for left, right in zip(parts[::2], parts[1::2], strict=True):
            share = 1 - variance(left) / (variance(left) + variance(right))
            weights[left] *= share
            weights[right] *= 1 - share
    return weights


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_f6_hierarchical_risk_parity_with_a_shrunk_covariance(seed):
    x = returns(seed)
    np.testing.assert_allclose(weights_of("hrp", x), risk_parity(x), rtol=0.02, atol=0.005)


@pytest.mark.parametrize("method", METHODS)
def test_f6_weights_are_whole_and_none_is_below_0(method):
    x = returns(4)
    x[:, 2] = 0.0  # did not move
    weights = weights_of(method, x)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    assert weights[2] == 0
    assert weights_of(method, x[:, [2, 5]]).tolist() == [0.0, 1.0]
    assert weights_of(method, x[:, [2]]).tolist() == [0.0]


def test_f6_inverse_volatility_and_equal():
    x = returns(5)
    inverse = 1 / x.std(axis=0)
    assert weights_of("inverse_volatility", x) == pytest.approx(inverse / inverse.sum())
    assert weights_of("equal", x) == pytest.approx(1 / 8)


def test_what_is_missing_is_said(monkeypatch):
    with pytest.raises(InputError) as caught:
        weights_of("luck", returns())
    assert caught.value.code == "method"
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("skfolio"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError) as caught:
        weights_of("hrp", returns())
    assert caught.value.code == "extra-missing"
