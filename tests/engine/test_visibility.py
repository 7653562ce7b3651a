"""The venue has applied every row by the time a strategy sees it, and answers wait for the watermark."""

from __future__ import annotations

import numpy as np
import pytest

from small_runs import machine, market, print_of, run, settings, shortened
from small_strategies import Churn
from tickerml.engine.machine import pieces
from tickerml.run.sources import open_source
from tickerml.sim.synthetic import START
from tickerml.tape.block import Block, cut
from tickerml.tape.rows import MILLISECOND, MINUTE, ROW, Flag, Kind
from tickerml.tape.tables import BAR
from tickerml.tape.venue_time import VenueFeed

LEFT_OUT = (Kind.BBO, Kind.CLOCK, Kind.TIMER)  # not the venue's business
ANSWERS = (Kind.ACK, Kind.FILL, Kind.CANCELED, Kind.REJECT)


def followed(tape, bound):
    """Rows of a tape through the venue's feed: (receive time, venue time) of each, and the clocks at the end."""
    feed = VenueFeed(len(tape.header.instruments), bound)
    received, seen = [], []
    for block in pieces(tape.blocks(), 501):
        feed.push(block)
        newest = int(block.rows["recv"][-1])
        held = feed.rows[feed.start : feed.stop]
        final = int(np.searchsorted(held["exch"], newest - bound, side="right"))
        seen.append(held[:final].copy())
        feed.start += final
        received.append(int((~np.isin(block.rows["kind"], LEFT_OUT)).sum()))
    seen.append(feed.rows[feed.start : feed.stop].copy())
    return np.concatenate(seen), sum(received), feed.clocks


def check_invariant(tape, bound):
    rows, received, clocks = followed(tape, bound)
    assert len(rows) == received > 0
    at, recv = rows["exch"], rows["recv"]
    assert (at <= recv).all(), "the venue would apply a row after it was delivered"
    assert (np.diff(at) >= 0).all(), "a row came too late for the venue's order"
    for inst in np.unique(rows["inst"]):
        mine = rows[(rows["inst"] == inst) & np.isin(rows["kind"], (Kind.DEPTH, Kind.CLEAR, Kind.GAP))]
        order = np.argsort(mine["recv"], kind="stable")
        assert (np.diff(mine["exch"][order]) >= 0).all()
    assert (at >= recv - bound).all()
    return clocks


@pytest.mark.parametrize("bound", [MILLISECOND, 50 * MILLISECOND, 10_000 * MILLISECOND])
@pytest.mark.parametrize("scenario", ["busy", "latency", "gap"])
def test_every_row_is_applied_before_it_is_seen(scenario, bound):
    check_invariant(market(scenario, minutes=4), bound)


@pytest.mark.real
@pytest.mark.parametrize(
    "path",
    ["l2/binance_spot_nexousdt", *(f"l2/binance_raw_20240808/{venue}" for venue in ("spot", "usdm", "cm"))],
)
def test_every_row_is_applied_before_it_is_seen_on_skewed_tapes(path, real_data):
    """The 2024-08 receivers were 1.3 s slow, NEXO's drifts by 0.2 s: with raw stamps most rows would be early."""
    tape = open_source(str(real_data / path))
    clocks = check_invariant(tape, 50 * MILLISECOND)
    rows = sum(map(len, tape.blocks()))
    assert clocks["early"].sum() < 0.02 * rows


@pytest.mark.real
def test_a_run_on_a_skewed_tape_keeps_the_order_of_events(real_data):
    tape = shortened(open_source(str(real_data / "l2/binance_raw_20240808/usdm")), 60_000)
    made = run("quoter", tape, settings())[1]
    assert check_answers(made, 50 * MILLISECOND) > 50


def check_answers(made, watermark):
    """No answer is shown before its event at the venue plus the watermark, nor out of order; returns their number."""
    shown, n = 0, 0
    for block in made:
        for row in block.rows:
            if int(row["kind"]) in ANSWERS:
                order = block.orders[row["ref"]]
                if order["reason"] == 16:  # lost on the way: we learn of it by ourselves
                    continue
                assert int(row["recv"]) >= int(order["at"]) + watermark
                assert int(row["recv"]) >= shown
                shown, n = int(row["recv"]), n + 1
    return n


@pytest.mark.parametrize("strategy", ["quoter", Churn(every=0.5)], ids=["quoter", "setups"])
@pytest.mark.parametrize("bound", [5, 50, 400])
def test_answers_wait_for_the_watermark(strategy, bound):
    config = settings(latency={"watermark_ms": bound, "response_ms": 1})
    made = run(strategy, market("latency", minutes=4), config)[1]
    assert check_answers(made, bound * MILLISECOND) > 20


def test_the_oracle_sees_answers_earlier_and_only_that():
    tape = market("busy", minutes=2)
    found = {}
    for visibility in ("watermark", "oracle"):
        config = settings(latency={"visibility": visibility, "response_ms": 1})
        one, made = run("quoter", tape, config)
        waits = [
            int(r["recv"]) - int(b.orders[r["ref"]]["at"]) for b in made for r in b.rows if int(r["kind"]) in ANSWERS
        ]
        found[visibility] = min(waits), print_of(one, made)
    assert found["watermark"][0] >= 50 * MILLISECOND
    assert MILLISECOND <= found["oracle"][0] < 50 * MILLISECOND
    assert found["watermark"][1] != found["oracle"][1]


def test_orders_arrive_after_they_were_sent():
    """A request is at the venue its latency later: no acknowledgement is older than that."""
    _, made = run("quoter", market("busy", minutes=2), settings(latency={"entry_ms": 30}))
    sent = {}
    for block in made:
        for row in block.rows:
            if row["kind"] not in (Kind.SUBMIT, Kind.ACK):
                continue
            order = block.orders[row["ref"]]
            if row["kind"] == Kind.SUBMIT:
                sent[int(order["id"])] = int(row["recv"])
            else:
                assert int(order["at"]) == sent[int(order["id"])] + 30 * MILLISECOND
    assert len(sent) > 50
    assert machine("quoter", market("busy", minutes=2), settings())[0].loop.core[0]["watermark"] == 50 * MILLISECOND


def test_bars_that_the_venue_has_applied_are_forgotten():
    """A feed of bars always holds the newest ones: its tables must not grow with the tape."""
    rows = np.zeros(5000, ROW)
    bars = np.zeros(5000, BAR)
    rows["recv"] = rows["exch"] = START + np.arange(5000) * MINUTE
    rows["kind"], rows["flags"], rows["ref"] = Kind.BAR, Flag.END, np.arange(5000)
    bars["close"] = 100 + np.arange(5000)
    feed, closes = VenueFeed(1, 50 * MILLISECOND), []
    for n in range(5000):
        feed.push(cut(Block(rows, bars=bars), n, n + 1))
        if n:
            closes.append(int(feed.bars[feed.rows[feed.start]["ref"]]["close"]))
            feed.start += 1
        assert len(feed.bars) < 1100
    assert closes == (100 + np.arange(4999)).tolist()
