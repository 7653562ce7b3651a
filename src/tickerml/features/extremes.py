"""Highest and lowest price over a span of time, and where the close lies between them.

high = highest high and low = lowest low of the newest m bars, m = window / timeframe rounded up: the bars that overlap
the `window` before the newest close. range_position = (C - low) / (high - low).

Kept as two queues of bars that may still become the extreme, so a bar costs the same however long the window. NaN
before m bars; always NaN where m is above 4,096 (then use longer bars: `high(90d, 1h)`), range_position also while high
= low.

Source: Donchian's channel; the queues are the ascending minima of Lemire, "Streaming maximum-minimum filter using no
more than three comparisons per element", Nordic Journal of Computing 13 (2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, bar_length, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, SECOND, Record

FIELDS: Final = {
    "high": "quote; highest price of the window",
    "low": "quote; lowest price of the window",
    "range_position": "0 to 1; (C - low) / (high - low)",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks

MOST: Final = 4096  # bars in a window; a power of two


@dataclass(frozen=True)
class Params:
    """How far back, and in which bars."""

    window: Annotated[int, Range(SECOND, 366 * DAY)] = DAY  # ns; length of the window
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("bars_seen", "i8"),
        ("length", "i8"),  # bars in the window; 0 = not known yet
        ("head", "i8", (2,)),  # of the queue of highs (falling) and that of lows (rising)
        ("tail", "i8", (2,)),
        ("price", "i4", (2, MOST)),  # ticks, lows with their sign turned
        ("number", "i4", (2, MOST)),  # of the bar
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
    if s["length"] == 0:
        span = bar_length(c, p["timeframe"])
        s["length"] = (p["window"] + span - 1) // span
    m, number = s["length"], s["bars_seen"]
    if m > MOST:
        return
    s["bars_seen"] += 1
    high = push(s, 0, c["shown_high"][0], number, m)
    low = -push(s, 1, -c["shown_low"][0], number, m)
    if number + 1 < m:
        return
    f["high"] = high * i["tick"]
    f["low"] = low * i["tick"]
    f["range_position"] = (c["shown_close"][0] - low) / (high - low) if high > low else math.nan


@kernel
def push(s: Record, k: int, price: int, number: int, m: int) -> int:
    """Put the newest bar into queue `k`; returns the largest price of the last `m` bars."""
    head, tail = s["head"][k], s["tail"][k]
    if head < tail and s["number"][k, head & (MOST - 1)] <= number - m:
        head += 1
    while head < tail and s["price"][k, (tail - 1) & (MOST - 1)] <= price:
        tail -= 1
    s["price"][k, tail & (MOST - 1)] = price
    s["number"][k, tail & (MOST - 1)] = number
    s["head"][k] = head
    s["tail"][k] = tail + 1
    return s["price"][k, head & (MOST - 1)]
