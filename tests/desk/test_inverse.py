"""F2, F3: an inverse contract pays in its coin. Stops and liquidation are what the account says they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from desks import UNIT, desk, facts, gate, instrument, judge, judge_hedged, proposal

from tickerml.account.brackets import MARGIN, put_tiers
from tickerml.account.brackets import Tier as Bracket
from tickerml.account.contract import CONTRACT, contract_record
from tickerml.account.margin import book_fill, liquidation_price
from tickerml.account.position import POSITION, apply_fill, unrealised
from tickerml.desk.approved import Approved
from tickerml.desk.case import lost
from tickerml.desk.leverage import _behind, nearer

EQUITY, PRICE, RATE = 100 * UNIT, 10_000, Decimal("0.005")
WIDE = {"max_in_use": 1.0, "max_position": 1.0, "order_share": 1.0, "liquidation_stops": 1.0}
COIN, LINEAR = instrument(0, inverse=True), instrument(0)


def verdict(inst, side, stop, margin=1.0, substitute="", **limits):
    at = {"margin": margin, "bar_only": True, "bid": PRICE, "ask": PRICE}
    of = desk(**{**WIDE, **limits}, instruments=(inst,), names=("mine",))
    one = proposal(inst=inst, name="mine", side=side, stop=stop, target=None, size=1.0, substitute=substitute)
    return judge(one, facts(equity=EQUITY, cash=EQUITY, n=1, at=at), of)


@pytest.mark.parametrize("inst", [COIN, LINEAR], ids=["inverse", "linear"])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("stop", [0.01, 0.05, 0.2, 0.4])
def test_no_stop_loses_more_than_the_limits_allow(inst, side, stop):
    told = verdict(inst, side, stop, max_heat=0.05, risk_per_trade=0.05, liquidation_stops=0.5)
    assert isinstance(told, Approved), told
    contract, position = contract_record(inst, 8), np.zeros(1, POSITION)[0]
    apply_fill(position, contract, side, PRICE, sum(order.qty for order in told.orders), 0)
    loss = -int(unrealised(position, contract, round(PRICE * (1 - side * stop))))
    assert loss <= told.worst.risk * (1 + 1e-9) + 2
    assert loss <= 0.05 * EQUITY + 2
    assert stop < 0.1 or loss > 0.98 * 0.05 * EQUITY, "the limit is used: it is what bound"


@pytest.mark.parametrize("inst", [COIN, LINEAR], ids=["inverse", "linear"])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("margin", [1.0, 0.5, 0.2, 0.1])
def test_the_distance_to_a_liquidation_is_never_overstated(inst, side, margin):
    told = gate(verdict(inst, side, 0.001, margin=margin, risk_per_trade=0.05, max_heat=1.0), "liquidation distance")
    rule, contract = np.zeros(1, CONTRACT.descr + MARGIN.descr)[0], contract_record(inst, 8)
    for name in CONTRACT.names:
        rule[name] = contract[name]
    put_tiers(rule, [Bracket(Decimal(10**9), RATE, 125)], 8)
    rule["margined"] = rule["isolated"] = 1
    rule["margin_rate"] = round(margin * 10**8)
    position = np.zeros(1, POSITION)[0]
    book_fill(position, rule, 0, side, PRICE, 1000, 0, round(margin * 10**8))
    at = int(liquidation_price(position["legs"][0], rule, int(position["legs"][0]["margin"])))
    if at > 0:
        assert told.value <= side * (PRICE - at) / PRICE + 2e-4


def test_shares_lost_by_hand():
    assert lost(0.2, False, 1) == lost(0.2, False, -1) == 0.2
    assert lost(0.2, True, 1) == pytest.approx(0.25)
    assert lost(0.25, True, -1) == pytest.approx(0.2)
    assert (lost(None, False, 1), lost(None, True, -1)) == (1.0, 1.0)
    assert lost(None, True, 1) == lost(1.0, True, 1) == float("inf")


def test_an_inverse_long_without_a_bound_is_refused():
    of = desk(**WIDE, instruments=(COIN,), names=("mine",))
    at = facts(equity=EQUITY, cash=EQUITY, n=1, at={"margin": 1.0, "bar_only": True, "bid": PRICE, "ask": PRICE})
    one = proposal(inst=COIN, name="mine", stop=None, target=None, size=1.0, substitute="hedge")
    assert not isinstance(judge_hedged(one, at, of), Approved)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("inst", [COIN, LINEAR], ids=["inverse", "linear"])
def test_a_wish_is_held_down_to_where_its_gate_passes(inst, side):
    at = {"margin": 0.01, "bar_only": True, "bid": PRICE, "ask": PRICE}
    limits = {**WIDE, "liquidation_stops": 3.0, "max_heat": 1.0, "risk_per_trade": 0.05}
    for stop in (0.01, 0.03, 0.08, 0.12):
        of = desk(**limits, instruments=(inst,), names=("mine",))
        one = proposal(inst=inst, name="mine", side=side, stop=stop, target=None, size=0.1, leverage=50.0)
        told = judge(one, facts(equity=EQUITY, cash=EQUITY, n=1, at=at), of)
        assert gate(told, "liquidation distance").state == "passed"
        assert isinstance(told, Approved)
        assert told.leverage.bound == "liquidation distance"


def test_an_inverse_long_is_near_its_liquidation_even_at_one_time():
    """At 1x it goes at half the price: three stops of 20 % lie behind that."""
    for side, state in ((1, "failed"), (-1, "passed")):
        assert gate(verdict(COIN, side, 0.2, liquidation_stops=3.0), "liquidation distance").state == state


@dataclass(frozen=True)
class Asking:
    """As much of a case as the distance to a liquidation is asked of."""

    inverse: bool
    side: int


@pytest.mark.parametrize(
    ("inverse", "side", "by"), [(False, 1, 1.0), (False, -1, 1.02), (True, 1, 1.25), (True, -1, 1.0)]
)
def test_how_much_nearer_by_hand(inverse, side, by):
    assert nearer(Asking(inverse, side), 0.25, 0.02) == pytest.approx(by)


@pytest.mark.parametrize(
    ("inverse", "side", "away", "maintenance", "most"),
    [
        (False, 1, 0.23, 0.02, 4.0),  # 1 / (0.02 + 0.23)
        (False, -1, 0.25, 0.2, 2.0),  # 1 / (0.2 + 0.25 x 1.2)
        (True, 1, 0.25, 0.05, 2.5),  # 0.75 / 0.3: at a margin of 0.4 the way to it is (0.4 - 0.05) / 1.4
        (True, -1, 0.23, 0.02, 4.0),
        (True, 1, 1.0, 0.05, 0.0),
        (True, 1, 1.5, 0.05, 0.0),
        (False, 1, 0.0, 0.0, math.inf),
    ],
)
def test_the_leverage_that_stays_behind_a_distance_by_hand(inverse, side, away, maintenance, most):
    assert _behind(Asking(inverse, side), away, maintenance) == pytest.approx(most)
