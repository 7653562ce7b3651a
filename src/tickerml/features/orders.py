"""What becomes of displayed orders: how much is added near the touch, and how much is withdrawn rather than traded.

Over the window and the levels within `bps` of the touch: A = size added (growth of levels), R = size removed (shrinking
of levels), T = size traded. order_adds = A per second; order_cancels = max(0, R - T) per second;
cancellation_rate = max(0, R - T) / R, the share of what left the book without a trade;
cancel_to_add = max(0, R - T) / A.

Depth feeds send net changes of a level per message, so an order that came and went between two messages is not seen,
and the rates are lower bounds. A snapshot starts the window anew. NaN while the book is invalid and until a whole
window has been seen since it became valid; the shares also where nothing was removed or added.

Source: order-to-trade and cancellation measures as in Hasbrouck and Saar, "Low-latency trading", Journal of Financial
Markets 16 (2013), in size instead of messages, because L2 feeds do not show single orders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.liquidity import high_tick, low_tick
from tickerml.features.touch import usable
from tickerml.features.window import add, ends, full, restart, total, turn, window_fields
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.ladder import ASKS, BIDS
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, MILLISECOND, MINUTE, SECOND, Flag, Kind, Record

FIELDS: Final = {
    "order_adds": "base per second; A, size added near the touch",
    "order_cancels": "base per second; max(0, R - T), size withdrawn near the touch",
    "cancellation_rate": "0 to 1; max(0, R - T) / R, share of what left the book without a trade",
    "cancel_to_add": "ratio; max(0, R - T) / A",
}


@dataclass(frozen=True)
class Params:
    """How far back and how far from the touch to look."""

    window: Annotated[int, Range(100 * MILLISECOND, DAY)] = MINUTE  # ns; length of the window
    bps: Annotated[float, Range(0.1, 1000)] = 50.0  # basis points of the mid; levels farther away are left out


_ADDED: Final = 0
_REMOVED: Final = 1
_TRADED: Final = 2
_DEPTH: Final = int(Kind.DEPTH)
_TRADE: Final = int(Kind.TRADE)
_CLEAR: Final = int(Kind.CLEAR)
_SNAPSHOT: Final = int(Flag.SNAPSHOT)

State: Final = np.dtype(
    [
        *window_fields(3),
        ("live", "i8"),  # 1: the book can be read and the band below is set
        ("fresh", "i8"),
        ("mid2", "i8"),  # best bid + best ask that the band was set for
        ("bound", "i8", (2,)),  # worst tick that counts by side, asks with their sign turned
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Count what each row adds, removes or trades; emit at bucket edges, 64 a window."""
    kind = row["kind"]
    if s["live"] != 0:
        if row["recv"] >= s["edge"] and turn(s, row["recv"], p["window"]):
            s["fresh"] = 1
        if kind == _DEPTH:
            side = int(row["side"])
            counts = int(side * int(row["price"]) >= s["bound"][(1 - side) >> 1])
            change = (row["qty"] - b["was"]) * counts * int(row["flags"] & _SNAPSHOT == 0)
            add(s, _ADDED, max(0, change))
            add(s, _REMOVED, max(0, -change))
        elif kind == _TRADE:
            add(s, _TRADED, row["qty"])
        elif kind == _CLEAR:
            _stop(s)
    if ends(row):
        _set_band(p, s, b)
        if s["fresh"] != 0:
            s["fresh"] = 0
            _emit(p, s, f, i)


@kernel
def _set_band(p: Record, s: Record, b: Record) -> None:
    """Follow the mid; a book that is not valid starts everything anew, one that is crossed for a time does not."""
    if b["valid"] == 0:
        if s["live"] != 0:
            _stop(s)
    elif usable(b) and b["best_bid"] + b["best_ask"] != s["mid2"]:
        mid2 = b["best_bid"] + b["best_ask"]
        s["mid2"] = mid2
        s["bound"][BIDS] = low_tick(mid2, p["bps"])
        s["bound"][ASKS] = -high_tick(mid2, p["bps"])
        s["live"] = 1


@kernel
def _stop(s: Record) -> None:
    """Forget all: what a snapshot changed is not known by orders."""
    restart(s)
    s["live"] = 0
    s["mid2"] = 0
    s["fresh"] = 1


@kernel
def _emit(p: Record, s: Record, f: Record, i: Record) -> None:
    if s["live"] == 0 or not full(s):
        f["order_adds"] = math.nan
        f["order_cancels"] = math.nan
        f["cancellation_rate"] = math.nan
        f["cancel_to_add"] = math.nan
        return
    per_second = i["lot"] * SECOND / p["window"]
    added, removed = total(s, _ADDED), total(s, _REMOVED)
    cancelled = max(0, removed - total(s, _TRADED))
    f["order_adds"] = added * per_second
    f["order_cancels"] = cancelled * per_second
    f["cancellation_rate"] = cancelled / removed if removed > 0 else math.nan
    f["cancel_to_add"] = cancelled / added if added > 0 else math.nan
