"""Bars of any timeframe, folded from prints, or from the bars of a bar-only source into longer ones.

A print belongs to the bar that its exchange time lies in; the bar spans [start, start + timeframe) of exchange time and
becomes visible at the first row or timer received at or after close + clock offset + `grace` (the offset is that of
the newest CLOCK row, 0 without one). Until then the bar and its successor are both being filled; a print of the one
after makes the bar visible at once. A print of a bar that is visible already is late: it goes to the oldest bar still
open and is counted in bar_late. A bar without prints has the close before as its four prices and volume 0. The bar in
which the tape begins is not whole and is never shown.

From BAR rows the shorter bars are merged: a bar becomes visible with the row that completes it, or with the first of a
later bar. Where the source lacks some of them, the bar is made of the
others. Bars that do not fit in the timeframe, and restated ones, change nothing (counted in bar_late). The first of
prints and BAR rows to arrive decides which of the two an instrument's bars are made of.

Fields are those of the newest visible bar; NaN before there is one. Nothing of this is ever stored as a fact.

Source: open, high, low, close, volume as exchanges define them; vwap = sum of price x size / sum of size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.barring import bar_fields, begin, due, mature, merge, take
from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import MILLISECOND, MINUTE, SECOND, Kind, Record

FIELDS: Final = {
    "bar_open": "quote; first price of the bar",
    "bar_high": "quote; highest price",
    "bar_low": "quote; lowest price",
    "bar_close": "quote; last price",
    "bar_volume": "base; size traded",
    "bar_buy_volume": "base; size bought by takers; NaN where the source does not say",
    "bar_vwap": "quote; mean price weighted by size; NaN in a bar without prints and in bars made of bars",
    "bar_trades": "count; prints; NaN where the source does not say",
    "bar_late": "count; late prints (or bars that did not fit) that the bar took in",
    "bar_time": "ns UTC; exchange time of the bar's close",
    "bar_count": "count; bars that have become visible; its change tells that there is a new one",
}


@dataclass(frozen=True)
class Params:
    """The timeframe, and how long to wait for prints that are on their way."""

    timeframe: Annotated[int, Range(0, 366 * 86_400 * SECOND)] = MINUTE  # ns; length of a bar, 0 = a calendar month
    grace: Annotated[int, Range(0, 60 * SECOND)] = 250 * MILLISECOND  # ns; wait after the close


_TRADE: Final = int(Kind.TRADE)
_CLOCK: Final = int(Kind.CLOCK)

State: Final = np.dtype(bar_fields(1))


@fold
def on_row(p: Record, s: Record, row: Record, f: Record, i: Record) -> None:
    """Take in a print, show bars whose time has come, emit at message ends."""
    if row["recv"] >= s["due"] or row["kind"] == _TRADE or row["kind"] == _CLOCK:
        begin(s, row)
        mature(s, 0, p["timeframe"], row["recv"] - s["offset"] - p["grace"])
        if row["kind"] == _TRADE:
            take(s, 0, p["timeframe"], row)
        s["due"] = due(s, p["grace"])
    if s["fresh"] != 0 and ends(row):
        s["fresh"] = 0
        emit(s, f, i)


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, f: Record, i: Record) -> None:
    """Merge a bar of the source into the longer one."""
    if merge(s, 0, p["timeframe"], row, bar):
        s["fresh"] = 0
        emit(s, f, i)


@kernel
def emit(s: Record, f: Record, i: Record) -> None:
    """Write the newest visible bar."""
    tick, lot = i["tick"], i["lot"]
    f["bar_open"] = s["shown_open"][0] * tick
    f["bar_high"] = s["shown_high"][0] * tick
    f["bar_low"] = s["shown_low"][0] * tick
    f["bar_close"] = s["shown_close"][0] * tick
    f["bar_volume"] = s["shown_volume"][0] * lot
    f["bar_buy_volume"] = s["shown_buys"][0] * lot if s["shown_buys"][0] >= 0 else np.nan
    value = s["shown_value"][0]
    f["bar_vwap"] = value / s["shown_volume"][0] * tick if s["shown_volume"][0] > 0 and value >= 0 else np.nan
    f["bar_trades"] = s["shown_trades"][0] if s["shown_trades"][0] >= 0 else np.nan
    f["bar_late"] = s["shown_late"][0]
    f["bar_time"] = s["shown_end"][0]
    f["bar_count"] = s["shown"][0]
