"""The compiled venue against the plain oracle, and what must hold for every tape and every order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_market import MID, by_time, market_rows, random_requests, run_kernel, told
from venue_driver import Venue, row, snapshot
from venue_oracle import Oracle

from tickerml.sim.orders import SelfTrade
from tickerml.tape.orders import AnswerKind, OrderState, OrderType, TimeInForce
from tickerml.tape.rows import BUY, SELL, Kind

T, F, A = OrderType, TimeInForce, AnswerKind


def compare(
    seed,
    n_rows,
    n_requests,
    self_trade=SelfTrade.CANCEL_NEWEST,
    remember=False,
    trigger_by=3,
    min_notional=0,
    amends=0.0,
):
    rng = np.random.default_rng(seed)
    rows = market_rows(rng, n_rows)
    requests = random_requests(rng, n_requests, n_rows * 10, amends)
    oracle = Oracle(
        self_trade=self_trade,
        remember=remember,
        trigger_by=trigger_by,
        min_notional=min_notional,
        maker=20_000,
        taker=50_000,
    )
    expected = oracle.run(by_time(rows, requests))
    oracle.expire(int(rows["exch"][-1]) + 10_000)
    venue = run_kernel(
        rows,
        requests,
        self_trade=int(self_trade),
        remember_taken=int(remember),
        trigger_by=trigger_by,
        min_notional=min_notional,
    )
    assert told(venue.answers) == [tuple(map(int, a)) for a in oracle.answers]
    assert int(venue.v["net"]) == int(venue.v["position"]) == oracle.net
    assert int(venue.mail["cash"][0]) - int(venue.v["cost"]) == oracle.cash_flow
    return expected


@pytest.mark.parametrize("self_trade", list(SelfTrade))
@pytest.mark.parametrize("remember", [False, True])
def test_same_as_the_oracle_in_bulk(self_trade, remember):
    kinds = set()
    for seed in range(40):
        kinds |= {a[1] for a in compare(1000 + seed, 150, 60, self_trade, remember, trigger_by=1 + seed % 3)}
    assert kinds >= {A.ACK, A.FILL, A.CANCELED, A.EXPIRED, A.REJECT, A.CANCEL_REJECT, A.TRIGGERED}


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 25), st.sampled_from(list(SelfTrade)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_same_as_the_oracle(seed, n_rows, n_requests, self_trade, remember):
    compare(seed, n_rows, n_requests, self_trade, remember, min_notional=int(seed % 2) * 30_000)


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_and_stopping_at_answers_change_nothing(chunk):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rows, requests = market_rows(rng, 150), random_requests(rng, 60, 1500)
        whole, cut = run_kernel(rows, requests), run_kernel(rows, requests, chunk=chunk)
        assert told(whole.answers) == told(cut.answers)
        assert whole.venues.tobytes() == cut.venues.tobytes()
        assert whole.books.tobytes() == cut.books.tobytes()


@given(
    st.integers(0, 2**32),
    st.integers(1, 80),
    st.integers(1, 30),
    st.booleans(),
    st.sampled_from(["back", "log_probability"]),
)
@settings(max_examples=100, deadline=None)
def test_what_always_holds(seed, n_rows, n_requests, partial, queue):
    rng = np.random.default_rng(seed)
    rows, requests = market_rows(rng, n_rows), random_requests(rng, n_requests, n_rows * 10)
    rows["recv"] = rows["exch"]
    orders = {r[2].id: (r[1], r[2]) for r in requests if r[0] == "new"}
    venue = Venue(queue=f"tickerml.sim.queue.{queue}", partial=int(partial))
    for request in requests:
        if request[0] == "new":
            o = request[2]
            venue.send(request[1], o.side, o.price, o.qty, o.type, o.tif, o.trigger, expiry=o.expiry, order_id=o.id)
    venue.feed(rows)
    venue.run(int(rows["exch"][-1]) + 10_000)
    filled, fees, flow, last = dict.fromkeys(orders, 0), 0, 0, 0
    for a in venue.answers:
        sent, o = orders[int(a["id"])]
        assert a["at"] >= sent, "an order answered before it arrived"
        assert a["at"] >= last
        assert a["visible"] >= a["at"]
        last = a["at"]
        if a["kind"] == A.FILL:
            filled[o.id] += int(a["qty"])
            fees += int(a["fee"])
            flow -= int(a["side"]) * int(a["price"]) * int(a["qty"]) * 100
            assert a["qty"] > 0
            if o.price:
                assert (o.price - a["price"]) * o.side >= 0, "filled through its own limit"
        if a["kind"] in (A.FILL, A.CANCELED, A.EXPIRED, A.ACK):
            assert a["left"] == o.qty - filled[o.id], "lots appeared or disappeared"
    assert all(filled[i] <= orders[i][1].qty for i in orders)
    assert venue.v["position"] == venue.v["net"] == sum(orders[i][1].side * filled[i] for i in orders)
    assert venue.v["fees"] == fees
    assert venue.mail["cash"][0] - venue.v["cost"] == flow - fees


def test_what_is_left_out_of_the_module_changes_nothing_for_a_quoter():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rows = market_rows(rng, 200)
        requests = [r for r in random_requests(rng, 80, 2000) if r[0] == "cancel" or r[2].type == T.LIMIT]
        for request in requests:
            if request[0] == "new":
                request[2].tif, request[2].expiry = int(F.GTX), 0
        whole = run_kernel(rows, requests)
        lean = run_kernel(rows, requests, lean=True)
        assert told(whole.answers) == told(lean.answers)
        assert whole.venues.tobytes() == lean.venues.tobytes()
        assert any(a["kind"] == A.FILL for a in lean.answers)


def test_executions_never_exceed_what_was_traded_or_newly_shown():
    rng = np.random.default_rng(5)
    for _ in range(20):
        rows = market_rows(rng, 200)
        rows = rows[np.isin(rows["kind"], [Kind.DEPTH, Kind.TRADE, Kind.CLEAR])]
        venue = Venue(queue="tickerml.sim.queue.back")
        for order_id in range(1, 31):
            side = 1 if order_id % 2 else -1
            venue.send(5, side, MID - side * (order_id % 4), 7, order_id=order_id, tif=F.GTX)
        venue.feed(rows)
        venue.run(int(rows["exch"][-1]))
        made = [a for a in venue.answers if a["kind"] == A.FILL and a["maker"]]
        for time in {int(a["at"]) for a in made}:
            shown = int(rows["qty"][rows["exch"] == time].sum())
            assert sum(int(a["qty"]) for a in made if a["at"] == time) <= shown


def test_an_order_cannot_meet_a_row_of_its_own_arrival_stamp_or_before():
    venue = Venue(queue="tickerml.sim.queue.back")
    venue.feed(snapshot(0, {99: 5}, {101: 5}), row(Kind.TRADE, 50, SELL, 98, 10), row(Kind.TRADE, 51, SELL, 98, 4))
    venue.send(50, BUY, 99, 10)
    answers = venue.run(1000)
    assert [(int(a["at"]), int(a["kind"]), int(a["qty"])) for a in answers] == [(50, A.ACK, 0), (51, A.FILL, 4)]
    assert answers[-1]["state"] == OrderState.PARTIAL
