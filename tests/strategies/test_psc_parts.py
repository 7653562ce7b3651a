"""Requirement C1, its formulas: every figure below was computed by hand."""

import math

import numpy as np
import pytest
from psc_view import SPAN_START, FakeView

from tickerml.strategies import calibration
from tickerml.strategies.psc_confidence import (
    expected_return,
    leverage_of,
    market_conditions,
    raw_confidence,
    superp_payoff,
    superp_value,
)
from tickerml.strategies.psc_ratio import ROLLING, fold_ratio, psc_ratio, side_of
from tickerml.strategies.psc_score import bar_score, book_score, spread_points
from tickerml.strategies.timer import ENTRY, EXIT, MID, timer
from tickerml.tape.rows import MINUTE, SECOND


def test_c1_ratio_is_log_price_less_log_ton_plus_six():
    assert psc_ratio(100.0, 1.0) == pytest.approx(8.0)
    assert psc_ratio(5.5, 5.5) == pytest.approx(6.0)
    assert psc_ratio(64_000.0, 5.5) == pytest.approx(10.0658, abs=1e-4)  # log10(64000) 4.80618 - log10(5.5) 0.74036 + 6


def test_c1_ratio_takes_the_price_of_one_token():
    assert psc_ratio(0.0112, 5.5, 1000.0) == pytest.approx(0.3089, abs=1e-4)  # log10(1.12e-5) -4.95078 - 0.74036 + 6
    assert psc_ratio(0.0112, 5.5, 1000.0) == pytest.approx(psc_ratio(0.0000112, 5.5))


def test_c1_plain_quotients_meet_the_same_thresholds():
    assert psc_ratio(55.0, 5.5, logarithmic=False) == pytest.approx(7.0)
    assert psc_ratio(0.55, 5.5, logarithmic=False) == pytest.approx(5.0)


@pytest.mark.parametrize(("ratio", "side"), [(7.0, 1), (10.5, 1), (6.99, 0), (6.0, 0), (5.01, 0), (5.0, -1), (0.3, -1)])
def test_c1_long_from_seven_short_from_five(ratio, side):
    assert side_of(ratio, 7.0, 5.0) == side


def test_c1_relative_mode_measures_from_the_rolling_mean():
    s = np.zeros(1, np.dtype(ROLLING))[0]
    tau = 60.0 * SECOND
    assert math.isnan(fold_ratio(s, 7.0, 10 * SECOND, tau))
    assert math.isnan(fold_ratio(s, 7.1, 40 * SECOND, tau))  # not one time constant yet
    a = 1 - math.exp(-0.5)
    assert s["mean"] == pytest.approx(7.0 + a * 0.1)
    assert s["var"] == pytest.approx((1 - a) * a * 0.01)
    mean, sd = float(s["mean"]), math.sqrt(s["var"])
    assert fold_ratio(s, 7.3, 75 * SECOND, tau) == pytest.approx((7.3 - mean) / sd)


@pytest.mark.parametrize(
    ("minutes", "window", "efficiency", "left"),
    [
        (0, ENTRY, 1.0, 10),
        (2.999, ENTRY, 1.0, 7.001),
        (3, MID, 0.8, 7),
        (6.5, MID, 0.8, 3.5),
        (7, EXIT, 0.6, 3),
        (9.5, EXIT, 0.6, 0.5),
    ],
)
def test_c1_timer_windows(minutes, window, efficiency, left):
    t = timer(SPAN_START + round(minutes * MINUTE), 10, 3, 7)
    assert (t.window, t.efficiency) == (window, efficiency)
    assert t.left_ns == pytest.approx(left * MINUTE, abs=SECOND)


def test_c1_timer_is_configurable_and_numbers_its_spans():
    assert timer(SPAN_START + 4 * MINUTE, 5, 1, 3).window == EXIT
    assert timer(SPAN_START + 5 * MINUTE, 5, 1, 3).span == timer(SPAN_START, 5, 1, 3).span + 1


def test_c1_market_conditions():
    assert market_conditions(2.0, 0.05, 2.0) == pytest.approx(0.13)  # tight, and 5 % a day
    assert market_conditions(2.1, 0.05, 2.0) == pytest.approx(0.08)
    assert market_conditions(1.0, 0.019, 2.0) == pytest.approx(0.05)
    assert market_conditions(1.0, 0.09, 2.0) == pytest.approx(0.05)  # between 8 and 10 %: neither
    assert market_conditions(3.0, 0.11, 2.0) == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("score", "difference", "conditions", "efficiency", "expected"),
    [
        (6.0, 1.0, 0.13, 1.0, 0.5 + 0.08 + 0.13),
        (6.0, 1.0, 0.13, 0.8, 0.568),
        (9.0, 5.0, 0.0, 0.6, (0.7 + 0.25) * 0.6),  # both caps: 9 / 12 = 0.75 and 5 x 0.08 = 0.4
        (3.0, -0.5, -0.1, 1.0, 0.15),  # a candidate below its threshold has no strength
        (10.0, 9.0, 0.13, 1.0, 1.0),  # 1.08, held at 1
        (0.0, 0.0, -0.1, 1.0, 0.0),  # -0.1, held at 0
    ],
)
def test_c1_raw_confidence_formula(score, difference, conditions, efficiency, expected):
    assert raw_confidence(score, difference, conditions, efficiency) == pytest.approx(expected)


def test_c1_leverage():
    assert leverage_of(0.4, 0.05, 10_000) == pytest.approx(3800)  # 4000 x 0.95
    assert leverage_of(0.9, 0.05, 5000) == pytest.approx(4750)  # capped, then scaled
    assert leverage_of(0.4, 2.0, 10_000) == pytest.approx(400)  # never below a tenth


def test_c1_superp_payoff_is_limited_to_the_stake():
    assert superp_payoff(1000, 0.002, 0.001) == pytest.approx(1.0)
    assert superp_payoff(1000, 0.001, 0.001) == pytest.approx(0.0)  # 0.1 % is break-even
    assert superp_payoff(1000, -0.05, 0.001) == -1.0


@pytest.mark.parametrize(("leverage", "sigma"), [(10.0, 0.001), (1000.0, 0.0015), (5000.0, 0.002)])
def test_c1_superp_expected_value_is_the_integral_of_its_payoff(leverage, sigma):
    x = np.linspace(-8 * sigma, 8 * sigma, 200_001)
    density = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    payoff = np.maximum(-1.0, leverage * (x - 0.001))
    assert superp_value(leverage, sigma, 0.001) == pytest.approx(float(np.trapezoid(payoff * density, x)), abs=1e-4)


def test_c1_superp_without_movement_loses_its_cost():
    assert superp_value(100.0, 0.0, 0.001) == pytest.approx(-0.1)
    assert superp_value(10.0, 1e-6, 0.001) == pytest.approx(-0.01)


def test_c1_expected_profit_is_net_of_cost():
    assert expected_return(0.5, 0.003, 0.002, 0.001) == pytest.approx(0.5 * 0.002 - 0.5 * 0.003)
    assert expected_return(0.844, 0.003, 0.002, 0.001) < 0.01  # and not 84.4 %


def test_c1_score_is_the_sum_of_five_sub_scores():
    view = FakeView()
    good = book_score(view, 1, tight=2, wide=10, full_depth=100_000)
    assert good.parts == (2.0, 2.0, 2.0, 2.0, 2.0)
    assert good.total == 10
    against = book_score(view, -1, tight=2, wide=10, full_depth=100_000)
    assert against.parts == (0.0, 0.0, 2.0, 2.0, 2.0)


def test_c1_sub_scores_by_hand():
    view = FakeView(**{
        "ofi_ratio(10s)": 0.4, "trade_imbalance(10s)": -0.2, "depth_imbalance(5)": 0.5, "depth_imbalance(20)": 0.1,
        "spread_bps": 6.0, "depth": 25_000.0, "spread_normalised": 1.25, "cancellation_rate": 0.4,
    })  # fmt: skip
    score = book_score(view, 1, tight=2, wide=10, full_depth=100_000)
    assert score.parts == pytest.approx((1.1, 1.3, 1.0, 0.5, 0.75 + 0.6))
    assert score.total == pytest.approx(5.25)
    assert score.missing == ""


def test_c1_what_is_unavailable_counts_nothing_and_is_named():
    view = FakeView(
        **{
            "ofi_ratio(10s)": math.nan,
            "trade_imbalance(10s)": 0.5,
            "depth_imbalance(5)": math.nan,
            "depth_imbalance(20)": math.nan,
        }
    )
    score = book_score(view, 1, tight=2, wide=10, full_depth=100_000)
    assert score.parts[0] == 1.5  # one of two is enough
    assert score.missing == "imbalance"
    assert score.total == pytest.approx(1.5 + 0 + 2 + 2 + 2)


@pytest.mark.parametrize(("bps", "points"), [(0.5, 2), (2, 2), (4, 1.5), (10, 0), (30, 0)])
def test_c1_spread_points(bps, points):
    assert spread_points(bps, 2, 10) == pytest.approx(points)


def bars(**changed):
    values = {
        "open": 100.0,
        "high": 102.0,
        "low": 98.0,
        "close": 101.0,
        "volume": 10.0,
        "buy_volume": math.nan,
        **changed,
    }
    return FakeView(close=101.0, bar_only=True, volatility=0.05, **{f"bar(1m).{k}": v for k, v in values.items()})


def test_c1_bars_alone_give_proxies_and_say_what_is_missing():
    score = bar_score(bars(), 1, "1m", 4.0, tight=2, wide=10)
    assert score.parts[0] == pytest.approx(1.5)  # close location (202 - 102 - 98) / 4 = 0.5
    assert score.parts[2] == pytest.approx(1.5)
    assert score.missing == "imbalance,depth"
    usual = 1.7 * 0.05 * math.sqrt(1 / 1440)  # 0.224 % in a minute; this bar has 3.96 %
    assert score.parts[4] == 0
    quiet = bar_score(bars(high=101.2, low=100.9), -1, "1m", 4.0, tight=2, wide=10)
    assert quiet.parts[4] == pytest.approx(3 - (0.3 / 101.0) / usual)


def test_c1_bars_with_taker_volume_use_it():
    assert bar_score(bars(buy_volume=8.0), 1, "1m", 4.0, tight=2, wide=10).parts[0] == pytest.approx(1.6)
    assert bar_score(bars(high=101.0, low=101.0), 1, "1m", 4.0, tight=2, wide=10).parts[0] == pytest.approx(1.0)


def shared():
    return np.zeros(1, np.dtype(calibration.CALIBRATION))[0]


def test_c1_calibration_is_null_below_two_hundred():
    s = shared()
    for k in range(199):
        calibration.learn(s, 0.42, 0.001 if k % 4 == 0 else -0.001)
    assert calibration.calibrated(s, 0.42) is None
    assert calibration.mean_net(s, 0.42) is None
    calibration.learn(s, 0.42, -0.001)
    assert s["settled"] == 200
    assert calibration.calibrated(s, 0.42) == pytest.approx((50 + 20 * 51 / 202) / 220)  # 50 of 200 won
    assert calibration.mean_net(s, 0.42) == pytest.approx((-0.1 + 20 * -0.0005) / 220)


def test_c1_calibration_leans_on_the_base_rate_where_a_bin_is_empty():
    s = shared()
    for _ in range(200):
        calibration.learn(s, 0.3, -0.001)
    assert calibration.calibrated(s, 0.9) == pytest.approx(1 / 202)
    assert calibration.calibrated(s, 0.3) == pytest.approx(20 / 202 / 220)


@pytest.mark.parametrize(("raw", "k"), [(0.0, 0), (0.15, 3), (0.349, 6), (0.35, 7), (1.0, 19)])
def test_c1_bins(raw, k):
    assert calibration.bin_of(raw) == k


def test_c1_threshold_is_chosen_by_what_earned_most_on_settled_windows():
    s = shared()
    for raw, net, n in ((0.17, -0.001, 60), (0.22, 0.0005, 60), (0.27, -0.0001, 60), (0.37, 0.002, 60)):
        for _ in range(n):
            calibration.learn(s, raw, net)
    assert calibration.best_threshold(s) == 0.20  # 0.03 - 0.006 + 0.12 beats 0.15, 0.25, 0.30 and 0.35
    assert calibration.best_threshold(shared()) is None


def test_c1_threshold_needs_thirty_windows_above_it():
    s = shared()
    for _ in range(190):
        calibration.learn(s, 0.10, -0.001)
    for _ in range(10):
        calibration.learn(s, 0.5, 0.01)
    assert calibration.best_threshold(s) is None
