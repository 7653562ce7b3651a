"""B6: the run's own account as features, against what the account's rows and the view say; named sets in `sees`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import pytest

from small_runs import balances, machine, market, print_of, run, settings
from small_strategies import Churn
from tickerml.engine.machine import drive, pieces
from tickerml.engine.own import Own
from tickerml.features.own import OWN
from tickerml.features.sets import SETS
from tickerml.run.research import MarketTape
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import HOUR, MINUTE, Kind


@dataclass(frozen=True)
class Careful(Churn):
    """Churn that stays out while it is down, and keeps what it sees in a list: only a test may."""

    stop: float = 0.01
    target: float = 0.01

    sees: ClassVar = ("spread_ticks", "ofi", "own@1", "gross_exposure", "open_pnl", "positions")
    kept: ClassVar[list] = []

    def decide(self, view):
        figures = {name: view[name] for name in OWN}
        self.kept.append((view.now, view.instrument, view.position, view.close, view.equity, figures))
        if view["drawdown"] > 0.002 or (view["heat"] > 0.5 and view["position"] == 0):
            return Pass("careful", {"drawdown": view["drawdown"], "heat": view["heat"]})
        return super().decide(view)


@dataclass(frozen=True)
class Staking(Careful):
    """Stakes 100 at ten times, once."""

    def decide(self, view):
        super().decide(view)
        if view.position is None and view["spread_ticks"] > 0:
            return Setup(1, 10 * MINUTE, 0.05, 0.05, superp=True, stake=100.0, leverage=10.0)
        return Pass("staked")


@cache
def seen(chunk=None):
    """(machine, made blocks, what was kept) of one run on three coins."""
    Careful.kept.clear()
    one, made = run(Careful(), market("busy", minutes=3, coins=("BTC", "ETH", "TON")), chunk=chunk)
    return one, made, list(Careful.kept)


def test_b6_nothing_held_is_known_to_be_nothing():
    _, _, kept = seen()
    *_, figures = kept[0]
    assert {name: value for name, value in figures.items() if not math.isnan(value)} == {
        **dict.fromkeys(("position", "exposure", "gross_exposure", "open_pnl", "positions", "heat"), 0.0),
        **({"drawdown": 0.0} if not math.isnan(figures["drawdown"]) else {}),
    }


def test_b6_position_profit_and_time_are_those_of_the_view():
    held = 0
    for now, inst, position, close, equity, figures in seen()[2]:
        if position is None or position.lots == 0:
            assert figures["position"] == 0.0
            assert math.isnan(figures["position_pnl"])
            assert math.isnan(figures["position_hours"])
            continue
        size = position.lots * float(inst.lot)
        assert figures["position"] == pytest.approx(size * close / equity, rel=1e-3)
        assert figures["position_pnl"] == pytest.approx(position.pnl / abs(size * position.entry), rel=1e-6, abs=1e-9)
        assert figures["position_hours"] == pytest.approx((now - position.since) / HOUR)
        held += 1
    assert held > 50


def test_b6_sums_over_coins_are_the_same_for_each_of_them():
    shared = ("exposure", "gross_exposure", "open_pnl", "positions", "heat", "drawdown")
    by_time = {}
    for now, inst, _, _, _, figures in seen()[2]:
        by_time.setdefault(now, {})[inst.id] = figures
    several = 0
    for coins in by_time.values():
        positions = [figures["position"] for figures in coins.values()]
        for figures in coins.values():
            assert all(figures[name] == pytest.approx(coins[0][name], nan_ok=True) for name in shared)
            assert figures["exposure"] == pytest.approx(sum(positions))
            assert figures["gross_exposure"] == pytest.approx(sum(map(abs, positions)))
        several += np.count_nonzero(positions) > 1
    assert several > 20


def test_b6_the_profit_of_a_stake_is_what_closing_would_pay():
    Careful.kept.clear()
    run(Staking(), market("busy", minutes=3, coins=("BTC",)), settings(superp={"enabled": True}))
    open_ones = [(position, figures) for _, _, position, _, _, figures in Careful.kept if position is not None]
    assert open_ones
    for position, figures in open_ones:  # at the touch, and at the mark: half a spread apart at ten times
        assert figures["open_pnl"] == pytest.approx(position.pnl, abs=5.0)
    Careful.kept.clear()


def test_b6_drawdown_is_from_the_highest_balance_so_far():
    _, made, kept = seen()
    told, fell = [(time, float(b["equity"])) for block in made for _, time, b in balances(block)], 0
    for now, _, _, _, equity, figures in kept:
        peaks = [amount for time, amount in told if time < now]
        if peaks:
            assert figures["drawdown"] == pytest.approx(max(0.0, 1 - equity / max(peaks)), abs=1e-9)
            fell += figures["drawdown"] > 0
    assert fell > 50


def test_b6_heat_is_what_the_stops_would_lose():
    one, _, kept = seen()
    budget, full = one.trader.desk.limits.max_heat, 0
    for _, _, _, _, _, figures in kept:
        stops = 0.01 * figures["gross_exposure"] / budget  # each position loses a stop of 1 %
        if figures["gross_exposure"] > 0:
            assert figures["heat"] >= 0.9 * stops  # entries that still wait count too
            full += figures["heat"] <= 1.1 * stops
        assert figures["heat"] <= 1.05
    assert full > 10


def test_b6_correlation_with_positions_is_weighted_by_value_and_side():
    one, _ = machine(Careful(), market("busy", minutes=3, coins=("BTC", "ETH", "TON")))
    own = Own(one.trader.books, 0.06, lambda a, b: {(0, 1): 0.5, (2, 1): -0.25, (2, 0): 0.75, (1, 0): 0.5}[a, b])
    assert math.isnan(own.read("position_correlation", 0))
    positions, marks, books = one.loop.positions, one.loop.marks, one.trader.books
    marks["price2"] = 2000
    positions["position"][:2] = (100, -300)
    value = [own.read("position", n) for n in range(3)]
    assert value[0] > 0 > value[1]
    wanted = (0.75 * value[0] + -0.25 * value[1]) / (value[0] - value[1])
    assert own.read("position_correlation", 2) == pytest.approx(wanted)
    wanted = (1.0 * value[0] + 0.5 * value[1]) / (value[0] - value[1])
    assert own.read("position_correlation", 0) == pytest.approx(wanted)
    assert books.now == 0


def test_b6_decisions_do_not_depend_on_chunks():
    one, made, _ = seen()
    other, again, _ = seen(97)
    assert print_of(one, made) == print_of(other, again)
    assert any(b"careful" in blob for block in made for blob in block.blobs)


def test_b6_research_has_no_account():
    tape = MarketTape(market("busy", minutes=3))
    frame = tape.columns("ofi", "own@1", every="10s")
    assert frame.columns[2:] == ["ofi", *SETS["own@1"].names]
    assert frame["ofi"].drop_nulls().len() > 0
    assert all(frame[name].null_count() == len(frame) for name in SETS["own@1"].names)


def test_features_named_in_the_settings_stand_in_each_intent():
    config = settings(manager={"features": ["own@1", "queue_imbalance"]})
    one, made = machine(Churn(), market("busy", minutes=3), config)
    drive(one, market("busy", minutes=3).blocks())
    intents = [
        json.loads(block.blobs[row["ref"]]) for block in made for row in block.rows[block.rows["kind"] == Kind.INTENT]
    ]
    assert len(intents) > 10
    assert all(list(one["features"]) == sorted((*SETS["own@1"].names, "queue_imbalance")) for one in intents)
    assert {type(one["features"]["queue_imbalance"]) for one in intents} <= {float, type(None)}
    assert len(list(pieces(market("busy", minutes=3).blocks(), 1000))) > 1
