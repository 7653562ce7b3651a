"""How strong a trend is, whichever way it goes, and how it fades.

plus_di and minus_di = 100 x Wilder sums of the rises of the high and of the falls of the low, over that of the true
range; adx = Wilder mean of 100 |plus_di - minus_di| / (plus_di + minus_di), as TA-Lib makes them. ADX was taken rather
than the R^2 of a line because it is what traders read, has a reference to be checked against, and does not take a slow
drift without noise for a strong trend.

A trend begins when plus_di and minus_di change places; its peak is the highest adx since. trend_age = bars since that
peak, trend_decay = adx / peak, trend_half_life = age ln 2 / -ln(trend_decay): the bars in which adx halves at the pace
it has fallen since; NaN at the peak.

NaN before 2 n bars, as in TA-Lib.

Source: Wilder, "New Concepts in Technical Trading Systems" (1978); the decay is ours, exponential by definition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.features.smoothing import MACHINE_ZERO, true_range
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "adx": "0 to 100; average directional index, the strength of the trend",
    "plus_di": "0 to 100; directional indicator of rises",
    "minus_di": "0 to 100; directional indicator of falls",
    "trend_age": "bars; since the highest adx of this trend",
    "trend_decay": "0 to 1; adx / its highest value in this trend",
    "trend_half_life": "bars; in which adx halves at its pace since the peak",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars, and which."""

    n: Annotated[int, Range(2, 10_000)] = 14  # bars in the Wilder means
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("bars_seen", "i8"),
        ("high", "i8"),  # ticks of the bar before
        ("low", "i8"),
        ("close", "i8"),
        ("plus", "f8"),  # Wilder sums, ticks
        ("minus", "f8"),
        ("range", "f8"),
        ("index", "f8"),  # adx, or the sum of the first values
        ("side", "i8"),  # sign(plus_di - minus_di) when the trend began
        ("peak", "f8"),
        ("peak_bar", "i8"),
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
    c, n = s["bars"], p["n"]
    high, low, close = c["shown_high"][0], c["shown_low"][0], c["shown_close"][0]
    rise, fall = high - s["high"], s["low"] - low
    reach = true_range(high, low, s["close"])
    s["high"], s["low"], s["close"] = high, low, close
    changes = s["bars_seen"]
    s["bars_seen"] += 1
    if changes == 0:
        return
    if changes >= n:
        s["plus"] -= s["plus"] / n
        s["minus"] -= s["minus"] / n
        s["range"] -= s["range"] / n
    s["plus"] += rise if rise > 0 and rise > fall else 0
    s["minus"] += fall if fall > 0 and fall > rise else 0
    s["range"] += reach
    if changes >= n:
        _average(n, s, changes)
    if changes >= 2 * n - 1:
        _follow(s)
        _emit(s, f)


@kernel
def _average(n: int, s: Record, changes: int) -> None:
    """Fold the directional movement index of the newest bar into adx; one that is undefined changes nothing."""
    both = s["plus"] + s["minus"]
    if both > MACHINE_ZERO and s["range"] > MACHINE_ZERO:
        index = 100.0 * (abs(s["minus"] - s["plus"]) / both)
        s["index"] = (s["index"] * (n - 1) + index) / n if changes >= 2 * n else s["index"] + index
    if changes == 2 * n - 1:
        s["index"] /= n


@kernel
def _follow(s: Record) -> None:
    """The peak of this trend; a new one begins when the directions have changed places."""
    side = 1 if s["plus"] > s["minus"] else -1
    if side != s["side"] or s["index"] >= s["peak"]:
        s["side"] = side
        s["peak"] = s["index"]
        s["peak_bar"] = s["bars_seen"]


@kernel
def _emit(s: Record, f: Record) -> None:
    f["adx"] = s["index"]
    f["plus_di"] = 100.0 * (s["plus"] / s["range"]) if s["range"] > MACHINE_ZERO else 0.0
    f["minus_di"] = 100.0 * (s["minus"] / s["range"]) if s["range"] > MACHINE_ZERO else 0.0
    age = s["bars_seen"] - s["peak_bar"]
    decay = s["index"] / s["peak"] if s["peak"] > 0.0 else 1.0
    f["trend_age"] = age
    f["trend_decay"] = decay
    f["trend_half_life"] = age * math.log(2.0) / -math.log(decay) if 0.0 < decay < 1.0 else math.nan
