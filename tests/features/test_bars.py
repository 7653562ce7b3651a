"""Bars from prints and from bars, their visibility, late prints, and directions on five timeframes."""

from __future__ import annotations

import calendar as months
import math
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from feature_feed import START, Player, Row, assert_close, bar_rows, random_rows

from tickerml.features import bars, timeframes
from tickerml.features.calendar import MONTH, WEEK, bar_end, bar_start
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Flag, Kind, empty

TICK, LOT = 0.5, 0.01


def sign_of(row, prices):
    prices.append(row["price"])
    changes = [b - a for a, b in pairwise(prices) if b != a]
    return row["side"] or (0 if not changes else 1 if changes[-1] > 0 else -1)


class Oracle:
    """Bars as lists of their prints, kept by start; a bar is shown by the rules in words."""

    def __init__(self, timeframe, grace):
        self.timeframe, self.grace = timeframe, grace
        self.prints, self.late, self.prices = {}, {}, []
        self.began = self.oldest = None
        self.offset, self.shown, self.close = 0, [], None

    def show(self):
        start = self.oldest
        prints = self.prints.pop(start, [])
        late = self.late.pop(start, 0)
        prices = [p for p, _, _ in prints] or [self.close]
        self.close = prices[-1]
        if start >= self.began:
            volume = sum(q for _, q, _ in prints)
            self.shown.append(
                {
                    "bar_open": prices[0] * TICK,
                    "bar_high": max(prices) * TICK,
                    "bar_low": min(prices) * TICK,
                    "bar_close": prices[-1] * TICK,
                    "bar_volume": volume * LOT,
                    "bar_buy_volume": sum(q for _, q, s in prints if s > 0) * LOT,
                    "bar_vwap": sum(p * q for p, q, _ in prints) / volume * TICK if volume else math.nan,
                    "bar_trades": len(prints),
                    "bar_late": late,
                    "bar_time": start + self.timeframe,
                }
            )
        self.oldest += self.timeframe

    def see(self, row):
        if row["kind"] == Kind.CLOCK and row["side"] in (0, Kind.TRADE):
            self.offset = row["qty"]
        elif self.began is None and row["kind"] in (Kind.DEPTH, Kind.TRADE, Kind.BBO):
            self.began = row["exch"]
        while self.oldest is not None and row["recv"] >= self.oldest + self.timeframe + self.offset + self.grace:
            self.show()
        if row["kind"] != Kind.TRADE:
            return
        start = row["exch"] // self.timeframe * self.timeframe
        self.oldest = start if self.oldest is None else self.oldest
        while start > self.oldest + self.timeframe:
            self.show()
        if start < self.oldest:
            self.late[self.oldest] = self.late.get(self.oldest, 0) + 1
            start = self.oldest
        self.prints.setdefault(start, []).append((row["price"], row["qty"], sign_of(row, self.prices)))


@pytest.mark.parametrize(("seed", "timeframe", "grace"), [(51, SECOND, 250 * MILLISECOND), (52, 5 * SECOND, 0)])
def test_bars_of_prints(seed, timeframe, grace):
    oracle, late = Oracle(timeframe, grace), 0
    player = Player("bars", bars.Params(timeframe=timeframe, grace=grace))
    for n, row in enumerate(random_rows(seed)):
        fields, plain = player.step(row), Row(row)
        oracle.see(plain)
        if plain.ends:
            wanted = oracle.shown[-1] if oracle.shown else dict.fromkeys(bars.FIELDS, math.nan)
            assert_close(fields, wanted, n)
            late += oracle.shown[-1]["bar_late"] if oracle.shown else 0
            assert not oracle.shown or fields["bar_count"] == len(oracle.shown)
    assert len(oracle.shown) > 5
    assert late > 0


def prints(*seconds):
    """Prints of one lot at ticks 101, 102, ... at these seconds of exchange time, received 50 ms later."""
    rows = empty(len(seconds))
    rows["kind"], rows["flags"], rows["qty"], rows["side"] = Kind.TRADE, Flag.END, 1, 1
    rows["exch"] = [START // MINUTE * MINUTE + int(s * SECOND) for s in seconds]
    rows["recv"] = rows["exch"] + 50 * MILLISECOND
    rows["price"] = 101 + np.arange(len(seconds))
    return rows


def test_a_bar_is_seen_at_close_plus_grace_and_the_first_partial_one_never():
    player = Player("bars", bars.Params(timeframe=MINUTE, grace=250 * MILLISECOND))
    rows = prints(30, 61, 119.9, 120.1, 120.3, 181)
    counts = [float(player.step(row)["bar_count"]) for row in rows]
    assert [math.isnan(c) for c in counts] == [True] * 4 + [False] * 2
    assert counts[4:] == [1, 2]
    assert player.out[0]["bar_open"] == 104 * TICK


def test_a_timer_shows_a_bar_when_no_row_comes():
    player = Player("bars", bars.Params(timeframe=MINUTE))
    rows = prints(0, 59, 60)
    rows["kind"][2], rows["flags"][2] = Kind.TIMER, 0
    for at, count in ((60.24, math.nan), (60.25, 1)):
        rows["recv"][2] = START // MINUTE * MINUTE + round(at * SECOND)
        if math.isnan(count):
            for row in rows:
                fields = player.step(row)
        else:
            fields = player.step(rows[2])
        assert_close(fields, {"bar_count": count})


def test_a_skewed_receiver_waits_by_its_clock_offset():
    """The receiver's clock is 1.3 s behind: 60.25 s of exchange time is 58.95 s of its own."""
    player = Player("bars", bars.Params(timeframe=MINUTE))
    clock = empty(1)
    clock["kind"], clock["qty"], clock["flags"] = Kind.CLOCK, -1300 * MILLISECOND, Flag.END
    rows = prints(0, 60, 60.3)
    rows["recv"] = rows["exch"] - 1250 * MILLISECOND
    player.step(clock[0])
    counts = [float(player.step(row)["bar_count"]) for row in rows]
    assert math.isnan(counts[1])
    assert counts[2] == 1


def minute_bars(n, start=DAY, **more):
    r = np.random.default_rng(7)
    closes = 1000 + np.cumsum(r.integers(-5, 6, n))
    return [
        {
            "open_time": start + k * MINUTE,
            "duration": MINUTE,
            "open": int(c) - 1,
            "high": int(c) + int(r.integers(0, 9)),
            "low": int(c) - 1 - int(r.integers(0, 9)),
            "close": int(c),
            "volume": int(r.integers(1, 100)),
            **more,
        }
        for k, c in enumerate(closes)
    ]


def merged(part):
    return {
        "bar_open": part[0]["open"] * TICK,
        "bar_high": max(b["high"] for b in part) * TICK,
        "bar_low": min(b["low"] for b in part) * TICK,
        "bar_close": part[-1]["close"] * TICK,
        "bar_volume": sum(b["volume"] for b in part) * LOT,
        "bar_vwap": math.nan,
        "bar_time": part[-1]["open_time"] + MINUTE,
    }


@pytest.mark.parametrize("minutes", [1, 5, 15])
def test_bars_of_bars(minutes):
    source = minute_bars(60, buy_volume=1, trades=3)
    rows, table = bar_rows(source)
    player = Player("bars", bars.Params(timeframe=minutes * MINUTE))
    for n, row in enumerate(rows):
        fields = player.step(row, table)
        whole = (n + 1) // minutes * minutes
        if whole == 0:
            assert math.isnan(fields["bar_close"])
            continue
        wanted = merged(source[whole - minutes : whole])
        wanted |= {"bar_count": whole // minutes, "bar_buy_volume": minutes * LOT, "bar_trades": 3 * minutes}
        assert_close(fields, wanted, n)


def test_bars_of_bars_start_on_whole_bars_and_pass_over_misfits():
    source = minute_bars(20, start=DAY + 3 * MINUTE)
    rows, table = bar_rows(source)
    player = Player("bars", bars.Params(timeframe=5 * MINUTE))
    seen = [float(player.step(row, table)["bar_count"]) for row in rows]
    assert math.isnan(seen[5])
    assert seen[6] == 1
    assert seen[-1] == 3
    assert_close(player.out[0], merged(source[12:17]) | {"bar_buy_volume": math.nan, "bar_trades": math.nan})
    restated, table["close"] = rows[-1:].copy(), 1
    restated["flags"] |= Flag.CORRECTION
    assert_close(player.step(restated[0], table), merged(source[12:17]))


def test_bars_longer_than_the_timeframe_give_nothing():
    rows, table = bar_rows(minute_bars(10))
    player = Player("bars", bars.Params(timeframe=30 * SECOND))
    assert all(math.isnan(player.step(row, table)["bar_close"]) for row in rows)


def test_months_and_weeks_begin_where_the_calendar_says():
    for year in (1970, 1999, 2000, 2023, 2024, 2100):
        for month in range(1, 13):
            start = months.timegm((year, month, 1, 0, 0, 0)) * SECOND
            last = months.monthrange(year, month)[1] * DAY
            for inside in (0, 1, last // 2, last - 1):
                assert bar_start(start + inside, MONTH) == start
            assert bar_end(start, MONTH) == start + last
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    assert bar_start(int(datetime(2026, 1, 9, 5, tzinfo=UTC).timestamp()) * SECOND, WEEK) == monday.timestamp() * SECOND


@pytest.mark.parametrize("of_bars", [False, True])
def test_directions_on_five_timeframes(of_bars):
    """Each timeframe's direction is that of the same bar made by `bars`; consensus is the mean of those known."""
    rows = random_rows(53, 6000)
    table = None
    if of_bars:
        rows, table = bar_rows(minute_bars(400))
    else:
        rows["recv"] = START + (rows["recv"] - START) * 20
        rows["exch"] = rows["recv"] - SECOND
        rows = rows[(rows["kind"] != Kind.CLOCK)]
    player = Player("timeframes")
    names = ("1m", "5m", "15m", "1h", "1d")
    single = [Player("bars", bars.Params(timeframe=t)) for t in (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, DAY)]
    for n, row in enumerate(rows):
        fields, each = player.step(row, table), [one.step(row, table) for one in single]
        trends = {
            f"trend_{name}": float(np.sign(f["bar_close"] - f["bar_open"])) for name, f in zip(names, each, strict=True)
        }
        known = [t for t in trends.values() if not math.isnan(t)]
        trends["consensus"] = sum(known) / len(known) if known else math.nan
        if Row(row).ends:
            assert_close(fields, trends, n)
    assert fields["trend_count"] >= 3
    assert timeframes.TIMEFRAMES[-1] == DAY
