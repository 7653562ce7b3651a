"""Volume-weighted average price since a session began, and how far the close is from it.

session_vwap = sum of W / sum of V over the bars of the session so far, with V and W as in `vwap`;
session_vwap_deviation = C / session_vwap - 1. A session begins at each multiple of `session` of exchange time: at
midnight UTC for 1d, at 0, 8 and 16 h (Asia, Europe, US) for 8h, on Monday for 7d, on the first for 1M. The first bar of
a session is that which closes after its begin.

NaN until the first session that was seen from its begin, and while a session has no volume. Nothing is subtracted, so
nothing drifts.

Source: as `vwap`, anchored at the session's begin as exchanges and charts do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.calendar import bar_end, bar_start
from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.features.vwap import worth_of
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, Record

FIELDS: Final = {
    "session_vwap": "quote; mean price of the session so far weighted by size",
    "session_vwap_deviation": "fraction; C / session_vwap - 1",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """The session, and of which bars."""

    session: Annotated[int, Range(0, 366 * DAY)] = DAY  # ns; length of a session, 0 = a calendar month
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("begin", "i8"),  # of the session, exchange time
        ("close_by", "i8"),  # its end; 0 = nothing seen
        ("whole", "i8"),  # 1: seen from its begin on
        ("worth", "f8"),  # ticks x lots
        ("volume", "f8"),
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
    if c["shown_end"][0] > s["close_by"]:
        s["whole"] = 1 if s["close_by"] != 0 else 0
        s["begin"] = bar_start(c["shown_end"][0] - 1, p["session"])
        s["close_by"] = bar_end(s["begin"], p["session"])
        s["worth"] = 0.0
        s["volume"] = 0.0
    s["worth"] += worth_of(c)
    s["volume"] += float(c["shown_volume"][0])
    if s["whole"] != 0 and s["volume"] > 0.0:
        vwap = s["worth"] / s["volume"]
        f["session_vwap"] = vwap * i["tick"]
        f["session_vwap_deviation"] = c["shown_close"][0] / vwap - 1.0
    else:
        f["session_vwap"] = math.nan
        f["session_vwap_deviation"] = math.nan
