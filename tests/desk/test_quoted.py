"""What a compiled strategy holds and may still hold counts among the desk's trades, worst case."""

from __future__ import annotations

import numpy as np
import pytest
from desks import facts, judge, proposal

from tickerml.account.contract import RATE
from tickerml.desk.approved import Refusal
from tickerml.desk.exposure import Exposure
from tickerml.desk.limits import Refused
from tickerml.desk.quoted import count_quotes
from tickerml.desk.working import WORKING, add
from tickerml.sim.orders import RULES

PRICE = 10_000


def refused(verdict, why):
    return isinstance(verdict, Refusal) and verdict.reason == why


def counted(orders=(), position=0, price=PRICE, silent_since=0, **rule):
    """The exposure of one instrument with these own orders (side, ticks, lots); a lot is worth 3 a tick."""
    w, r, found = np.zeros(1, WORKING)[0], np.zeros(1, RULES)[0], Exposure()
    w["position"] = position
    for k, (side, at, lots) in enumerate(orders):
        add(w, k + 1, side, at, lots, 100 + k)
    r["unit_value"], r["margin_rate"], r["wallet"] = 3, RATE // 5, 1
    for name, value in rule.items():
        r[name] = value
    count_quotes(found, 2, w, r, price, silent_since)
    return found


def test_nothing_held_and_nothing_under_way_counts_nothing():
    assert counted() == Exposure()


@pytest.mark.parametrize(
    ("position", "side", "lots"), [(0, 1, 7), (5, 1, 12), (-1, 1, 6), (-2, -1, 6), (-4, -1, 8), (2, 1, 9)]
)
def test_the_worse_side_counts_with_all_that_may_still_fill(position, side, lots):
    found = counted([(1, 9_990, 4), (1, 9_980, 3), (-1, 10_010, 4)], position)
    worth = 3 * PRICE * lots
    assert (found.notional[2], found.in_use[1], found.reserved[1]) == (worth, worth // 5, worth // 5)
    assert (found.positions, found.orders, found.orders_on[2], found.side) == (1, 3, 3, {2: side})
    assert (found.best_buy, found.best_sell) == ({2: 9_990}, {2: 10_010})
    assert found.by_strategy == {(1, -1): worth // 5}, "of no strategy of the desk's"
    assert not any(found.heat.values()), "it has no stop: the ladder of losses stands for it"


def test_a_position_without_an_order_counts():
    found = counted(position=-5)
    assert (found.positions, found.orders, found.side, found.notional[2]) == (1, 0, {2: -1}, 15 * PRICE)
    assert (found.best_buy, found.best_sell) == ({}, {})


@pytest.mark.parametrize(("rule", "margin"), [({"spot": 1}, 1.0), ({"margined": 1, "isolated": 1}, 0.2)])
def test_what_was_paid_for_is_not_asked_of_the_cash_again(rule, margin):
    found = counted([(1, 9_990, 6)], 4, **rule)
    assert found.in_use[1] == round(margin * 30 * PRICE)
    assert found.reserved[1] == round(margin * 18 * PRICE)
    short = counted([(1, 9_990, 6)], -1, **rule)
    assert short.reserved[1] == short.in_use[1] == round(margin * 15 * PRICE)


def test_sides_that_are_equal_count_as_a_long():
    assert counted([(1, 9_990, 4), (-1, 10_010, 4)]).side == {2: 1}


def test_cross_margin_and_one_lot_that_is_held():
    found = counted([(1, 9_990, 6)], 4, margined=1)
    assert found.reserved[1] == found.in_use[1] == 6 * PRICE
    one = counted(position=1, spot=1)
    assert (one.in_use[1], one.reserved[1]) == (3 * PRICE, 0)
    assert counted(position=3, spot=1).reserved[1] == 0


def test_an_inverse_contract_and_a_price_that_is_not_known():
    assert counted(position=4, inverse=1, unit_value=600_000).notional[2] == 4 * 60
    found = counted(position=4, price=0)
    assert (found.notional[2], found.positions, found.side) == (0, 1, {2: 1})


@pytest.mark.parametrize(("before", "unknown"), [(100, 0), (101, 1), (102, 2), (103, 3)])
def test_orders_that_nobody_answered_are_unknown_here_too(before, unknown):
    found = counted([(1, 9_990, 4), (-1, 10_010, 4), (1, 9_980, 1)], silent_since=before)
    assert found.unknown_on[2] == unknown
    assert refused(judge(proposal(1), facts(exposure=found)), Refused.UNKNOWN_ORDERS) is (unknown == 3)


def test_the_desk_refuses_what_meets_it():
    """Its quotes are orders that no entry may meet, its position is the coin's one, and one of those there may be."""
    found = counted([(-1, 9_999, 4)])
    assert refused(judge(proposal(2), facts(exposure=found)), Refused.POSITION_OPEN)
    found.side.clear()
    assert refused(judge(proposal(2), facts(exposure=found)), Refused.SELF_TRADE)
    found.positions = 5
    assert refused(judge(proposal(1), facts(exposure=found)), Refused.TOO_MANY_POSITIONS)
