"""D5: probability of backtest overfitting by CSCV, against a plain count, on noise and on a true winner."""

import math
import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.overfit import overfitting


def noise(rows, trials, seed=1):
    return np.random.Generator(np.random.PCG64(seed)).standard_normal((rows, trials))


def plain(returns, splits):
    """The definition, split by split, with numpy's own mean and deviation: (logits, past, future)."""
    rows, trials = returns.shape
    parts = np.array_split(returns[rows % splits :], splits)
    found = []
    for chosen in combinations(range(splits), splits // 2):
        before = np.concatenate([parts[k] for k in chosen])
        after = np.concatenate([parts[k] for k in range(splits) if k not in chosen])
        past, future = (part.mean(axis=0) / part.std(axis=0, ddof=1) for part in (before, after))
        best = int(past.argmax())
        rank = 1 + sum(future[k] < future[best] for k in range(trials))
        share = rank / (trials + 1)
        found.append((math.log(share / (1 - share)), past[best], future[best]))
    return np.array(found).T


@pytest.mark.parametrize(("rows", "trials", "splits"), [(40, 5, 4), (83, 12, 8), (60, 2, 6)])
def test_every_split_is_that_of_the_definition(rows, trials, splits):
    returns = noise(rows, trials)
    logits, past, future = plain(returns, splits)
    found = overfitting(returns, splits=splits)
    assert found.logits == pytest.approx(logits)
    assert found.past == pytest.approx(past)
    assert found.future == pytest.approx(future)
    assert found.pbo == np.mean(logits <= 1e-12)
    assert found.loss == np.mean(future < 0)
    assert found.slope.value == pytest.approx(np.polyfit(past, future, 1)[0])
    assert found.rows_used == rows - rows % splits


def test_figures_of_another_program():
    """purgedcv 0.1.11, probability_of_backtest_overfitting on the same numbers (it counts ranks below the median)."""
    found = overfitting(noise(160, 10, 5), splits=8)
    assert found.pbo == pytest.approx(0.38571428571428573)
    assert found.slope.value == pytest.approx(-0.49596661189647406)


def test_on_noise_the_best_is_below_the_median_half_of_the_time():
    found = [overfitting(noise(200, 20, seed), splits=8).pbo for seed in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_a_true_winner_is_found_again():
    returns = noise(500, 20)
    returns[:, 7] += 0.4
    found = overfitting(returns)
    assert found.pbo < 0.01
    assert found.loss < 0.01
    assert len(found.logits) == math.comb(16, 8)


def test_overfitting_shows_as_a_falling_slope():
    """Of trials without edge the better half's gain is the other half's loss, when their whole sums to nothing."""
    returns = noise(320, 30)
    found = overfitting(returns - returns.mean(axis=0), by="mean")
    assert found.slope.value == pytest.approx(-1.0)
    assert found.pbo > 0.9


@given(st.integers(0, 1000), st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_scale_and_order_of_trials_change_nothing(seed, factor, random):
    returns = noise(48, 6, seed)
    order = list(range(6))
    random.shuffle(order)
    one, other = overfitting(returns, splits=6), overfitting(returns[:, order] * factor, splits=6)
    assert other.pbo == one.pbo
    assert other.logits == pytest.approx(one.logits)
    assert other.future == pytest.approx(one.future)


def test_trials_that_never_traded_are_worth_nothing():
    returns = np.zeros((64, 3))
    flat = overfitting(returns, splits=8)
    assert np.allclose(flat.logits, 0)
    assert flat.pbo == 1.0
    assert flat.slope.reason == "the chosen trials looked alike in every past"
    assert flat.loss == 0.0
    losing = noise(64, 3) - 5.0
    losing[:, 1] = 0.0
    assert overfitting(losing, splits=8).pbo == 0.0


def test_a_trial_that_always_earned_the_same_is_above_all():
    returns = noise(64, 4)
    returns[:, 2] = 0.001
    found = overfitting(returns, splits=8)
    assert np.isposinf(found.past).all()
    assert found.pbo == 0.0
    assert not found.slope.shown


def test_large_offsets_lose_no_figure():
    returns = noise(96, 5)
    found, plainly = overfitting(returns + 1e6, splits=8), plain(returns + 1e6, 8)
    assert found.past == pytest.approx(plainly[1], rel=1e-6)


def test_memory_is_bounded():
    returns = noise(400, 1500)
    tracemalloc.start()
    overfitting(returns, splits=14)  # 3,432 splits of 1,500 trials: 41 MB a table if held whole
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


@pytest.mark.parametrize(("shape", "splits"), [((40, 1), 4), ((40, 3), 5), ((40, 3), 0), ((7, 3), 4)])
def test_what_cannot_be_split_is_refused(shape, splits):
    with pytest.raises(ValueError, match="needs 2 trials"):
        overfitting(np.ones(shape), splits=splits)
