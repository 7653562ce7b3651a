"""H3: intervals by the stationary bootstrap: block lengths as elsewhere, coverage where the truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.bootstrap import (
    interval,
    net_return,
    net_sum,
    optimal_block,
    resampled,
    sharpe_ratio,
    stationary_indices,
    worst_fall,
)
from tickerml.lab.metrics import max_drawdown, sharpe


def autoregressive(n, rho, seed):
    """x[t] = rho x[t - 1] + a standard normal draw."""
    x = np.random.Generator(np.random.PCG64(seed)).standard_normal(n)
    for t in range(1, n):
        x[t] += rho * x[t - 1]
    return x


@pytest.mark.parametrize(
    ("n", "rho", "seed", "length"),
    [
        (200, 0.0, 1, 7.580252716992032),
        (200, 0.5, 2, 3.680112165395016),
        (1000, 0.3, 3, 6.813482195703603),
        (1000, 0.8, 4, 28.17507641875381),
        (1000, -0.4, 5, 8.137655143478705),
        (5000, 0.9, 6, 52.651991118499915),
        (60, 0.2, 7, 1.775623352442128),
        (365, 0.1, 8, 2.160939366830513),
        (40, 0.95, 9, 6.026927237673434),
    ],
)
def test_block_length_is_that_of_another_program(n, rho, seed, length):
    """arch 8.0.0, optimal_block_length, column "stationary", on the same numbers."""
    assert optimal_block(autoregressive(n, rho, seed)) == pytest.approx(length, rel=1e-9)


def test_blocks_are_as_long_as_theory_says_for_a_known_process():
    """AR(1): G / g(0) = 2 rho / (1 - rho^2), and the length is that to the 2/3, times n^(1/3)."""
    n, rho = 20_000, 0.6
    theory = (2 * rho / (1 - rho**2)) ** (2 / 3) * n ** (1 / 3)
    found = np.mean([optimal_block(autoregressive(n, rho, seed)) for seed in range(6)])
    assert found == pytest.approx(theory, rel=0.1)


@given(st.integers(0, 500), st.floats(0.01, 1000), st.floats(-10, 10), st.booleans())
def test_scale_shift_and_direction_of_time_change_no_block_length(seed, factor, shift, turned):
    x = autoregressive(150, 0.4, seed)
    other = (x[::-1] if turned else x) * factor + shift
    assert optimal_block(other) == pytest.approx(optimal_block(x), rel=1e-6)


def test_what_does_not_vary_or_is_short_has_blocks_of_one():
    assert optimal_block(np.full(100, 0.1)) == 1.0
    assert optimal_block([1.0, 2.0, 3.0]) == 1.0
    assert optimal_block([]) == 1.0


def test_blocks_are_geometric_and_circular():
    rows = stationary_indices(50, 8.0, 4000, np.random.Generator(np.random.PCG64(1)))
    assert rows.shape == (4000, 50)
    assert np.bincount(rows.ravel(), minlength=50).std() / 4000 < 0.05  # each value as often as any other
    follows = (np.diff(rows, axis=1) - 1) % 50 == 0
    assert follows.mean() == pytest.approx(1 - 1 / 8 + 1 / 8 / 50, abs=0.005)  # a fresh block may begin right there
    ended = [np.flatnonzero(~row)[:2] for row in follows]
    lengths = np.array([e[1] - e[0] for e in ended if len(e) == 2 and e[0] < 5])
    assert np.median(lengths) == pytest.approx(math.log(2) * 8, abs=1.6)


def test_blocks_of_one_are_independent_draws_and_huge_ones_are_rotations():
    rng = np.random.Generator(np.random.PCG64(2))
    assert ((np.diff(stationary_indices(1000, 1.0, 1, rng)) - 1) % 1000 == 0).sum() < 10
    rows = stationary_indices(30, 1e12, 5, rng)
    assert len(set(rows[:, 0].tolist())) > 1  # each resample begins anew
    assert ((np.diff(rows, axis=1) - 1) % 30 == 0).all()


def test_the_same_seed_gives_the_same_interval():
    x = autoregressive(100, 0.3, 1)
    whole = resampled(x, net_sum, seed=5, times=300)
    assert (whole == resampled(x, net_sum, seed=5, times=300)).all()
    assert (whole != resampled(x, net_sum, seed=6, times=300)).any()
    said = interval(x, net_sum, seed=5, times=300).method
    assert said == f"stationary bootstrap, blocks of {optimal_block(x):.3g} on average, 300 resamples"


def test_the_interval_is_the_middle_of_the_resamples():
    x = autoregressive(100, 0.3, 1)
    drawn = resampled(x, net_sum, seed=5, times=400)
    for confidence in (0.5, 0.95):
        found = interval(x, net_sum, seed=5, confidence=confidence, times=400)
        outside = (1 - confidence) / 2
        assert np.mean(drawn < found.low) == pytest.approx(outside, abs=0.003)
        assert np.mean(drawn > found.high) == pytest.approx(outside, abs=0.003)


def share_within(statistic, truth, *, n, rho, mean, block=None, times=300, seeds=150):
    inside = 0
    for seed in range(seeds):
        x = mean + autoregressive(n + 50, rho, 1000 + seed)[50:]
        found = interval(x, statistic, seed=seed, block=block, times=times)
        inside += found.low <= truth <= found.high
    return inside / seeds


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_95_percent_intervals_hold_the_true_net_of_a_dependent_series(rho):
    """Percentile intervals are known to be somewhat narrow in finite samples; 0.88 is what must hold at n = 400."""
    assert 0.88 <= share_within(net_sum, 400 * 0.1, n=400, rho=rho, mean=0.1) <= 0.99


def test_independent_draws_of_a_dependent_series_would_miss_it():
    assert share_within(net_sum, 400 * 0.1, n=400, rho=0.6, mean=0.1, block=1.0) < 0.8


@pytest.mark.parametrize("rho", [0.0, 0.4])
def test_95_percent_intervals_hold_the_true_sharpe(rho):
    truth = 0.1 * math.sqrt(1 - rho**2)
    assert 0.88 <= share_within(sharpe_ratio, truth, n=400, rho=rho, mean=0.1) <= 0.99


def test_intervals_of_the_worst_fall_hold_that_of_another_path():
    """What the same process would do again: somewhat narrow, as the drift of the one path is taken for the true one."""
    inside = 0
    for seed in range(200):
        x, other = (0.01 * autoregressive(250, 0.2, k) + 0.001 for k in (seed, 5000 + seed))
        found = interval(x, worst_fall, seed=seed, times=300)
        inside += found.low <= float(worst_fall(other[None])[0]) <= found.high
    assert 0.78 <= inside / 200 <= 0.99


RETURNS = st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=40).filter(lambda x: np.std(x) > 1e-4)


@given(RETURNS)
def test_statistics_of_rows_are_those_of_the_curve(returns):
    row = np.array([returns])
    equity = np.cumprod(np.concatenate(([1.0], 1.0 + row[0])))
    fall = max_drawdown(equity)
    assert net_return(row)[0] == pytest.approx(equity[-1] - 1)
    assert sharpe_ratio(row)[0] == pytest.approx(sharpe(returns).value)
    assert worst_fall(row)[0] == pytest.approx(fall.share if fall else 0.0, abs=1e-12)
    assert net_sum(row)[0] == pytest.approx(sum(returns))


def test_who_loses_everything_gains_nothing_back():
    row = np.array([[0.1, -1.5, -1.5, 4.0]])
    assert net_return(row)[0] == -1.0
    assert worst_fall(row)[0] == -1.0


def test_nothing_is_said_of_too_little():
    assert interval(np.ones(9), net_sum, seed=1) is None
    assert interval(np.ones(20), sharpe_ratio, seed=1) is None
    steady = interval(np.ones(20), net_sum, seed=1, times=50)
    assert (steady.value, steady.low, steady.high, steady.n, steady.resamples) == (20.0, 20.0, 20.0, 20, 50)


def test_what_cannot_be_resampled_is_refused():
    rng = np.random.Generator(np.random.PCG64(1))
    for n, block, times in ((0, 1.0, 1), (5, 0.5, 1), (5, math.nan, 1), (5, 1.0, 0)):
        with pytest.raises(ValueError, match="mean block"):
            stationary_indices(n, block, times, rng)
    with pytest.raises(ValueError, match="confidence"):
        interval(np.ones(20), net_sum, seed=1, confidence=1.0)
