"""Prints that are large for their own market: above a quantile of its recent ones, whatever the coin is worth.

A print's value v = price x size falls into a bin, eight to each doubling. Once a `span` is over, whale_threshold is the
lower edge of the bin that holds the `quantile` of its prints; it holds until the next span is over. A print at or above
it is a whale's. Over the window, with W_b and W_s the value that whales bought and sold as takers and V that of all
prints: whale_count counts them, whale_flow = W_b - W_s, whale_share = (W_b + W_s) / V, whale_score = (W_b - W_s) / V.

A span with fewer than `least` prints tells no quantile: what held before goes on to hold. All are NaN before the first
threshold, then until a whole window has been seen with one; whale_share and whale_score while the window has no print.

Source: the whale indicators of system 2 of docs/claims.md, as trades above a quantile; no model behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.trades import taker
from tickerml.features.window import add, ends, full, total, turn, window_fields
from tickerml.tape.bits import highest_bit
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Kind, Record

FIELDS: Final = {
    "whale_threshold": "quote; value from which on a print is a whale's",
    "whale_count": "count; whales' prints in the window",
    "whale_flow": "quote; W_b - W_s, bought minus sold by whales in the window",
    "whale_share": "0 to 1; (W_b + W_s) / V",
    "whale_score": "-1 to 1; (W_b - W_s) / V",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """What is large, and how far back to look."""

    window: Annotated[int, Range(100 * MILLISECOND, DAY)] = MINUTE  # ns; length of the window
    quantile: Annotated[float, Range(0.5, 0.99999)] = 0.99  # share of prints below the threshold
    span: Annotated[int, Range(SECOND, 7 * DAY)] = HOUR  # ns; time whose prints tell the threshold
    least: Annotated[int, Range(1, 1_000_000)] = 100  # prints that a span must have


BINS: Final = 512
_WHALES: Final = 0
_BOUGHT: Final = 1
_SOLD: Final = 2
_ALL: Final = 3
_TRADE: Final = int(Kind.TRADE)

State: Final = np.dtype(
    [
        *window_fields(4),
        ("last", "i8"),
        ("sign", "i8"),
        ("fresh", "i8"),  # 1: something was counted since the last emission
        ("next", "i8"),  # receive time at which the span ends; 0 = nothing seen
        ("prints", "i8"),  # of the span so far
        ("from", "i8"),  # ticks x lots (lots if inverse) from which a print is a whale's; 0 = not known
        ("bins", "i8", (BINS,)),
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, f: Record, i: Record) -> None:
    """Count each print; emit at message ends with a print and at bucket edges."""
    trade = row["kind"] == _TRADE
    if not trade and s["fresh"] == 0 and row["recv"] < s["edge"]:
        return
    if row["recv"] >= s["next"]:
        _measure(p, s, row["recv"])
    if s["from"] != 0 and turn(s, row["recv"], p["window"]):
        s["fresh"] = 1
    if trade:
        _count(s, row, i)
    if s["fresh"] != 0 and ends(row):
        s["fresh"] = 0
        _emit(s, f, i)


@kernel
def _count(s: Record, row: Record, i: Record) -> None:
    side = taker(s, row)
    value = row["qty"] * (int(row["price"]) if i["unit"] != 0.0 else 1)
    if value <= 0:
        return
    s["bins"][_bin(value)] += 1
    s["prints"] += 1
    if s["from"] == 0:
        return
    add(s, _ALL, value)
    if value >= s["from"]:
        add(s, _WHALES, 1)
        add(s, _BOUGHT if side > 0 else _SOLD, value if side != 0 else 0)
    s["fresh"] = 1


@kernel
def _bin(value: int) -> int:
    """Eight bins to a doubling; below 8 each value has its own."""
    top = highest_bit(value)
    return value if top < 3 else 8 * (top - 2) + ((value >> (top - 3)) & 7)


@kernel
def _edge(k: int) -> int:
    """The smallest value of bin `k`."""
    return k if k < 8 else (8 + (k & 7)) << (k // 8 - 1)


@kernel
def _measure(p: Record, s: Record, now: int) -> None:
    """At a span's end: what is large from now on."""
    if s["prints"] >= p["least"] and s["next"] != 0:
        below, k = p["quantile"] * s["prints"], 0
        seen = s["bins"][0]
        while seen <= below:
            k += 1
            seen += s["bins"][k]
        s["from"] = _edge(k)
    s["prints"] = 0
    for k in range(BINS):
        s["bins"][k] = 0
    s["next"] = now // p["span"] * p["span"] + p["span"]


@kernel
def _emit(s: Record, f: Record, i: Record) -> None:
    unit = i["unit"] if i["unit"] != 0.0 else i["lot_value"]
    bought, sold, everything = total(s, _BOUGHT), total(s, _SOLD), total(s, _ALL)
    one = 1.0 if full(s) else math.nan
    f["whale_threshold"] = s["from"] * unit if s["from"] != 0 else math.nan
    f["whale_count"] = total(s, _WHALES) * one
    f["whale_flow"] = (bought - sold) * unit * one
    f["whale_share"] = (bought + sold) / everything * one if everything > 0 else math.nan
    f["whale_score"] = (bought - sold) / everything * one if everything > 0 else math.nan
