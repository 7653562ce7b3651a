"""Moving averages of the close: simple and exponential.

sma = mean of the last n closes, from an exact integer sum of ticks that cannot drift. ema begins with the mean of the
first n closes and goes on with ema = ema + 2 / (n + 1) (C - ema), as TA-Lib's does. sma_before and ema_before are the
same one bar earlier: two means have crossed where their order now is not their order before.

NaN before n bars.

Source: the standard definitions; checked against TA-Lib.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.features.smoothing import EMA, ema_step
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "sma": "quote; mean of the last n closes",
    "ema": "quote; exponential mean with weight 2 / (n + 1), begun with the mean of the first n",
    "sma_before": "quote; sma at the bar before",
    "ema_before": "quote; ema at the bar before",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars, and which."""

    n: Annotated[int, Range(1, 1024)] = 20  # bars
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("mean", EMA),
        ("slot", "i8"),  # of the oldest close
        ("sum", "i8"),  # ticks
        ("ring", "i4", (1024,)),  # the last n closes
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
    f["sma_before"] = f["sma"]
    f["ema_before"] = f["ema"]
    if ema_step(s["mean"], n, float(close)):
        f["sma"] = s["sum"] / n * i["tick"]
        f["ema"] = s["mean"]["ema"] * i["tick"]
