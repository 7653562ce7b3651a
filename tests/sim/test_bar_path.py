"""Bar-only tapes: nothing executes at a price from before the order, and the path inside a bar is pessimistic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_driver import Venue, bar_venue, row, short

from tickerml.sim.orders import Cause
from tickerml.sim.slippage import worsened
from tickerml.sim.superp import payoff
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderFlag, OrderState
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.orders import TimeInForce as F
from tickerml.tape.rows import BUY, HOUR, SECOND, SELL, Kind
from tickerml.tape.tables import BAR

FLAT = (60, 100, 100, 100, 100, 50)


def test_a_market_order_gets_the_worsened_open_of_the_next_bar():
    v = bar_venue(FLAT, (120, 110, 130, 90, 120, 50), (180, 120, 120, 100, 100, 50), slippage_rate=1_000_000)  # 1 %
    v.send(10, BUY, qty=5, type=T.MARKET)
    v.send(60, BUY, qty=5, type=T.MARKET)  # with the close that it has seen, before the next open
    v.send(63, SELL, qty=5, type=T.MARKET)  # a twentieth of the bar: still its open
    v.send(64, SELL, qty=7, type=T.MARKET)  # inside the bar: its open was before the order
    assert [(int(a["at"]), *short([a])[0]) for a in v.run()] == [
        (10, A.REJECT, 0, 0, R.BOOK_INVALID),
        (60, A.ACK, 0, 0, R.NONE), (63, A.ACK, 0, 0, R.NONE), (64, A.ACK, 0, 0, R.NONE),
        (120, A.FILL, 112, 5, R.NONE), (120, A.FILL, 108, 5, R.NONE),
        (180, A.FILL, 118, 7, R.NONE),
    ]  # fmt: skip


def test_the_open_of_a_long_bar_is_over_after_five_seconds():
    v = Venue(queue="tickerml.sim.queue.back", bar_only=1)
    v.bars = np.zeros(2, BAR)
    v.bars[0] = (0, HOUR, 100, 100, 100, 100, 50, -1, -1, -1)
    v.bars[1] = (HOUR, HOUR, 110, 110, 110, 110, 50, -1, -1, -1)
    v.feed(row(Kind.BAR, HOUR, price=100, ref=0), row(Kind.BAR, 2 * HOUR, price=110, ref=1))
    early = v.send(HOUR + 5 * SECOND, BUY, qty=5, type=T.MARKET)
    v.send(HOUR + 5 * SECOND + 1, BUY, qty=5, type=T.MARKET)
    assert [(int(a["id"]), int(a["price"])) for a in v.run() if a["kind"] == A.FILL] == [(early, 110)]


@pytest.mark.parametrize(
    ("order", "answers"),
    [
        ({"price": 106, "tif": F.IOC}, [(60, A.ACK, R.NONE), (120, A.FILL, R.NONE)]),
        ({"price": 104, "tif": F.IOC}, [(60, A.ACK, R.NONE), (120, A.CANCELED, R.IOC)]),
        ({"price": 104}, [(60, A.ACK, R.NONE), (120, A.ACK, R.NONE), (180, A.FILL, R.NONE)]),  # rests at the open
        ({"price": 106}, [(60, A.ACK, R.NONE), (120, A.FILL, R.NONE)]),
        ({"price": 100, "tif": F.GTX}, [(60, A.REJECT, R.POST_ONLY)]),
        ({"price": 99, "tif": F.GTX}, [(60, A.ACK, R.NONE), (180, A.FILL, R.NONE)]),
        ({"type": T.MARKET, "tif": F.GTD, "expiry": 70}, [(60, A.ACK, R.NONE), (70, A.EXPIRED, R.NONE)]),
        ({"type": T.STOP, "trigger": 95}, [(60, A.TRIGGERED, R.NONE), (120, A.FILL, R.NONE)]),
        ({"type": T.MARKET, "flags": OrderFlag.REDUCE_ONLY}, [(60, A.REJECT, R.REDUCE_ONLY)]),
    ],
)
def test_what_waits_for_an_open(order, answers):
    v = bar_venue(FLAT, (120, 105, 108, 105, 105, 50), (180, 105, 105, 90, 90, 50))
    v.send(60, **{"side": BUY, "qty": 5, **order})
    assert [(int(a["at"]), A(a["kind"]), R(a["reason"])) for a in v.run()] == answers


@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_market_orders_on_bars_against_a_plain_search(seed, n_bars, n_orders):
    rng = np.random.default_rng(seed)
    candles, close, time = [], 1000, 0
    for _ in range(n_bars):
        time += 60 * int(rng.choice([1, 1, 1, 2]))  # now and then a bar is missing
        prices = close + rng.integers(-20, 21, 4)
        candles.append((time, int(prices[0]), int(prices.max()), int(prices.min()), int(prices[1]), 50))
        close = int(prices[1])
    v = bar_venue(*candles, slippage_rate=100_000, slippage_range=5_000_000)
    orders = sorted((int(rng.integers(1, time + 60)), int(rng.choice([BUY, SELL]))) for _ in range(n_orders))
    expected = {}
    for k, (sent, side) in enumerate(orders):
        v.send(sent, side, qty=5, type=T.MARKET)
        gets = [c for c in candles if c[0] - 60 + 3 >= sent]
        if gets and sent >= candles[0][0]:
            at, opened, high, low, *_ = gets[0]
            worse = -(-(opened * 100_000 + (high - low) * 5_000_000) // 100_000_000)
            expected[k + 1] = (at, opened + side * worse)
    got = {int(a["id"]): (int(a["at"]), int(a["price"])) for a in v.run() if a["kind"] == A.FILL}
    assert got == expected
    assert all(at > orders[k - 1][0] for k, (at, _) in got.items())


def test_slippage_rounds_against_the_order():
    v = bar_venue(slippage_rate=10_000, slippage_range=50_000_000)
    assert worsened(v.rules[0], BUY, 100, 3) == 102
    assert worsened(v.rules[0], SELL, 100, 3) == 98


def test_stop_before_target_when_both_lie_inside_a_bar():
    v = bar_venue(FLAT, (120, 100, 100, 100, 100, 50), (180, 100, 120, 80, 100, 50))
    v.send(60, BUY, qty=5, type=T.MARKET)
    v.send(121, SELL, 110, qty=5, flags=OrderFlag.REDUCE_ONLY)
    v.send(122, SELL, qty=5, type=T.STOP, trigger=90, flags=OrderFlag.REDUCE_ONLY)
    v.bars[2]["close"] = 115  # both orders are younger than the open: the close is through the target
    fills = [a for a in v.run() if a["kind"] == A.FILL]
    assert [(int(a["price"]), int(a["qty"])) for a in fills] == [(100, 5), (90, 5)]
    assert v.mail["ambiguous"] == 1
    assert v.v["position"] == 0


def test_gaps_fill_at_the_open_and_limits_only_when_traded_through():
    v = bar_venue(FLAT, (180, 85, 95, 80, 90, 50), (240, 90, 90, 70, 70, 3))
    v.send(70, SELL, qty=5, type=T.STOP, trigger=95)
    v.send(71, BUY, 80, qty=5)  # touched by the next bar, traded through by the last
    fills = [a for a in v.run() if a["kind"] == A.FILL]
    assert [(int(a["at"]), int(a["price"]), int(a["qty"]), int(a["maker"])) for a in fills] == [
        (180, 85, 5, 0), (240, 80, 3, 1),  # no more than the bar's volume
    ]  # fmt: skip


def test_an_order_born_inside_a_bar_does_not_know_what_came_before_it():
    v = bar_venue(FLAT, (120, 100, 130, 100, 100, 50), (180, 100, 130, 100, 100, 50))
    v.send(70, SELL, 110, qty=5)
    assert [int(a["at"]) for a in v.run() if a["kind"] == A.FILL] == [180]


def test_a_trailing_stop_on_bars_follows_the_best_price():
    v = bar_venue(FLAT, (180, 100, 120, 100, 118, 50), (240, 118, 119, 112, 112, 50))
    v.send(70, SELL, qty=5, type=T.TRAILING, trigger=25)
    v.send(71, SELL, qty=5, type=T.TRAILING, trigger=8)
    fills = [a for a in v.run() if a["kind"] == A.FILL]
    assert [(int(a["at"]), int(a["id"]), int(a["price"])) for a in fills] == [(180, 2, 112)]


def test_superp_on_bars_stops_first():
    v = bar_venue(FLAT, (180, 100, 120, 80, 100, 50), cash=0)
    v.send(70, BUY, qty=1000, type=T.SUPERP, trigger=90, target=110, leverage=1.0)
    settled = v.run()[-1]
    assert (settled["kind"], settled["cause"], settled["price"]) == (A.SETTLED, Cause.STOP, 90)
    assert v.mail["ambiguous"] == 1


def test_superp_on_bars_opens_and_closes_at_opens():
    v = bar_venue(FLAT, (120, 104, 104, 104, 104, 50), (180, 106, 106, 106, 106, 50), (240, 108, 108, 108, 108, 50),
                  slippage_rate=1_000_000)  # fmt: skip
    order_id = v.send(60, BUY, qty=1000, type=T.SUPERP, leverage=1.0)
    v.cancel(130, order_id)  # inside the third bar
    v.cancel(131, order_id)
    waits, opened, settled = v.run()
    assert (waits["state"], waits["price"]) == (OrderState.NEW, 0)
    assert (opened["at"], opened["state"], opened["price"]) == (120, OrderState.OPEN, 106)  # 1 % above the open
    assert (settled["at"], settled["cause"], settled["price"]) == (240, Cause.REQUEST, 108)
    assert settled["amount"] - settled["fee"] == payoff(1000, 1.0, 1, 106, 108, 100_000)


def test_superp_on_bars_expires_at_the_last_close():
    v = bar_venue(FLAT, (120, 104, 104, 104, 105, 50), (180, 106, 106, 106, 106, 50))
    v.send(60, BUY, qty=1000, type=T.SUPERP, leverage=1.0, expiry=130)
    settled = v.run()[-1]
    assert (settled["at"], settled["cause"], settled["price"]) == (130, Cause.EXPIRY, 105)
