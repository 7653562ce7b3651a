"""B2: VPIN, Kyle's lambda and realised volatility, against lists of all buckets, intervals and returns."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from feature_feed import DictBook, Player, Row, assert_close, bar_rows, random_rows

from tickerml.features import impact, toxicity, volatility
from tickerml.tape.rows import BUY, DAY, MINUTE, SECOND, SELL, Flag, Kind

TICK, LOT = 0.5, 0.01


def taker_side(row, prices):
    prices.append(row["price"])
    changes = [b - a for a, b in pairwise(prices) if b != a]
    return row["side"] or (0 if not changes else 1 if changes[-1] > 0 else -1)


class VolumeClock:
    """Lots one by one: each is one entry of a list, buckets are cut from it."""

    def __init__(self, size):
        self.size, self.lots, self.buckets = size, [], []

    def pour(self, side, lots, wanted):
        for _ in range(lots):
            if not self.lots:
                self.size = wanted
            self.lots.append(side)
            if len(self.lots) == self.size:
                self.buckets.append((abs(sum(self.lots)), self.size))
                self.lots = []


@pytest.mark.parametrize(("seed", "n", "bucket"), [(41, 5, 0.5), (42, 20, 3.0)])
def test_vpin_with_given_buckets(seed, n, bucket):
    clock, prices, known = VolumeClock(0), [], 0
    player = Player("toxicity", toxicity.Params(n=n, bucket=bucket))
    for k, row in enumerate(random_rows(seed, 2000)):
        fields, plain = player.step(row), Row(row)
        if plain["kind"] == Kind.TRADE:
            clock.pour(taker_side(plain, prices), plain["qty"], round(bucket / LOT))
        if plain.ends:
            last = clock.buckets[-n:]
            value = sum(b for b, _ in last) / sum(v for _, v in last) if len(last) == n else math.nan
            known += not math.isnan(value)
            assert_close(fields, {"vpin": value}, k)
    assert known > 200


@pytest.mark.parametrize("seed", [43, 44])
def test_vpin_sizes_its_buckets_by_recent_volume(seed):
    rows = random_rows(seed, 3000)
    span, share, n = 5 * SECOND, 0.1, 4
    clock, prices, wanted, traded = VolumeClock(0), [], 0, 0
    edge = int(rows[0]["recv"]) + span
    player, sizes = Player("toxicity", toxicity.Params(n=n, span=span, share=share)), set()
    for k, row in enumerate(rows):
        fields, plain = player.step(row), Row(row)
        spans = 0
        while plain["recv"] >= edge:
            edge, spans = edge + span, spans + 1
        if spans:
            wanted = max(1, int(traded * share / spans)) if traded else wanted
            traded = 0
        if plain["kind"] == Kind.TRADE:
            side = taker_side(plain, prices)
            traded += plain["qty"]
            if wanted:
                clock.pour(side, plain["qty"], wanted)
        if plain.ends:
            last = clock.buckets[-n:]
            value = sum(b for b, _ in last) / sum(v for _, v in last) if len(last) == n else math.nan
            assert_close(fields, {"vpin": value}, k)
        sizes.add(wanted)
    assert len(sizes) > 4


def test_one_print_that_fills_more_buckets_than_are_remembered():
    player = Player("toxicity", toxicity.Params(n=50, bucket=0.02))
    row = random_rows(1, 50)[:1].copy()
    row["kind"], row["side"], row["qty"], row["flags"] = Kind.TRADE, 1, 10**15 + 1, Flag.END
    fields = player.step(row[0])
    assert fields["vpin"] == 1


@pytest.mark.parametrize("seed", [45, 46])
def test_kyle_lambda(seed):
    step, n, minimum = SECOND // 4, 12, 5
    player = Player("impact", impact.Params(interval=step, n=n, minimum=minimum))
    book, prices, mid, start, flow = DictBook(), [], None, None, 0
    intervals, edge, known, wanted = [], None, 0, dict.fromkeys(impact.FIELDS, math.nan)
    for k, row in enumerate(random_rows(seed)):
        fields, plain = player.step(row), Row(row)
        book.apply(plain)
        now, fresh = plain["recv"], False
        if edge is None or now >= edge:
            if edge is not None and start is not None and mid is not None:
                intervals.append((flow * LOT, mid - start))
                intervals += [(0.0, 0.0)] * min(512, (now - edge) // step)
                wanted = regression(intervals[-n:]) if len(intervals) >= minimum else wanted
            start, flow, edge = mid, 0, (now // step + 1) * step
        if plain["kind"] == Kind.TRADE:
            flow += taker_side(plain, prices) * plain["qty"]
        if plain.ends:
            mid = (book.best(BUY)[0] + book.best(SELL)[0]) / 2 * TICK if book.usable else None
            start = start if mid is not None else None
            known += not math.isnan(wanted["kyle_lambda"])
            for name, value in wanted.items():  # numpy's own least squares: other sums, so other last digits
                np.testing.assert_allclose(fields[name], value, rtol=1e-7, atol=1e-9, err_msg=f"{k} {name} {fresh}")
    assert known > 200


def regression(intervals):
    x, y = (np.array(v) for v in zip(*intervals, strict=True))
    if np.ptp(x) == 0:
        return dict.fromkeys(impact.FIELDS, math.nan)
    slope = np.polyfit(x, y, 1)[0]
    r2 = math.nan if np.ptp(y) == 0 else np.corrcoef(x, y)[0, 1] ** 2
    return {"kyle_lambda": slope, "kyle_r2": r2}


def test_kyle_lambda_finds_the_slope_that_was_put_in():
    """The mid moves 3 ticks for each 10 lots bought: 3 x 0.5 / (10 x 0.01) = 15 quote per unit."""
    player = Player("impact", impact.Params(interval=SECOND, n=50, minimum=30))
    r, row = np.random.default_rng(0), random_rows(1, 50)[:1].copy()
    row["flags"] = Flag.END | Flag.SNAPSHOT
    price, now = 10_000, 1_700_000_000 * SECOND
    for second in range(60):
        steps = int(r.integers(-3, 4))
        row["recv"] = now + second * SECOND
        row["kind"], row["side"], row["qty"], row["price"] = Kind.TRADE, np.sign(steps), 10 * abs(steps), 1
        player.step(row[0])
        row["kind"], row["flags"] = Kind.DEPTH, Flag.SNAPSHOT
        for side in (BUY, SELL):
            row["side"], row["qty"], row["price"] = side, 0, price - side
            player.step(row[0])
        price += 3 * steps
        for side in (BUY, SELL):
            row["side"], row["qty"], row["price"] = side, 5, price - side
            row["flags"] = Flag.SNAPSHOT if side == BUY else Flag.SNAPSHOT | Flag.END
            fields = player.step(row[0])
    assert fields["kyle_lambda"] == pytest.approx(15)
    assert fields["kyle_r2"] == pytest.approx(1)


@pytest.mark.parametrize("seed", [47, 48])
def test_realised_volatility_of_a_book(seed):
    step, n, minimum = SECOND // 2, 20, 4
    player = Player("volatility", volatility.Params(interval=step, n=n, minimum=minimum))
    book, mid, sampled, edge, returns, known = DictBook(), None, None, None, [], 0
    for k, row in enumerate(random_rows(seed)):
        fields, plain = player.step(row), Row(row)
        book.apply(plain)
        if not plain.ends:
            continue
        now = plain["recv"]
        if edge is None or now >= edge:
            if edge is not None and mid is not None and sampled is not None:
                returns += [math.log(mid / sampled)] + [0.0] * min(1024, (now - edge) // step)
            sampled, edge = mid, (now // step + 1) * step
        mid = sum(book.best(side)[0] for side in (BUY, SELL)) / 2 if book.usable else None
        sampled = sampled if mid is not None else None
        value = math.nan
        if len(returns) >= minimum:
            last = returns[-n:]
            value = math.sqrt(DAY / step * sum(r * r for r in last) / len(last))
        known += value > 0
        assert_close(fields, {"volatility": value}, k)
    assert known > 300


def test_realised_volatility_of_bars_scales_each_return_by_its_own_time():
    closes = [1000, 1010, 1005, 1020, 1020, 990]
    opens = [0, 1, 2, 3, 7, 8]  # minutes: a hole of three bars after the fourth
    bars = [
        {"open_time": DAY + t * MINUTE, "duration": MINUTE, "close": c, "volume": 1}
        for t, c in zip(opens, closes, strict=True)
    ]
    rows, table = bar_rows(bars)
    player = Player("volatility", volatility.Params(n=4, minimum=2))
    values = [float(player.step(row, table)["volatility"]) for row in rows]
    squares = [
        math.log(closes[k] / closes[k - 1]) ** 2 * DAY / ((opens[k] - opens[k - 1]) * MINUTE) for k in range(1, 6)
    ]
    assert all(math.isnan(v) for v in values[:2])
    assert values[2] == pytest.approx(math.sqrt(sum(squares[:2]) / 2))
    assert values[5] == pytest.approx(math.sqrt(sum(squares[1:5]) / 4))
    row, restated = rows[-1:].copy(), table.copy()
    row["flags"] |= Flag.CORRECTION
    restated["close"] = 5
    assert float(player.step(row[0], restated)["volatility"]) == values[5]
