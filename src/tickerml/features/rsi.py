"""The relative strength index: how much of the recent movement of the close was upwards.

With u_t = max(0, C_t - C_(t-1)) and d_t = max(0, C_(t-1) - C_t) from one bar's close to the next, and U and D their
Wilder means (the first is the plain mean of n changes, then U_t = ((n - 1) U_(t-1) + u_t) / n):
rsi = 100 U / (U + D), 50 when nothing has moved at all (TA-Lib says 0 there, which would read as oversold).

NaN before n changes of the close, as in TA-Lib.

Source: Wilder, "New Concepts in Technical Trading Systems" (1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "rsi": "0 to 100; 100 U / (U + D), Wilder means of the rises and falls of the close",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many changes, and of which bars."""

    n: Annotated[int, Range(1, 10_000)] = 14  # changes in a Wilder mean
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("closes", "i8"),  # bars seen
        ("close", "i8"),  # ticks
        ("up", "f8"),  # ticks; U, or the sum of the first rises
        ("down", "f8"),
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
    close = s["bars"]["shown_close"][0]
    change = close - s["close"]
    s["close"] = close
    changes = s["closes"]
    s["closes"] += 1
    if changes == 0:
        return
    n = p["n"]
    up, down = float(max(change, 0)), float(max(-change, 0))
    if changes > n:
        s["up"] = (s["up"] * (n - 1) + up) / n
        s["down"] = (s["down"] * (n - 1) + down) / n
    else:
        s["up"] += up
        s["down"] += down
        if changes == n:
            s["up"] /= n
            s["down"] /= n
    if changes >= n:
        both = s["up"] + s["down"]
        f["rsi"] = 100.0 * (s["up"] / both) if both > 0.0 else 50.0
