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
from tickerml.features.levels import after, first_changed, forget_changes, near, note_change, note_clear
from tickerml.features.window import add, ends, full, restart, total, turn, window_fields
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
        ("changed", "i8", (2,)),  # of `levels.note_change`
        ("ticks", "i8", (2, LEVELS)),  # as of the last message end
        ("lots", "i8", (2, LEVELS)),
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Compare the ten best levels with those of the message before, where a row could have touched them."""
    if row["kind"] == _ROW_DEPTH:
        note_change(s, row)
    elif row["kind"] == _CLEAR:
        note_clear(s)
    if not ends(row):
        return
    now = row["recv"]
    turned = turn(s, now, p["window"])
    if not near(s, LEVELS) and s["valid"] == b["valid"]:
        if turned:
            _emit(s, f, i)
        return
    if s["valid"] != b["valid"]:
        note_clear(s)
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
    forget_changes(s)
    _emit(s, f, i)


@kernel
def _side(s: Record, b: Record, k: int, counted: bool) -> tuple[int, bool]:
    """Walk one side, add each level's event where both books are known, remember the levels.

    Returns the lots on the ten levels, and whether any level differs from before.
    """
    side, none = (BUY, NO_BID) if k == BIDS else (SELL, NO_ASK)
    depth = 0
    changed = False
    begin = first_changed(s, k, LEVELS)
    for m in range(begin):
        depth += s["lots"][k, m]
    tick = after(s, b, k, begin)
    for m in range(begin, LEVELS):
        lots = level(b, side, tick) if tick != none else 0
        if tick != s["ticks"][k, m] or lots != s["lots"][k, m]:
            changed = True
            if counted:
                add(s, m, side * event(side * s["ticks"][k, m], s["lots"][k, m], side * tick, lots))
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
    f["mlofi_1"] = total(s, 0) * lot
    f["mlofi_2"] = total(s, 1) * lot
    f["mlofi_3"] = total(s, 2) * lot
    f["mlofi_4"] = total(s, 3) * lot
    f["mlofi_5"] = total(s, 4) * lot
    f["mlofi_6"] = total(s, 5) * lot
    f["mlofi_7"] = total(s, 6) * lot
    f["mlofi_8"] = total(s, 7) * lot
    f["mlofi_9"] = total(s, 8) * lot
    f["mlofi_10"] = total(s, 9) * lot
    e = 0
    for m in range(LEVELS):
        e += total(s, m)
    depth = total(s, _DEPTH)
    if not known:
        f["mlofi"] = math.nan
    else:  # mean over levels of e / Q, with Q = depth / (2 LEVELS changes)
        f["mlofi"] = 2.0 * e * total(s, _CHANGES) / depth if depth != 0 else 0.0
