"""The shape of the book near the touch: depth imbalance, price pressure and slope.

Over the best N non-empty levels of each side, with prices P, sizes q and mid as in `touch.py`:
depth_imbalance_N = (B - A) / (B + A), B and A the sizes of the N bids and asks added up;
price_pressure = 10,000 (W / mid - 1), W = sum of (P_a,k q_b,k + P_b,k q_a,k) / sum of (q_b,k + q_a,k): the weighted
price of the book with the sides crossed over, so that it lies on the side that will be pushed to;
book_slope_* = sum of d_k Q_k / sum of d_k^2: least squares through the origin of the size Q_k up to level k against
its distance d_k from the mid in ticks. A steep book moves little. book_slope is the mean of both sides.

NaN while the book is invalid, crossed, or a side has fewer than N levels.

Source: Cao, Hansch and Wang, "The information content of an open limit-order book", Journal of Futures Markets 29
(2009), for imbalance and weighted price by level; the slope follows Naes and Skjeltorp, "Order book characteristics and
the volume-volatility relation", Journal of Financial Markets 9 (2006), without their logarithm of size, which has no
meaning for sizes below one coin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.levels import after, first_changed, forget_changes, near, note_change, note_clear
from tickerml.features.touch import usable
from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.ladder import ASKS, BIDS, NO_ASK, NO_BID, level, next_level
from tickerml.tape.params import Range
from tickerml.tape.rows import BUY, SELL, Kind, Record

FIELDS: Final = {
    "depth_imbalance_1": "-1 to 1; (B - A) / (B + A) over the best level",
    "depth_imbalance_5": "-1 to 1; (B - A) / (B + A) over the best 5 levels",
    "depth_imbalance_10": "-1 to 1; (B - A) / (B + A) over the best 10 levels",
    "depth_imbalance_20": "-1 to 1; (B - A) / (B + A) over the best 20 levels",
    "price_pressure": "basis points; 10,000 (W / mid - 1), W the price of the book weighted by the other side's size",
    "book_slope_bid": "base per tick; growth of size with distance from the mid, bids",
    "book_slope_ask": "base per tick; growth of size with distance from the mid, asks",
    "book_slope": "base per tick; mean of book_slope_bid and book_slope_ask",
}


@dataclass(frozen=True)
class Params:
    """How deep to look for pressure and slope; the depth imbalances have fixed depths."""

    levels: Annotated[int, Range(1, 20)] = 10  # levels a side for price_pressure and book_slope


LEVELS: Final = 20
_DEPTH: Final = int(Kind.DEPTH)
_CLEAR: Final = int(Kind.CLEAR)

State: Final = np.dtype(
    [
        ("changed", "i8", (2,)),  # of `levels.note_change`
        ("valid", "i8"),
        ("ticks", "i8", (2, LEVELS)),
        ("held", "i8", (2, LEVELS + 1)),  # lots up to and with the m-th level; held[k, 0] = 0
        ("found", "i8", (2,)),  # levels there are, up to LEVELS
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Walk the book at the end of a message that could have changed one of the levels read before."""
    if row["kind"] == _DEPTH:
        note_change(s, row)
    elif row["kind"] == _CLEAR:
        note_clear(s)
    if not ends(row) or (s["valid"] == b["valid"] and not near(s, LEVELS)):
        return
    if s["valid"] != b["valid"]:
        s["valid"] = b["valid"]
        note_clear(s)
    _walk(s, b, BIDS)
    _walk(s, b, ASKS)
    forget_changes(s)
    known = usable(b)
    f["depth_imbalance_1"] = _imbalance(s, known, 1)
    f["depth_imbalance_5"] = _imbalance(s, known, 5)
    f["depth_imbalance_10"] = _imbalance(s, known, 10)
    f["depth_imbalance_20"] = _imbalance(s, known, 20)
    deep = known and s["found"][BIDS] >= p["levels"] and s["found"][ASKS] >= p["levels"]
    mid2 = b["best_bid"] + b["best_ask"]
    f["price_pressure"] = _pressure(s, p["levels"], mid2) if deep else math.nan
    bid = _slope(s, BIDS, p["levels"], mid2) * i["lot"] if deep else math.nan
    ask = _slope(s, ASKS, p["levels"], mid2) * i["lot"] if deep else math.nan
    f["book_slope_bid"] = bid
    f["book_slope_ask"] = ask
    f["book_slope"] = 0.5 * (bid + ask)


@kernel
def _walk(s: Record, b: Record, k: int) -> None:
    """Read the best levels of one side: their ticks, and the lots up to each."""
    side, none = (BUY, NO_BID) if k == BIDS else (SELL, NO_ASK)
    m = first_changed(s, k, LEVELS)
    if m == LEVELS:
        return
    tick = after(s, b, k, m)
    while m < LEVELS and tick != none:
        s["ticks"][k, m] = tick
        s["held"][k, m + 1] = s["held"][k, m] + level(b, side, tick)
        m += 1
        if m < LEVELS:
            tick = next_level(b, side, tick)
    s["found"][k] = m
    for empty in range(m, LEVELS):
        s["ticks"][k, empty] = none


@kernel
def _imbalance(s: Record, known: bool, n: int) -> float:
    if not known or s["found"][BIDS] < n or s["found"][ASKS] < n:
        return math.nan
    bids, asks = s["held"][BIDS, n], s["held"][ASKS, n]
    return (bids - asks) / (bids + asks)


@kernel
def _pressure(s: Record, n: int, mid2: int) -> float:
    """10,000 (W / mid - 1); prices are taken as half ticks from the mid, so that nothing is lost to rounding."""
    pull = 0.0
    for m in range(n):
        above = float(2 * s["ticks"][ASKS, m] - mid2) * (s["held"][BIDS, m + 1] - s["held"][BIDS, m])
        below = float(mid2 - 2 * s["ticks"][BIDS, m]) * (s["held"][ASKS, m + 1] - s["held"][ASKS, m])
        pull += above - below
    return 10_000.0 * pull / (float(s["held"][BIDS, n] + s["held"][ASKS, n]) * mid2)


@kernel
def _slope(s: Record, k: int, n: int, mid2: int) -> float:
    """Lots per tick."""
    up = 0.0
    down = 0.0
    for m in range(n):
        distance = 0.5 * abs(2 * s["ticks"][k, m] - mid2)
        up += distance * s["held"][k, m + 1]
        down += distance * distance
    return up / down
