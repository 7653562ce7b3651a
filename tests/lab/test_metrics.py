"""H3: figures of an equity curve, against empyrical, and what is not shown."""

import math

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tickerml.lab.metrics import curve_figures, max_drawdown, mean_exposure, sharpe, sortino, turnover
from tickerml.lab.series import simple_returns
from tickerml.tape.rows import DAY, HOUR

RETURNS = arrays(np.float64, st.integers(120, 160), elements=st.integers(-200_000, 200_000)).map(lambda x: x / 1e6)
RETURNS = RETURNS.filter(lambda x: np.std(x) > 1e-4)


def curve(returns, start=10_000.0):
    return start * np.cumprod(np.concatenate(([1.0], 1.0 + np.asarray(returns))))


def walk(n, seed=1, drift=0.001):
    return np.random.Generator(np.random.PCG64(seed)).normal(drift, 0.02, n)


@given(RETURNS)
def test_every_figure_is_that_of_empyrical_with_365_days(returns):
    equity = curve(returns)
    found = curve_figures(equity, DAY)
    returns = simple_returns(equity)
    oracle = {
        "total_return": empyrical.cum_returns_final(returns),
        "annual_return": empyrical.annual_return(returns, annualization=365),
        "annual_volatility": empyrical.annual_volatility(returns, annualization=365),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=365),
        "max_drawdown": empyrical.max_drawdown(returns),
    }
    assert found.sortino.shown == found.calmar.shown == bool((returns < -1e-9).any())
    if found.sortino.shown:
        oracle["sortino"] = empyrical.sortino_ratio(returns, annualization=365)
        oracle["calmar"] = empyrical.calmar_ratio(returns, annualization=365)
    for name, value in oracle.items():
        assert getattr(found, name).value == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_hours_are_scaled_by_8760():
    returns = walk(24 * 100)
    found = curve_figures(curve(returns), HOUR)
    assert found.sharpe.value == pytest.approx(empyrical.sharpe_ratio(returns, annualization=8760))
    assert found.annual_volatility.value == pytest.approx(found.volatility.value * math.sqrt(8760))


@given(RETURNS, st.floats(0.01, 1e6))
def test_the_size_of_the_account_changes_nothing(returns, factor):
    one, other = (curve_figures(curve(returns, start), DAY) for start in (1000.0, 1000.0 * factor))
    for name in ("total_return", "sharpe", "sortino", "calmar", "max_drawdown"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, rel=1e-6, nan_ok=True)


@given(RETURNS, st.randoms(use_true_random=False))
def test_order_of_returns_changes_nothing_but_the_fall(returns, random):
    mixed = list(returns)
    random.shuffle(mixed)
    one, other = curve_figures(curve(returns), DAY), curve_figures(curve(mixed), DAY)
    for name in ("total_return", "volatility", "sharpe", "sortino"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, rel=1e-6, abs=1e-9, nan_ok=True)


@given(RETURNS)
def test_turned_round_returns_have_the_opposite_sharpe(returns):
    assert sharpe(np.negative(returns)).value == pytest.approx(-sharpe(returns).value, rel=1e-9)


def test_no_sharpe_below_30_days_and_no_yearly_figure_below_90():
    month = curve_figures(curve(walk(29)), DAY)
    assert (month.sharpe.shown, month.sortino.shown) == (False, False)
    assert month.sharpe.reason == "29 days, needs 30"
    assert math.isnan(month.sharpe.value)
    assert month.total_return.shown
    assert month.max_drawdown.shown
    quarter = curve_figures(curve(walk(89)), DAY)
    assert quarter.sharpe.shown
    for name in ("annual_return", "annual_volatility", "calmar"):
        assert getattr(quarter, name).reason == "89 days, needs 90"
    whole = curve_figures(curve(walk(90)), DAY)
    assert all(getattr(whole, n).shown for n in ("sharpe", "annual_return", "annual_volatility", "calmar"))


def test_figures_are_shown_by_the_days_that_they_are_of():
    assert curve_figures(curve(walk(29)), DAY).sharpe.reason == "29 days, needs 30"
    assert curve_figures(curve(walk(30)), DAY).sharpe.shown
    assert curve_figures(curve(walk(1)), DAY).sharpe.reason == "1 day, needs 30"


def test_what_is_not_defined_says_so():
    still = curve_figures(np.full(100, 5.0), DAY)
    assert still.sharpe.reason == "returns did not vary"
    assert still.sortino.reason == "no losing period"
    assert still.calmar.reason == "equity never fell"
    assert (still.total_return.value, still.max_drawdown.value, still.drawdown) == (0.0, 0.0, None)
    steady = curve_figures(1000.0 * 1.01 ** np.arange(100), DAY)
    assert steady.sharpe.reason == "returns did not vary"
    ruined = curve_figures([100.0, 50.0, -10.0, 20.0], DAY)
    assert ruined.sharpe.reason == ruined.annual_return.reason == "equity was at or below zero"
    assert ruined.max_drawdown.value == pytest.approx(-1.1)
    assert ruined.total_return.value == pytest.approx(-0.8)
    assert curve_figures([100.0], DAY).total_return.reason == "fewer than 2 samples"
    assert curve_figures([0.0, 1.0], DAY).total_return.reason == "no equity at the start"
    assert sharpe([0.1]).reason == sortino([0.1]).reason == "fewer than 2 returns"


def test_losses_of_rounding_are_none():
    returns = np.full(120, -(2.0**-52))
    returns[0] = 0.125
    found = curve_figures(curve(returns), DAY)
    assert found.sortino.reason == "no losing period"
    assert found.calmar.reason == "equity never fell"


def test_the_worst_fall_lasts_from_its_peak_until_that_is_reached_again():
    fall = max_drawdown([100, 90, 110, 88, 99, 110, 120, 118])
    assert (fall.share, fall.peak, fall.low, fall.end, fall.over) == (pytest.approx(-0.2), 2, 3, 5, True)
    assert fall.length(DAY) == 3 * DAY
    lasting = max_drawdown([100, 120, 60, 100])
    assert (lasting.peak, lasting.end, lasting.over) == (1, 3, False)


@given(st.lists(st.floats(1, 1000), min_size=2, max_size=60))
def test_the_worst_fall_is_the_worst_of_all_pairs(equity):
    worst = min(min(b / a - 1 for b in equity[i:]) for i, a in enumerate(equity))
    fall = max_drawdown(equity)
    assert (fall.share if fall else 0.0) == pytest.approx(worst, abs=1e-12)


def test_exposure_is_weighted_by_time():
    time = np.array([0, 1, 4, 4])
    assert mean_exposure(time, [50, -20, 7, 7], [100, 100, 100, 0]).value == pytest.approx((0.5 + 3 * 0.2) / 4)
    assert mean_exposure(time[:1], [1], [1]).reason == "no time passed"
    assert mean_exposure(time, [1, 1, 1, 1], [1, 0, 1, 1]).reason == "equity was at or below zero"


def test_turnover_counts_both_ways():
    assert turnover([100, -300], [100, 300]).value == 2.0
    assert turnover([], [100, 300]).value == 0.0
    assert turnover([1], []).reason == "no equity"


def test_a_step_of_nothing_is_refused():
    with pytest.raises(ValueError, match="step"):
        curve_figures([1, 2], 0)
