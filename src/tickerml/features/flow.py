"""Order-flow imbalance at the touch: what was added to and taken from the best queues, signed.

From one message end to the next, with best prices P and sizes q before (0) and after (1):
e = [P_b1 >= P_b0] q_b1 - [P_b1 <= P_b0] q_b0 - [P_a1 <= P_a0] q_a1 + [P_a1 >= P_a0] q_a0.
ofi is the sum of e over the window; ofi_ratio divides by the sum of |e|; ofi_scaled divides by the average depth
AD = mean of (q_b + q_a) / 2 over the changes of the touch, which makes it comparable between coins: the source finds
price changes of about ofi / (2 AD) ticks.

NaN until a whole window has been seen since the book became valid; a gap starts it anew.

Source: Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of Financial Econometrics 12 (2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.window import add, end_mask, full, restart, total, turn, window_fields
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, MILLISECOND, SECOND, Record

FIELDS: Final = {
    "ofi": "base; sum of e over the window, positive when buyers press",
    "ofi_ratio": "-1 to 1; sum of e / sum of |e|",
    "ofi_scaled": "multiples of the average depth; sum of e / AD",
}


@dataclass(frozen=True)
class Params:
    """How far back to look."""

    window: Annotated[int, Range(100 * MILLISECOND, DAY)] = 10 * SECOND  # ns; length of the window


_E: Final = 0
_ABS: Final = 1
_DEPTH: Final = 2  # q_b + q_a after each change of the touch
_CHANGES: Final = 3

State: Final = np.dtype(
    [
        *window_fields(4),
        ("moves", "i8"),  # of the book, when its touch was last looked at; the touch itself:
        ("bid", "i8"),
        ("ask", "i8"),
        ("bid_qty", "i8"),
        ("ask_qty", "i8"),
        ("valid", "i8"),
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Add e when the touch has changed by the end of a message; emit then and when a bucket is turned."""
    now = row["recv"]
    if (-(s["moves"] ^ b["moves"]) | (s["edge"] - 1 - now)) & end_mask(row) >= 0:  # signs: one branch, not three
        return
    changed = int(touch_changes(s, b) != 0)
    turn(s, now, p["window"])
    if s["valid"] & b["valid"] != 0:
        e = event(s["bid"], s["bid_qty"], b["best_bid"], b["bid_qty"])  # 0 when nothing changed
        e -= event(-s["ask"], s["ask_qty"], -b["best_ask"], b["ask_qty"])
        add(s, _E, e)
        add(s, _ABS, abs(e))
        add(s, _DEPTH, (b["bid_qty"] + b["ask_qty"]) * changed)
        add(s, _CHANGES, changed)
    elif changed != 0:
        restart(s)
        turn(s, now, p["window"])
    keep_touch(s, b)
    _emit(s, f, i)


@kernel
def touch_changes(s: Record, b: Record) -> int:
    """Bits that differ between the touch and the one that `keep_touch` kept last; 0 when they are the same."""
    prices = (s["bid"] ^ b["best_bid"]) | (s["ask"] ^ b["best_ask"])
    sizes = (s["bid_qty"] ^ b["bid_qty"]) | (s["ask_qty"] ^ b["ask_qty"])
    return prices | sizes | (s["valid"] ^ b["valid"])


@kernel
def keep_touch(s: Record, b: Record) -> None:
    """Copy the touch into the fold's state."""
    s["moves"] = b["moves"]
    s["bid"] = b["best_bid"]
    s["ask"] = b["best_ask"]
    s["bid_qty"] = b["bid_qty"]
    s["ask_qty"] = b["ask_qty"]
    s["valid"] = b["valid"]


@kernel
def event(price0: int, qty0: int, price1: int, qty1: int) -> int:
    """What one queue gained: better price, the new size; worse, minus the old one; the same, the difference.

    Prices grow towards the market: pass asks with their sign turned.
    """
    return qty1 * (price1 >= price0) - qty0 * (price1 <= price0)


@kernel
def _emit(s: Record, f: Record, i: Record) -> None:
    if s["valid"] == 0 or not full(s):
        f["ofi"] = math.nan
        f["ofi_ratio"] = math.nan
        f["ofi_scaled"] = math.nan
        return
    e, both, depth = total(s, _E), total(s, _ABS), total(s, _DEPTH)
    f["ofi"] = e * i["lot"]
    f["ofi_ratio"] = e / both if both != 0 else 0.0
    f["ofi_scaled"] = 2.0 * e * total(s, _CHANGES) / depth if depth != 0 else 0.0
