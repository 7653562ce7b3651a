"""The table of trades under way: slots, what is held, what is sent, and when one must be looked at."""

from __future__ import annotations

import numpy as np
import pytest

from tickerml.desk import setups
from tickerml.desk.legs import ENTRY, STOP
from tickerml.desk.order import Order
from tickerml.desk.requests import put
from tickerml.desk.setups import (
    BY_TIMER,
    CLOSING,
    ENTERING,
    NAKED,
    OPEN,
    SLOTS,
    UNWOUND,
    Setups,
    deadline,
    due,
    free_slot,
    held,
    on_instrument,
    take_fee,
    withdraw,
)
from tickerml.tape.rows import FOREVER
from trade_book import Book


def test_states_and_slots_are_what_snapshots_say():
    assert (ENTERING, OPEN, CLOSING, SLOTS) == (1, 2, 3, 64)


def test_a_setup_takes_the_first_free_slot():
    book = Setups()
    assert [book.begin({"inst": inst, "stop": 0.5}) for inst in (4, 5, 5)] == [0, 1, 2]
    assert [on_instrument(book.table, inst) for inst in (4, 5, 6, 0)] == [0, 1, -1, -1]
    assert (book.on_instrument(4)["stop"], book.on_instrument(5)["state"], book.on_instrument(6)) == (
        0.5,
        ENTERING,
        None,
    )
    book.table[1]["state"] = 0
    assert (on_instrument(book.table, 5), free_slot(book.table)) == (2, 1)
    book.table["state"] = OPEN
    assert free_slot(book.table) == -1
    before = book.table.tobytes()
    with pytest.raises(IndexError, match="no slot is free"):
        book.begin({"inst": 9})
    assert book.table.tobytes() == before


def test_room_for_more_setups():
    assert [Setups().room(n, 0) for n in (60, 64)] == [4, 0]


def test_what_is_held_can_be_sold():
    book = Setups()
    s = book.table[book.begin({"entered": 10, "taken": 2, "exited": 3})]
    assert held(s) == 5


def test_fees_in_the_coin_take_whole_lots_as_they_add_up():
    book = Setups()
    s = book.table[book.begin({"naked": 20})]
    found = []
    for units in (4, 4, 4, 10):
        take_fee(s, units, 10)
        found.append([int(s[name]) for name in ("fee_units", "taken", "naked")])
    assert found == [[4, 1, 19], [8, 1, 19], [12, 2, 18], [22, 3, 17]]


@pytest.mark.parametrize(("superp", "left"), [(0, 7), (1, 1)])
def test_an_order_that_leaves_is_followed(superp, left):
    book = Book()
    k = book.begin({"inst": 2, "superp": superp})
    put(book.requests[0], Order(2, 1, 1, 1, 7, price=90), 5, -1, 1)
    put(book.requests[0], Order(2, -1, 1, 1, 7, price=95), 6, -1, 1)
    book.sent(k, STOP, 30)
    leg = book.leg(6)
    assert [int(leg[name]) for name in ("setup", "inst", "role", "left", "sent", "side", "price")] == [
        *(k, 2, STOP, left, 30, -1, 95)
    ]
    assert (book.leg(5), book.table[k]["working"]) == (None, 0)
    book.sent(k, ENTRY, 31)
    assert book.table[k]["working"] == 1


def test_a_cancel_leaves_once():
    book = Book()
    k = book.begin({"inst": 2})
    book.rest(k, STOP, 5, 1)
    for _ in range(2):
        withdraw(book.leg(5), book.requests[0])
    assert (book.leg(5)["leaving"], book.requests[0]["n"]) == (1, 1)


@pytest.mark.parametrize("field", ["cover_by", "fill_by", "horizon"])
@pytest.mark.parametrize("state", [ENTERING, OPEN, CLOSING])
def test_a_setup_is_looked_at_when_the_first_of_its_times_has_come(field, state):
    table = np.zeros(3, setups.SETUP)
    assert deadline(table) == FOREVER
    table[1]["state"], table[1]["horizon"] = state, 9
    for name in ("cover_by", "fill_by"):
        table[1][name] = 0
    table[1][field] = 1
    assert deadline(table) == (FOREVER if state == CLOSING else 1)
    why = {"cover_by": NAKED, "fill_by": UNWOUND, "horizon": BY_TIMER}[field]
    assert [due(table[1], now) for now in (0, 1)] == [0, 0 if state == CLOSING else why]
