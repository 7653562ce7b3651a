"""Multi-level order-flow imbalance: the flow of `flow.py` at each of the ten best levels of the book.

Level m is the m-th best non-empty price of a side. From one message end to the next each level's e is formed as at the
touch (`flow.event`); mlofi_m is its sum over the window. mlofi is the mean over the ten levels of mlofi_m / Q, with Q
the average size of a level, the mean of (q_b + q_a) / 2 over levels and changes. The source joins the levels by their
first principal component, which needs a fit; equal weights need none.

NaN until a whole window has been seen since the book became valid; a gap starts it anew. A level that a side does not
have holds size 0 at a price worse than any.

Source: Cont, Cucuringu and Zhang, "Cross-impact of order flow imbalance in equity markets", Quantitative Finance 23
(2023; arXiv 2112.13213, 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.flow import event
from tickerml.features.window import add, ends, full, restart, turn, window_fields
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.ladder import ASKS, BIDS, NO_ASK, NO_BID, level, next_level
from tickerml.tape.params import Range
from tickerml.tape.rows import BUY, DAY, MILLISECOND, SECOND, SELL, Kind, Record

FIELDS: Final = {
    "mlofi": "multiples of the average level; mean over ten levels of (sum of e at the level) / Q",
    **{f"mlofi_{m}": f"base; sum of e at level {m} over the window" for m in range(1, 11)},
}


@dataclass(frozen=True)
class Params:
    """How far back to look."""

    window: Annotated[int, Range(100 * MILLISECOND, DAY)] = 10 * SECOND  # ns; length of the window


LEVELS: Final = 10
_DEPTH: Final = LEVELS  # sizes of all levels after each change
_CHANGES: Final = LEVELS + 1
_ROW_DEPTH: Final = int(Kind.DEPTH)
_CLEAR: Final = int(Kind.CLEAR)

State: Final = np.dtype(
    [
        *window_fields(LEVELS + 2),
        ("valid", "i8"),
        ("near", "i8"),  # 1: a level among the ten best may have changed since the last message end
        ("ticks", "i8", (2, LEVELS)),  # as of the last message end
        ("lots", "i8", (2, LEVELS)),
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Compare the ten best levels with those of the message before, where a row could have touched them."""
    if row["kind"] == _ROW_DEPTH:
        if row["side"] > 0:
            if row["price"] >= s["ticks"][BIDS, LEVELS - 1]:
                s["near"] = 1
        elif row["price"] <= s["ticks"][ASKS, LEVELS - 1]:
            s["near"] = 1
    elif row["kind"] == _CLEAR:
        s["near"] = 1
    if not ends(row):
        return
    now = row["recv"]
    turned = turn(s, now, p["window"])
    if s["near"] == 0 and s["valid"] == b["valid"]:
        if turned:
            _emit(s, f, i)
        return
    if b["valid"] == 0 or s["valid"] == 0:
        restart(s)
        turn(s, now, p["window"])
    counted = b["valid"] != 0 and s["valid"] != 0
    bids, bids_changed = _side(s, b, BIDS, counted)
    asks, asks_changed = _side(s, b, ASKS, counted)
    if counted and (bids_changed or asks_changed):
        add(s, _DEPTH, bids + asks)
        add(s, _CHANGES, 1)
    s["valid"] = b["valid"]
    s["near"] = 0
    _emit(s, f, i)


@kernel
def _side(s: Record, b: Record, k: int, counted: bool) -> tuple[int, bool]:
    """Walk one side, add each level's event where both books are known, remember the levels.

    Returns the lots on the ten levels, and whether any level differs from before.
    """
    side, none = (BUY, NO_BID) if k == BIDS else (SELL, NO_ASK)
    sign = 1 if k == BIDS else -1
    tick = b["best_bid"] if k == BIDS else b["best_ask"]
    depth = 0
    changed = False
    for m in range(LEVELS):
        lots = level(b, side, tick) if tick != none else 0
        if tick != s["ticks"][k, m] or lots != s["lots"][k, m]:
            changed = True
            if counted:
                add(s, m, sign * event(sign * s["ticks"][k, m], s["lots"][k, m], sign * tick, lots))
            s["ticks"][k, m] = tick
            s["lots"][k, m] = lots
        depth += lots
        if tick != none:
            tick = next_level(b, side, tick)
    return depth, changed


@kernel
def _emit(s: Record, f: Record, i: Record) -> None:
    known = s["valid"] != 0 and full(s)
    lot = i["lot"] if known else math.nan
    f["mlofi_1"] = s["sum"][0] * lot
    f["mlofi_2"] = s["sum"][1] * lot
    f["mlofi_3"] = s["sum"][2] * lot
    f["mlofi_4"] = s["sum"][3] * lot
    f["mlofi_5"] = s["sum"][4] * lot
    f["mlofi_6"] = s["sum"][5] * lot
    f["mlofi_7"] = s["sum"][6] * lot
    f["mlofi_8"] = s["sum"][7] * lot
    f["mlofi_9"] = s["sum"][8] * lot
    f["mlofi_10"] = s["sum"][9] * lot
    total = 0
    for m in range(LEVELS):
        total += s["sum"][m]
    depth = s["sum"][_DEPTH]
    if not known:
        f["mlofi"] = math.nan
    else:  # mean over levels of e / Q, with Q = depth / (2 LEVELS changes)
        f["mlofi"] = 2.0 * total * s["sum"][_CHANGES] / depth if depth != 0 else 0.0
