"""B2: touch, order-flow imbalance and its multi-level form against books of dicts and sums over lists."""

from __future__ import annotations

import math

import pytest
from feature_feed import DictBook, Player, Window, assert_close, random_rows

from tickerml.features import flow, multilevel
from tickerml.tape.rows import BUY, SECOND, SELL, Kind

TICK, LOT = 0.5, 0.01


def touch_oracle(book):
    if not book.usable:
        return dict.fromkeys(("bid", "mid", "microprice", "spread", "spread_bps", "queue_imbalance"), math.nan)
    (bid, q_bid), (ask, q_ask) = book.best(BUY), book.best(SELL)
    mid = (bid + ask) / 2 * TICK
    return {
        "bid": bid * TICK,
        "ask": ask * TICK,
        "bid_size": q_bid * LOT,
        "ask_size": q_ask * LOT,
        "mid": mid,
        "microprice": (ask * TICK * q_bid + bid * TICK * q_ask) / (q_bid + q_ask),
        "spread": (ask - bid) * TICK,
        "spread_ticks": ask - bid,
        "spread_bps": 10_000 * (ask - bid) * TICK / mid,
        "queue_imbalance": (q_bid - q_ask) / (q_bid + q_ask),
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_touch(seed):
    rows, book, known = random_rows(seed), DictBook(), 0
    player = Player("touch")
    for row in rows:
        fields = player.step(row)
        plain = dict(zip(row.dtype.names, row.tolist(), strict=True))
        book.apply(plain)
        if plain["flags"] & 1 or plain["kind"] == Kind.GAP:
            wanted = touch_oracle(book)
            known += not math.isnan(wanted["mid"])
            assert_close(fields, wanted, plain)
    assert known > 500


def gain(before, after, better):
    """The event of one queue, as the paper writes it, with levels (price or None, size)."""
    (p0, q0), (p1, q1) = before, after
    if p0 is None or p1 is None:
        return q1 - q0
    return (q1 if p1 == p0 or better(p1, p0) else 0) - (q0 if p1 == p0 or better(p0, p1) else 0)


def higher(x, y):
    return x > y


def lower(x, y):
    return x < y


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_order_flow_imbalance(seed):
    window, book, before, seen = Window(2 * SECOND), DictBook(), None, 0
    rows = random_rows(seed)
    player = Player("flow", flow.Params(window=2 * SECOND))
    for row in rows:
        fields = player.step(row)
        plain = dict(zip(row.dtype.names, row.tolist(), strict=True))
        book.apply(plain)
        if not (plain["flags"] & 1 or plain["kind"] in (Kind.GAP, Kind.TIMER)):
            continue
        now, touch = plain["recv"], (book.best(BUY), book.best(SELL))
        window.see(now)
        if not book.valid:
            window.restart()
            before = None
        elif before is None:
            window.restart()
            window.see(now)
            before = touch
        elif touch != before:
            e = gain(before[0], touch[0], higher) - gain(before[1], touch[1], lower)
            window.put(now, e, touch[0][1] + touch[1][1])
            before = touch
        events = window.inside(now)
        if book.valid and window.full(now):
            seen += 1
            e, total = sum(v[0] for v in events), sum(abs(v[0]) for v in events)
            average = sum(v[1] for v in events) / 2 / len(events) if events else 0
            wanted = {
                "ofi": e * LOT,
                "ofi_ratio": e / total if total else 0,
                "ofi_scaled": e / average if average else 0,
            }
        else:
            wanted = dict.fromkeys(flow.FIELDS, math.nan)
        assert_close(fields, wanted, plain)
    assert seen > 300


@pytest.mark.parametrize("seed", [6, 7])
def test_multi_level_order_flow_imbalance(seed):
    window, book, before, seen = Window(SECOND), DictBook(), None, 0
    rows = random_rows(seed, 2500)
    player = Player("multilevel", multilevel.Params(window=SECOND))
    for row in rows:
        fields = player.step(row)
        plain = dict(zip(row.dtype.names, row.tolist(), strict=True))
        book.apply(plain)
        if not (plain["flags"] & 1 or plain["kind"] in (Kind.GAP, Kind.TIMER)):
            continue
        now = plain["recv"]
        ten = [([*book.walk(side), *[(None, 0)] * 10])[:10] for side in (BUY, SELL)]
        window.see(now)
        if not book.valid:
            window.restart()
            before = None
        elif before is None:
            window.restart()
            window.see(now)
            before = ten
        elif ten != before:
            e = [gain(before[0][m], ten[0][m], higher) - gain(before[1][m], ten[1][m], lower) for m in range(10)]
            window.put(now, e, sum(q for side in ten for _, q in side))
            before = ten
        events = window.inside(now)
        if book.valid and window.full(now):
            seen += 1
            sums = [sum(v[0][m] for v in events) for m in range(10)]
            level = sum(v[1] for v in events) / 20 / len(events) if events else math.inf
            wanted = {f"mlofi_{m + 1}": sums[m] * LOT for m in range(10)}
            assert_close(fields, wanted | {"mlofi": sum(sums) / 10 / level}, plain)
        else:
            assert_close(fields, dict.fromkeys(multilevel.FIELDS, math.nan), plain)
    assert seen > 300
