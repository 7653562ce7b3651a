"""The table of our orders under way: ids, siblings, cancels, and what happens when it is full."""

from __future__ import annotations

import pytest

from tickerml.desk.legs import AWAITED, CLOSE, EACH, ENTRY, LEGS, NOBODY, STOP, TARGET, add, belongs, find, legs, pair
from tickerml.desk.setups import Setups


def test_roles_are_what_snapshots_say():
    assert (ENTRY, STOP, TARGET, CLOSE) == (1, 2, 3, 4)


def test_so_many_setups_find_room_with_all_their_orders():
    """31 of 16 orders each: one place of the 512 stays free."""
    assert Setups().room(0, 0) == 31
    assert Setups().room(0, LEGS - EACH) == 0
    assert Setups().room(0, LEGS - EACH - 1) == 1


def resting(*ids, setup=0, inst=5):
    table = legs()
    for n in ids:
        add(table, n, setup, inst, STOP, 1, 0, 0, 0)
    return table


def test_an_order_takes_the_first_free_place_and_leaves_nothing_of_the_one_before():
    table = legs()
    add(table, 7, 1, 2, STOP, 30, 5, -1, 95)
    assert table[0].item() == (7, 1, 2, STOP, 0, 30, 0, 0, 5, 0, -1, 95)
    table[0]["pair"] = table[0]["leaving"] = table[0]["known"] = table[0]["heir"] = 1
    add(table, 8, 1, 2, TARGET, 30, 0, 0, 0)
    table[0]["id"] = 0
    add(table, 9, 3, 4, ENTRY, 40, 0, 0, 0)
    assert table[0].item() == (9, 3, 4, ENTRY, 0, 40, 0, 0, 0, 0, 0, 0)
    assert table["id"].tolist()[:3] == [9, 8, 0]


def test_words_in_the_place_of_an_order_or_a_setup_are_none():
    assert max(AWAITED, NOBODY) < 0


def test_a_full_table_says_so():
    table = legs()
    table["id"][:-1] = range(1, LEGS)
    add(table, 1000, 0, 0, STOP, 1, 0, 0, 0)
    assert table["id"].all()
    with pytest.raises(IndexError):
        add(table, 1001, 0, 0, STOP, 1, 0, 0, 0)


def test_an_order_is_found_by_its_id_and_no_free_place_is_an_order():
    table = resting(7, 8)
    assert [find(table, n) for n in (7, 8)] == [0, 1]
    assert [find(table, n) for n in (0, 9)] == [-1, -1]


def test_the_orders_of_a_setup_are_those_that_have_not_ended():
    table = legs()
    for n, k in ((7, 0), (8, 1), (9, 0), (10, 0)):
        add(table, n, k, 0, STOP, 1, 0, 0, 0)
    table[find(table, 9)]["id"] = 0
    assert [[int(leg["id"]) for leg in table if belongs(leg, k)] for k in (0, 1, 2)] == [[7, 10], [8], []]


def test_two_orders_are_siblings():
    table = resting(7, 8, 9)
    pair(table, 7, 9)
    assert table["pair"].tolist()[:3] == [9, 0, 7]
