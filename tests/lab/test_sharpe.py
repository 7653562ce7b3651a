"""H3, D5: probabilistic and deflated Sharpe ratio and the track record they need, against the papers' examples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.sharpe import (
    Moments,
    deflated_sharpe,
    expected_max_sharpe,
    independent_trials,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    trials_variance,
)

PAPER = Moments(2.5 / math.sqrt(250), -3.0, 10.0, 1250)  # 2014: yearly 2.5 over 5 years of 250 days
TRIALS_VARIANCE = 0.5 / 250


def draws(n, seed=1):
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(n)


def test_the_worked_example_of_the_deflated_sharpe_ratio():
    found = deflated_sharpe(PAPER, 100, TRIALS_VARIANCE)
    assert round(found.floor, 4) == 0.1132
    assert round(found.probability, 4) == 0.9004


def test_its_other_figures():
    assert round(deflated_sharpe(PAPER, 46, TRIALS_VARIANCE).probability, 4) == 0.9505
    normal = Moments(PAPER.sharpe, 0.0, 3.0, PAPER.n)
    assert round(deflated_sharpe(normal, 88, TRIALS_VARIANCE).probability, 4) == 0.9505


def test_the_worked_examples_of_the_probabilistic_sharpe_ratio():
    """2012: 24 months, 0.458 a month; 0.982 were returns normal, 0.913 with their skewness and kurtosis."""
    assert round(probabilistic_sharpe(Moments(0.458, 0.0, 3.0, 24)), 3) == 0.982
    assert round(probabilistic_sharpe(Moments(0.458, -2.448, 10.164, 24)), 3) == 0.913


@pytest.mark.parametrize(("periods", "skew", "kurtosis", "years"), [
    (250, 0.0, 3.0, 2.73),
    (52, 0.0, 3.0, 2.83),
    (12, 0.0, 3.0, 3.24),
    (12, -0.72, 5.78, 4.99),
])  # fmt: skip
def test_the_published_track_records(periods, skew, kurtosis, years):
    """2012: years until a yearly ratio of 2 is above 1 with 95 %."""
    root = math.sqrt(periods)
    found = minimum_track_record(Moments(2 / root, skew, kurtosis, 0), 1 / root)
    assert round(found / periods, 2) == years


def test_after_the_minimum_track_record_the_probability_is_the_confidence():
    of = moments(draws(500) + 0.1)
    n = minimum_track_record(of, 0.02, 0.9)
    grown = Moments(of.sharpe, of.skew, of.kurtosis, n)
    assert probabilistic_sharpe(grown, 0.02) == pytest.approx(0.9, abs=1e-9)
    assert minimum_track_record(of, of.sharpe) == math.inf


def test_the_expected_best_of_trials_is_what_draws_show():
    best = draws(200_000).reshape(-1, 100).max(axis=1).mean()
    assert expected_max_sharpe(100, 1.0) == pytest.approx(best, abs=0.05)
    assert expected_max_sharpe(1, 1.0) == 0.0


def test_under_no_edge_the_probability_is_even():
    found = [probabilistic_sharpe(moments(draws(250, seed))) for seed in range(600)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.04)
    assert np.mean(np.array(found) > 0.95) == pytest.approx(0.05, abs=0.03)


def test_the_best_of_many_without_edge_is_seen_through():
    """Chosen as the best of 100, raw probability says skill in most cases; deflated it does in hardly any."""
    raw, deflated = [], []
    for seed in range(60):
        trials = [moments(column) for column in draws(250 * 100, seed).reshape(100, 250)]
        best = max(trials, key=lambda m: m.sharpe)
        raw.append(probabilistic_sharpe(best))
        found = deflated_sharpe(best, 100, trials_variance([m.sharpe for m in trials]).value)
        deflated.append(found.probability)
    assert np.mean(np.array(raw) > 0.95) > 0.9
    assert np.mean(np.array(deflated) > 0.95) < 0.1


def test_moments_are_plain_averages():
    of = moments([1.0, 2.0, 6.0])
    mean, deviation = 3.0, math.sqrt(14 / 3)
    z = [(x - mean) / deviation for x in (1.0, 2.0, 6.0)]
    assert of.sharpe == pytest.approx(3 / math.sqrt(7))
    assert of.skew == pytest.approx(sum(x**3 for x in z) / 3)
    assert of.kurtosis == pytest.approx(sum(x**4 for x in z) / 3)
    assert moments([1.0, 1.0, 1.0]) is None
    assert moments([1.0, 2.0]) is None


SAMPLES = st.lists(st.floats(-1, 1), min_size=5, max_size=40).filter(lambda x: np.std(x) > 1e-3)


@given(SAMPLES, st.floats(0.1, 100))
def test_scale_changes_nothing_and_sign_turns_it_round(returns, factor):
    one, scaled, turned = moments(returns), moments(np.multiply(returns, factor)), moments(np.negative(returns))
    assert probabilistic_sharpe(one) == pytest.approx(probabilistic_sharpe(scaled), abs=1e-9)
    assert probabilistic_sharpe(one) + probabilistic_sharpe(turned) == pytest.approx(1, abs=1e-9)
    assert one.variance >= -1e-9


@given(SAMPLES, st.integers(1, 10_000), st.integers(1, 10_000))
def test_more_trials_never_make_it_likelier(returns, some, more):
    of = moments(returns)
    fewer, many = sorted((some, more))
    assert deflated_sharpe(of, many).probability <= deflated_sharpe(of, fewer).probability + 1e-12
    assert deflated_sharpe(of, 1).probability == pytest.approx(probabilistic_sharpe(of))


def test_variance_of_recorded_trials_counts_those_that_never_traded():
    assert trials_variance([1.0, 3.0]).value == 2.0
    assert trials_variance([1.0, float("nan")]).value == 0.5
    assert trials_variance([1.0]).reason == "fewer than 2 trials on record"


def test_equal_trials_are_one_and_unrelated_ones_are_many():
    one = draws(400)
    assert independent_trials(np.stack([one] * 8, axis=1)) == pytest.approx(1.0)
    assert independent_trials(draws(400 * 30).reshape(400, 30)) > 27
    assert independent_trials(np.zeros((10, 4))) == 4.0
    assert independent_trials(np.stack([one, -one], axis=1)) == 2.0  # opposites are two, not more
    mixed = draws(400 * 6, 3).reshape(400, 6) + one[:, None]
    mean = np.corrcoef(mixed.T)[np.triu_indices(6, 1)].mean()
    assert independent_trials(mixed) == pytest.approx(mean + (1 - mean) * 6)


def test_an_estimate_without_error_is_sure():
    certain = Moments(1.0, 2.0, 5.0, 10)  # two-point returns: variance 1 - 2 + 1 = 0
    assert [probabilistic_sharpe(certain, b) for b in (0.5, 1.0, 1.5)] == [1.0, 0.5, 0.0]
    assert math.isnan(probabilistic_sharpe(Moments(1.0, 0.0, 3.0, 1)))


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ValueError, match="at least one trial"):
        expected_max_sharpe(0, 1.0)
    with pytest.raises(ValueError, match="variance"):
        expected_max_sharpe(2, -1.0)
    with pytest.raises(ValueError, match="confidence"):
        minimum_track_record(PAPER, confidence=0.4)
