"""Requirement C1, the strategy: when it trades, when it does not and why, and what it learns."""

import math

import numpy as np
import pytest
from psc_view import BTC, PEPE, FakeView

from tickerml.features.catalog import resolve
from tickerml.strategies import psc
from tickerml.strategies.psc import Psc, coin_of
from tickerml.strategies.view import Outcome, Position
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.params import describe
from tickerml.tape.rows import MINUTE


def test_c1_it_is_woken_every_second_and_reads_known_features():
    assert Psc().wake == Every("1s")
    assert [resolve(name) for name in Psc().sees]


def test_c1_every_parameter_has_a_default_and_a_comment():
    assert all(p.default is not None and p.comment for p in describe(Psc))
    defaults = Psc()
    assert (defaults.min_signal_ratio, defaults.min_confidence, defaults.cost, defaults.min_move) == (
        6.5,
        0.3,
        0.001,
        0.0012,
    )
    assert not defaults.choose_confidence


def test_c1_long_setup_with_all_its_figures():
    view = FakeView().at(1)
    setup = Psc().decide(view)
    assert isinstance(setup, Setup)
    assert (setup.side, setup.horizon_ns) == (1, 9 * MINUTE)
    info = setup.info
    assert info["psc_ratio"] == pytest.approx(10.0658, abs=1e-4)
    assert info["score"] == 10
    # min(0.7, 10 / 12) + min(0.25, 3.0658 x 0.08) + 0.05 + 0.08, in the ENTRY part
    assert info["confidence_raw"] == pytest.approx(min(1.0, 0.7 + 0.24527 + 0.13), abs=1e-4)
    assert info["confidence"] is None
    assert info["calibration_n"] == 0
    assert info["timer_window"] == "ENTRY_WINDOW"
    assert setup.leverage == pytest.approx(10_000 * 0.97)
    sigma = 0.03 * math.sqrt(9 / 1440)
    assert setup.target == pytest.approx(1.5 * sigma)
    assert info["expected_profit_pct"] == pytest.approx(100 * (1.0 * (1.5 * sigma - 0.001)))


def test_c1_short_setup_by_the_price_of_one_token():
    view = FakeView(close=0.0112, instrument=PEPE, **{"ofi_ratio(10s)": -1.0, "trade_imbalance(10s)": -1.0})
    setup = Psc().decide(view)
    assert setup.side == -1
    assert setup.info["psc_ratio"] == pytest.approx(0.3089, abs=1e-4)
    assert setup.info["ratio_difference"] == pytest.approx(4.6911, abs=1e-4)
    assert coin_of(PEPE) == "PEPE"
    assert coin_of(BTC) == "BTC"


def test_c1_superp_risks_its_stake_and_shows_its_expected_value():
    setup = Psc(superp=True, stake=50.0).decide(FakeView())
    assert (setup.superp, setup.stake, setup.stop, setup.substitute) == (True, 50.0, None, "stake")
    assert setup.info["superp_enabled"] is True
    assert setup.info["superp_expected_on_stake"] > -1


def test_c1_without_superp_there_is_a_stop():
    setup = Psc().decide(FakeView())
    assert (setup.superp, setup.stake) == (False, None)
    assert setup.stop == pytest.approx(0.03 * math.sqrt(10 / 1440))
    assert setup.info["superp_expected_on_stake"] is None


REASONS = [
    (psc.NO_PRICE, {"close": math.nan}, {}),
    (psc.NO_TON, {"ton": math.nan}, {}),
    (psc.NEUTRAL, {"close": 5.5}, {}),
    (psc.UNKNOWN, {"spread_bps": math.nan}, {}),
    (psc.WARMING, {"volatility": math.nan}, {}),
    (psc.CANDIDATE, {"close": 5.5 * 10**0.7}, {}),
    (psc.WIDE, {"spread_bps": 10.5}, {}),
    (psc.EDGE, {"volatility": 0.008}, {}),  # target 1.5 x 0.008 x sqrt(1 / 144) = 0.1 %, below 0.12 %
    (psc.UNSURE + "0.90", {"depth": 0.0}, {"min_confidence": 0.9, "max_leverage": 10.0, "long_threshold": 10.0}),
]


@pytest.mark.parametrize(("reason", "seen", "params"), REASONS, ids=[r for r, *_ in REASONS])
def test_c1_reasons_not_to_trade(reason, seen, params):
    strategy = Psc(**params)
    answer = strategy.decide(FakeView(strategy, **seen))
    assert isinstance(answer, Pass)
    assert answer.reason == reason
    assert any(reason.startswith(known) for known in psc.PASSES)


def test_c1_candidates_are_scored_and_logged_from_six_and_a_half():
    ratio_6_7 = FakeView(close=5.5 * 10**0.7)
    answer = Psc().decide(ratio_6_7)
    assert answer.reason == psc.CANDIDATE
    assert answer.info["action"] == "CANDIDATE_LONG"
    assert answer.info["psc_ratio"] == pytest.approx(6.7)
    assert answer.info["confidence_raw"] == pytest.approx(0.7 + 0.13)
    assert Psc().decide(FakeView(close=5.5 * 10**0.4)).info == {}  # 6.4: not even scored
    assert Psc().decide(FakeView(close=5.5 * 10**-0.6)).info["action"] == "CANDIDATE_SHORT"  # 5.4


def test_c1_signals_are_logged_every_ten_seconds_a_coin():
    """Six coins: 2,160 signals an hour, above the 760 that C1 asks for."""
    strategy = Psc()
    for held in (None, Position(100, 64_000.0, 0, 0.0)):
        view, logged = FakeView(), 0
        view.position, view.state["tried"] = held, view.now
        for second in range(600):
            view.state["tried"] = view.now
            logged += bool(strategy.decide(view.at(second / 60)).info)
        assert logged == 60


def test_c1_no_entry_while_a_position_is_open_and_a_pause_after_an_intent():
    strategy, view = Psc(), FakeView()
    assert isinstance(strategy.decide(view), Setup)
    view.position = Position(100, 64_000.0, view.now, 0.0)
    assert strategy.decide(view.at(0.02)) == Pass(psc.HELD)
    view.position = None
    assert strategy.decide(view.at(0.2)).reason == psc.COOLDOWN
    assert isinstance(strategy.decide(view.at(0.51)), Setup)


def test_c1_timer_lowers_confidence_and_can_shut_the_exit_part():
    strategy = Psc(max_leverage=100.0)
    raws = [strategy.decide(FakeView(strategy).at(m, volatility=0.09)).info["confidence_raw"] for m in (0, 4, 8)]
    assert raws[1] == pytest.approx(0.8 * (0.7 + 0.24527 + 0.05), abs=1e-4)
    assert raws[2] == pytest.approx(0.6 * (0.7 + 0.24527 + 0.05), abs=1e-4)
    shut = Psc(exit_entries=False)
    assert shut.decide(FakeView(shut).at(8, volatility=0.09)).reason == psc.LATE


def test_c1_relative_mode_needs_its_mean_and_trades_both_ways():
    strategy = Psc(mode="relative", mean_minutes=1.0)
    view = FakeView(strategy)
    answers = []
    for second in range(120):
        view.close = 64_000 * (1 + 0.0001 * math.sin(second))
        answers.append(strategy.decide(view.at(second / 60)))
    assert {a.reason for a in answers[:60]} == {psc.WARMING}
    view.close = 64_000 * 1.001
    up = strategy.decide(view.at(2.01))
    assert up.side == 1
    assert up.info["psc_z"] > 2
    view.close, view.state["tried"] = 64_000 * 0.99, 0
    down = strategy.decide(view.at(2.03, **{"ofi_ratio(10s)": -1.0, "trade_imbalance(10s)": -1.0}))
    assert down.side == -1
    assert down.info["ratio_difference"] == pytest.approx(-down.info["psc_z"] - 2)


def test_c1_bars_alone_trade_with_an_assumed_spread():
    bar = {"bar(1m).high": 64_010.0, "bar(1m).low": 63_990.0, "bar(1m).close": 64_005.0, "bar(1m).volume": 10.0}
    view = FakeView(close=64_005.0, bar_only=True, volatility=0.03, **bar)
    setup = Psc().decide(view)
    assert setup.info["spread_bps"] == 5.0
    assert setup.info["score_missing"] == "imbalance,depth"
    assert setup.info["score_imbalance"] is None


def test_c1_a_refused_signal_is_followed_and_taught_once():
    strategy = Psc(min_confidence=0.99, max_leverage=10.0)
    view = FakeView(
        strategy, depth=0.0, **{"depth_imbalance(5)": -1.0, "depth_imbalance(20)": -1.0, "ofi_ratio(10s)": -1.0}
    )
    assert strategy.decide(view).reason == psc.UNSURE + "0.99"
    raw = float(view.state["w_raw"])
    strategy.decide(view.at(0.02, bid=63_990.0, ask=64_000.0))  # enters at the ask
    strategy.decide(view.at(1, bid=64_050.0, ask=64_060.0))  # +0.08 %: neither target nor timer
    assert view.shared["settled"] == 0
    told = strategy.decide(view.at(2, bid=64_300.0, ask=64_310.0))  # target: 1.5 x 0.03 / 12 = 0.375 % = 64,240
    assert told.info["learned_won"] is True
    assert told.info["learned_net"] == pytest.approx(1.5 * 0.03 / 12 - 0.001)
    assert told.info["learned_raw"] == raw
    assert view.shared["settled"] == told.info["learned_n"] == 1
    strategy.decide(view.at(3))
    assert view.state["w_side"] == 0  # one window a span
    strategy.decide(view.at(10))
    assert view.state["w_side"] == 1


def test_c1_a_window_ends_with_the_timer_at_the_latest():
    strategy = Psc(min_confidence=0.99, max_leverage=10.0)
    view = FakeView(strategy, depth=0.0)
    view.features["depth_imbalance(20)"] = view.features["depth_imbalance(5)"] = -1.0
    view.features["ofi_ratio(10s)"] = -1.0
    strategy.decide(view)
    strategy.decide(view.at(0.02, bid=63_990.0, ask=64_000.0))
    strategy.decide(view.at(10, bid=63_968.0, ask=63_970.0))
    assert view.shared["settled"] == 1
    assert view.state["told_n"] == 0  # already told, in that answer
    assert float(view.shared["net"].sum()) == pytest.approx(-0.0005 - 0.001)


def test_c1_real_outcomes_replace_the_window_of_their_intent():
    strategy, view = Psc(), FakeView()
    setup = strategy.decide(view)
    view.position = Position(100, 64_000.0, view.now, 0.0)
    for second in range(1, 90):
        strategy.decide(view.at(second / 60, bid=70_000.0, ask=70_001.0))  # far beyond the target, and not counted
    assert view.shared["settled"] == 0
    view.position = None
    strategy.on_settled(view, Outcome(1, 64_000.0, 64_192.0, 0, view.now, 0.3, 0.1, 0.0, 0.2, "timer", setup.info))
    assert view.shared["settled"] == 1
    told = strategy.decide(view.at(1.6))
    assert told.info["learned_net"] == pytest.approx(0.003 - 0.001)
    assert told.info["learned_raw"] == setup.info["confidence_raw"]
    assert told.reason == psc.COOLDOWN


def test_c1_calibrated_confidence_gates_once_there_are_two_hundred():
    strategy, view = Psc(), FakeView()
    view.shared["n"][19] = view.shared["settled"] = 200
    view.shared["won"][19] = 20
    view.shared["net"][19] = -0.1
    answer = strategy.decide(view)
    assert answer.reason == "confidence < 0.30"
    assert answer.info["confidence"] == pytest.approx((20 + 20 * 21 / 202) / 220)
    assert answer.info["confidence_raw"] == 1.0
    assert answer.info["expected_profit_pct"] == pytest.approx(100 * (-0.1 + 20 * -0.0005) / 220)


def test_c1_the_threshold_is_chosen_on_earlier_windows_only_and_told_as_params():
    strategy = Psc(choose_confidence=True)
    view = FakeView(strategy)
    view.shared["n"][4] = view.shared["won"][4] = view.shared["settled"] = 199
    view.shared["net"][4] = 0.5
    outcome = Outcome(1, 64_000.0, 64_192.0, 0, view.now, 0.3, 0.1, 0.0, 0.2, "timer", {"confidence_raw": 0.22})
    assert strategy.least_confidence(view.shared) == 0.3
    strategy.on_settled(view, outcome)
    answer = strategy.decide(view)
    assert answer.params == {"min_confidence": 0.20, "settled": 200}
    assert strategy.least_confidence(view.shared) == 0.20
    assert strategy.decide(view.at(0.1)).params == {}
    assert Psc().least_confidence(view.shared) == 0.3  # off by default


def test_c1_state_is_bytes_a_copy_goes_on_alike():
    strategy = Psc()
    moves = np.cumsum(np.random.default_rng(3).normal(0, 10, 600))

    def run(view, start, stop):
        answers = []
        for k in range(start, stop):
            view.close = 64_000 + float(moves[k])
            answers.append(strategy.decide(view.at(k / 20, bid=view.close - 1, ask=view.close + 1)))
        return answers

    whole, other = FakeView(strategy), FakeView(strategy)
    run(whole, 0, 300)
    other.state = np.frombuffer(whole.state.tobytes(), strategy.state).copy()[0]
    other.shared = np.frombuffer(whole.shared.tobytes(), strategy.shared).copy()[0]
    assert whole.shared["settled"] > 0
    assert run(whole, 300, 600) == run(other, 300, 600)
    assert whole.state.tobytes() == other.state.tobytes()
    assert whole.shared.tobytes() == other.shared.tobytes()


def test_c1_no_ton_price_is_an_error_that_can_be_acted_on():
    error = psc.no_ton_price("2024-08-09 00:00 to 00:11")
    assert error.code == "no-ton-price"
    assert "psc_integration.ton_price=6.50" in error.try_
    assert "nothing was traded" in error.means
