"""Moving average convergence and divergence: a fast mean of the close minus a slow one, and its own mean.

macd = EMA_fast(C) - EMA_slow(C); macd_signal = EMA_signal(macd); macd_histogram = macd - macd_signal. Each EMA begins
with a plain mean; that of the fast one is over the `fast` closes that end where the first slow mean ends, as in TA-Lib.

NaN until macd_signal is known, at bar slow + signal - 1, as in TA-Lib. With fast > slow the signs turn.

Source: Appel, "Technical Analysis: Power Tools for Active Investors" (2005); checked against TA-Lib.
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
    "macd": "quote; EMA_fast - EMA_slow of the close",
    "macd_signal": "quote; EMA of macd",
    "macd_histogram": "quote; macd - macd_signal",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """Lengths of the three means, and of which bars."""

    fast: Annotated[int, Range(2, 1000)] = 12  # bars in the fast mean
    slow: Annotated[int, Range(2, 1000)] = 26  # bars in the slow mean
    signal: Annotated[int, Range(1, 1000)] = 9  # values of macd in its mean
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("closes", "i8"),  # bars seen
        ("fast", EMA),
        ("slow", EMA),
        ("signal", EMA),
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
    close = float(s["bars"]["shown_close"][0])
    s["closes"] += 1
    later = max(p["fast"], p["slow"])
    if s["closes"] > later - p["fast"]:
        ema_step(s["fast"], p["fast"], close)
    if s["closes"] > later - p["slow"]:
        ema_step(s["slow"], p["slow"], close)
    if s["closes"] < later:
        return
    macd = s["fast"]["ema"] - s["slow"]["ema"]
    if ema_step(s["signal"], p["signal"], macd):
        f["macd"] = macd * i["tick"]
        f["macd_signal"] = s["signal"]["ema"] * i["tick"]
        f["macd_histogram"] = (macd - s["signal"]["ema"]) * i["tick"]
