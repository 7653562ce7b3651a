"""DCA, Swing and Channel: every rule of requirement C2, by hand, in Python and in the compiled detector."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from bar_view import PERP, BarView, detected
from hypothesis import given
from hypothesis import strategies as st

from tickerml.features.catalog import resolve
from tickerml.strategies import channel, dca, swing
from tickerml.strategies.channel import Channel
from tickerml.strategies.dca import Dca
from tickerml.strategies.swing import Swing
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import HOUR

GOOD = {
    Dca: {"high": 100.0, "rsi": 25.0, "close": 94.5},
    Swing: {"broken": 1.0, "touches": 3.0, "volume": 2.5},
    Channel: {"top": 110.0, "bottom": 100.0, "place": 0.2, "top_touches": 3.0, "bottom_touches": 4.0},
}


def decide(cls, *, strategy=None, instrument=None, position=None, **features):
    """What the strategy answers; the detector, asked beside it, must agree."""
    strategy = strategy or cls()
    more = {} if instrument is None else {"instrument": instrument}
    view = BarView(strategy, position=position, **more, **(GOOD[cls] | features))
    answer, why = strategy.decide(view), detected(view)
    if isinstance(answer, Pass) and why is not None:
        assert answer.reason == why
    elif isinstance(answer, Setup):
        assert why is None
    return answer


@pytest.mark.parametrize("cls", [Dca, Swing, Channel])
def test_it_sees_features_that_exist_and_wakes_on_its_bars(cls):
    for timeframe in ("1m", "5m", "15m", "1h"):
        strategy = cls(timeframe=timeframe)
        assert strategy.wake == Bars(timeframe)
        assert all(resolve(name) for name in strategy.sees.values())


@pytest.mark.parametrize("cls", [Dca, Swing, Channel])
def test_it_passes_while_a_position_is_open_and_while_a_feature_is_unknown(cls):
    assert decide(cls, position=object()) == Pass("position open")
    for name in GOOD[cls]:
        if name not in ("top", "bottom", "top_touches", "bottom_touches", "touches"):
            assert decide(cls, **{name: math.nan}).reason == "warming up", name


# ---- DCA


def test_c2_dca_defaults_are_those_of_the_source():
    one = Dca()
    assert (one.drop, one.rsi_below, one.levels, one.step) == (0.05, 30, 5, 0.01)
    assert (one.target, one.stop, one.min_confidence, one.lookback_hours) == (0.10, 0.08, 0.60, 4)


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"close": 95.1}, dca.NO_DROP),
        ({"rsi": 30.0}, dca.NOT_OVERSOLD),
        ({"rsi": 55.0}, dca.NOT_OVERSOLD),
        ({"close": 99.0, "rsi": 55.0}, dca.NO_DROP),
    ],
)
def test_c2_dca_passes(figures, reason):
    assert decide(Dca, **figures) == Pass(reason)


def test_c2_dca_enters_at_the_exact_drop():
    assert isinstance(decide(Dca, close=95.0), Setup)


def test_c2_dca_grid_levels_passed_are_bought_at_once_the_rest_wait():
    setup = decide(Dca, close=93.5)
    at_once, *waiting = setup.entries
    assert at_once.price is None
    assert [e.price for e in waiting] == pytest.approx([93.0, 92.0, 91.0])  # -5 and -6 % are passed
    assert all(e.ttl_ns == 24 * HOUR for e in waiting)
    assert (setup.side, setup.target, setup.stop) == (1, 0.10, 0.08)


@given(st.floats(1e-6, 1e6), st.floats(0.5, 0.95))
def test_c2_dca_levels_are_of_equal_money(high, part):
    close = high * part
    entries = Dca().grid(high, close)
    assert sum(e.share for e in entries) == pytest.approx(1)
    money = [e.share * (e.price or close) for e in entries]
    passed = 5 - sum(e.price is not None for e in entries)
    unit = sum(money) / 5
    assert money[0] == pytest.approx(unit * max(passed, 1), rel=1e-9)
    assert all(m == pytest.approx(unit, rel=1e-9) for m in money[1:])


def test_dca_asks_for_no_level_at_or_below_nothing():
    """A wide grid reaches below the price of nothing: those levels are left out, the others share the money."""
    wide = replace(Dca(), drop=0.5, step=0.1, levels=16)
    entries = wide.grid(100.0, 50.0)
    assert [e.price for e in entries] == [None, *(pytest.approx(p) for p in (40, 30, 20, 10))]
    assert sum(e.share for e in entries) == pytest.approx(1)


def test_c2_dca_far_below_everything_is_bought_at_once():
    (only,) = decide(Dca, close=80.0).entries
    assert only.price is None
    assert only.share == pytest.approx(1)


# ---- Swing


def test_c2_swing_defaults_are_those_of_the_source():
    one = Swing()
    assert (one.volume, one.target, one.stop, one.trail, one.min_confidence) == (2.0, 0.15, 0.05, 0.07, 0.65)


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"broken": 0.0, "touches": math.nan}, swing.NO_BREAK),
        ({"broken": -1.0}, swing.NO_BREAK),
        ({"touches": 1.0}, swing.WEAK),
        ({"volume": 1.99}, swing.THIN),
    ],
)
def test_c2_swing_passes(figures, reason):
    assert decide(Swing, **figures) == Pass(reason)


def test_c2_swing_buys_at_the_market_and_trails():
    setup = decide(Swing, volume=2.0, touches=2.0)
    assert (setup.side, setup.target, setup.stop, setup.trail) == (1, 0.15, 0.05, 0.07)
    assert [e.price for e in setup.entries] == [None]


# ---- Channel


def test_c2_channel_defaults_are_those_of_the_source():
    one = Channel()
    assert (one.touches, one.edge, one.reward, one.min_confidence) == (3, 0.3, 1.5, 0.30)


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"top_touches": 2.0}, channel.FEW),
        ({"bottom_touches": 2.0}, channel.FEW),
        ({"place": -0.01}, channel.OUTSIDE),
        ({"place": 1.01}, channel.OUTSIDE),
        ({"place": 0.31}, channel.INSIDE),
        ({"place": 0.69}, channel.INSIDE),
        ({"place": 0.9}, channel.NO_SHORT),
        ({"place": 0.3}, channel.POOR),  # 0.4 of the height to win, 0.4 to lose
    ],
)
def test_c2_channel_passes(figures, reason):
    assert decide(Channel, **figures) == Pass(reason)


def test_c2_channel_buys_the_bottom():
    setup = decide(Channel, place=0.1)  # entry 101, target 107, stop 99
    assert (setup.side, setup.floor, setup.ceiling) == (1, 100.0, None)
    assert setup.target == pytest.approx(6 / 101)
    assert setup.stop == pytest.approx(2 / 101)
    assert setup.info["reward_risk"] == pytest.approx(3)


def test_c2_channel_sells_the_top_of_a_perpetual():
    setup = decide(Channel, place=0.9, instrument=PERP)  # entry 109, target 103, stop 111
    assert (setup.side, setup.floor, setup.ceiling) == (-1, None, 110.0)
    assert setup.target == pytest.approx(6 / 109)
    assert setup.stop == pytest.approx(2 / 109)


def test_c2_channel_asks_for_its_reward():
    assert decide(Channel, place=0.2).info["reward_risk"] == pytest.approx(5 / 3)
    assert decide(Channel, strategy=Channel(reward=1.7), place=0.2) == Pass(channel.POOR)


# ---- all


@pytest.mark.parametrize("cls", [Dca, Swing, Channel])
def test_every_reason_is_listed(cls):
    assert len(set(cls.passes)) == len(cls.passes)


@pytest.mark.parametrize(
    ("cls", "strict"),
    [
        *((Dca, one) for one in ({"drop": 0.4}, {"rsi_below": 1.0})),
        *((Swing, one) for one in ({"volume": 99.0}, {"touches": 20})),
        *((Channel, one) for one in ({"touches": 20}, {"reward": 9.0})),
    ],
    ids=str,
)
def test_c2_parameters_reach_the_decision(cls, strict):
    """A stricter threshold refuses what the usual one takes."""
    assert isinstance(decide(cls), Setup)
    assert isinstance(decide(cls, strategy=cls(**strict)), Pass)
