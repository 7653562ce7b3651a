"""Depth near the mid in money: what could be bought or sold within N basis points.

bid_depth = sum of P q over the bids with P >= mid (1 - bps / 10,000); ask_depth likewise above the mid; depth is their
sum. For inverse contracts P q is contracts times contract size. A source that carries few levels may end before the
band does: then this is what the source shows.

The sums are integers, changed by what each row adds or removes and by the levels that the moving band takes in or
leaves, so they equal a fresh walk over the book at any message end. NaN while the book is invalid or crossed.

Source: "depth at N basis points" as used in market-quality reports of exchanges; no model behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.touch import usable
from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.ladder import ASKS, BIDS, NO_ASK, NO_BID, level, next_level
from tickerml.tape.params import Range
from tickerml.tape.rows import BUY, SELL, Kind, Record

FIELDS: Final = {
    "bid_depth": "quote; value of the bids within bps of the mid",
    "ask_depth": "quote; value of the asks within bps of the mid",
    "depth": "quote; bid_depth + ask_depth",
}


@dataclass(frozen=True)
class Params:
    """How far from the mid to count."""

    bps: Annotated[float, Range(0.1, 1000)] = 10.0  # basis points; half-width of the band


_DEPTH: Final = int(Kind.DEPTH)
_CLEAR: Final = int(Kind.CLEAR)

State: Final = np.dtype(
    [
        ("live", "i8"),  # 1: the sums are those of the band below
        ("changed", "i8"),  # 1: a sum changed since it was emitted
        ("mid2", "i8"),  # best bid + best ask that the band was set for
        ("bound", "i8", (2,)),  # worst tick of the band by side, asks with their sign turned
        ("lots", "i8", (2,)),  # size inside the band
        ("value", "i8", (2,)),  # ticks x lots inside the band
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Keep both sums by each row's change, move the band at message ends, and emit when anything changed."""
    if row["kind"] == _DEPTH:  # without a branch on side or place, because this runs on every row
        side, price = int(row["side"]), int(row["price"])
        k = (1 - side) >> 1
        lots = (row["qty"] - b["was"]) * int(side * price >= s["bound"][k])
        s["lots"][k] += lots
        s["value"][k] += lots * price
        s["changed"] |= int(lots != 0)
    elif row["kind"] == _CLEAR:
        s["live"] = 0
    if not ends(row):
        return
    if not usable(b):
        s["live"] = 0
        _put(f, math.nan, math.nan)
        return
    mid2 = b["best_bid"] + b["best_ask"]
    if s["live"] == 0:
        _start(p, s, b, mid2)
    elif mid2 != s["mid2"]:
        _move(p, s, b, mid2)
    if s["changed"] != 0:
        s["changed"] = 0
        unit, lot_value = i["unit"], i["lot_value"]
        bid = s["value"][BIDS] * unit + s["lots"][BIDS] * lot_value
        _put(f, bid, s["value"][ASKS] * unit + s["lots"][ASKS] * lot_value)


@kernel
def _put(f: Record, bid: float, ask: float) -> None:
    f["bid_depth"] = bid
    f["ask_depth"] = ask
    f["depth"] = bid + ask


@kernel
def _count(s: Record, k: int, price: int, lots: int) -> None:
    s["lots"][k] += lots
    s["value"][k] += lots * price


@kernel
def low_tick(mid2: int, bps: float) -> int:
    """Worst bid tick within `bps` of the mid."""
    return math.ceil(0.5 * mid2 * (1.0 - 1e-4 * bps))


@kernel
def high_tick(mid2: int, bps: float) -> int:
    """Worst ask tick within `bps` of the mid."""
    return math.floor(0.5 * mid2 * (1.0 + 1e-4 * bps))


@kernel
def _start(p: Record, s: Record, b: Record, mid2: int) -> None:
    """Set the band and count all levels in it."""
    for k in range(2):
        s["lots"][k] = 0
        s["value"][k] = 0
    s["mid2"] = mid2
    s["bound"][BIDS] = low_tick(mid2, p["bps"])
    s["bound"][ASKS] = -high_tick(mid2, p["bps"])
    _bids(s, b, b["best_bid"], s["bound"][BIDS] - 1, 1)
    _asks(s, b, b["best_ask"], 1 - s["bound"][ASKS], 1)
    s["live"] = 1
    s["changed"] = 1


@kernel
def _move(p: Record, s: Record, b: Record, mid2: int) -> None:
    """Move the band's far edges: count the levels that it takes in, drop those that it leaves."""
    low, high = low_tick(mid2, p["bps"]), high_tick(mid2, p["bps"])
    old_low, old_high = s["bound"][BIDS], -s["bound"][ASKS]
    if low < old_low:
        _bids(s, b, next_level(b, BUY, old_low), low - 1, 1)
    elif low > old_low:
        _bids(s, b, next_level(b, BUY, low), old_low - 1, -1)
    if high > old_high:
        _asks(s, b, next_level(b, SELL, old_high), high + 1, 1)
    elif high < old_high:
        _asks(s, b, next_level(b, SELL, high), old_high + 1, -1)
    s["mid2"] = mid2
    s["bound"][BIDS] = low
    s["bound"][ASKS] = -high
    s["changed"] = 1


@kernel
def _bids(s: Record, b: Record, tick: int, stop: int, sign: int) -> None:
    """Count (or drop, sign -1) the bids from `tick` down to above `stop`."""
    while tick != NO_BID and tick > stop:
        _count(s, BIDS, tick, sign * level(b, BUY, tick))
        tick = next_level(b, BUY, tick)


@kernel
def _asks(s: Record, b: Record, tick: int, stop: int, sign: int) -> None:
    """Count (or drop, sign -1) the asks from `tick` up to below `stop`."""
    while tick != NO_ASK and tick < stop:
        _count(s, ASKS, tick, sign * level(b, SELL, tick))
        tick = next_level(b, SELL, tick)
