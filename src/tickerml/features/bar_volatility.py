"""Realised volatility, per day, from the closes of the last n + 1 bars of any timeframe.

bar_volatility = sqrt(mean of the last n values of r^2 day / t), r = ln(C / C_before) and t the time from close to
close; 0.03 means 3 % a day. No mean is subtracted, as in `volatility`, which is the one for order books.

The sum is made anew from its parts every n bars, so it does not drift. NaN before n + 1 bars.

Source: Andersen, Bollerslev, Diebold and Labys, "Modeling and forecasting realized volatility", Econometrica 71 (2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, Record

FIELDS: Final = {
    "bar_volatility": "fraction per day; sqrt(mean of the last n squared log returns, each per day)",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many returns, and of which bars."""

    n: Annotated[int, Range(1, 2048)] = 20  # returns
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("close", "i8"),  # ticks; 0 = none
        ("closed", "i8"),  # its time
        ("returns", "i8"),  # returns seen
        ("slot", "i8"),  # of the oldest
        ("sum", "f8"),
        ("squares", "f8", (2048,)),  # r^2 per day
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, f: Record) -> None:
    """Follow the bars that prints make."""
    if wanted(s["bars"], row):
        while next_of_row(s["bars"], p["timeframe"], row):
            _step(p, s, f)


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, f: Record) -> None:
    """Follow the bars of a bar-only source."""
    while next_of_bar(s["bars"], p["timeframe"], row, bar):
        _step(p, s, f)


@kernel
def _step(p: Record, s: Record, f: Record) -> None:
    squared = squared_return(s["bars"], s)
    if squared < 0.0:
        return
    n, slot = p["n"], s["slot"]
    s["sum"] += squared - s["squares"][slot]
    s["squares"][slot] = squared
    s["returns"] += 1
    if slot + 1 < n:
        s["slot"] = slot + 1
    else:
        s["slot"] = 0
        s["sum"] = 0.0
        for k in range(n):
            s["sum"] += s["squares"][k]
    if s["returns"] >= n:
        f["bar_volatility"] = math.sqrt(max(s["sum"], 0.0) / n)


@kernel
def squared_return(c: Record, s: Record) -> float:
    """Squared log return of the newest bar per day, -1 for the first; keeps s["close"] and s["closed"]."""
    before, then = s["close"], s["closed"]
    s["close"], s["closed"] = c["shown_close"][0], c["shown_end"][0]
    if before == 0:
        return -1.0
    if s["close"] == before:
        return 0.0
    r = math.log(s["close"] / before)
    return r * r * (float(DAY) / (s["closed"] - then))
