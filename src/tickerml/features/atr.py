"""Average true range: how far a bar usually reaches, gaps between bars included.

true_range = max(H - L, |H - C_before|, |L - C_before|); atr is its Wilder mean, begun with the plain mean of the n true
ranges after the first bar, as in TA-Lib; atr_fraction = atr / C.

true_range is NaN at the first bar, which has no close before it; the others before n + 1 bars.

Source: Wilder, "New Concepts in Technical Trading Systems" (1978); checked against TA-Lib.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.features.smoothing import WILDER, true_range, wilder_step
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "atr": "quote; Wilder mean of true_range",
    "atr_fraction": "fraction of the close; atr / C",
    "true_range": "quote; reach of the newest bar and of the step to it",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars, and which."""

    n: Annotated[int, Range(1, 10_000)] = 14  # true ranges in the mean
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("close", "i8"),  # ticks of the bar before; 0 = none
        ("range", WILDER),
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
    before, s["close"] = s["close"], c["shown_close"][0]
    if before == 0:
        return
    reach = true_range(c["shown_high"][0], c["shown_low"][0], before)
    f["true_range"] = reach * i["tick"]
    if wilder_step(s["range"], p["n"], float(reach)):
        f["atr"] = s["range"]["wilder"] * i["tick"]
        f["atr_fraction"] = s["range"]["wilder"] / c["shown_close"][0]
