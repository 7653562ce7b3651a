"""The simulated venue, one rule at a time: SuperP, funding, bars, balance, latency, rejects."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from venue_driver import Venue, depth, row, snapshot, trade

from tickerml.sim.draws import seed_words
from tickerml.sim.orders import Cause, new_mail
from tickerml.sim.outbox import deliver_notice, next_notice
from tickerml.sim.slippage import worsened
from tickerml.sim.superp import payoff
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderFlag, OrderState
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.orders import TimeInForce as F
from tickerml.tape.params import params_record
from tickerml.tape.rows import BUY, FOREVER, SELL, Kind
from tickerml.tape.tables import BAR, VALUE

BOOK = {"bids": {99: 10, 98: 10}, "asks": {101: 10, 103: 10}}


def venue(**changes):
    v = Venue(queue="tickerml.sim.queue.back", **changes)
    v.feed(snapshot(0, **BOOK))
    return v


def short(answers):
    return [(A(a["kind"]), int(a["price"]), int(a["qty"]), R(a["reason"])) for a in answers]


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
    assert settled["amount"] == payoff(1000, 2.0, 1, 101, out, 100_000)
    assert v.mail["cash"][0] == 10_000 + settled["amount"]


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


# bars


def bars(v, *candles):
    """(close time, open, high, low, close, volume); each lasts 60 ns."""
    v.bars = np.zeros(len(candles), BAR)
    rows = []
    for k, (time, o, h, low, c, volume) in enumerate(candles):
        v.bars[k] = (time - 60, 60, o, h, low, c, volume, -1, -1, -1)
        rows.append(row(Kind.BAR, time, price=c, qty=volume, ref=k))
    v.feed(*rows)


def bar_venue(*candles, **changes):
    v = Venue(queue="tickerml.sim.queue.back", bar_only=1, **changes)
    bars(v, *candles)
    return v


FLAT = (60, 100, 100, 100, 100, 50)


def test_a_market_order_on_bars_executes_at_the_worsened_last_close():
    v = bar_venue(FLAT, slippage_rate=1_000_000)  # 1 %
    v.send(10, BUY, qty=5, type=T.MARKET)
    v.send(70, BUY, qty=5, type=T.MARKET)
    v.send(80, SELL, qty=5, type=T.MARKET)
    assert short(v.run()) == [(A.REJECT, 0, 0, R.BOOK_INVALID), (A.FILL, 101, 5, R.NONE), (A.FILL, 99, 5, R.NONE)]


def test_slippage_rounds_against_the_order():
    v = bar_venue(slippage_rate=10_000, slippage_range=50_000_000)
    assert worsened(v.rules[0], BUY, 100, 3) == 102
    assert worsened(v.rules[0], SELL, 100, 3) == 98


def test_stop_before_target_when_both_lie_inside_a_bar():
    v = bar_venue(FLAT, (180, 100, 120, 80, 100, 50))
    v.send(70, BUY, qty=5, type=T.MARKET)
    v.send(71, SELL, 110, qty=5, flags=OrderFlag.REDUCE_ONLY)
    v.send(72, SELL, qty=5, type=T.STOP, trigger=90, flags=OrderFlag.REDUCE_ONLY)
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


# latency


def latency(name, **params):
    module = importlib.import_module(f"tickerml.sim.latency.{name}")
    return module, params_record(module.Params(**params))


def test_latencies_apart_and_in_order():
    module, lat = latency("constant", entry_ns=100, cancel_ns=10, response_ns=7)
    v = Venue(queue="tickerml.sim.queue.back")
    v.lat = lat
    v.feed(snapshot(0, **BOOK))
    order_id = v.send(1000, BUY, 98)
    v.cancel(1001, order_id)  # faster, but may not overtake
    ack, canceled = v.run()
    assert (ack["at"], ack["visible"], canceled["at"]) == (1100, 1107, 1100)
    assert module.cancel(lat, v.mail, 0) == 10


def test_feed_latency_scales_with_the_rows():
    module, lat = latency("feed", entry_factor=2.0, cancel_factor=0.5, base_ns=3)
    mail = new_mail()[0]
    assert (module.entry(lat, mail, 100), module.cancel(lat, mail, 100), module.response(lat, mail, -50)) == (
        203,
        53,
        3,
    )


def test_random_latency_repeats_with_its_seed_and_loses_its_share():
    module, lat = latency("distribution", lost=0.1, floor_ns=1000, entry_ns=5000.0)
    draws = []
    for _ in range(2):
        mail = new_mail(seed_words(7))[0]
        draws.append([int(module.entry(lat, mail, 0)) for _ in range(4000)])
    assert draws[0] == draws[1]
    arrived = np.array([d for d in draws[0] if d > 0])
    assert 0.08 < 1 - len(arrived) / 4000 < 0.12
    assert arrived.min() > 1000
    assert np.median(arrived) == pytest.approx(6000, rel=0.05)


def test_a_lost_request_is_told_and_never_arrives():
    v = Venue(queue="tickerml.sim.queue.back", latency="tickerml.sim.latency.distribution")
    _, v.lat = latency("distribution", lost=1.0, lost_ns=500)
    v.feed(snapshot(0, **BOOK))
    v.send(100, BUY, 98)
    assert v.run() == []
    assert next_notice(v.mail) == 600
    deliver_notice(v.mail)
    v.collect()
    (answer,) = v.answers
    assert (answer["kind"], R(answer["reason"]), answer["visible"]) == (A.REJECT, R.GATEWAY, 600)
    assert next_notice(v.mail) == FOREVER
    assert v.v["n"] == 0


# bars and trades of two instruments do not mix


def test_instruments_are_apart():
    v = Venue(queue="tickerml.sim.queue.back", n=2)
    v.feed(snapshot(0, **BOOK, inst=0), snapshot(0, {49: 5}, {51: 5}, inst=1), trade(50, SELL, 97, 9, inst=1))
    v.send(10, BUY, 98, inst=0)
    v.send(11, BUY, 50, qty=4, inst=1)
    assert [(int(a["inst"]), A(a["kind"])) for a in v.run()] == [(0, A.ACK), (1, A.ACK)]
