"""Volume-weighted average price of the last n bars, and how far the close is from it.

vwap = sum of W / sum of V over the last n bars, V the size traded in a bar and W the price x size of its prints; where
a source has bars only, W = T V with T = (H + L + C) / 3. vwap_deviation = C / vwap - 1.

The sums are made anew from their parts every n bars, so they do not drift. NaN before n bars, and while none of them
has volume.

Source: Berkowitz, Logue and Noser, "The total cost of transactions on the NYSE", Journal of Finance 43 (1988).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "vwap": "quote; mean price of the last n bars weighted by size",
    "vwap_deviation": "fraction; C / vwap - 1",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars, and which."""

    n: Annotated[int, Range(1, 2048)] = 288  # bars
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("bars_seen", "i8"),
        ("slot", "i8"),  # of the oldest
        ("worth", "f8"),  # ticks x lots
        ("volume", "f8"),  # lots; volumes are whole, and exact up to 2^53
        ("worths", "f8", (2048,)),
        ("volumes", "f8", (2048,)),
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
    c, n, slot = s["bars"], p["n"], s["slot"]
    worth, volume = worth_of(c), float(c["shown_volume"][0])
    s["worth"] += worth - s["worths"][slot]
    s["volume"] += volume - s["volumes"][slot]
    s["worths"][slot] = worth
    s["volumes"][slot] = volume
    s["bars_seen"] += 1
    if slot + 1 < n:
        s["slot"] = slot + 1
    else:
        s["slot"] = 0
        _sum_anew(s, n)
    if s["bars_seen"] < n:
        return
    if s["volume"] > 0.0:
        vwap = s["worth"] / s["volume"]
        f["vwap"] = vwap * i["tick"]
        f["vwap_deviation"] = c["shown_close"][0] / vwap - 1.0
    else:
        f["vwap"] = math.nan
        f["vwap_deviation"] = math.nan


@kernel
def worth_of(c: Record) -> float:
    """Price x size traded in the newest bar, ticks x lots: exact where it was made of prints, else by T."""
    if c["shown_value"][0] >= 0:
        return float(c["shown_value"][0])
    price = (c["shown_high"][0] + c["shown_low"][0] + c["shown_close"][0]) / 3.0
    return price * c["shown_volume"][0]


@kernel
def _sum_anew(s: Record, n: int) -> None:
    s["worth"] = 0.0
    s["volume"] = 0.0
    for k in range(n):
        s["worth"] += s["worths"][k]
        s["volume"] += s["volumes"][k]
