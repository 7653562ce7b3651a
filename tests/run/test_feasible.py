"""Feasible: the desk itself judges what the strategy itself answers; the least cash is the least; rates are by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from small_bars import minutes
from small_runs import settings
from tickerml.config import Config, from_mapping
from tickerml.desk.manager import break_even
from tickerml.run.backtest import backtest
from tickerml.run.examples import HEIGHTS, examples
from tickerml.run.feasible import LEAST, feasible
from tickerml.run.strategies import choose
from tickerml.sim.synthetic import synthetic_tape
from tickerml.strategies.dca import Dca
from tickerml.strategies.five_signal import SCOUT
from tickerml.tape.errors import InputError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.tape import MemoryTape

STRATEGIES = ("dca", "swing", "channel", "five_signal", "psc")


@pytest.fixture(scope="module")
def tape():
    made = synthetic_tape("calm", 7, minutes=2)
    return MemoryTape(made.header, tuple(made.blocks()))


def coin(**more):
    return Instrument(
        0, "x", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.1"), Decimal("0.001"), "BTC", "USDT", "USDT", **more
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_rule_of_a_strategy_fires_on_what_it_is_shown(name):
    config = from_mapping({"five_signal": {"turbo": True}})
    found = list(examples(choose(name, config), coin(), 60_000.0, 80.0))
    assert found
    assert all(isinstance(one.answer, Setup) for one in found), [one.answer for one in found]
    assert len({one.rule for one in found}) == len(found)


def test_dca_is_shown_each_state_of_its_grid():
    found = [one.answer for one in examples(choose("dca", Config()), coin(), 60_000.0, 500.0)]
    assert [len(setup.entries) for setup in found] == [5, 4, 3, 2, 1]
    wanted = Dca().grid(60_000 / 0.95 * (1 + 1e-9), 60_000.0)
    assert found[0].entries == wanted


def test_scouts_need_turbo_and_a_small_account():
    for turbo, equity, scouts in ((True, 80.0, True), (True, 120.0, False), (False, 80.0, False)):
        config = from_mapping({"five_signal": {"turbo": turbo}})
        found = {o.rule: o.answer for o in examples(choose("five_signal", config), coin(), 60_000.0, equity)}
        answer = found["B-trade, long"]
        assert isinstance(answer, Setup) if scouts else answer == Pass(SCOUT)


def test_c3_a_small_account_trades_at_the_strategys_own_leverage():
    """30 % of a margin of 18 at 50 times: 270 of notional for an A-trade, 90 for a scout; a lot is worth 20."""
    tape = minutes(10)
    price = float(list(tape.blocks())[-1].rows["price"][-1]) / 100
    for usual in (1.0, 50.0):  # whatever the account's usual leverage is
        sections = {"five_signal": {"turbo": True}, "account": {"tiers": "binance"}, "trading": {"leverage": usual}}
        found = feasible("five_signal", tape, config=from_mapping(sections), cash=Decimal(18))
        assert len(found.rules) == 4
        for rule in found.rules:
            assert rule.possible, rule
            meant = 270 if rule.rule.startswith("A") else 90
            worth = float(rule.orders[0][2])
            assert meant - 1.02 * price / 1000 < worth <= meant
            assert rule.bound == "tier"
    calm = feasible("five_signal", tape, config=from_mapping({"account": {"tiers": "binance"}}), cash=Decimal(10_000))
    assert {rule.bound for rule in calm.rules if rule.possible} == {"order notional"}  # outside turbo the limits hold


def test_a_grid_of_less_than_a_lot_each_says_so():
    """The size of all five entries is a lot or two, of each alone it is none."""
    config = from_mapping({"limits": {"order_share": 1.0, "max_position": 1.0, "risk_per_trade": 0.05}})
    none, some = "no entry reaches a lot of 0.001 BTC", "3 of 5 entries are less than a lot of 0.001"
    for cash, said in [(60, none), (200, some)]:
        found = feasible("dca", minutes(10), config=config, cash=Decimal(cash))
        assert (found.rules[0].possible, found.rules[0].why) == (False, said)


def test_channels_of_three_heights_on_both_sides():
    found = list(examples(choose("channel", Config()), coin(), 60_000.0, 500.0))
    assert [one.answer.side for one in found] == [1, -1] * len(HEIGHTS)
    gains = [one.answer.target / one.answer.stop for one in found]
    assert all(ratio >= 1.5 for ratio in gains)


def test_spot_cannot_be_shorted():
    spot = replace(coin(), symbol="BTC/USDT")
    found = {o.rule: o.answer for o in examples(choose("channel", Config()), spot, 60_000.0, 500.0)}
    assert isinstance(found["top of a channel 4 % high"], Pass)


def test_break_even_by_hand():
    assert break_even(0.10, 0.08, 0.0014) == pytest.approx(0.0814 / 0.18)  # p x 10 % = (1 - p) x 8 % + 0.14 %
    assert break_even(0.001, 0.001, 0.01) == 1.0


def test_five_hundred_is_too_little_for_bitcoin_and_enough_for_solana(tape):
    found = feasible("dca", tape, config=Config(), cash=Decimal(500), pairs=["BTC/USDT", "SOL/USDT"])
    by = {(r.pair, r.rule[0]): r for r in found.rules}
    assert not any(r.possible for (pair, _), r in by.items() if pair.startswith("BTC"))
    assert all(r.possible for (pair, _), r in by.items() if pair.startswith("SOL"))
    grid = by["SOL/USDT:USDT", "1"]
    assert len(grid.orders) == grid.entries == 5
    assert grid.break_even == pytest.approx((0.08 + grid.cost) / 0.18)
    assert grid.cost == pytest.approx(2 * 0.0005 + 2 * 0.0002)


def test_the_least_cash_is_enough_and_a_twentieth_less_is_not(tape):
    for strategy in ("dca", "swing", "channel"):
        short = feasible(strategy, tape, config=Config(), cash=Decimal(200), pairs=["BTC/USDT:USDT"])
        for rule in (r for r in short.rules if r.needs is not None):
            for factor, possible in ((Decimal(1), True), (Decimal("0.95"), False)):
                again = feasible(strategy, tape, config=Config(), cash=rule.needs * factor, pairs=["BTC/USDT:USDT"])
                assert next(r for r in again.rules if r.rule == rule.rule).possible is possible


def test_the_desk_of_a_run_says_the_same():
    """With little cash nothing is possible, with much all is."""
    sections = {"dca": {"drop": 0.005, "rsi_below": 60.0, "timeframe": "1m"}, "account": {"min_notional": 200.0}}
    config, tape = settings(**sections), minutes(3000)
    for cash, traded in ((Decimal(600), False), (Decimal(20_000), True)):
        found = feasible("dca", tape, config=config, cash=cash)
        assert all(r.possible for r in found.rules) is traded
        assert any(r.possible for r in found.rules) is traded


def test_a_run_with_that_little_cash_is_refused_for_it(tmp_path):
    sections = {"dca": {"drop": 0.005, "rsi_below": 60.0, "timeframe": "1m"}, "account": {"min_notional": 200.0}}
    run = backtest("dca", minutes(3000), config=settings(**sections), cash=Decimal(600), run_dir=tmp_path / "run")
    reasons = {c.reason for c in run.story.decisions.refusals}
    assert not run.story.trades
    assert reasons <= {"below_min_notional", "no_exit"}
    assert reasons


def test_a_source_that_names_no_least_order_gets_one_and_it_is_said():
    found = feasible("swing", minutes(100), config=Config(), cash=Decimal(20))
    assert any(f"{LEAST:g} is assumed" in note for note in found.notes)
    named = from_mapping({"account": {"min_notional": 1.0}})
    assert not any("assumed" in note for note in feasible("swing", minutes(100), config=named, cash=Decimal(20)).notes)


def test_what_cannot_be_judged_is_said(tape):
    with pytest.raises(InputError, match="quoter") as error:
        feasible("quoter", tape, config=Config(), cash=Decimal(500))
    assert error.value.code == "feasible"
    with pytest.raises(InputError, match="NO/USDT"):
        feasible("dca", tape, config=Config(), cash=Decimal(500), pairs=["NO/USDT"])
    empty = MemoryTape(tape.header, ())
    with pytest.raises(InputError, match="no price"):
        feasible("dca", empty, config=Config(), cash=Decimal(500))


@pytest.mark.parametrize("name", STRATEGIES)
def test_text_and_json_hold_the_same(tape, name):
    found = feasible(name, tape, config=Config(), cash=Decimal(60))
    lines, told = found.lines(), found.as_json()
    assert all(len(line) <= 100 and line.isascii() for line in lines)
    assert told["possible"] + told["impossible"] == len(found.rules) == len(told["rules"])
    assert f"{told['impossible']} of" in lines[0] or told["impossible"] == 0
    assert all(np.isfinite(r["break_even"]) for r in told["rules"] if r["break_even"] is not None)


def test_a_stake_beyond_the_account_is_judged(tape):
    config = settings(superp={"enabled": True, "stake": 2e7})
    found = feasible("psc", tape, config=config, cash=Decimal(500))
    assert {(rule.possible, rule.bound) for rule in found.rules} <= {(True, "risk per trade"), (True, "heat")}
