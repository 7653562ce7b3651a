"""B2: depth, pressure, slope and money near the mid, against walks over a book of dicts."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from feature_feed import DictBook, Player, Row, assert_close, instrument, random_rows

from tickerml.features import depth, liquidity
from tickerml.tape.rows import BUY, SELL, Flag, Kind

LOT = 0.01


def depth_oracle(book, n):
    bids, asks = book.walk(BUY), book.walk(SELL)
    wanted = dict.fromkeys(depth.FIELDS, math.nan)
    for m in (1, 5, 10, 20):
        if book.usable and min(len(bids), len(asks)) >= m:
            b, a = sum(q for _, q in bids[:m]), sum(q for _, q in asks[:m])
            wanted[f"depth_imbalance_{m}"] = (b - a) / (b + a)
    if not book.usable or min(len(bids), len(asks)) < n:
        return wanted
    mid = Fraction(bids[0][0] + asks[0][0], 2)
    pairs = list(zip(bids[:n], asks[:n], strict=True))
    size = sum(qb + qa for (_, qb), (_, qa) in pairs)
    price = Fraction(sum(pa * qb + pb * qa for (pb, qb), (pa, qa) in pairs), size)
    wanted["price_pressure"] = float(10_000 * (price / mid - 1))
    slopes = []
    for side in (bids[:n], asks[:n]):
        distance = [abs(p - mid) for p, _ in side]
        held = [sum(q for _, q in side[: m + 1]) for m in range(n)]
        slopes.append(
            float(sum(d * h for d, h in zip(distance, held, strict=True)) / sum(d * d for d in distance)) * LOT
        )
    wanted["book_slope_bid"], wanted["book_slope_ask"] = slopes
    wanted["book_slope"] = sum(slopes) / 2
    return wanted


@pytest.mark.parametrize(("seed", "levels"), [(11, 10), (12, 3), (13, 20)])
def test_shape_of_the_book(seed, levels):
    book, known, player = DictBook(), 0, Player("depth", depth.Params(levels=levels))
    for n, row in enumerate(random_rows(seed, 3000)):
        fields, plain = player.step(row), Row(row)
        book.apply(plain)
        if plain["flags"] & Flag.END or plain["kind"] == Kind.GAP:
            wanted = depth_oracle(book, levels)
            known += not math.isnan(wanted["price_pressure"])
            assert_close(fields, wanted, n)
    assert known > 100


def liquidity_oracle(book, bps, inst):
    if not book.usable:
        return dict.fromkeys(liquidity.FIELDS, math.nan)
    mid = (book.best(BUY)[0] + book.best(SELL)[0]) / 2
    near = {
        BUY: [(p, q) for p, q in book.walk(BUY) if p >= mid * (1 - bps / 10_000)],
        SELL: [(p, q) for p, q in book.walk(SELL) if p <= mid * (1 + bps / 10_000)],
    }
    bid, ask = (sum(q * (p * inst["unit"] + inst["lot_value"]) for p, q in near[side]) for side in (BUY, SELL))
    return {"bid_depth": bid, "ask_depth": ask, "depth": bid + ask}


@pytest.mark.parametrize(("seed", "bps", "inverse"), [(14, 10.0, False), (15, 33.3, True), (16, 1000.0, False)])
def test_money_near_the_mid(seed, bps, inverse):
    inst = instrument(inverse=inverse)
    book, known, player = DictBook(), 0, Player("liquidity", liquidity.Params(bps=bps), inst)
    for n, row in enumerate(random_rows(seed)):
        fields, plain = player.step(row), Row(row)
        book.apply(plain)
        if plain["flags"] & Flag.END or plain["kind"] == Kind.GAP:
            wanted = liquidity_oracle(book, bps, inst)
            known += wanted["depth"] > 0
            assert_close(fields, wanted, n)
    assert known > 500


def test_a_side_without_levels_gives_nan_not_zero():
    player = Player("depth")
    rows = random_rows(1, 200)
    snapshot_end = next(n for n, r in enumerate(rows) if r["flags"] == Flag.END | Flag.SNAPSHOT)
    for row in rows[: snapshot_end + 1]:
        fields = player.step(row)
    assert not math.isnan(fields["depth_imbalance_1"])
    book = DictBook()
    for row in rows[: snapshot_end + 1]:
        book.apply(Row(row))
    removal = rows[:1].copy()
    for n, (price, _) in enumerate(book.walk(SELL)):
        last = n + 1 == len(book.walk(SELL))
        removal[0] = (rows[snapshot_end]["recv"], 0, 0, price, -1, 0, Kind.DEPTH, SELL, Flag.END if last else 0)
        fields = player.step(removal[0])
    assert all(math.isnan(fields[name]) for name in depth.FIELDS)
