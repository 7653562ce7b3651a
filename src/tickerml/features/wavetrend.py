"""The wave trend oscillator: a smoothed commodity channel index on exponential means.

With T = (H + L + C) / 3: e = EMA_channel(T), d = EMA_channel(|T - e|), x = (T - e) / (0.015 d), 0 while d = 0;
wave_trend = EMA_average(x); wave_trend_signal = mean of its last four values.

Each EMA begins with the plain mean of its first values, like all of ours, and only when its input is known, so both are
NaN before bar 2 channel + average + 1. (On TradingView an EMA begins with its first value; the difference dies out.)

Source: LazyBear's "WaveTrend Oscillator [WT]" on TradingView (2014), after the TS/MT4 original; it has no paper.
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
    "wave_trend": "0.015 mean deviations; EMA_average((T - e) / (0.015 d))",
    "wave_trend_signal": "0.015 mean deviations; mean of the last 4 values of wave_trend",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """Lengths of the means, and of which bars."""

    channel: Annotated[int, Range(2, 1000)] = 10  # bars in e and d
    average: Annotated[int, Range(2, 1000)] = 21  # values of x in wave_trend
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("centre", EMA),
        ("width", EMA),
        ("wave", EMA),
        ("waves", "i8"),  # values of wave_trend so far
        ("last", "f8", (4,)),  # the last four of them
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
    c = s["bars"]
    price = (c["shown_high"][0] + c["shown_low"][0] + c["shown_close"][0]) / 3.0
    if not ema_step(s["centre"], p["channel"], price):
        return
    away = price - s["centre"]["ema"]
    if not ema_step(s["width"], p["channel"], abs(away)):
        return
    width = s["width"]["ema"]
    if not ema_step(s["wave"], p["average"], away / (0.015 * width) if width > 0.0 else 0.0):
        return
    s["last"][s["waves"] & 3] = s["wave"]["ema"]
    s["waves"] += 1
    if s["waves"] >= 4:
        f["wave_trend"] = s["wave"]["ema"]
        f["wave_trend_signal"] = (s["last"][0] + s["last"][1] + s["last"][2] + s["last"][3]) * 0.25
