"""B2: taker flow, large trades and orders, what becomes of displayed orders, against lists looked through each time."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from feature_feed import DictBook, Player, Row, Window, assert_close, instrument, random_rows

from tickerml.features import large, orders, trades
from tickerml.tape.rows import BUY, SECOND, SELL, Flag, Kind

LOT = 0.01


class TickRule:
    def __init__(self):
        self.prices = []

    def side(self, row):
        self.prices.append(row["price"])
        return row["side"] or self.sign()

    def sign(self):
        changes = [b - a for a, b in pairwise(self.prices) if b != a]
        return 0 if not changes else 1 if changes[-1] > 0 else -1


@pytest.mark.parametrize("seed", [31, 32])
def test_taker_flow(seed):
    window, rule, known = Window(2 * SECOND), TickRule(), 0
    player = Player("trades", trades.Params(window=2 * SECOND))
    for n, row in enumerate(random_rows(seed, 3000)):
        fields, plain = player.step(row), Row(row)
        now = plain["recv"]
        window.see(now)
        if plain["kind"] == Kind.TRADE:
            window.put(now, rule.side(plain), plain["qty"])
        if not plain.ends:
            continue
        events = window.inside(now)
        bought = sum(q for side, q in events if side > 0)
        sold = sum(q for side, q in events if side < 0)
        unknown = math.nan if not window.full(now) else 1
        wanted = {
            "tick_rule": rule.sign() or math.nan,
            "trade_imbalance": (bought - sold) / (bought + sold) if bought + sold else math.nan,
            "buy_volume": bought * LOT * unknown,
            "sell_volume": sold * LOT * unknown,
            "trade_count": len(events) * unknown,
        }
        known += window.full(now) and bought > 0
        assert_close(fields, wanted, n)
    assert known > 300


@pytest.mark.parametrize(("seed", "inverse", "dollar"), [(33, False, 0.05), (34, True, 0.01), (35, False, 0.5)])
def test_large_trades_and_orders(seed, inverse, dollar):
    inst = instrument(inverse=inverse)
    prints, placed, rule, book, seen = Window(2 * SECOND), Window(2 * SECOND), TickRule(), DictBook(), [0, 0]
    player = Player("large", large.Params(window=2 * SECOND, dollar=dollar), inst)
    was_valid = False

    def value(row, lots):
        return lots * (row["price"] * inst["unit"] + inst["lot_value"])

    for n, row in enumerate(random_rows(seed, 3000)):
        fields, plain = player.step(row), Row(row)
        book.apply(plain)
        now = plain["recv"]
        prints.see(now)
        if book.valid != was_valid:
            placed.restart()
            was_valid = book.valid
        placed.see(now)
        if plain["kind"] == Kind.TRADE:
            side = rule.side(plain)
            prints.put(now, side, value(plain, plain["qty"]))
        growth = plain["qty"] - book.was
        if plain["kind"] == Kind.DEPTH and growth > 0 and book.valid and not plain["flags"] & Flag.SNAPSHOT:
            placed.put(now, plain["side"], value(plain, growth))
        if not plain.ends:
            continue
        wanted = {}
        for name, low, high in (("1k", 1e3, 1e4), ("10k", 1e4, 1e5), ("100k", 1e5, math.inf)):
            for kind, window, ok in (("trade", prints, True), ("order", placed, book.valid)):
                events = [e for e in window.inside(now) if low * dollar <= e[1] < high * dollar]
                unknown = 1 if window.full(now) and ok else math.nan
                wanted[f"large_{kind}s_{name}"] = len(events) * unknown
                wanted[f"large_{kind}_flow_{name}"] = sum(side * v for side, v in events) * unknown
                seen[kind == "order"] += unknown == 1 and len(events) > 0
        assert_close(fields, wanted, n)
    assert min(seen) > 100


@pytest.mark.parametrize(("seed", "bps"), [(36, 50.0), (37, 3.0)])
def test_what_becomes_of_orders(seed, bps):
    length = 2 * SECOND
    window, book, band, seen = Window(length), DictBook(), None, 0
    player = Player("orders", orders.Params(window=length, bps=bps))
    wanted, emitted, fresh = dict.fromkeys(orders.FIELDS, math.nan), None, False
    for n, row in enumerate(random_rows(seed, 4000)):
        fields, plain = player.step(row), Row(row)
        book.apply(plain)
        now = plain["recv"]
        if plain["kind"] == Kind.CLEAR or (not book.valid and plain.ends):
            fresh = fresh or band is not None
            window.restart()
            band = None
        if band is not None:
            if window.first is None or now // (length // 64) != emitted:
                fresh = True
                emitted = now // (length // 64)
            window.see(now)
            change = plain["qty"] - book.was
            if plain["kind"] == Kind.DEPTH and not plain["flags"] & Flag.SNAPSHOT:
                near = plain["price"] >= band[0] if plain["side"] == BUY else plain["price"] <= band[1]
                window.put(now, max(0, change) * near, max(0, -change) * near, 0)
            elif plain["kind"] == Kind.TRADE:
                window.put(now, 0, 0, plain["qty"])
        if not plain.ends:
            continue
        if book.usable:
            mid = (book.best(BUY)[0] + book.best(SELL)[0]) / 2
            band = (mid * (1 - bps / 1e4), mid * (1 + bps / 1e4))
        if fresh:
            fresh = False
            wanted = dict.fromkeys(orders.FIELDS, math.nan)
            if book.valid and band is not None and window.full(now):
                added, removed, traded = (sum(e[k] for e in window.inside(now)) for k in range(3))
                gone = max(0, removed - traded)
                seen += gone > 0
                wanted = {
                    "order_adds": added * LOT / 2,
                    "order_cancels": gone * LOT / 2,
                    "cancellation_rate": gone / removed if removed else math.nan,
                    "cancel_to_add": gone / added if added else math.nan,
                }
        assert_close(fields, wanted, n)
    assert seen > 30
