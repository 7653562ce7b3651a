"""The envelope of a compiled strategy, each edge at its last unit: what leaves at row speed, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from tickerml.desk.envelope import ENVELOPE, allows, grant
from tickerml.desk.working import SLOTS, WORKING
from tickerml.tape.ladder import NO_ASK, NO_BID
from tickerml.tape.rows import FOREVER

BID, ASK, NOW = 100, 103, 50
TOUCHES = [
    *((1, NO_BID, ASK, False), (1, 0, ASK, False), (1, 1, ASK, True), (1, BID, NO_ASK, True)),
    *((-1, BID, NO_ASK, False), (-1, BID, NO_ASK - 1, True), (-1, NO_BID, ASK, True)),
]


def allowed(*, side=1, price=None, qty=1, now=NOW, position=0, working=0, bid=BID, ask=ASK, **granted):
    """Whether an order at the touch may leave under a grant of 10 lots, 5 an order."""
    given = {"max_position": 10, "max_order": 5, "until": NOW + 1, **granted}
    w = np.zeros(1, WORKING)[0]
    w["position"], w["n"] = position, working
    if price is None:
        price = bid if side > 0 else ask
    return bool(allows(grant(**given), w, side, price, qty, bid, ask, now))


def test_a_grant_says_what_it_was_told_and_is_wide_where_it_was_not():
    assert grant(7, 3, max_orders=2, band=4, until=9).item() == (7, 3, 2, 4, 9)
    assert grant(7, 3).item() == (7, 3, 16, 1000, FOREVER)
    assert grant(7, 3).dtype == ENVELOPE


def test_an_instrument_without_a_grant_is_allowed_nothing():
    none, w = np.zeros(1, ENVELOPE)[0], np.zeros(1, WORKING)[0]
    assert not allows(none, w, 1, BID, 1, BID, ASK, 0)


@pytest.mark.parametrize(("now", "good"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)])
def test_a_grant_ends_with_its_last_moment(now, good):
    assert allowed(now=now, until=NOW) is good


@pytest.mark.parametrize(("qty", "good"), [(-1, False), (0, False), (1, True), (5, True), (6, False)])
def test_an_order_has_a_size_of_at_most_the_grant(qty, good):
    assert allowed(qty=qty) is good


@pytest.mark.parametrize(("price", "good"), [(-1, False), (0, False), (1, True)])
def test_an_order_has_a_price(price, good):
    assert allowed(price=price, band=1000) is good


@pytest.mark.parametrize(("working", "most", "good"), [(1, 2, True), (2, 2, False), (0, 0, False)])
def test_orders_at_once(working, most, good):
    assert allowed(working=working, max_orders=most) is good


def test_orders_at_once_never_outgrow_the_table():
    """A grant wider than the table of our own orders: the one that would not fit stays here."""
    assert allowed(working=SLOTS - 1, max_orders=SLOTS + 1)
    assert not allowed(working=SLOTS, max_orders=SLOTS + 1)


@pytest.mark.parametrize("side", [1, -1])
def test_a_position_at_its_limit_only_shrinks(side):
    """One order a side keeps the excess to one order's size: the position is looked at before the order."""
    assert allowed(side=side, position=side * 9, qty=5)
    assert not allowed(side=side, position=side * 10)
    assert not allowed(side=side, position=side * 11)
    assert allowed(side=-side, position=side * 11)
    assert not allowed(side=side, max_position=0)
    assert allowed(side=side, max_position=1)


@pytest.mark.parametrize(("side", "bid", "ask", "good"), TOUCHES)
def test_a_side_without_a_touch_has_no_band(side, bid, ask, good):
    """A price that cannot be held against its touch stays here; the other side does not matter."""
    assert allowed(side=side, bid=bid, ask=ask, price=50, band=10**15) is good


@pytest.mark.parametrize(("side", "price", "good"), [(1, 96, True), (1, 95, False), (-1, 107, True), (-1, 108, False)])
def test_a_price_lies_within_the_band_of_its_own_touch(side, price, good):
    assert allowed(side=side, price=price, band=4) is good
