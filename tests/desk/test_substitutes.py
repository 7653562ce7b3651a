"""F5: a leg goes without a stop only while other legs of its intent hold as much of the same coin against it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from desks import desk, facts, gate, instrument, proposal, setup

from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.limits import Refused

BTC, SAME, ETH = instrument(0), instrument(1, base="BTC"), instrument(2)
WIDE = {"risk_per_trade": 0.05, "max_heat": 1.0, "order_share": 1.0, "max_correlation": 1.0, "cost_floor": 0.0}


THOUSANDS = replace(instrument(1, base="1000BTC"), multiplier=Decimal(1000))  # of the same coin


def verdicts(*legs, group=7):
    """What the desk says of legs (instrument, side, size, whether it leans on a hedge)."""
    of = desk(**WIDE, instruments=(BTC, SAME, ETH), names=("x",))
    made = []
    for inst, side, size, bare in legs:
        more = {"stop": None, "substitute": "hedge"} if bare else {"stop": 0.05}
        made.append(proposal(inst=inst, seq=5, name="x", group=group, setup=setup(side, size=size, **more)))
    return of.round(made, facts(n=3))


@pytest.mark.parametrize("size", [None, 0.05])
@pytest.mark.parametrize("against", [SAME, THOUSANDS])
def test_legs_that_hedge_each_other_are_approved_whole(size, against):
    one, other = verdicts((BTC, 1, size, True), (against, -1, size, True))
    assert isinstance(one, Approved)
    assert isinstance(other, Approved)
    assert sum(o.qty for o in one.orders) == sum(o.qty for o in other.orders) > 0
    assert gate(one, "stop").value == "hedge"


@pytest.mark.parametrize(
    "legs",
    [
        [(BTC, 1, None, True), (ETH, -1, None, False)],  # another coin
        [(BTC, 1, None, True), (SAME, 1, None, False)],  # the same side
        [(BTC, 1, 0.06, True), (SAME, -1, 0.02, False)],  # less than what leans on it
    ],
)
def test_what_does_not_hedge_stands_for_no_stop(legs):
    told = verdicts(*legs)
    assert all(isinstance(one, Refusal) for one in told)
    assert told[0].reason == Refused.STOP_ILLEGAL
    assert "no hedge" in told[0].text


def test_a_setup_of_its_own_has_no_hedge():
    (told,) = verdicts((BTC, 1, None, True), group=0)
    assert isinstance(told, Refusal)
    assert told.reason == Refused.STOP_ILLEGAL
