"""Worst case: position + open + unknown + cancel-pending. What may still fill counts until the venue says otherwise."""

from __future__ import annotations

import pytest
from desks import instrument
from hypothesis import given
from hypothesis import strategies as st

from tickerml.account.contract import contract_record
from tickerml.desk.exposure import Worst, exposure, worst_of
from tickerml.desk.legs import EACH, ENTRY, LEGS, STOP, TARGET, add
from tickerml.desk.setups import SLOTS, drop, withdraw
from tickerml.tape.rows import SECOND
from trade_book import Book

WALLETS = (0, 0, 1)
CONTRACT = contract_record(instrument(0), 8)


def begun(book, inst=0, strategy=0, lots=100, worth=1000, margin=500, risk=50, side=1, **more):
    fields = {"intent": 1, "inst": inst, "strategy": strategy, "side": side, "stop": 0.05, "horizon": 1, **more}
    return book.begin({**fields, "lots": lots, "notional": worth, "in_use": margin, "risk": risk})


def test_nothing_under_way():
    found = exposure(Book(), WALLETS, 0)
    assert (found.positions, found.orders, found.in_use[0], found.room) == (0, 0, 0, (LEGS - 1) // EACH)


def test_open_orders_count_whole_and_what_ended_does_not():
    book = Book()
    k = begun(book)
    book.rest(k, ENTRY, 1, 60, now=5, side=1, price=99)
    book.rest(k, ENTRY, 2, 40, now=5, side=1, price=98)
    found = exposure(book, WALLETS, 5)
    assert (found.notional[0], found.in_use[0], found.by_strategy[0, 0], found.heat[0]) == (1000, 500, 500, 50)
    assert (found.positions, found.orders, found.orders_on[0], found.side[0]) == (1, 2, 2, 1)
    assert (found.best_buy[0], found.best_sell) == (99, {})
    book.ended(2)  # cancelled: 60 of 100 may still fill
    assert exposure(book, WALLETS, 5).notional[0] == 600
    book.fill(1, CONTRACT, 99, 25, 6)  # 25 held, 35 open
    assert exposure(book, WALLETS, 5).notional[0] == 600
    book.leg(1)["left"] = 0
    book.ended(1)  # 25 held
    found = exposure(book, WALLETS, 5)
    assert (found.notional[0], found.in_use[0], found.heat[0]) == (250, 125, 13)  # rounded up


@pytest.mark.parametrize(("spends", "held_of_it"), [((), 0), ((False, True, True), 0), ((True, False, False), 1)])
def test_what_was_paid_for_is_not_asked_of_the_cash_again(spends, held_of_it):
    book = Book()
    k = begun(book)
    book.rest(k, ENTRY, 1, 100, now=5, side=1, price=99)
    assert exposure(book, WALLETS, 5, None, spends).reserved[0] == 500
    book.fill(1, CONTRACT, 99, 30, 6)  # 30 of 100 were paid for, 70 may still be
    found = exposure(book, WALLETS, 6, None, spends)
    assert (found.in_use[0], found.reserved[0]) == (500, 350 if held_of_it else 500)
    book.leg(1)["left"] = 0
    book.ended(1)
    found = exposure(book, WALLETS, 7, None, spends)
    assert (found.in_use[0], found.reserved[0]) == (150, 0 if held_of_it else 150)


@pytest.mark.parametrize(("lots", "reserved"), [(0, 500), (1, 0)])
def test_of_a_setup_whose_lots_are_not_kept_all_is_asked_of_the_cash(lots, reserved):
    book = Book()
    begun(book, lots=lots)
    book.table[0]["entered"] = 1
    assert exposure(book, WALLETS, 0, None, (True, True, True)).reserved[0] == reserved


def test_a_stake_stays_in_the_cash_until_it_is_settled():
    book = Book()
    begun(book, superp=1, margin=70, lots=1)
    book.table[0]["entered"] = 1
    assert exposure(book, WALLETS, 0, None, (True, True, True)).reserved[0] == 70


def test_a_cancel_under_way_and_silence_count_whole():
    """Promise 5: cancel-pending and UNKNOWN count in full; silence is no rejection."""
    book = Book()
    k = begun(book)
    book.rest(k, ENTRY, 1, 100, now=1 * SECOND, side=1, price=99)
    withdraw(book.leg(1), book.requests[0])
    for now, unknown in ((3 * SECOND, 0), (3 * SECOND + 1, 1)):
        found = exposure(book, WALLETS, now, lambda inst: 2 * SECOND)
        assert (found.notional[0], found.unknown_on[0]) == (1000, unknown)
    book.leg(1)["known"] = 1
    assert exposure(book, WALLETS, 9 * SECOND, lambda inst: 2 * SECOND).unknown_on[0] == 0


def test_an_order_whose_trade_is_over_is_unknown_when_its_cancel_has_no_answer():
    book = Book()
    k = begun(book)
    book.rest(k, STOP, 7, 100, now=1 * SECOND, side=-1, price=90)
    book.leg(7)["known"] = 1
    drop(book.legs, book.requests[0], k, 5 * SECOND, True)
    book.table[k]["state"] = 0
    for now, unknown in ((7 * SECOND, 0), (7 * SECOND + 1, 1)):
        found = exposure(book, WALLETS, now, lambda inst: 2 * SECOND)
        assert (found.unknown_on[0], found.orders, found.positions, found.notional[0]) == (unknown, 1, 0, 0)
        assert found.best_sell == {}  # what is sent now comes behind its cancel: it cannot meet it
    book.ended(7)
    assert exposure(book, WALLETS, 9 * SECOND, lambda inst: 2 * SECOND).unknown_on[0] == 0


def test_wallets_strategies_and_stakes_are_kept_apart():
    book = Book()
    begun(book, inst=0, strategy=0)
    begun(book, inst=2, strategy=1, worth=0, margin=70, risk=0, superp=1)
    found = exposure(book, WALLETS, 0)
    assert dict(found.in_use) == {0: 500, 1: 70} or found.in_use[1] == 70
    assert (found.heat[1], found.notional[2], found.by_strategy[1, 1]) == (70, 0, 70)


def test_a_setup_without_its_figures_counts_as_all_that_is_known():
    book = Book()
    book.begin({"intent": 1, "inst": 1, "side": -1, "in_use": 400, "horizon": 1, "stop": 0.1})
    found = exposure(book, WALLETS, 0)
    assert (found.notional[1], found.in_use[0], found.heat[0], found.side[1]) == (400, 400, 40, -1)


def test_each_order_and_trade_is_counted_where_it_belongs():
    book = Book()
    begun(book, inst=0, lots=10, worth=1000)
    k = begun(book, inst=2, strategy=3, lots=10, worth=100, margin=50, risk=20)
    book.rest(k, ENTRY, 1, 4, now=0, side=1, price=99)
    book.table[k]["entered"], book.table[k]["taken"], book.table[k]["exited"] = 6, 1, 2
    found = exposure(book, WALLETS, 0)
    assert dict(found.notional) == {0: 0, 2: 70}  # 6 - 1 - 2 held and 4 that may still fill, of 10
    assert dict(found.in_use) == {0: 0, 1: 35}
    assert dict(found.by_strategy) == {(0, 0): 0, (1, 3): 35}
    assert dict(found.heat) == {0: 0, 1: 14}
    assert (dict(found.orders_on), found.best_buy) == ({2: 1}, {2: 99})


def test_an_order_at_the_market_rests_nowhere():
    book = Book()
    k = begun(book)
    for n, side in enumerate((1, -1)):
        book.rest(k, STOP, 4 + n, 10, now=0, side=side)
    found = exposure(book, WALLETS, 0)
    assert (found.orders, found.best_buy, found.best_sell) == (2, {}, {})


@pytest.mark.parametrize(
    ("figures", "wanted"),
    [
        ((1, 40, 999, 7, 10, 10, 0, 10), Worst(0, 40, 40)),  # a stake, until it ends
        ((0, 40, 400, 7, 10, 10, 0, 0), Worst(400, 40, 7)),
        ((0, 40, 400, 7, 10, 0, 0, 0), Worst(0, 0, 0)),
        ((0, 40, 400, 7, 10, 9, 1, 3), Worst(200, 20, 4)),
        ((0, 40, 400, 7, 10, 11, 0, 0), Worst(400, 40, 7)),  # more than was approved: what was approved, no share of it
        ((0, 40, 400, 0, 10, 10, 0, 0), Worst(400, 40, 20)),
        ((0, 40, 0, 0, 0, 5, 0, 0), Worst(40, 40, 2)),
        ((0, 40, 400, 30, 1, 1, 0, 1), Worst(0, 0, 0)),  # its one lot was sold
    ],
)
def test_what_a_setup_can_still_come_to(figures, wanted):
    """(superp, in use, notional, risk, lots, entered, taken, exited); a risk that is not known is the stop's."""
    assert worst_of(*figures, stop=0.05) == wanted


def test_without_a_stop_all_of_the_notional_is_at_risk():
    assert worst_of(0, 40, 400, 0, 10, 10, 0, 0, stop=0.0) == Worst(400, 40, 400)


def test_stops_rest_in_no_book():
    """A further entry of the same trade may reach beyond their triggers."""
    book = Book()
    k = begun(book)
    book.rest(k, TARGET, 4, 10, now=0, side=-1, price=95)
    book.rest(k, TARGET, 5, 10, now=0, side=-1, price=94)
    book.rest(k, TARGET, 6, 10, now=0, side=-1, price=0)  # at the market: it rests at no price
    book.rest(k, STOP, 7, 10, now=0, side=-1, price=93)
    assert exposure(book, WALLETS, 0).best_sell[0] == 94


def test_room_for_all_orders_that_a_setup_may_come_to_need():
    book = Book()
    assert book.free_slots() <= SLOTS
    for n in range(1, LEGS - EACH + 1):
        add(book.legs, n, 0, 0, STOP, 1, 0, 0, 0)
    assert book.free_slots() == 0
    assert not book.free_slots()
    book.leg(1)["id"] = 0
    assert book.free_slots() == 1


STEPS = st.lists(st.tuples(st.sampled_from(["fill", "part", "cancel", "end", "exit"]), st.integers(0, 4)), max_size=25)


@given(steps=STEPS, shares=st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_the_worst_case_never_falls_below_what_can_still_be_held(steps, shares):
    """T8: partial fills, cancels and exits in any order: the count covers position + all that may still fill."""
    book = Book()
    lots = sum(shares)
    k = begun(book, lots=lots, worth=lots * 10, margin=lots * 10, risk=lots)
    for n, qty in enumerate(shares):
        book.rest(k, ENTRY, n + 1, qty, now=1, side=1, price=90)
    before = exposure(book, WALLETS, 2).notional[0]
    for what, n in steps:
        leg, s = book.leg(n + 1), book.table[k]
        if what == "exit" and s["entered"] > s["exited"]:
            s["exited"] += 1
        elif leg is None:
            continue
        elif what in ("fill", "part"):
            book.fill(n + 1, CONTRACT, 90, int(leg["left"]) if what == "fill" else max(1, int(leg["left"]) // 2), 3)
            if leg["left"] == 0:
                book.ended(n + 1)
        elif what == "cancel":
            withdraw(leg, book.requests[0])
        elif leg["leaving"]:
            book.ended(n + 1)
        found = exposure(book, WALLETS, 4)
        waiting = sum(int(one["left"]) for one in book.of(k) if one["role"] == ENTRY)
        alive = int(s["entered"] - s["exited"]) + waiting
        assert found.notional[0] == 10 * alive
        assert found.in_use[0] >= 10 * alive
        assert found.heat[0] >= alive
        assert found.notional[0] <= before  # nothing that happens to a setup makes it larger than approved
