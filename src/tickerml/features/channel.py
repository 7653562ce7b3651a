"""A price channel: the line through the last closes, moved up and down until it holds all highs and lows.

Over the n bars before the newest one, j = 0 .. n - 1: a + b j fits their closes by least squares; top = a + b n +
max(H_j - a - b j), bottom = a + b n - max(a + b j - L_j): the channel as it reaches to the newest bar, which has no
part in it. So channel_position = (C - bottom) / (top - bottom) below 0 or above 1 says that the newest close has left
the channel. channel_width = (top - bottom) / (a + b n); channel_slope = b / (a + b n), per bar; channel_fit = R^2 of
the line.

A bar touches the top when its high is within `tolerance` x (top - bottom) of it, likewise the bottom with its low; bars
in succession count as one touch. The least-squares sums are exact integers of ticks.

NaN before n + 1 bars and while the channel has no width; channel_fit also while all closes are equal.

Source: least squares; channel by parallel lines as in Raff, "Trading the regression channel", Technical Analysis of
Stocks and Commodities 9 (1991).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "channel_top": "quote; upper line at the newest bar",
    "channel_bottom": "quote; lower line at the newest bar",
    "channel_width": "fraction; (top - bottom) / value of the line",
    "channel_position": "0 at the bottom, 1 at the top; (C - bottom) / (top - bottom)",
    "channel_slope": "fraction per bar; slope of the line / its value",
    "channel_fit": "0 to 1; R^2 of the line",
    "channel_top_touches": "count; separate touches of the top",
    "channel_bottom_touches": "count; separate touches of the bottom",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars, what a touch is, and in which bars."""

    n: Annotated[int, Range(5, 512)] = 60  # bars
    tolerance: Annotated[float, Range(0, 0.5)] = 0.1  # of the height; farthest a touch may be from its line
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("bars_seen", "i8"),
        ("slot", "i8"),  # of the oldest bar
        ("sum", "i8"),  # of the closes, ticks
        ("moment", "i8"),  # sum of j C_j
        ("close", "i4", (512,)),
        ("high", "i4", (512,)),
        ("low", "i4", (512,)),
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
    c, n, slot = s["bars"], p["n"], s["slot"]
    close = c["shown_close"][0]
    if s["bars_seen"] >= n:
        _fit(p, s, f, close, i["tick"])
        s["moment"] -= s["sum"] - s["close"][slot]  # every bar moves to the left by one; the oldest had weight 0
        s["sum"] -= s["close"][slot]
        s["moment"] += (n - 1) * close
    else:
        s["moment"] += s["bars_seen"] * close
    s["sum"] += close
    s["close"][slot] = close
    s["high"][slot] = c["shown_high"][0]
    s["low"][slot] = c["shown_low"][0]
    s["slot"] = slot + 1 if slot + 1 < n else 0
    s["bars_seen"] += 1


@kernel
def _fit(p: Record, s: Record, f: Record, close: int, tick: float) -> None:
    """The channel of the n bars in the ring, against the newest close."""
    n = p["n"]
    # exact: 12 x the covariance sum of (j, C) is an integer, n (n^2 - 1) that of (j, j)
    slope = (12 * s["moment"] - 6 * (n - 1) * s["sum"]) / (n * (n * n - 1))
    start = s["sum"] / n - slope * ((n - 1) * 0.5)
    up, down, rest, spread = 0.0, 0.0, 0.0, 0.0
    mean = s["sum"] / n
    at = s["slot"]
    for j in range(n):
        line = start + slope * j
        up = max(up, s["high"][at] - line)
        down = max(down, line - s["low"][at])
        rest += (s["close"][at] - line) * (s["close"][at] - line)
        spread += (s["close"][at] - mean) * (s["close"][at] - mean)
        at = at + 1 if at + 1 < n else 0
    height = up + down
    if not height > 0.0:
        _nothing(f)
        return
    line = start + slope * n
    near = p["tolerance"] * height
    f["channel_top"] = (line + up) * tick
    f["channel_bottom"] = (line - down) * tick
    f["channel_width"] = height / line
    f["channel_position"] = (close - line + down) / height
    f["channel_slope"] = slope / line
    f["channel_fit"] = max(0.0, 1.0 - rest / spread) if spread > 0.0 else math.nan
    f["channel_top_touches"] = _touches(s, n, 1, start + up - near, slope)
    f["channel_bottom_touches"] = _touches(s, n, -1, start - down + near, slope)


@kernel
def _touches(s: Record, n: int, side: int, start: float, slope: float) -> int:
    """How often the highs (side 1) came above the line, or the lows (side -1) below it."""
    touches, inside = 0, False
    at = s["slot"]
    for j in range(n):
        price = s["high"][at] if side > 0 else s["low"][at]
        touching = side * (price - (start + slope * j)) >= 0.0
        if touching and not inside:
            touches += 1
        inside = touching
        at = at + 1 if at + 1 < n else 0
    return touches


@kernel
def _nothing(f: Record) -> None:
    f["channel_top"] = math.nan
    f["channel_bottom"] = math.nan
    f["channel_width"] = math.nan
    f["channel_position"] = math.nan
    f["channel_slope"] = math.nan
    f["channel_fit"] = math.nan
    f["channel_top_touches"] = math.nan
    f["channel_bottom_touches"] = math.nan
