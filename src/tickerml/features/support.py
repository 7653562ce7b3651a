"""Support and resistance: prices at which the market has turned, with how often it did.

A turn is a bar whose high is above the highs of the `wing` bars before it and not below those of the `wing` bars after
it; likewise with lows. It is known `wing` bars later, and not used sooner. A turn within the tolerance of a level
touches the nearest such level, whose price becomes the mean of its touches; any other turn begins a level. Highs and
lows touch the same levels: a resistance that was broken serves as support. A level that was not touched within the last
n bars is forgotten, and so is the one touched longest ago when there are 32.

The tolerance is a share of the average true range of 14 bars (unit `atr`) or of the price (unit `price`). Levels with
fewer than `least` touches are not shown; those shown are the three nearest on each side of the newest close.
level_break compares the newest close and the one before with the levels as they were before the newest bar.

NaN until the true range is known, and where a side has no such level; level_break_touches is NaN without a break.

Source: turning points as in Lo, Mamaysky and Wang, "Foundations of technical analysis", Journal of Finance 55 (2000),
without their smoothing; support and resistance by count of touches as in Osler, FRBNY Economic Policy Review 6 (2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.features.smoothing import WILDER, true_range, wilder_step
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "support_1": "quote; nearest level at or below the close",
    "support_2": "quote; second level at or below the close",
    "support_3": "quote; third level at or below the close",
    "support_touches_1": "count; touches of support_1",
    "support_touches_2": "count; touches of support_2",
    "support_touches_3": "count; touches of support_3",
    "resistance_1": "quote; nearest level above the close",
    "resistance_2": "quote; second level above the close",
    "resistance_3": "quote; third level above the close",
    "resistance_touches_1": "count; touches of resistance_1",
    "resistance_touches_2": "count; touches of resistance_2",
    "resistance_touches_3": "count; touches of resistance_3",
    "level_break": "-1, 0 or 1; the newest close passed a level upwards (1) or downwards (-1)",
    "level_break_touches": "count; touches of the level passed, the most where several were",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks

LEVELS: Final = 32
ATR_BARS: Final = 14


@dataclass(frozen=True)
class Params:
    """What counts as a turn, as a touch and as a level, and in which bars."""

    n: Annotated[int, Range(10, 100_000)] = 300  # bars after which an untouched level is forgotten
    wing: Annotated[int, Range(1, 30)] = 3  # bars on each side of a turn; also its delay
    tolerance: Annotated[float, Range(0, 10)] = 0.5  # of the unit; farthest a touch may be from its level
    unit: Literal["atr", "price"] = "atr"  # what the tolerance is a share of
    least: Annotated[int, Range(1, 100)] = 2  # touches from which on a level is shown
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("bars_seen", "i8"),
        ("close", "i8"),  # ticks of the newest bar
        ("range", WILDER),
        ("extreme", "i4", (2, 64)),  # highs, and lows with their sign turned, of the newest bars
        ("levels", "i8"),  # how many there are, sorted by price
        ("price", "f8", (LEVELS,)),  # ticks
        ("touches", "i8", (LEVELS,)),
        ("last", "i8", (LEVELS,)),  # bar of the last touch
        ("near", "i8", (2, 3)),  # which are shown; -1 = none
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, f: Record, i: Record) -> None:
    """Follow the bars that prints make."""
    if wanted(s["bars"], row):
        while next_of_row(s["bars"], p["timeframe"], row):
            _step(p, s, f, i)


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, f: Record, i: Record) -> None:
    """Follow the bars of a bar-only source."""
    while next_of_bar(s["bars"], p["timeframe"], row, bar):
        _step(p, s, f, i)


@kernel
def _step(p: Record, s: Record, f: Record, i: Record) -> None:
    c = s["bars"]
    before, close = s["close"], c["shown_close"][0]
    s["close"] = close
    now = s["bars_seen"]
    s["extreme"][0, now & 63] = c["shown_high"][0]
    s["extreme"][1, now & 63] = -c["shown_low"][0]
    s["bars_seen"] = now + 1
    if before == 0:
        return
    known = wilder_step(s["range"], ATR_BARS, float(true_range(c["shown_high"][0], c["shown_low"][0], before)))
    if not known:
        return
    _break(p, s, f, before, close)
    tolerance = p["tolerance"] * (s["range"]["wilder"] if p["unit"] == 0 else close)
    for k in range(2):
        if now >= 2 * p["wing"] and _turned(s, k, now - p["wing"], p["wing"]):
            extreme = s["extreme"][k, (now - p["wing"]) & 63]
            _touch(s, float(extreme if k == 0 else -extreme), now - p["wing"], tolerance)
    _forget(s, now - p["n"])
    _choose(p, s, close)
    _emit(s, f, i["tick"])


@kernel
def _turned(s: Record, k: int, at: int, wing: int) -> bool:
    """Whether bar `at` is a turn of side `k`, `wing` bars having followed it."""
    price = s["extreme"][k, at & 63]
    for m in range(1, wing + 1):
        if s["extreme"][k, (at - m) & 63] >= price or s["extreme"][k, (at + m) & 63] > price:
            return False
    return True


@kernel
def _touch(s: Record, price: float, at: int, tolerance: float) -> None:
    """Count a turn for the nearest level in reach, or begin one."""
    best = -1
    for m in range(s["levels"]):
        away = abs(s["price"][m] - price)
        if away <= tolerance and (best < 0 or away < abs(s["price"][best] - price)):
            best = m
    touches = 0
    if best >= 0:
        touches = s["touches"][best]
        price = s["price"][best] + (price - s["price"][best]) / (touches + 1)
        _remove(s, best)
    elif s["levels"] == LEVELS:
        oldest = 0
        for m in range(LEVELS):
            if s["last"][m] < s["last"][oldest]:
                oldest = m
        _remove(s, oldest)
    m = s["levels"]
    while m > 0 and s["price"][m - 1] > price:
        _copy(s, m - 1, m)
        m -= 1
    s["price"][m] = price
    s["touches"][m] = touches + 1
    s["last"][m] = at
    s["levels"] += 1


@kernel
def _copy(s: Record, one: int, other: int) -> None:
    s["price"][other] = s["price"][one]
    s["touches"][other] = s["touches"][one]
    s["last"][other] = s["last"][one]


@kernel
def _remove(s: Record, at: int) -> None:
    s["levels"] -= 1
    for m in range(at, s["levels"]):
        _copy(s, m + 1, m)


@kernel
def _forget(s: Record, since: int) -> None:
    m = 0
    while m < s["levels"]:
        if s["last"][m] <= since:
            _remove(s, m)
        else:
            m += 1


@kernel
def _break(p: Record, s: Record, f: Record, before: int, close: int) -> None:
    """Whether the newest close passed a level, and the most touches of those passed."""
    touches = 0
    for m in range(s["levels"]):
        price = s["price"][m]
        passed = before <= price < close or close < price <= before
        if passed and s["touches"][m] >= max(p["least"], touches):
            touches = s["touches"][m]
    f["level_break"] = 0.0 if touches == 0 else (1.0 if close > before else -1.0)
    f["level_break_touches"] = touches if touches > 0 else math.nan


@kernel
def _choose(p: Record, s: Record, close: int) -> None:
    """The three nearest levels on each side of the close."""
    above = 0
    while above < s["levels"] and s["price"][above] <= close:
        above += 1
    for side in range(2):
        m = above - 1 if side == 0 else above
        for k in range(3):
            while 0 <= m < s["levels"] and s["touches"][m] < p["least"]:
                m += 2 * side - 1
            s["near"][side, k] = m if 0 <= m < s["levels"] else -1
            m += 2 * side - 1


@kernel
def _price(s: Record, side: int, k: int) -> float:
    m = s["near"][side, k]
    return s["price"][m] if m >= 0 else math.nan


@kernel
def _touches(s: Record, side: int, k: int) -> float:
    m = s["near"][side, k]
    return float(s["touches"][m]) if m >= 0 else math.nan


@kernel
def _emit(s: Record, f: Record, tick: float) -> None:
    f["support_1"] = _price(s, 0, 0) * tick
    f["support_touches_1"] = _touches(s, 0, 0)
    f["support_2"] = _price(s, 0, 1) * tick
    f["support_touches_2"] = _touches(s, 0, 1)
    f["support_3"] = _price(s, 0, 2) * tick
    f["support_touches_3"] = _touches(s, 0, 2)
    f["resistance_1"] = _price(s, 1, 0) * tick
    f["resistance_touches_1"] = _touches(s, 1, 0)
    f["resistance_2"] = _price(s, 1, 1) * tick
    f["resistance_touches_2"] = _touches(s, 1, 1)
    f["resistance_3"] = _price(s, 1, 2) * tick
    f["resistance_touches_3"] = _touches(s, 1, 2)
