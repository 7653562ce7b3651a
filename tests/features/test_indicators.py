"""B1: indicators against the textbook's sentences in plain Python, over random bars quiet ones among them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from candle_feed import fields, same, walk

from tickerml.features.calendar import WEEK, bar_start
from tickerml.features.trend import FIELDS as TREND
from tickerml.tape.rows import DAY, HOUR, MINUTE

TICK, LOT = 0.5, 0.01
NAN = math.nan


def floats(table, *names):
    return [table[name].astype(float) for name in names]


def typical(table):
    return [(float(b["high"]) + float(b["low"]) + float(b["close"])) / 3 for b in table]


def ema(values, n):
    """NaN inputs are waited for; the first value is the mean of the first n."""
    known = [v for v in values if not math.isnan(v)]
    out, e = [NAN] * (len(values) - len(known)), NAN
    for k, v in enumerate(known):
        if k >= n:
            e += 2 / (n + 1) * (v - e)
        elif k == n - 1:
            e = sum(known[:n]) / n
        out.append(e)
    return out


def wilder(values, n):
    out, e = [], NAN
    for k, v in enumerate(values):
        e = ((n - 1) * e + v) / n if k >= n else sum(values[:n]) / n if k == n - 1 else NAN
        out.append(e)
    return out


@pytest.mark.parametrize(("seed", "n"), [(1, 14), (2, 3), (3, 1)])
def test_rsi(seed, n):
    table = walk(seed, 400)
    changes = np.diff(table["close"].astype(float))
    up, down = wilder([max(c, 0) for c in changes], n), wilder([max(-c, 0) for c in changes], n)
    wanted = [NAN] + [100 * u / (u + d) if u + d else u + 50 + d for u, d in zip(up, down, strict=True)]
    same(fields("rsi", table, n=n)["rsi"], wanted, first=n)


def test_rsi_of_wilders_own_example():
    """The worked example of Wilder's book as TA-Lib and StockCharts print it: 70.53 after 14 changes, then 66.32."""
    prices = """44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931 46.0328 45.6140
    46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521 45.7137 46.4515 45.7835 45.3548 44.0288
    44.1783 44.2181 44.5672 43.4205 42.6628 43.1314"""
    table = walk(1, 33)
    table["close"] = [round(float(p) * 10_000) for p in prices.split()]
    got = fields("rsi", table, n=14)["rsi"]
    assert [round(v, 2) for v in got[14:17]] == [70.53, 66.32, 66.55]
    assert round(got[-1], 2) == 37.77


@pytest.mark.parametrize("n", [1, 7, 50])
def test_averages(n):
    table = walk(4, 300)
    close = [float(c) * TICK for c in table["close"]]
    got = fields("averages", table, n=n)
    same(got["ema"], ema(close, n), first=n - 1)
    same(got["sma"], [sum(close[k + 1 - n : k + 1]) / n if k + 1 >= n else NAN for k in range(300)], first=n - 1)


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (9, 4, 5)])
def test_macd(fast, slow, signal):
    table = walk(5, 300)
    close = [float(c) * TICK for c in table["close"]]
    later = max(fast, slow)
    one, other = (ema([NAN] * (later - n) + close[later - n :], n) for n in (fast, slow))
    macd = [a - b for a, b in zip(one, other, strict=True)]
    smooth = ema(macd, signal)
    got = fields("macd", table, fast=fast, slow=slow, signal=signal)
    start = later + signal - 2
    same(got["macd"], [NAN] * start + macd[start:], atol=1e-8, first=start)
    same(got["macd_signal"], smooth, atol=1e-8, first=start)
    same(got["macd_histogram"], np.subtract(macd, smooth), atol=1e-8)


@pytest.mark.parametrize(("n", "k"), [(20, 2.0), (2, 1.0)])
def test_bollinger(n, k):
    table = walk(6, 300)
    close = [float(c) * TICK for c in table["close"]]
    middle, half = [NAN] * (n - 1), [NAN] * (n - 1)
    for end in range(n, 301):
        last = close[end - n : end]
        middle.append(sum(last) / n)
        half.append(k * math.sqrt(sum((c - middle[-1]) ** 2 for c in last) / n))
    middle, half = np.array(middle), np.array(half)
    got = fields("bollinger", table, n=n, k=k)
    same(got["bollinger_middle"], middle, first=n - 1)
    same(got["bollinger_upper"], middle + half)
    same(got["bollinger_lower"], middle - half)
    same(got["bollinger_width"], 2 * half / middle, atol=1e-12)
    wide = half > 0
    same(got["bollinger_position"][wide], ((close - middle + half)[wide] / (2 * half[wide])), atol=1e-9)
    assert np.isnan(got["bollinger_position"][~wide]).all()


def true_ranges(table):
    high, low, close = floats(table, "high", "low", "close")
    return [max(high[k], close[k - 1]) - min(low[k], close[k - 1]) for k in range(1, len(table))]


@pytest.mark.parametrize("n", [1, 14])
def test_atr(n):
    table = walk(7, 300)
    reach = true_ranges(table)
    got = fields("atr", table, n=n)
    atr = np.array([NAN, *wilder(reach, n)])
    same(got["true_range"], np.array([NAN, *reach]) * TICK, first=1)
    same(got["atr"], atr * TICK, first=n)
    same(got["atr_fraction"], atr / table["close"])


@pytest.mark.parametrize("n", [2, 20])
def test_cci(n):
    table = walk(8, 300)
    prices, wanted = typical(table), []
    for end in range(1, 301):
        last = prices[end - n : end] if end >= n else []
        mean = sum(last) / n
        away = sum(abs(p - mean) for p in last) / n
        flat = bool(last) and max(last) - min(last) < 1e-9
        wanted.append(NAN if not last else 0.0 if flat else (last[-1] - mean) / (0.015 * away))
    same(fields("cci", table, n=n)["cci"], wanted, atol=1e-8, first=n - 1)


@pytest.mark.parametrize(("channel", "average"), [(10, 21), (3, 4)])
def test_wave_trend(channel, average):
    table = walk(9, 400)
    prices = typical(table)
    centre = ema(prices, channel)
    away = [p - c for p, c in zip(prices, centre, strict=True)]
    width = ema([abs(a) for a in away], channel)
    wave = ema([a / (0.015 * w) if w != 0 else 0.0 for a, w in zip(away, width, strict=True)], average)
    signal = [sum(wave[k - 3 : k + 1]) / 4 if k >= 3 else NAN for k in range(400)]
    got = fields("wavetrend", table, channel=channel, average=average)
    start = 2 * channel + average
    same(got["wave_trend_signal"], signal, atol=1e-9, first=start)
    same(got["wave_trend"], [NAN] * start + wave[start:], atol=1e-9)


@pytest.mark.parametrize("n", [1, 12, 100])
def test_vwap(n):
    table = walk(10, 350, flat=0.3)
    prices, volume = typical(table), table["volume"].astype(float)
    vwap = []
    for end in range(1, 351):
        part = slice(end - n, end)
        total = volume[part].sum() if end >= n else 0
        vwap.append(sum(p * v for p, v in zip(prices[part], volume[part], strict=True)) / total if total else NAN)
    got = fields("vwap", table, n=n)
    same(got["vwap"], np.array(vwap) * TICK)
    same(got["vwap_deviation"], table["close"] / np.array(vwap) - 1, atol=1e-12)


@pytest.mark.parametrize("session", [DAY, 8 * HOUR, WEEK])
def test_session_vwap(session):
    """The first session is not whole; a bar belongs to the session that it lies in."""
    table = walk(11, 1500, step=15 * MINUTE, start=20_000 * DAY + 3 * HOUR, flat=0.3)
    prices, sums, wanted = typical(table), {}, []
    first = bar_start(int(table["open_time"][0]), session)
    for bar, price in zip(table, prices, strict=True):
        begin = bar_start(int(bar["open_time"]), session)
        worth, volume = sums.get(begin, (0, 0))
        sums[begin] = worth + price * int(bar["volume"]), volume + int(bar["volume"])
        worth, volume = sums[begin]
        wanted.append(worth / volume if volume and begin != first else NAN)
    got = fields("session_vwap", table, session=session)
    same(got["session_vwap"], np.array(wanted) * TICK)
    same(got["session_vwap_deviation"], table["close"] / np.array(wanted) - 1, atol=1e-12)


@pytest.mark.parametrize("n", [1, 20])
def test_volatility_of_bars(n):
    table = walk(12, 300)
    squares = np.diff(np.log(table["close"])) ** 2 * (DAY / (5 * MINUTE))
    wanted = [NAN] * n + [math.sqrt(squares[k : k + n].sum() / n) for k in range(300 - n)]
    same(fields("bar_volatility", table, n=n)["bar_volatility"], wanted, atol=1e-9, first=n)


@pytest.mark.parametrize("n", [1, 20])
def test_volume_against_its_mean(n):
    table = walk(13, 300)
    volume = table["volume"].astype(float)
    mean = np.array([NAN] * n + [volume[k - n : k].sum() / n for k in range(n, 300)])
    got = fields("volume", table, n=n)
    same(got["volume_mean"], mean * LOT, first=n)
    same(got["volume_ratio"], [v / m if m else NAN for v, m in zip(volume, mean, strict=True)], first=n)


@pytest.mark.parametrize(("window", "m"), [(5 * MINUTE, 1), (4 * HOUR, 48), (4 * HOUR + 1, 49), (DAY, 288)])
def test_high_and_low_of_a_span(window, m):
    table = walk(14, 800)
    high, low, close = floats(table, "high", "low", "close")
    top = np.array([high[max(0, k + 1 - m) : k + 1].max() if k + 1 >= m else NAN for k in range(800)])
    bottom = np.array([low[max(0, k + 1 - m) : k + 1].min() if k + 1 >= m else NAN for k in range(800)])
    got = fields("extremes", table, window=window)
    same(got["high"], top * TICK, first=m - 1)
    same(got["low"], bottom * TICK)
    wide = top > bottom
    same(got["range_position"][wide], ((close - bottom)[wide] / (top - bottom)[wide]))


def test_high_and_low_of_more_bars_than_there_is_room_for_are_unavailable():
    falling = walk(15, 4200, flat=0)
    falling["high"] = falling["close"] = 20_000 - np.arange(4200)
    got = fields("extremes", falling, window=4096 * 5 * MINUTE)
    assert got["high"][-1] == falling["high"][-4096] * TICK  # every bar may still become the highest
    assert np.isnan(fields("extremes", falling, window=4097 * 5 * MINUTE)["high"]).all()


@pytest.mark.parametrize(("seed", "n"), [(16, 14), (17, 2)])
def test_trend_and_its_decay(seed, n):
    table = walk(seed, 500)
    high, low = floats(table, "high", "low")
    rise, fall = np.diff(high), -np.diff(low)
    moves = [
        [r if r > f and r > 0 else 0 for r, f in zip(rise, fall, strict=True)],
        [f if f > r and f > 0 else 0 for r, f in zip(rise, fall, strict=True)],
        true_ranges(table),
    ]
    plus, minus, reach = (sums_of(m, n) for m in moves)
    index, adx, peak, side, wanted = [], NAN, NAN, 0, []
    for k in range(n, len(plus) + 1):  # k changes have been seen
        p, m, r = plus[k - 1], minus[k - 1], reach[k - 1]
        index.append(100 * abs(p - m) / (p + m))
        if k < 2 * n - 1:
            continue
        adx = sum(index) / n if len(index) == n else ((n - 1) * adx + index[-1]) / n
        now = 1 if p > m else -1
        if now != side or adx >= peak:
            side, peak, at = now, adx, k
        life = (k - at) * math.log(2) / -math.log(adx / peak) if adx < peak else NAN
        wanted.append((adx, 100 * p / r, 100 * m / r, k - at, adx / peak, life))
    got = fields("trend", table, n=n)
    for name, column in zip(TREND, np.array(wanted).T, strict=True):
        same(got[name], [NAN] * (2 * n - 1) + list(column), atol=1e-9)


def sums_of(values, n):
    """Wilder's sums: n - 1 values added up, then each step takes away one n-th and adds the new value."""
    out, total = [], 0.0
    for k, v in enumerate(values):
        total = total + v if k < n - 1 else total - total / n + v
        out.append(total)
    return out


def test_a_trend_that_ends_fades():
    """After a steep rise the price only wobbles: adx falls from its peak, and halves about where its half-life says."""
    table = walk(18, 400, flat=1.0)
    bar = np.arange(400)
    rise = 10_000 + 20 * np.minimum(bar, 200)
    table["close"] = rise
    table["high"] = rise + 5 + np.where(bar >= 200, bar % 2 * 10, 0)
    table["low"] = rise - 5 - np.where(bar >= 200, (bar + 1) % 2 * 10, 0)
    got = fields("trend", table, n=14)
    assert got["adx"][200] > 99
    life = got["trend_half_life"][222]
    assert 10 < life < 60
    halved = int(np.flatnonzero((bar > 200) & (got["trend_decay"] < 0.5))[0])
    assert abs(halved - 200 - life) < 0.3 * life
    assert got["trend_age"][halved] in range(halved - 203, halved - 198)
