"""The simulated venue, one rule at a time: SuperP, funding, bars, balance, latency, rejects."""

from __future__ import annotations

import numpy as np
import pytest
from venue_driver import Venue, depth, row, short, snapshot, trade

from tickerml.sim.orders import Cause
from tickerml.sim.superp import payoff
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderFlag, OrderState
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.orders import TimeInForce as F
from tickerml.tape.rows import BUY, SELL, Kind
from tickerml.tape.tables import VALUE

BOOK = {"bids": {99: 10, 98: 10}, "asks": {101: 10, 103: 10}}


def venue(**changes):
    v = Venue(queue="tickerml.sim.queue.back", **changes)
    v.feed(snapshot(0, **BOOK))
    return v


def test_a_market_order_walks_the_book_and_the_rest_is_cancelled():
    v = venue()
    v.send(10, BUY, qty=25, type=T.MARKET)
    assert short(v.run()) == [(A.FILL, 101, 10, R.NONE), (A.FILL, 103, 10, R.NONE), (A.CANCELED, 0, 0, R.NO_LIQUIDITY)]
    assert v.v["position"] == 20


def test_lots_taken_come_back_only_when_that_is_wanted():
    for remember, second in ((0, 101), (1, 103)):
        v = venue(remember_taken=remember)
        v.send(10, BUY, qty=10, type=T.MARKET)
        v.send(20, BUY, qty=5, type=T.MARKET)
        assert [int(a["price"]) for a in v.run()] == [101, second]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"price": 0}, R.TICK),
        ({"price": 97, "qty": 0}, R.LOT),
        ({"price": 97, "qty": 7}, R.LOT),
        ({"price": 97, "qty": 2000}, R.LOT),
        ({"price": 95}, R.TICK),
        ({"price": 1, "qty": 2}, R.TICK),
        ({"price": 4, "qty": 2}, R.MIN_NOTIONAL),
        ({"price": 104, "tif": F.GTX}, R.POST_ONLY),
        ({"price": 98, "flags": OrderFlag.REDUCE_ONLY}, R.REDUCE_ONLY),
        ({"type": T.STOP, "trigger": 0}, R.TRIGGER),
        ({"type": T.SUPERP, "qty": 0}, R.TRIGGER),
        ({"price": 98, "tif": F.GTD, "expiry": 5}, R.EXPIRY),
        ({"type": 99}, R.UNKNOWN),
        ({"side": 0, "price": 98}, R.UNKNOWN),
        ({"price": 98, "qty": 1000}, R.BALANCE),
    ],
)
def test_rejects(order, reason):
    v = venue(tick_step=2, lot_step=2, max_lots=1000, min_notional=1000, check_balance=1, cash=600_000)
    v.send(10, **{"side": BUY, "qty": 2, **order})
    (answer,) = v.run()
    assert (answer["kind"], R(answer["reason"])) == (A.REJECT, reason)
    assert v.v["n"] == 0


def test_rejects_while_the_book_is_unknown_or_trading_halted():
    v = venue(superp=0)
    v.feed(row(Kind.GAP, 100), row(Kind.STATUS, 300, qty=0))
    v.send(50, BUY, 98)
    v.send(150, BUY, 98)
    v.send(200, SELL, type=T.STOP, trigger=90)
    v.send(350, BUY, 98)
    v.cancel(360, 1)
    v.cancel(370, 1)
    v.send(20, type=T.SUPERP, qty=5, leverage=1.0)
    got = [(A(a["kind"]), R(a["reason"])) for a in v.run()]
    assert got == [
        (A.ACK, R.NONE),
        (A.REJECT, R.BOOK_INVALID),
        (A.ACK, R.NONE),
        (A.REJECT, R.HALTED),
        (A.CANCELED, R.NONE),
        (A.CANCEL_REJECT, R.NO_SUCH_ORDER),
        (A.REJECT, R.HALTED),
    ]


def test_spot_cannot_sell_what_it_does_not_have():
    v = venue(spot=1, check_balance=1, cash=2_000_000, margin_rate=10**8)
    v.send(10, SELL, qty=1, type=T.MARKET)
    v.send(20, BUY, qty=10, type=T.MARKET)
    v.send(30, SELL, qty=6, price=110)
    v.send(40, SELL, qty=6, price=110)
    assert [(a["kind"], R(a["reason"])) for a in v.run()] == [
        (A.REJECT, R.BALANCE), (A.FILL, 0), (A.ACK, 0), (A.REJECT, R.BALANCE),
    ]  # fmt: skip
    assert v.mail["cash"][0] == 2_000_000 - 101 * 10 * 100 - 51  # value and 0.05 % fee, rounded half up


def test_a_stop_and_its_target_are_two_ways_out_of_the_same_spot_coins():
    v = venue(spot=1, check_balance=1, cash=2_000_000, margin_rate=10**8)
    exits = {"qty": 10, "flags": int(OrderFlag.REDUCE_ONLY)}
    v.send(20, BUY, qty=10, type=T.MARKET)
    v.send(30, SELL, type=T.STOP, trigger=90, **exits)
    v.send(40, SELL, price=110, **exits)
    v.send(50, SELL, qty=1, price=110)  # an entry of a short: the coins are spoken for
    assert [(a["kind"], R(a["reason"])) for a in v.run()] == [
        (A.FILL, 0), (A.ACK, 0), (A.ACK, 0), (A.REJECT, R.BALANCE),
    ]  # fmt: skip


def test_too_many_orders():
    v = venue()
    for k in range(130):
        v.send(10 + k, BUY, 98)
    answers = v.run()
    assert sum(a["kind"] == A.ACK for a in answers) == 128
    assert {R(a["reason"]) for a in answers if a["kind"] == A.REJECT} == {R.TOO_MANY_ORDERS}


# SuperP


def test_superp_payoff_is_limited_to_the_stake():
    assert payoff(1000, 100.0, 1, 10_000, 10_100, 100_000) == 900  # +1 % - 0.1 %, times 100
    assert payoff(1000, 100.0, -1, 10_000, 10_100, 100_000) == -1000
    assert payoff(1000, 1e4, 1, 10_000, 10_001, 100_000) == -1000
    with pytest.raises(OverflowError):
        payoff(10**18, 1e6, 1, 100, 200, 0)


@pytest.mark.parametrize(
    ("limits", "rows", "cause", "out"),
    [
        ({"target": 105}, [depth(50, BUY, 105, 1)], Cause.TARGET, 105),
        ({"trigger": 98}, [depth(50, BUY, 99, 0)], Cause.STOP, 98),
        ({"expiry": 60}, [depth(50, BUY, 100, 1)], Cause.EXPIRY, 100),
    ],
)
def test_superp_closes_at_the_touch(limits, rows, cause, out):
    v = venue(cash=10_000)
    v.feed(*rows)
    v.send(10, BUY, qty=1000, type=T.SUPERP, leverage=2.0, **limits)
    opened, settled = v.run(1000)
    assert (opened["state"], opened["price"]) == (OrderState.OPEN, 101)
    assert (settled["kind"], settled["cause"], settled["price"]) == (A.SETTLED, cause, out)
    assert settled["amount"] == payoff(1000, 2.0, 1, 101, out, 0)
    assert settled["amount"] - settled["fee"] == payoff(1000, 2.0, 1, 101, out, 100_000)
    assert settled["fee"] == 2  # 0.1 % of twice the stake
    assert v.mail["cash"][0] == 10_000 + settled["amount"] - settled["fee"]
    assert (v.v["realised"], v.v["fees"]) == (settled["amount"], settled["fee"])


def test_superp_cost_is_no_fee_where_the_stake_was_lost_without_it():
    v = venue(cash=10_000)
    v.feed(depth(50, BUY, 99, 0))
    v.send(10, BUY, qty=1000, type=T.SUPERP, leverage=100.0, trigger=98)
    settled = v.run(1000)[-1]
    assert (settled["amount"], settled["fee"]) == (-1000, 0)
    assert v.mail["cash"][0] == 9_000


def test_superp_cost_is_a_fee_as_far_as_the_stake_goes():
    v = venue(cash=10_000, superp_cost=1_000_000)
    v.feed(depth(50, BUY, 99, 0))
    v.send(10, BUY, qty=1000, type=T.SUPERP, leverage=33.0, trigger=98)
    settled = v.run(1000)[-1]
    assert settled["amount"] == payoff(1000, 33.0, 1, 101, 98, 0) == -980
    assert settled["fee"] == 20  # 1 % of 33 times the stake would be 330


def test_superp_waits_for_a_book_and_closes_on_request():
    v = venue()
    v.feed(row(Kind.GAP, 5), snapshot(50, {89: 5}, {91: 5}))
    order_id = v.send(10, SELL, qty=1000, type=T.SUPERP, leverage=1.0)
    v.cancel(60, order_id)
    armed, opened, settled = v.run()
    assert (armed["state"], opened["state"], opened["price"], opened["at"]) == (
        OrderState.ARMED,
        OrderState.OPEN,
        89,
        50,
    )
    assert (settled["cause"], settled["price"], settled["at"]) == (Cause.REQUEST, 91, 60)


# funding


def test_funding_is_paid_on_the_mark():
    v = venue()
    v.values = np.array([(1, 20.0), (0, 0.0001), (0, -0.0002)], VALUE)  # mark 20.0 = 200 ticks, then two rates
    v.feed(row(Kind.VALUE, 20, ref=0), row(Kind.VALUE, 30, ref=1), row(Kind.VALUE, 40, ref=2))
    v.send(10, BUY, qty=10, type=T.MARKET)
    paid = [a for a in v.run() if a["kind"] == A.FUNDING]
    assert [int(a["amount"]) for a in paid] == [-20, 40]  # 10 lots x 200 ticks x 100 = 200,000
    assert v.v["funding"] == 20


# more than one instrument


def test_instruments_are_apart():
    v = Venue(queue="tickerml.sim.queue.back", n=2)
    v.feed(snapshot(0, **BOOK, inst=0), snapshot(0, {49: 5}, {51: 5}, inst=1), trade(50, SELL, 97, 9, inst=1))
    v.send(10, BUY, 98, inst=0)
    v.send(11, BUY, 50, qty=4, inst=1)
    assert [(int(a["inst"]), A(a["kind"])) for a in v.run()] == [(0, A.ACK), (1, A.ACK)]
