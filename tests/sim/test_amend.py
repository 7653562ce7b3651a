"""A change of a live order is one step: against the plain oracle, and one rule at a time (reliability 3, 7; T8)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_market import market_rows, random_requests, run_kernel, told
from test_matching import compare
from venue_driver import Venue, bar_venue, depth, row, snapshot, trade

from tickerml.sim.orders import SelfTrade
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderFlag, OrderState
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.orders import TimeInForce as F
from tickerml.tape.rows import BUY, SELL, Kind

BOOK = {"bids": {99: 10, 98: 10}, "asks": {101: 10, 103: 10}}


def venue(**changes):
    v = Venue(queue="tickerml.sim.queue.back", **changes)
    v.feed(snapshot(0, **BOOK))
    return v


def heard(answers):
    return [(A(a["kind"]), int(a["price"]), int(a["qty"]), int(a["left"]), R(a["reason"])) for a in answers]


@pytest.mark.parametrize("self_trade", list(SelfTrade))
def test_same_as_the_oracle_in_bulk(self_trade):
    kinds, reasons = set(), set()
    for seed in range(60):
        answers = compare(5000 + seed, 150, 80, self_trade, bool(seed % 2), 1 + seed % 3, seed % 4 * 20_000, amends=0.5)
        kinds |= {a[1] for a in answers}
        reasons |= {a[6] for a in answers if a[1] == A.AMEND_REJECT}
    assert kinds >= {A.AMENDED, A.AMEND_REJECT}
    wanted = {R.NO_SUCH_ORDER, R.AMEND, R.POST_ONLY, R.HALTED, R.MIN_NOTIONAL}
    assert reasons >= wanted


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 40), st.sampled_from(list(SelfTrade)), st.booleans())
@settings(max_examples=200, deadline=None)
def test_same_as_the_oracle(seed, n_rows, n_requests, self_trade, remember):
    compare(seed, n_rows, n_requests, self_trade, remember, min_notional=int(seed % 2) * 30_000, amends=0.4)


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=100, deadline=None)
def test_never_more_than_approved_and_a_reject_changes_nothing(seed, partial):
    rng = np.random.default_rng(seed)
    rows, requests = market_rows(rng, 80), random_requests(rng, 50, 800, amends=0.5)
    answers = run_kernel(rows, requests, partial=int(partial)).answers
    asked = {}  # most that was ever approved for an order
    for request in requests:
        if request[0] == "new":
            asked[request[2].id] = max(asked.get(request[2].id, 0), request[2].qty)
        elif request[0] == "amend":
            asked[request[2]] = max(asked.get(request[2], 0), request[5])
    filled, terms = {}, {}
    for a in answers:
        order = int(a["id"])
        if a["kind"] == A.FILL:
            filled[order] = filled.get(order, 0) + int(a["qty"])
        if a["kind"] in (A.ACK, A.FILL, A.AMENDED, A.TRIGGERED):
            assert filled.get(order, 0) + int(a["left"]) <= asked[order]
        if a["kind"] == A.AMENDED:
            assert filled.get(order, 0) + int(a["left"]) == a["qty"]
        if a["kind"] == A.AMEND_REJECT and a["state"] != 0:
            assert (int(a["left"]), int(a["price"])) == terms[order]
        if a["kind"] != A.FILL:
            terms[order] = (int(a["left"]), int(a["price"]))
        else:
            terms[order] = (int(a["left"]), terms.get(order, (0, int(a["price"])))[1])


def test_the_rest_of_a_run_is_the_same_in_chunks():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rows, requests = market_rows(rng, 150), random_requests(rng, 60, 1500, amends=0.5)
        whole, cut = run_kernel(rows, requests), run_kernel(rows, requests, chunk=3)
        assert told(whole.answers) == told(cut.answers)
        assert whole.venues.tobytes() == cut.venues.tobytes()


@pytest.mark.parametrize(("change", "place"), [({"qty": 3}, 3), ({"qty": 9}, 0), ({"price": 97}, 0)])
def test_only_a_smaller_size_keeps_the_place_in_the_queue(change, place):
    v = venue()
    v.send(10, BUY, 99, 5)
    v.feed(trade(20, SELL, 99, 10), depth(30, BUY, 99, 20))  # what was ahead is gone; 20 came behind us
    v.amend(40, 1, **change)
    v.feed(trade(50, SELL, 99 if "price" not in change else 97, 3))
    got = [(A(a["kind"]), int(a["qty"])) for a in v.run() if a["kind"] in (A.FILL, A.AMENDED)]
    amended = next(q for kind, q in got if kind == A.AMENDED)
    assert amended == change.get("qty", 5)
    assert sum(q for kind, q in got if kind == A.FILL) == place or "price" in change


def test_at_one_price_the_changed_order_comes_after_our_own_older_ones():
    v = venue()
    v.send(10, BUY, 100, 4)
    v.send(11, BUY, 100, 4)
    v.amend(12, 1, qty=6)
    v.feed(trade(20, SELL, 99, 5))  # through our price: by price, then time
    assert [(int(a["id"]), int(a["qty"])) for a in v.run() if a["kind"] == A.FILL] == [(2, 4), (1, 1)]


def test_a_stop_is_moved_without_a_moment_in_which_there_is_none():
    v = venue()
    v.send(10, BUY, qty=5, type=T.MARKET)
    v.send(11, SELL, qty=5, type=T.STOP, trigger=95, flags=OrderFlag.REDUCE_ONLY)
    v.amend(20, 2, trigger=97)
    v.feed(depth(30, BUY, 99, 0), depth(31, BUY, 98, 0, flags=0), depth(31, BUY, 97, 8))
    answers = v.run()
    assert [A(a["kind"]) for a in answers] == [A.FILL, A.ACK, A.AMENDED, A.TRIGGERED, A.FILL]
    amended = answers[2]
    assert (amended["trigger"], amended["qty"], amended["left"], amended["state"]) == (97, 5, 5, OrderState.ARMED)
    assert (answers[-1]["at"], answers[-1]["price"], v.v["net"]) == (31, 97, 0)


def test_a_stop_that_is_moved_beyond_the_market_fires_at_once():
    v = venue()
    v.send(10, BUY, qty=5, type=T.MARKET)
    v.send(11, SELL, qty=5, type=T.STOP, trigger=95, flags=OrderFlag.REDUCE_ONLY)
    v.amend(20, 2, trigger=100)
    assert [A(a["kind"]) for a in v.run()][2:] == [A.AMENDED, A.TRIGGERED, A.FILL]
    assert v.v["net"] == 0


def test_a_refused_change_leaves_the_stop_standing():
    v = venue(tick_step=1, lot_step=5, max_lots=100)
    v.send(10, BUY, qty=5, type=T.MARKET)
    v.send(11, SELL, qty=5, type=T.STOP, trigger=98, flags=OrderFlag.REDUCE_ONLY)
    for change in ({"qty": 7}, {"qty": 200}, {"trigger": -3}, {"price": 96}, {"target": 120}):
        v.amend(20, 2, **change)
    v.feed(row(Kind.STATUS, 30, qty=0), row(Kind.STATUS, 40, qty=1), depth(50, BUY, 99, 0))
    v.amend(35, 2, trigger=97)
    answers = v.run()
    refused = [R(a["reason"]) for a in answers if a["kind"] == A.AMEND_REJECT]
    assert refused == [R.LOT, R.LOT, R.TRIGGER, R.AMEND, R.AMEND, R.HALTED]
    assert [A(a["kind"]) for a in answers][-2:] == [A.TRIGGERED, A.FILL]
    assert answers[-1]["price"] == 98


def test_a_price_that_takes():
    v = venue()
    v.send(10, BUY, 95, 12)
    v.amend(20, 1, price=101)
    assert heard(v.run()) == [
        (A.ACK, 95, 0, 12, R.NONE), (A.AMENDED, 101, 12, 12, R.NONE), (A.FILL, 101, 10, 2, R.NONE),
        (A.ACK, 101, 0, 2, R.NONE),
    ]  # fmt: skip


def test_a_post_only_order_does_not_become_a_taker():
    v = venue()
    v.send(10, BUY, 95, 12, tif=F.GTX)
    v.amend(20, 1, price=101)
    assert heard(v.run())[1:] == [(A.AMEND_REJECT, 95, 0, 12, R.POST_ONLY)]
    assert v.v["orders"][0]["price"] == 95


@pytest.mark.parametrize("rule", list(SelfTrade))
def test_a_price_that_meets_our_own_order(rule):
    v = venue(self_trade=int(rule))
    v.send(10, SELL, 100, 2)
    v.send(11, BUY, 95, 3)
    v.amend(20, 2, price=100)
    last = [(int(a["id"]), A(a["kind"]), R(a["reason"])) for a in v.run()][2:]
    if rule in (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH):
        assert last == [(2, A.AMEND_REJECT, R.SELF_TRADE)]
    elif rule == SelfTrade.CANCEL_OLDEST:
        assert last == [(2, A.AMENDED, R.NONE), (1, A.CANCELED, R.SELF_TRADE), (2, A.ACK, R.NONE)]
    else:
        assert last == [(2, A.AMENDED, R.NONE)]


def test_a_whole_quantity_that_is_executed_already_ends_the_order():
    v = venue()
    v.send(10, BUY, 100, 12)
    v.feed(trade(20, SELL, 99, 7))
    v.amend(30, 1, qty=9)
    v.feed(trade(40, SELL, 99, 1))
    v.amend(50, 1, qty=8)
    assert heard(v.run())[1:] == [
        (A.FILL, 100, 7, 5, R.NONE), (A.AMENDED, 100, 9, 2, R.NONE), (A.FILL, 100, 1, 1, R.NONE),
        (A.CANCELED, 100, 0, 1, R.NONE),
    ]  # fmt: skip


def test_the_wallet_must_carry_the_larger_order_and_only_what_is_new_of_it():
    v = venue(spot=1, check_balance=1, cash=100 * 100 * 101, margin_rate=10**8, maker_rate=0, taker_rate=0)
    v.send(10, BUY, 98, 100)  # 980,000 of 1,010,000
    v.amend(20, 1, qty=103)
    v.amend(30, 1, qty=104)
    v.amend(40, 1, price=99)
    v.amend(50, 1, qty=50)
    assert [(A(a["kind"]), R(a["reason"])) for a in v.run()][1:] == [
        (A.AMENDED, R.NONE), (A.AMEND_REJECT, R.BALANCE), (A.AMEND_REJECT, R.BALANCE), (A.AMENDED, R.NONE),
    ]  # fmt: skip


def test_a_superp_position_gets_another_stop():
    v = venue(cash=10_000)
    v.send(10, BUY, qty=1000, type=T.SUPERP, leverage=2.0, trigger=90, target=200)
    v.amend(20, 1, trigger=98)
    v.amend(25, 1, qty=500)
    v.feed(depth(30, BUY, 99, 0))
    assert [(A(a["kind"]), R(a["reason"])) for a in v.run()] == [
        (A.ACK, R.NONE), (A.AMENDED, R.NONE), (A.AMEND_REJECT, R.AMEND), (A.SETTLED, R.NONE),
    ]  # fmt: skip


def test_on_bars_a_moved_stop_counts_in_full_and_one_that_waits_for_an_open_is_fixed():
    v = bar_venue((60, 100, 101, 99, 100, 50), (120, 100, 104, 96, 103, 50))
    v.send(61, SELL, qty=2, type=T.STOP, trigger=90)
    v.amend(62, 1, trigger=97)
    v.send(63, BUY, qty=1, type=T.MARKET)
    v.amend(64, 2, qty=5)
    got = [(int(a["id"]), A(a["kind"]), R(a["reason"])) for a in v.run()]
    assert got[:4] == [(1, A.ACK, 0), (1, A.AMENDED, 0), (2, A.ACK, 0), (2, A.AMEND_REJECT, R.AMEND)]
    fills = [a for a in v.answers if a["kind"] == A.FILL]
    assert (fills[-1]["id"], fills[-1]["price"]) == (1, 97)


def test_a_lost_change_is_told_and_the_order_stands():
    v = venue()
    v.send(10, BUY, 95, 3)
    v.run(15)
    from tickerml.sim.outbox import deliver_notice, lose

    lose(v.mail, 40, 4, 1, 0, BUY, int(T.LIMIT), int(F.GTC), 96, 3)
    deliver_notice(v.mail)
    v.collect()
    assert (v.answers[-1]["kind"], v.answers[-1]["reason"]) == (A.AMEND_REJECT, R.GATEWAY)
    assert v.v["orders"][0]["price"] == 95
