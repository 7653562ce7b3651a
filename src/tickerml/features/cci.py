"""Commodity channel index: how far the price is from its mean, in mean absolute deviations.

With T = (H + L + C) / 3, M the mean of the last n of them and D the mean of |T - M|: cci = (T - M) / (0.015 D), and 0
when D = 0, as in TA-Lib. All sums are exact integers of ticks, made anew or changed by whole ticks, so nothing drifts.

NaN before n bars.

Source: Lambert, "Commodity Channel Index", Commodities (October 1980); checked against TA-Lib.
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
    "cci": "0.015 mean deviations; (T - M) / (0.015 D)",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars, and which."""

    n: Annotated[int, Range(2, 512)] = 14  # bars
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("bars_seen", "i8"),
        ("slot", "i8"),  # of the oldest
        ("sum", "i8"),  # of 3 T, ticks
        ("ring", "i8", (512,)),  # 3 T of the last n bars
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
    c, n, slot = s["bars"], p["n"], s["slot"]
    price = c["shown_high"][0] + c["shown_low"][0] + c["shown_close"][0]
    s["sum"] += price - s["ring"][slot]
    s["ring"][slot] = price
    s["slot"] = slot + 1 if slot + 1 < n else 0
    s["bars_seen"] += 1
    if s["bars_seen"] < n:
        return
    total = s["sum"]
    away = 0
    for k in range(n):
        away += abs(n * s["ring"][k] - total)
    f["cci"] = (n * price - total) / (0.015 * (away / n)) if away > 0 else 0.0
