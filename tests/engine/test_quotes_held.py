"""What a compiled strategy may hold and send: no limit of its envelope is passed, whatever is under way."""

from __future__ import annotations

import json

import numpy as np
import pytest

from small_runs import machine, market, settings
from tickerml.engine.machine import drive
from tickerml.run.commands import Command, Commands
from tickerml.strategies import quoter
from tickerml.tape.rows import SECOND, Kind

LOSSY = {"model": "distribution", "params": {"lost": 0.05}}
SIZE, MOST = 0.8, 1.0  # base units


def driven(params, latency=None, minutes=3, cash=10_000_000, **limits):
    """The quoter on a busy market of one coin whose orders fill at once."""
    tape = market("busy", minutes=minutes, coins=("BTC",))
    one, made = machine(params, tape, settings(latency=latency or {}, limits=limits), cash=cash)
    drive(one, tape.blocks())
    return one, made


def told(made, kind):
    """(row, order) of each row of a kind."""
    return [(r, b.orders[r["ref"]]) for b in made for r in b.rows if r["kind"] == kind]


def held(made, lot=0.001):
    """Position behind each fill in the venue's order, base units."""
    fills = sorted((int(o["at"]), int(r["side"]) * int(r["qty"])) for r, o in told(made, Kind.FILL))
    return np.cumsum([lots for _, lots in fills]) * lot


def lot_of(one):
    return float(one.trader.books.instruments[0].lot)


@pytest.mark.parametrize("latency", [{"entry_ms": 10.0}, {"entry_ms": 150.0, "response_ms": 150.0}, LOSSY])
@pytest.mark.parametrize("behind", [0, 1])
def test_no_position_passes_the_envelope(latency, behind):
    one, made = driven(quoter.Params(size=SIZE, max_position=MOST, behind=behind), latency)
    positions = held(made, lot_of(one))
    assert len(positions) > 3, "too few fills: this shows nothing"
    assert np.abs(positions).max() <= MOST + 1e-9
    assert np.abs(positions).max() >= SIZE - 1e-9
    assert one.loop.working["refused"][0] > 0


def test_a_wider_hard_limit_lets_the_strategys_own_rule_decide():
    """The quoter's own rule looks at what it has been told that it holds: orders under way pass it."""
    params = quoter.Params(size=SIZE, max_position=MOST, behind=0, hard_limit=1e6)
    one, made = driven(params, {"entry_ms": 150.0, "response_ms": 150.0}, max_in_use=1.0, max_position=1.0)
    assert np.abs(held(made, lot_of(one))).max() > MOST


@pytest.mark.parametrize(("share", "size"), [(0.1, 0.004), (0.25, 0.01)])
def test_the_limits_of_the_account_hold_whatever_the_strategy_asks_for(share, size):
    """Worth of the position and of its orders at each execution against the equity that was told before it."""
    one, made = driven(quoter.Params(size=size, max_position=1e6, behind=0), cash=10_000, max_position=share)
    rows = np.concatenate([b.rows for b in made])
    equity, worst, lots, unit = 10_000.0, 0.0, 0, float(one.loop.envelopes[0]["unit"])
    decimals = one.trader.books.wallets.decimals[0]
    for row in rows:
        if row["kind"] == Kind.BALANCE and row["side"] == 0:
            equity = float(row["qty"]) / 10**decimals
        elif row["kind"] == Kind.FILL:
            lots += int(row["side"]) * int(row["qty"])
            worst = max(worst, abs(lots) * int(row["price"]) * unit / 10**decimals / equity)
    assert 0.5 * share < worst <= share * 1.001, "a price that moves behind an order may add a little"


def test_a_wallet_without_money_is_granted_nothing():
    one, made = driven(quoter.Params(), cash=0)
    assert not told(made, Kind.SUBMIT)
    assert one.loop.working["refused"][0] > 0


@pytest.mark.parametrize(("key", "most", "span"), [("messages_symbol", 5, SECOND), ("messages", 3, SECOND)])
def test_new_quotes_keep_the_rate(key, most, span):
    one, made = driven(quoter.Params(behind=0), **{key: most})
    at = np.array(sorted(int(r["recv"]) for kind in (Kind.SUBMIT, Kind.CANCEL) for r, _ in told(made, kind)))
    new = [int(r["recv"]) for r, _ in told(made, Kind.SUBMIT)]
    before = [int(((at > time - span) & (at <= time)).sum()) for time in new]
    assert max(np.bincount(before).nonzero()[0]) <= most + 1, "cancels of the same wake may come on top"
    assert len(new) > 10
    assert one.loop.working["late"][0] > 0
    assert one.loop.working["late"][0] <= one.loop.working["refused"][0]


def test_quotes_have_a_days_count_and_their_cancels_leave_all_the_same():
    one, made = driven(quoter.Params(behind=0), quotes_day=40)
    new, gone = len(told(made, Kind.SUBMIT)), len(told(made, Kind.CANCEL))
    latch = one.trader.desk.memory.latch[0]
    assert 20 <= new < 40
    assert latch["quotes"] == new + gone <= 42
    assert latch["messages"] == 0, "the desk's own are not used up"
    assert one.loop.working["late"][0] > 100


def changes(made, what):
    """(ns, instrument, figures) of the DESK rows that say `what`."""
    rows = [(r, json.loads(b.blobs[r["ref"]])) for b in made for r in b.rows if r["kind"] == Kind.DESK]
    return [(int(r["recv"]), int(r["inst"]), told) for r, told in rows if told["what"] == what]


def test_the_grant_is_told_before_the_first_quote_and_what_it_refused_at_the_end():
    one, made = driven(quoter.Params(size=SIZE, max_position=MOST, behind=0))
    kinds = np.concatenate([b.rows["kind"] for b in made])
    ((_, inst, told_of),) = changes(made, "envelope granted")
    assert int(np.flatnonzero(kinds == Kind.DESK)[0]) < int(np.flatnonzero(kinds == Kind.INTENT)[0])
    lot, e = lot_of(one), one.loop.envelopes[0]
    assert (inst, told_of["max_position"], told_of["max_order"]) == (0, round(MOST / lot), round(SIZE / lot))
    assert [told_of[key] for key in ("position_share", "messages", "quotes_day")] == [
        e[key].item() for key in ("position_share", "messages", "quotes_day")
    ]
    ((_, _, refused),) = changes(made, "quotes refused")
    w = one.loop.working[0]
    assert (refused["sent"], refused["refused"], refused["by_rate"]) == (w["sent"], w["refused"], w["late"])
    assert not changes(made, "envelope revoked")


@pytest.mark.parametrize("chunk", [None, 61])
def test_what_takes_the_quotes_away_revokes_the_grant_and_it_is_told_when_it_is_back(chunk):
    tape = market("busy", minutes=5, coins=("BTC",))
    one, made = machine(quoter.Params(behind=0), tape, settings())
    stop, again = Command("stop", "news", after=4_000), Command("resume", "read it", after=9_000)
    drive(one, Commands(one, None, [stop, again]).through(tape.blocks()), chunk=chunk)
    (first, *_), (second, *_) = changes(made, "envelope granted")
    ((revoked, _, told_of),) = changes(made, "envelope revoked")
    (killed,) = [time for time, *_ in changes(made, "killed")]
    assert first < revoked == killed < second
    assert told_of["coins"] == 1
    new = [int(r["recv"]) for r, _ in told(made, Kind.SUBMIT)]
    assert [time for time in new if time >= second]
    assert not [time for time in new if revoked <= time < second]
