"""H3: figures of closed trades."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.trades import by_group, hours, months, time_in_market, trade_figures
from tickerml.tape.rows import SECOND

MONEY = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=40)


@given(MONEY)
def test_figures_against_plain_sums(pnl):
    found = trade_figures(pnl, [100.0] * len(pnl))
    gains, losses = [p for p in pnl if p > 0], [-p for p in pnl if p < 0]
    assert (found.trades, found.won) == (len(pnl), len(gains))
    assert found.win_rate.value == len(gains) / len(pnl)
    assert found.expectancy.value == pytest.approx(sum(pnl) / len(pnl))
    assert found.mean_return.value == pytest.approx(sum(pnl) / len(pnl) / 100)
    assert found.profit_factor.shown == bool(losses)
    assert found.payoff.shown == bool(gains and losses)
    if losses:
        assert found.profit_factor.value == pytest.approx(sum(gains) / sum(losses))
    if gains and losses:
        payoff = (sum(gains) / len(gains)) / (sum(losses) / len(losses))
        assert found.payoff.value == pytest.approx(payoff)
        share = found.breakeven_win_rate.value
        assert share * payoff - (1 - share) == pytest.approx(0, abs=1e-9)


@given(MONEY, st.floats(0.01, 1000), st.randoms(use_true_random=False))
def test_scale_and_order_change_no_ratio(pnl, factor, random):
    mixed = [p * factor for p in pnl]
    random.shuffle(mixed)
    one, other = trade_figures(pnl, [10.0] * len(pnl)), trade_figures(mixed, [10.0 * factor] * len(pnl))
    for name in ("win_rate", "payoff", "profit_factor", "mean_return"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, abs=1e-9, nan_ok=True)


def test_no_figure_is_made_up():
    none = trade_figures([], [])
    assert none.win_rate.reason == none.expectancy.reason == none.profit_factor.reason == "no trades"
    assert trade_figures([5.0], [1.0]).profit_factor.reason == "no losing trade"
    assert trade_figures([-5.0], [1.0]).payoff.reason == "no winning trade"


@pytest.mark.parametrize(("pnl", "notional"), [([1.0], []), ([1.0], [0.0]), ([float("inf")], [1.0])])
def test_what_are_no_trades_is_refused(pnl, notional):
    with pytest.raises(ValueError, match=r"entry value|finite"):
        trade_figures(pnl, notional)


@given(st.lists(st.tuples(st.integers(-5, 40), st.integers(0, 12)), max_size=12))
def test_time_in_market_counts_overlaps_once(spans):
    entry = np.array([a for a, _ in spans], np.int64)
    leave = np.array([a + d for a, d in spans], np.int64)
    held = {t for a, d in spans for t in range(a, a + d) if 0 <= t < 30}
    assert time_in_market(entry, leave, 0, 30).value == pytest.approx(len(held) / 30)


def test_time_that_does_not_pass_has_no_share():
    nothing = np.zeros(0, np.int64)
    assert time_in_market(nothing, nothing, 5, 5).reason == "no time passed"
    with pytest.raises(ValueError, match="before it starts"):
        time_in_market(np.array([3]), np.array([2]), 0, 5)


@given(st.lists(st.tuples(st.sampled_from(["dca", "swing", "channel"]), st.integers(-9, 9)), max_size=30))
def test_groups_are_the_trades_of_each_key_and_add_up(trades):
    keys, pnl = [k for k, _ in trades], [float(p) for _, p in trades]
    found = by_group(keys, pnl, [10.0] * len(trades))
    assert list(found) == list(dict.fromkeys(keys))
    for key, figures in found.items():
        assert figures == trade_figures(
            [p for k, p in zip(keys, pnl, strict=True) if k == key], [10.0] * keys.count(key)
        )
    assert sum(f.trades for f in found.values()) == len(trades)
    assert sum(f.won for f in found.values()) == sum(p > 0 for p in pnl)


def test_groups_by_calendar_are_utc():
    time = np.array([1_704_067_199, 1_704_067_200, 1_722_506_400]) * SECOND
    assert months(time).tolist() == ["2023-12", "2024-01", "2024-08"]
    assert hours(time).tolist() == [23, 0, 10]


def test_every_trade_has_a_key():
    with pytest.raises(ValueError, match="a key"):
        by_group(["a"], [1.0, 2.0], [1.0, 1.0])
