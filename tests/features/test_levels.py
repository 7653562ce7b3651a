"""B1: support and resistance by touches, and the price channel, against plain Python and markets made for them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from candle_feed import fields, same, walk

NAN = math.nan
TICK = 0.5


def atr14(table):
    reach = [
        max(float(b["high"]), float(a["close"])) - min(float(b["low"]), float(a["close"])) for a, b in pairwise(table)
    ]
    out, mean = [NAN], NAN
    for k, r in enumerate(reach):
        mean = (13 * mean + r) / 14 if k >= 14 else sum(reach[:14]) / 14 if k == 13 else NAN
        out.append(mean)
    return out


class Levels:
    """Levels as dicts in a list, in no order."""

    def __init__(self):
        self.all = []

    def touch(self, price, at, tolerance):
        near = [one for one in self.all if abs(one["price"] - price) <= tolerance]
        if near:
            one = min(near, key=lambda o: (abs(o["price"] - price), o["price"]))
            one["prices"].append(price)
        else:
            if len(self.all) == 32:
                self.all.remove(min(self.all, key=lambda o: (o["last"], o["price"])))
            one = {"prices": [price]}
            self.all.append(one)
        one["price"], one["last"] = sum(one["prices"]) / len(one["prices"]), at

    def shown(self, least, close):
        able = sorted((o["price"], len(o["prices"])) for o in self.all if len(o["prices"]) >= least)
        below = [one for one in able if one[0] <= close][::-1]
        return below[:3], [one for one in able if one[0] > close][:3]


def turns(table, at, wing):
    """Prices of the turns at bar `at`, by looking at the bars around it."""
    around = [m for m in range(at - wing, at + wing + 1) if m != at]
    high, low = table["high"].astype(float), table["low"].astype(float)
    found = []
    if all(high[m] < high[at] if m < at else high[m] <= high[at] for m in around):
        found.append(high[at])
    if all(low[m] > low[at] if m < at else low[m] >= low[at] for m in around):
        found.append(low[at])
    return found


@pytest.mark.parametrize(
    ("seed", "params"),
    [
        (1, {}),
        (2, {"n": 60, "wing": 1, "tolerance": 0.2, "least": 1}),
        (3, {"wing": 2, "unit": "price", "tolerance": 0.002, "least": 3}),
        (4, {"n": 2000, "wing": 1, "tolerance": 0.0, "least": 1}),
    ],
)
def test_support_and_resistance(seed, params):
    table = walk(seed, 900)
    p = {"n": 300, "wing": 3, "tolerance": 0.5, "unit": "atr", "least": 2} | params
    got, levels, ranges, breaks = fields("support", table, **params), Levels(), atr14(table), 0
    for k, bar in enumerate(table):
        close, before = float(bar["close"]), float(table["close"][k - 1])
        if math.isnan(ranges[k]):
            assert all(math.isnan(column[k]) for column in got.values())
            continue
        passed = [o for o in levels.all if before <= o["price"] < close or close < o["price"] <= before]
        most = max((len(o["prices"]) for o in passed if len(o["prices"]) >= p["least"]), default=0)
        breaks += most > 0
        tolerance = p["tolerance"] * (close if p["unit"] == "price" else ranges[k])
        for price in turns(table, k - p["wing"], p["wing"]) if k >= 2 * p["wing"] else ():
            levels.touch(price, k - p["wing"], tolerance)
        levels.all = [o for o in levels.all if o["last"] > k - p["n"]]
        wanted = {"level_break": np.sign(close - before) if most else 0.0, "level_break_touches": most or NAN}
        for side, shown in zip(("support", "resistance"), levels.shown(p["least"], close), strict=True):
            for m in range(3):
                price, touches = shown[m] if m < len(shown) else (NAN, NAN)
                wanted[f"{side}_{m + 1}"], wanted[f"{side}_touches_{m + 1}"] = price * TICK, touches
        for name, value in wanted.items():
            np.testing.assert_allclose(got[name][k], value, rtol=1e-9, err_msg=f"{name} at {k}")
    assert breaks > 5
    assert np.nanmax(got["resistance_touches_1"]) >= p["least"]


def test_a_turn_is_not_known_before_its_wing_has_passed():
    """What comes later changes nothing of what was said before: the first bars alone give the same values."""
    table = walk(5, 300)
    whole = fields("support", table)
    for end in (40, 123, 250):
        for name, column in fields("support", table[:end]).items():
            np.testing.assert_array_equal(column, whole[name][:end])


def test_levels_of_a_price_that_runs_between_two_walls():
    """Up and down between 9,900 and 10,100: each turn touches its wall, and a leap over the wall is told."""
    k = np.arange(400)
    path = 10_000 + np.rint(100 * (2 * np.abs(k % 40 / 20 - 1) - 1)).astype(int)
    table = walk(6, 400)
    table["close"], table["open"], table["high"], table["low"] = path, path, path, path
    table["close"][-1] = table["high"][-1] = 10_150
    got = fields("support", table)
    assert got["support_1"][-2] == 9900 * TICK
    assert got["resistance_1"][-2] == 10_100 * TICK
    assert (got["support_touches_1"][-2], got["resistance_touches_1"][-2]) == (10, 9)
    assert (got["level_break"][-1], got["level_break"][-2]) == (1, 0)
    assert got["level_break_touches"][-1] == got["resistance_touches_1"][-2]
    assert got["support_1"][-1] == 10_100 * TICK


def channel_oracle(part, bar, tolerance):
    n = len(part)
    j = np.arange(n)
    close, high, low = (part[name].astype(float) for name in ("close", "high", "low"))
    slope, start = np.polyfit(j, close, 1)
    line = start + slope * j
    up, down = (high - line).max(), (line - low).max()
    if up + down <= 0:
        return None
    now = start + slope * n
    top, bottom, height = now + up, now - down, up + down
    at_top, at_bottom = high >= line + up - tolerance * height, low <= line - down + tolerance * height
    return {
        "channel_top": top * TICK,
        "channel_bottom": bottom * TICK,
        "channel_width": height / now,
        "channel_position": (bar["close"] - bottom) / height,
        "channel_slope": slope / now,
        "channel_fit": np.corrcoef(j, close)[0, 1] ** 2 if np.ptp(close) else NAN,
        "channel_top_touches": sum(b and not a for a, b in zip([False, *at_top], at_top, strict=False)),
        "channel_bottom_touches": sum(b and not a for a, b in zip([False, *at_bottom], at_bottom, strict=False)),
    }


@pytest.mark.parametrize(("seed", "n", "tolerance"), [(7, 60, 0.1), (8, 5, 0.0712), (9, 33, 0.2713)])
def test_channel(seed, n, tolerance):
    table = walk(seed, 500)
    got = fields("channel", table, n=n, tolerance=tolerance)
    assert all(np.isnan(column[:n]).all() for column in got.values())
    for k in range(n, 500):
        wanted = channel_oracle(table[k - n : k], table[k], tolerance)
        for name, value in wanted.items() if wanted else ():
            np.testing.assert_allclose(got[name][k], value, rtol=1e-8, atol=1e-9, err_msg=f"{name} at {k}")


def test_a_rising_channel_with_three_touches_of_each_side_and_its_break():
    """A rise of 2 ticks a bar with 30 to both sides of it, touched every 20 bars; the last bar falls out of it."""
    k = np.arange(101)
    wave = np.rint(30 * np.cos(2 * np.pi * k / 20)).astype(int)
    table = walk(10, 101)
    for name in ("open", "high", "low", "close"):
        table[name] = 10_000 + 2 * k + wave
    table["close"][-1] = table["low"][-1] = 10_100
    got = {name: column[-1] for name, column in fields("channel", table, n=100).items()}
    assert got["channel_slope"] * 10_200 == pytest.approx(2, rel=0.05)
    assert got["channel_top"] == pytest.approx(10_230 * TICK, rel=1e-3)
    assert got["channel_bottom"] == pytest.approx(10_170 * TICK, rel=1e-3)
    assert got["channel_top_touches"] >= 3
    assert got["channel_bottom_touches"] >= 3
    assert got["channel_position"] < -1
    assert got["channel_fit"] > 0.85


def test_a_market_without_any_move_has_no_channel():
    got = fields("channel", walk(11, 80, flat=1.0), n=10)
    assert all(np.isnan(column).all() for column in got.values())


def test_same_finds_a_difference():
    with pytest.raises(AssertionError):
        same(np.array([1.0, 2.0]), [1.0, 2.1])
