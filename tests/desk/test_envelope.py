"""The envelope of a compiled strategy, each edge at its last unit: what leaves at row speed, and what does not."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tickerml.desk.envelope import ENVELOPE, allows, grant, in_time, worth
from tickerml.desk.memory import COIN, COIN_STAMPS, LATCH, STAMPS
from tickerml.desk.requests import count, count_quote
from tickerml.desk.working import LEAVING, RESTING, SLOTS, WORKING, add, find, on_fill, remove
from tickerml.tape.ladder import NO_ASK, NO_BID
from tickerml.tape.rows import DAY, FOREVER, SECOND

BID, ASK, NOW = 100, 103, 50
TOUCHES = [
    *((1, NO_BID, ASK, False), (1, 0, ASK, False), (1, 1, ASK, True), (1, BID, NO_ASK, True)),
    *((-1, BID, NO_ASK, False), (-1, BID, NO_ASK - 1, True), (-1, NO_BID, ASK, True)),
]


def allowed(
    *, side=1, price=None, qty=1, now=NOW, position=0, working=0, buying=0, selling=0, bid=BID, ask=ASK, **granted
):
    """Whether an order at the touch may leave under a grant of 10 lots, 5 an order."""
    given = {"max_position": 10, "max_order": 5, "until": NOW + 1, **granted}
    w = np.zeros(1, WORKING)[0]
    w["position"], w["n"], w["buying"], w["selling"] = position, working, buying, selling
    if price is None:
        price = bid if side > 0 else ask
    return bool(allows(grant(**given), w, side, price, qty, bid, ask, now))


def test_a_grant_says_what_it_was_told_and_is_wide_where_it_was_not():
    named = {"max_orders": 2, "band": 4, "until": 9, "position_share": 0.2, "order_share": 0.1, "equity": 11.0}
    rates = {"messages_symbol": 5, "messages": 6, "quotes_day": 8}
    told = grant(7, 3, unit=0.5, inverse=True, wallet=3, margin=0.1, **named, **rates).item()
    assert told == (7, 3, 2, 4, 9, 0.2, 0.1, 11.0, 0.5, 1, 5, 6, 8, 3, 0.1, 0)
    wide = (7, 3, 16, 1000, FOREVER, np.inf, np.inf, 1.0, 1.0, 0, FOREVER, FOREVER, FOREVER, 0, 1.0, 0)
    assert grant(7, 3).item() == wide
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
    """The order itself counts, and so do all of its side that may still fill; those of the other side do not help."""
    mine, other = ("buying", "selling") if side > 0 else ("selling", "buying")
    assert allowed(side=side, position=side * 5, qty=5)
    assert not allowed(side=side, position=side * 6, qty=5)
    assert allowed(side=side, position=side * 9)
    assert not allowed(side=side, position=side * 10)
    assert allowed(side=-side, position=side * 11)
    assert allowed(side=side, position=side * 2, qty=5, **{mine: 3})
    assert not allowed(side=side, position=side * 2, qty=5, **{mine: 4})
    assert not allowed(side=side, position=side * 10, **{other: 9})
    assert allowed(side=side, position=side * 9, **{other: 9})
    assert allowed(side=side, position=-side * 10, qty=5, max_order=20, **{mine: 15})
    assert not allowed(side=side, position=-side * 10, qty=5, max_order=20, **{mine: 16})
    assert not allowed(side=side, max_position=0)
    assert allowed(side=side, max_position=1)


@pytest.mark.parametrize("seed", range(20))
def test_no_fill_carries_a_position_beyond_its_grant(seed):
    """Fills, cancels and refusals in any order, told late: the venue's own position keeps the limit."""
    rng, e, w = random.Random(seed), grant(100, 60, max_orders=SLOTS), np.zeros(1, WORKING)[0]
    true, told, most, lean = 0, [], 0, (1, -1)[seed % 2]
    live, next_id = {}, 1  # at the venue: id -> side, lots left
    for _ in range(3_000):
        act = rng.randrange(5)
        if act <= 1:
            side, qty = rng.choice((lean,) * 9 + (-lean,)), rng.randint(1, 60)
            if allows(e, w, side, BID if side > 0 else ASK, qty, BID, ASK, NOW):
                add(w, next_id, side, BID, qty, 0)
                if rng.random() < 0.1:
                    told.append(("gone", next_id, 0))  # refused by the venue, or lost on the way
                else:
                    live[next_id] = [side, qty]
                next_id += 1
        elif act == 2 and live:
            order = rng.choice(list(live))
            side, left = live[order]
            qty = rng.randint(1, left)
            true, live[order][1] = true + side * qty, left - qty
            told.append(("fill", order, qty))
            if left == qty:
                del live[order]
        elif act == 3 and w["n"]:
            k = rng.randrange(int(w["n"]))
            w["state"][k] = rng.choice((RESTING, LEAVING))
            if rng.random() < 0.5 and int(w["id"][k]) in live:
                del live[int(w["id"][k])]
                told.append(("gone", int(w["id"][k]), 0))
        elif told:
            what, order, qty = told.pop(0)
            if what == "fill":
                on_fill(w, find(w, order), qty)
            else:
                remove(w, find(w, order))
        most = max(most, abs(true))
        assert abs(true) <= 100
    assert most > 60, "no limit was near: this shows nothing"


def test_what_an_order_and_a_position_are_worth_is_a_share_of_the_equity():
    """A lot is worth 2 a tick, and counts at the ask or at the order's own price, whichever is more."""
    told = {"max_position": 100, "max_order": 100, "unit": 2.0, "equity": 10_000.0}
    assert allowed(qty=5, order_share=5 * 2 * ASK / 10_000, **told)
    assert not allowed(qty=5, order_share=5 * 2 * ASK / 10_000 - 1e-9, **told)
    assert allowed(qty=5, position=3, buying=2, position_share=10 * 2 * ASK / 10_000, **told)
    assert not allowed(qty=5, position=3, buying=2, position_share=10 * 2 * ASK / 10_000 - 1e-9, **told)
    assert not allowed(side=-1, qty=5, price=ASK + 1, order_share=5 * 2 * ASK / 10_000, **told)
    for equity in (0.0, -1.0):
        assert not allowed(**(told | {"equity": equity}), order_share=0.1, position_share=0.1)


def test_a_lot_is_worth_most_at_the_touch_or_at_the_orders_own_price():
    linear, inverse = grant(1, 1, unit=3.0), grant(1, 1, unit=600.0, inverse=True)
    assert (worth(linear, 101, 100, 103), worth(linear, 105, 100, 103)) == (309.0, 315.0)
    assert worth(linear, 101, 100, NO_ASK) == 303.0
    assert worth(linear, 101, 100, NO_ASK - 1) == 3.0 * (NO_ASK - 1)
    assert (worth(inverse, 120, 100, 121), worth(inverse, 60, 100, 103)) == (6.0, 10.0)
    assert (worth(inverse, 120, 0, 121), worth(inverse, 120, NO_BID, 121), worth(inverse, 120, 1, 121)) == (5, 5, 600)


def sent(times, day=0, **granted):
    """Whether one more message may leave at 10 s of a day, behind messages (coin, second); its own coin is 0."""
    latch, coin, other = np.zeros(1, LATCH)[0], np.zeros(1, COIN)[0], np.zeros(1, COIN)[0]
    for inst, time in times:
        count_quote(latch, coin if inst == 0 else other, round((day * 86_400 + time) * SECOND))
    return bool(in_time(grant(1, 1, **granted), latch, coin, day * DAY + 10 * SECOND))


@pytest.mark.parametrize(("key", "ring"), [("messages_symbol", COIN_STAMPS), ("messages", STAMPS)])
@pytest.mark.parametrize("most", [1, 2, 5, 32])
def test_so_many_messages_a_second(key, ring, most):
    for before in (0, 1, 40):
        old = [(0, 1 + n / 100) for n in range(before)]
        assert sent([*old, *[(0, 9.5)] * (most - 1)], **{key: most})
        assert not sent([*old, *[(0, 9.5)] * most], **{key: most})
        assert sent([*old, (0, 9.0), *[(0, 9.5)] * (most - 1)], **{key: most}), "a second ago is not within it"
        assert not sent([*old, (0, 9.000_000_001), *[(0, 9.5)] * (most - 1)], **{key: most})
    assert sent([(0, 9.5)] * 200, **{key: ring + 1}), "more than are remembered bound nothing"
    assert not sent([(0, 9.5)] * 200, **{key: ring})
    assert not sent([], **{key: 0})


def test_the_coins_rate_is_its_own_and_the_accounts_is_of_all():
    others = [(1, 9.5)] * 3
    assert sent(others, messages_symbol=1)
    assert sent(others, messages=4)
    assert not sent(others, messages=3)


def test_a_days_quotes():
    assert sent([(0, 1), (0, 2)], day=3, quotes_day=3)
    assert not sent([(0, 1), (0, 2), (1, 3)], day=3, quotes_day=3)
    assert sent([(0, -5), (0, -4), (1, -3)], day=3, quotes_day=3), "a new day has a count of its own"
    latch, coin = np.zeros(1, LATCH)[0], np.zeros(1, COIN)[0]
    for _ in range(3):
        count(latch, coin, DAY)
    count_quote(latch, coin, DAY)
    assert (latch["messages"], latch["quotes"], latch["n"], coin["n"]) == (3, 1, 4, 4)
    assert in_time(grant(1, 1, quotes_day=2), latch, coin, DAY + 5 * SECOND), "the desk's own have another count"
    count_quote(latch, coin, 2 * DAY)
    assert (latch["messages"], latch["quotes"]) == (0, 1)


@pytest.mark.parametrize(("side", "bid", "ask", "good"), TOUCHES)
def test_a_side_without_a_touch_has_no_band(side, bid, ask, good):
    """A price that cannot be held against its touch stays here; the other side does not matter."""
    assert allowed(side=side, bid=bid, ask=ask, price=50, band=10**15) is good


@pytest.mark.parametrize(("side", "price", "good"), [(1, 96, True), (1, 95, False), (-1, 107, True), (-1, 108, False)])
def test_a_price_lies_within_the_band_of_its_own_touch(side, price, good):
    assert allowed(side=side, price=price, band=4) is good
