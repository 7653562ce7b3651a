"""Fees that change on the tape: what is executed afterwards pays the new rates."""

from __future__ import annotations

import numpy as np
import pytest
from venue_driver import Venue, row, snapshot, trade

from tickerml.account.contract import share
from tickerml.sim.market import FEE_RATES
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderType as T
from tickerml.tape.rows import BUY, MINUTE, SECOND, SELL, Kind
from tickerml.tape.venue_time import VenueFeed

BOOK = {"bids": {99: 1000}, "asks": {101: 1000}}


def fees(v):
    return [int(a["fee"]) for a in v.run() if a["kind"] == A.FILL]


def test_maker_and_taker_pay_the_rates_that_the_tape_told_last():
    v = Venue(queue="tickerml.sim.queue.front", unit_value=10_000)
    v.feed(snapshot(0, **BOOK), row(Kind.PARAMS, 100, price=30_000, qty=75_000), trade(150, SELL, 99, 4))
    v.feed(row(Kind.PARAMS, 200, price=-10_000, qty=40_000), trade(250, SELL, 99, 4))
    v.send(10, BUY, 99, qty=8)
    for time in (99, 100, 200):  # at one stamp the row comes first
        v.send(time, BUY, qty=10, type=T.MARKET)
    worth = 101 * 10 * 10_000
    made = 99 * 4 * 10_000
    assert fees(v) == [
        share(worth, 50_000), share(worth, 75_000), share(made, 30_000), share(worth, 40_000), share(made, -10_000),
    ]  # fmt: skip


def test_only_the_rows_own_instrument_pays_them():
    v = Venue(queue="tickerml.sim.queue.back", n=2)
    v.feed(snapshot(0, **BOOK, inst=0), snapshot(0, **BOOK, inst=1), row(Kind.PARAMS, 5, price=1, qty=90_000, inst=1))
    v.send(10, BUY, qty=100, type=T.MARKET, inst=0)
    v.send(11, BUY, qty=100, type=T.MARKET, inst=1)
    assert fees(v) == [505, 909]


def test_other_parameters_and_runs_without_fees_are_left_alone():
    v = Venue(queue="tickerml.sim.queue.back")
    v.feed(snapshot(0, **BOOK), row(Kind.PARAMS, 5))
    v.send(10, BUY, qty=100, type=T.MARKET)
    assert fees(v) == [505]
    v = Venue(queue="tickerml.sim.queue.back", maker_rate=0, taker_rate=0)
    v.feed(snapshot(0, **BOOK), row(Kind.PARAMS, 5, price=30_000, qty=75_000))
    v.send(10, BUY, qty=100, type=T.MARKET)
    assert fees(v) == [0]


@pytest.mark.parametrize("chunk", [0, 4096])
def test_the_fees_scenario_is_charged(chunk):
    tape = synthetic_tape("fees", 7, minutes=70, coins=("DOGE",))
    v = Venue(queue="tickerml.sim.queue.back", n=1, check_balance=0)
    feed = VenueFeed(1, 2 * SECOND)
    changes = []
    for block in tape.blocks():
        feed.push(block)
        changes.append(block.rows[block.rows["kind"] == Kind.PARAMS])
    v.values = feed.values
    changes = np.concatenate(changes)
    assert len(changes) == 2
    for minute in range(1, 70):
        v.send(tape.start + minute * MINUTE, BUY if minute % 2 else SELL, qty=100, type=T.MARKET)
    rows = feed.rows[feed.start : feed.stop]
    for start in range(0, len(rows), chunk or len(rows)):
        v.feed(rows[start : start + (chunk or len(rows))])
        v.run(int(v.rows["exch"][-1]) if start + (chunk or len(rows)) >= len(rows) else int(v.rows["exch"][-1]) - 1)
    usual, raised = FEE_RATES[1], FEE_RATES[0]
    seen = set()
    for a in v.answers:
        if a["kind"] == A.FILL:
            during = changes["exch"][0] <= a["at"] < changes["exch"][1]
            rate = int((raised if during else usual)[1])
            seen.add(rate)
            assert a["fee"] == share(int(a["price"] * a["qty"]) * 100, rate)
    assert seen == {50_000, 75_000}
