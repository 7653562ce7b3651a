"""Bollinger bands: the mean of the last n closes, and the band of k standard deviations around it.

middle = mean, s = sqrt(mean of (C - middle)^2) of the last n closes (divided by n, not n - 1, as by the source and
TA-Lib); upper and lower = middle +- k s; bollinger_width = (upper - lower) / middle; bollinger_position =
(C - lower) / (upper - lower): 0 at the lower band, 1 at the upper one, beyond them outside.

The mean is an exact integer sum and the deviations are summed anew at each bar, so nothing drifts. NaN before n bars;
bollinger_position also while the closes are all equal.

Source: Bollinger, "Bollinger on Bollinger Bands" (2001); checked against TA-Lib.
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
    "bollinger_upper": "quote; middle + k s",
    "bollinger_middle": "quote; mean of the last n closes",
    "bollinger_lower": "quote; middle - k s",
    "bollinger_width": "fraction of the middle; (upper - lower) / middle",
    "bollinger_position": "0 at lower, 1 at upper; (C - lower) / (upper - lower)",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars and standard deviations, and of which bars."""

    n: Annotated[int, Range(2, 512)] = 20  # bars
    k: Annotated[float, Range(0.1, 10)] = 2.0  # standard deviations from the middle to a band
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("closes", "i8"),  # bars seen
        ("slot", "i8"),  # of the oldest close
        ("sum", "i8"),  # ticks
        ("ring", "i4", (512,)),  # the last n closes
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
    close, n, slot = s["bars"]["shown_close"][0], p["n"], s["slot"]
    s["sum"] += close - s["ring"][slot]
    s["ring"][slot] = close
    s["slot"] = slot + 1 if slot + 1 < n else 0
    s["closes"] += 1
    if s["closes"] < n:
        return
    middle = s["sum"] / n
    squares = 0.0
    for k in range(n):
        away = s["ring"][k] - middle
        squares += away * away
    half = p["k"] * math.sqrt(squares / n)
    f["bollinger_upper"] = (middle + half) * i["tick"]
    f["bollinger_middle"] = middle * i["tick"]
    f["bollinger_lower"] = (middle - half) * i["tick"]
    f["bollinger_width"] = 2.0 * half / middle
    f["bollinger_position"] = (close - (middle - half)) / (2.0 * half) if half > 0.0 else math.nan
