"""The table of our orders under way: ids, siblings, cancels, and what happens when it is full."""

from __future__ import annotations

import pytest

from tickerml.desk.legs import CLOSE, EACH, ENTRY, LEGS, STOP, TARGET, Legs, cancels
from tickerml.desk.order import Cancel
from tickerml.desk.setups import Setups


def test_roles_are_what_snapshots_say():
    assert (ENTRY, STOP, TARGET, CLOSE) == (1, 2, 3, 4)


def test_so_many_setups_find_room_with_all_their_orders():
    """31 of 16 orders each: one place of the 512 stays free."""
    assert Setups().free_slots() == 31
    assert Setups().room(0, LEGS - EACH) == 0
    assert Setups().room(0, LEGS - EACH - 1) == 1


def test_an_order_takes_the_first_free_place_and_leaves_nothing_of_the_one_before():
    legs = Legs()
    legs.add(7, 1, 2, STOP, 30, now=5, side=-1, price=95)
    assert legs.table[0].item() == (7, 1, 2, STOP, 0, 30, 0, 5, 0, -1, 95)
    legs.table[0]["pair"] = legs.table[0]["leaving"] = legs.table[0]["known"] = 1
    legs.add(8, 1, 2, TARGET, 30)
    legs.table[0]["id"] = 0
    legs.add(9, 3, 4, ENTRY, 40)
    assert legs.table[0].item() == (9, 3, 4, ENTRY, 0, 40, 0, 0, 0, 0, 0)
    assert legs.table["id"].tolist()[:3] == [9, 8, 0]


def test_a_full_table_says_so():
    legs = Legs()
    legs.table["id"][:-1] = range(1, LEGS)
    assert legs.free() == 1
    legs.add(1000, 0, 0, STOP, 1)
    assert legs.free() == 0
    with pytest.raises(IndexError):
        legs.add(1001, 0, 0, STOP, 1)


def test_an_order_is_found_by_its_id_and_no_free_place_is_an_order():
    legs = Legs()
    for n in (7, 8):
        legs.add(n, n, 0, STOP, 1)
    assert [int(legs.find(n)["setup"]) for n in (7, 8)] == [7, 8]
    assert [legs.find(n) for n in (0, 9)] == [None, None]


def test_the_orders_of_a_setup_are_those_that_have_not_ended():
    legs = Legs()
    for n, k in ((7, 0), (8, 1), (9, 0), (10, 0)):
        legs.add(n, k, 0, STOP, 1)
    legs.find(9)["id"] = 0
    assert [[int(leg["id"]) for leg in legs.of(k)] for k in (0, 1, 2)] == [[7, 10], [8], []]


def test_one_sibling_ends_the_other_once():
    legs = Legs()
    for n in (7, 8, 9):
        legs.add(n, 0, 5, STOP, 1)
    legs.pair(7, 9)
    assert legs.table["pair"].tolist()[:3] == [9, 0, 7]
    assert legs.siblings(legs.find(8)) == []
    assert legs.siblings(legs.find(7)) == [Cancel(5, 9)]
    assert legs.siblings(legs.find(7)) == []  # its cancel is under way
    assert legs.siblings(legs.find(9)) == [Cancel(5, 7)]
    legs.find(7)["id"] = 0
    assert legs.siblings(legs.find(9)) == []


def test_a_cancel_under_way_is_not_sent_again():
    legs = Legs()
    for n in (7, 8):
        legs.add(n, 0, 5, STOP, 1)
    legs.find(7)["leaving"] = 1
    assert cancels(legs.of(0)) == [Cancel(5, 8)]
    assert [int(leg["leaving"]) for leg in legs.of(0)] == [1, 1]
