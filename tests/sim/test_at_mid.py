"""Executions at the mid: the compiled venue against a plain oracle, and the rules one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_market import by_time, market_rows, random_requests, run_kernel, told
from venue_driver import Venue, bar_venue, depth, row, short, snapshot
from venue_oracle import AtMid

from tickerml.sim.orders import Cause
from tickerml.sim.superp import payoff
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderFlag, OrderState
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.orders import TimeInForce as F
from tickerml.tape.rows import BUY, SELL, Flag, Kind

BOOK = {"bids": {98: 10}, "asks": {101: 10}}  # the mid is 99.5


def venue(**changes):
    v = Venue(queue="tickerml.sim.queue.back", at_mid=1, remember_taken=1, **changes)
    v.feed(snapshot(0, **BOOK))
    return v


def compare(seed, n_rows, n_requests, trigger_by):
    rng = np.random.default_rng(seed)
    rows, requests = market_rows(rng, n_rows), random_requests(rng, n_requests, n_rows * 10)
    oracle = AtMid(trigger_by=trigger_by, maker=20_000, taker=50_000)
    oracle.run(by_time(rows, requests))
    oracle.expire(int(rows["exch"][-1]) + 10_000)
    v = run_kernel(rows, requests, at_mid=1, trigger_by=trigger_by)
    assert told(v.answers) == [tuple(map(int, a)) for a in oracle.answers]
    assert int(v.v["net"]) == int(v.v["position"]) == oracle.net
    assert int(v.mail["cash"][0]) - int(v.v["cost"]) == oracle.cash_flow
    assert v.v["n_taken"] == 0
    return v, rows, requests


def test_same_as_the_oracle_in_bulk():
    kinds = set()
    for seed in range(60):
        v, _, _ = compare(3000 + seed, 150, 60, 1 + seed % 3)
        kinds |= {int(a["kind"]) for a in v.answers}
    assert kinds >= {A.ACK, A.FILL, A.CANCELED, A.EXPIRED, A.REJECT, A.CANCEL_REJECT, A.TRIGGERED}


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 25), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_same_as_the_oracle(seed, n_rows, n_requests, trigger_by):
    compare(seed, n_rows, n_requests, trigger_by)


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_and_stopping_at_answers_change_nothing(chunk):
    for seed in range(10):
        v, rows, requests = compare(seed, 150, 60, 3)
        cut = run_kernel(rows, requests, chunk=chunk, at_mid=1)
        assert np.array(v.answers).tobytes() == np.array(cut.answers).tobytes()
        assert v.venues.tobytes() == cut.venues.tobytes()


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_lots_are_conserved_and_limits_hold(seed):
    rng = np.random.default_rng(seed)
    rows, requests = market_rows(rng, 80), random_requests(rng, 30, 800)
    orders = {r[2].id: r[2] for r in requests if r[0] == "new"}
    v = run_kernel(rows, requests, at_mid=1)
    filled = dict.fromkeys(orders, 0)
    for a in v.answers:
        o = orders.get(int(a["id"]))
        if a["kind"] == A.FILL:
            assert o is not None
            filled[o.id] += int(a["qty"])
            assert a["left"] == o.qty - filled[o.id]
            assert a["left"] == 0 or o.reduce, "an execution at the mid is whole"
            assert not o.price or (o.price - a["price"]) * o.side >= 0
    assert v.v["position"] == v.v["net"] == sum(orders[i].side * filled[i] for i in orders)


def test_market_orders_meet_the_mid_whole_and_half_ticks_favour_the_trader():
    v = venue()
    v.send(10, BUY, qty=500, type=T.MARKET)
    v.send(20, SELL, qty=300, type=T.MARKET)
    assert short(v.run()) == [(A.FILL, 99, 500, R.NONE), (A.FILL, 100, 300, R.NONE)]


def test_limit_orders_execute_when_the_mid_reaches_them():
    v = venue()
    v.feed(depth(50, SELL, 101, 0, 0), depth(50, SELL, 100, 3), depth(60, BUY, 98, 0, 0), depth(60, BUY, 97, 5))
    v.send(10, BUY, 99, qty=40)  # half a tick below the mid
    v.send(11, BUY, 99, qty=40, tif=F.GTX)
    v.send(12, BUY, 100, qty=7, tif=F.GTX)  # above it
    v.send(13, BUY, 99, qty=7, tif=F.IOC)
    v.send(14, BUY, 98, qty=40)
    got = [(int(a["at"]), A(a["kind"]), int(a["price"]), int(a["maker"]), R(a["reason"])) for a in v.run()]
    assert got == [
        (10, A.ACK, 99, 0, R.NONE), (11, A.ACK, 99, 0, R.NONE), (12, A.REJECT, 100, 0, R.POST_ONLY),
        (13, A.CANCELED, 99, 0, R.IOC), (14, A.ACK, 98, 0, R.NONE),
        (50, A.FILL, 99, 1, R.NONE), (50, A.FILL, 99, 1, R.NONE),
    ]  # fmt: skip


def test_stops_execute_at_the_mid():
    v = venue()
    v.feed(depth(50, BUY, 98, 0, 0), depth(50, BUY, 91, 3))
    v.send(10, BUY, qty=50, type=T.MARKET)
    v.send(11, SELL, qty=50, type=T.STOP, trigger=96, flags=OrderFlag.REDUCE_ONLY)
    fill = v.run()[-1]
    assert (fill["at"], fill["price"], fill["qty"], v.v["position"]) == (50, 96, 50, 0)


def test_superp_opens_and_closes_at_the_mid():
    v = venue(superp_cost=0)
    v.feed(depth(50, BUY, 100, 5))
    order_id = v.send(10, BUY, qty=1000, type=T.SUPERP, leverage=1.0)
    v.cancel(60, order_id)
    opened, settled = v.run()
    assert (opened["state"], opened["price"]) == (OrderState.OPEN, 99)
    assert (settled["cause"], settled["price"]) == (Cause.REQUEST, 101)
    assert settled["amount"] == payoff(1000, 1.0, 1, 99, 101, 0)


def test_without_both_sides_there_is_no_mid():
    v = Venue(queue="tickerml.sim.queue.back", at_mid=1)
    v.feed(snapshot(0, {98: 10}, {101: 10}), depth(5, SELL, 101, 0), row(Kind.GAP, 50), depth(60, SELL, 90, 1))
    v.send(10, BUY, qty=5, type=T.MARKET)
    v.send(20, BUY, 200, qty=5)
    assert short(v.run()) == [(A.CANCELED, 0, 0, R.NO_LIQUIDITY), (A.ACK, 200, 0, R.NONE)]


def test_a_halt_executes_nothing():
    v = venue()
    v.feed(row(Kind.STATUS, 20, qty=0), depth(30, SELL, 99, 3), row(Kind.STATUS, 40, qty=1), depth(50, SELL, 99, 4))
    v.send(10, BUY, 99, qty=5)
    assert [(int(a["at"]), A(a["kind"])) for a in v.run()] == [(10, A.ACK), (50, A.FILL)]


def test_on_bars_the_close_stands_for_the_mid():
    candles = ((60, 100, 100, 100, 100, 50), (120, 105, 130, 80, 104, 50), (180, 104, 104, 94, 96, 50))
    v = bar_venue(*candles, at_mid=1, slippage_rate=1_000_000, superp_cost=0)
    v.send(70, BUY, qty=5, type=T.MARKET)
    v.send(71, SELL, qty=5, type=T.STOP, trigger=97)  # not by the low of 80: by the close of 96
    v.send(72, SELL, 103, qty=6)
    superp = v.send(73, BUY, qty=1000, type=T.SUPERP, leverage=1.0)
    v.cancel(130, superp)
    got = [(int(a["at"]), A(a["kind"]), int(a["price"])) for a in v.run()]
    assert got == [
        (70, A.FILL, 100), (71, A.ACK, 0), (72, A.ACK, 103), (73, A.ACK, 100), (120, A.FILL, 103),
        (130, A.SETTLED, 104), (180, A.TRIGGERED, 0), (180, A.FILL, 96),
    ]  # fmt: skip


def test_the_flag_of_a_message_end_counts():
    """Inside a message the book is crossed for a moment: resting orders do not look."""
    v = venue()
    v.feed(depth(50, SELL, 95, 5, 0), depth(50, SELL, 95, 0, Flag.END))
    v.send(10, BUY, 98, qty=5)
    assert [A(a["kind"]) for a in v.run()] == [A.ACK]
