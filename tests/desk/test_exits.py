"""F5: where exits stand and move: stop, target, trailing, zones, break of a range. A stop only ever tightens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.desk.exits import FULL, HALF, Move, alarms, at_price, place, tighten
from tickerml.desk.leaving import AT_MARKET, move, protect
from tickerml.desk.legs import AWAITED, ENTRY, STOP, TARGET
from tickerml.desk.order import Order
from tickerml.desk.requests import put
from tickerml.desk.setups import OPEN, SETUP
from trade_book import Book


def trade(side=1, entry=10_000.0, **fields):
    s = np.zeros(1, SETUP)[0]
    s["side"], s["stop"], s["target"] = side, 0.01, 0.015
    for name, value in fields.items():
        s[name] = value
    place(s, entry)
    return s


def mirror(price, side):
    """A price as far below 10,000 as `price` is above, for shorts."""
    return price if side > 0 else 20_000 - price


@pytest.mark.parametrize("side", [1, -1])
def test_levels_follow_the_average_entry(side):
    s = trade(side)
    assert (s["stop_at"], s["target_at"]) == (mirror(9_900, side), mirror(10_150, side))
    place(s, mirror(9_950, side))  # a grid was filled further
    assert s["stop_at"] == round(mirror(9_950, side) * (1 - side * 0.01))


@pytest.mark.parametrize("side", [1, -1])
def test_zones(side):
    """S4: at 50 % of the way stop to break-even + 0.1 %, at 100 % lock half the move, extend by 50 % on agreement."""
    s = trade(side, zones=1)
    assert at_price(s, mirror(10_074, side)) is None
    assert at_price(s, mirror(10_075, side)) == Move(mirror(10_010, side), mirror(10_150, side))
    assert s["zone"] == HALF
    assert at_price(s, mirror(10_149, side), agree=True) is None
    assert at_price(s, mirror(10_150, side), agree=True) == Move(mirror(10_075, side), mirror(10_225, side))
    assert s["zone"] == FULL
    assert at_price(s, mirror(10_224, side), agree=True) is None
    assert at_price(s, mirror(10_225, side), agree=True).close == "target"


def test_without_agreement_the_trade_ends_at_its_target():
    s = trade(zones=1)
    assert at_price(s, 10_149) == Move(10_010, 10_150)
    assert at_price(s, 10_150) == Move(10_010, 10_150, "target")


def test_a_jump_over_both_zones_does_both():
    assert at_price(trade(zones=1), 10_160, agree=True) == Move(10_075, 10_225)
    assert at_price(trade(zones=1), 10_230, agree=True).close == "target"


@pytest.mark.parametrize("side", [1, -1])
def test_trailing(side):
    """C2 swing: trailing 7 % behind the best price, never back."""
    s = trade(side, stop=0.05, target=0.0, trail=0.07)
    assert at_price(s, mirror(10_100, side)) is None  # 7 % behind is still worse than the stop at 5 %
    best = mirror(10_500, side)
    assert at_price(s, best).stop == round(best * (1 - side * 0.07))
    assert at_price(s, mirror(10_300, side)) is None
    assert at_price(s, mirror(10_600, side)).stop == round(mirror(10_600, side) * (1 - side * 0.07))


@pytest.mark.parametrize("side", [1, -1])
def test_a_range_that_breaks_ends_the_trade(side):
    """C2 channel: exit on break, on either side."""
    s = trade(side, low=9_950, high=10_050)
    assert at_price(s, 9_950) is None
    assert at_price(s, 10_050) is None
    assert at_price(s, 9_949).close == "range break"
    assert at_price(s, 10_051).close == "range break"
    assert trade()["low"] == 0
    assert at_price(trade(), 1) is None


@pytest.mark.parametrize("side", [1, -1])
def test_a_target_that_is_watched_ends_the_trade_and_walks_no_zones(side):
    s = trade(side, watched=1)
    assert alarms(s) == ((0, 10_150) if side > 0 else (9_850, 0))
    assert at_price(s, mirror(10_149, side), agree=True) is None
    stop = mirror(9_900, side)
    assert at_price(s, mirror(10_150, side), agree=True) == Move(stop, mirror(10_150, side), "target")
    none = trade(side, watched=1, target=0.0)
    assert (alarms(none), at_price(none, mirror(10_900, side))) == ((0, 0), None)


@pytest.mark.parametrize("side", [1, -1])
def test_a_range_is_broken_by_a_close_alone(side):
    low, high = sorted((mirror(9_950, side), mirror(10_050, side)))
    s = trade(side, low=low, high=high)
    for price in (low - 1, high + 1):
        assert at_price(s, price, close=False) is None
        assert at_price(s, price).close == "range break"


def test_alarms_name_the_next_prices_at_which_something_is_to_be_done():
    assert alarms(trade()) == (0, 0)
    assert alarms(trade(zones=1)) == (0, 10_075)
    assert alarms(trade(-1, zones=1)) == (9_925, 0)
    assert alarms(trade(low=9_950, high=10_050)) == (9_949, 10_051)
    assert alarms(trade(zones=1, low=9_950, high=10_050)) == (9_949, 10_051)
    assert alarms(trade(-1, zones=1, low=9_950, high=10_050)) == (9_949, 10_051)
    s = trade(zones=1)
    at_price(s, 10_075)
    assert alarms(s) == (0, 10_150)
    assert alarms(trade(trail=0.07, target=0.0)) == (0, 10_035)
    assert alarms(trade(-1, trail=0.07, target=0.0)) == (9_965, 0)


PATHS = st.lists(st.integers(9_000, 11_000), max_size=60)


@given(
    side=st.sampled_from([1, -1]),
    trail=st.sampled_from([0.0, 0.005, 0.07]),
    zones=st.integers(0, 1),
    path=PATHS,
    agree=st.booleans(),
)
def test_a_stop_only_tightens_and_stays_behind_the_market(side, trail, zones, path, agree):
    s = trade(side, trail=trail, zones=zones)
    stop, target = int(s["stop_at"]), int(s["target_at"])
    for price in path:
        if side * (price - stop) <= 0:
            break  # the stop at the venue has ended it
        move = at_price(s, price, agree=agree)
        if move is None:
            assert (int(s["stop_at"]), int(s["target_at"])) == (stop, target)
            continue
        assert side * (move.stop - stop) >= 0
        assert side * (price - move.stop) > 0
        assert side * (move.target - target) >= 0
        stop, target = move.stop, move.target
        if move.close:
            break
        assert at_price(s, price, agree=agree) in (None, Move(stop, target, "target"))  # asked twice, moved once


@given(side=st.sampled_from([1, -1]), trail=st.sampled_from([0.0, 0.02]), path=PATHS, agree=st.booleans())
def test_between_alarms_nothing_would_have_happened(side, trail, path, agree):
    """The engine asks only at alarms: between them `at_price` must have nothing to say but a trail's small steps."""
    s = trade(side, trail=trail, zones=1)
    for price in path:
        low, high = alarms(s)
        asked = (low and price <= low) or (high and price >= high)
        before = s.copy()
        move = at_price(s, price, agree=agree)
        if not asked and move is not None:
            assert trail > 0
            assert not move.close
            assert abs(move.stop - int(before["stop_at"])) <= 10_000 * trail / 20 + 2
            s = before
        if move is not None and move.close:
            break


def opened(side=1, **fields):
    book = Book(now=5, next_id=50)
    k = book.begin({"intent": 1, "inst": 0, "side": side, "stop": 0.01, "target": 0.015, "horizon": 1, **fields})
    s = book.table[k]
    s["state"], s["entered"], s["naked"], s["entry_ticks"] = OPEN, 10, 10, 10 * 10_000
    return book, k


def send(book, k):
    protect(*book.given, k, AT_MARKET)
    return [(int(book.leg(n)["role"]), order) for n, order in enumerate_ids(book)]


def enumerate_ids(book):
    n = int(book.requests[0]["n"])
    ids = book.requests[0]["list"]["id"][:n].tolist()
    return list(zip(ids, book.said(), strict=True))


def test_protection_stands_at_the_levels():
    book, k = opened()
    stop, target = send(book, k)
    assert (stop[0], stop[1].trigger, stop[1].qty, stop[1].side) == (STOP, 9_900, 10, -1)
    assert (target[0], target[1].price) == (TARGET, 10_150)
    assert send(book, k) == []
    watched, n = opened(zones=1)
    assert [role for role, _ in send(watched, n)] == [STOP]


def test_a_move_sends_the_new_for_what_is_left_and_names_them_heirs_of_the_old():
    """Control stop <= remaining: the new stop is for what is held, never for more."""
    book, k = opened()
    send(book, k)
    book.table[k]["exited"] = 4
    assert moved(book, k, 10_010) == [50, 51]
    stop, target = send(book, k)
    assert (stop[1].trigger, stop[1].qty, target[1].qty) == (10_010, 6, 6)
    assert [int(book.leg(n)["heir"]) for n in (50, 51, 52, 53)] == [52, 53, 0, 0]
    assert moved(book, k, 10_020) == [52, 53]  # the first wait for these, as before
    assert [int(book.leg(n)["heir"]) for n in (50, 51)] == [52, 53]
    send(book, k)
    assert [int(book.leg(n)["heir"]) for n in (50, 51, 52, 53)] == [52, 53, 54, 55]
    book.table[k]["state"] = 3
    assert moved(book, k, 10_040) == []


def moved(book, k, stop_at):
    """Ids of the orders that wait for an heir."""
    move(book.table, book.legs, k, stop_at, 10_150)
    assert book.said() == []
    return [int(leg["id"]) for leg in book.of(k) if leg["heir"] == AWAITED]


@pytest.mark.parametrize("at", [{"price": 9_990}, {"price": 9_000, "trigger": 9_990}])
def test_a_leg_knows_where_it_rests_or_waits(at):
    book, k = opened()
    put(book.requests[0], Order(0, 1, 1, 1, 5, **at), 9, 1, 1)
    book.sent(k, ENTRY, 7)
    leg = book.leg(9)
    assert (book.table[k]["working"], leg["role"], leg["left"]) == (1, ENTRY, 5)
    assert (leg["side"], leg["price"], leg["sent"], leg["known"]) == (1, 9_990, 7, 0)


@pytest.mark.parametrize("side", [1, -1])
def test_a_tighter_stop_takes_the_place_of_the_one_there(side):
    s = trade(side)
    assert tighten(s, 0.005, 10_000) == Move(mirror(9_950, side), mirror(10_150, side))
    assert s["stop"] == 0.005
    assert tighten(s, 0.01, 10_000) is None
    assert tighten(s, 0.005, 10_000) is None
    assert (s["stop"], s["stop_at"]) == (0.005, mirror(9_950, side))
    place(s, mirror(9_950, side))  # a further entry: of the new average, as far away as the new stop says
    assert s["stop_at"] == round(mirror(9_950, side) * (1 - side * 0.005))


@pytest.mark.parametrize("side", [1, -1])
def test_a_tighter_stop_stays_behind_the_market(side):
    s = trade(side)
    assert tighten(s, 0.002, mirror(9_960, side)) == Move(mirror(9_959, side), mirror(10_150, side))


def test_where_there_was_no_stop_there_is_one():
    s = trade(stop=0.0, target=0.0)
    assert s["stop_at"] == 0
    assert tighten(s, 0.03, 10_000) == Move(9_700, 0)
