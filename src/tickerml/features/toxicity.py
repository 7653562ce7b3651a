"""VPIN: how one-sided taker flow is, on a clock that ticks with volume.

Prints fill buckets of equal size V; one that overflows a bucket is split. With B_j and S_j the sizes bought and sold in
bucket j, over the last n full buckets: vpin = sum |B_j - S_j| / sum V_j, 0 (balanced) to 1 (all on one side).
The source signs whole bars by the price change, for lack of trade directions; here each print has its taker's side.

V is `bucket` where that is given. Where it is 0, V is a `share` of the volume of the last `span` (from the first row
on), renewed at each span's end for the buckets that begin after it; the source takes 1/50 of a day. vpin_bucket is V.

NaN until n buckets are full.

Source: Easley, Lopez de Prado and O'Hara, "Flow toxicity and liquidity in a high-frequency world", Review of Financial
Studies 25 (2012).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.trades import taker
from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, FOREVER, MINUTE, SECOND, Kind, Record

FIELDS: Final = {
    "vpin": "0 to 1; sum of |B_j - S_j| / sum of V_j over the last n volume buckets",
    "vpin_bucket": "base; size V of the bucket being filled",
}


@dataclass(frozen=True)
class Params:
    """The volume clock and how many of its buckets to use."""

    n: Annotated[int, Range(1, 256)] = 50  # buckets
    bucket: Annotated[float, Range(0, 1e15)] = 0.0  # base; size of a bucket, 0 = a share of recent volume
    span: Annotated[int, Range(SECOND, DAY)] = MINUTE  # ns; time over which that volume is measured
    share: Annotated[float, Range(1e-4, 1)] = 0.05  # of the span's volume in one bucket


MOST: Final = 256
_TRADE: Final = int(Kind.TRADE)

State: Final = np.dtype(
    [
        ("next", "i8"),  # receive time at which the span ends; 0 = nothing seen
        ("spanned", "i8"),  # lots traded in the span so far
        ("wanted", "i8"),  # lots of the next bucket; 0 = not known yet
        ("size", "i8"),  # lots of the bucket being filled; 0 = none begun
        ("filled", "i8"),  # lots in it
        ("signed", "i8"),  # bought minus sold in it
        ("last", "i8"),
        ("sign", "i8"),
        ("count", "i8"),  # full buckets seen
        ("fresh", "i8"),
        ("one_sided", "i8", (MOST,)),  # |B_j - S_j|
        ("sizes", "i8", (MOST,)),  # V_j
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, f: Record, i: Record) -> None:
    """Fill buckets with each print; emit at the end of a message that filled one."""
    if row["recv"] >= s["next"]:
        _measure(p, s, row["recv"], i)
    if row["kind"] == _TRADE:
        side = taker(s, row)
        s["spanned"] += row["qty"]
        _fill(s, row["qty"], side)
    if s["fresh"] != 0 and ends(row):
        s["fresh"] = 0
        _emit(p, s, f, i)


@kernel
def _measure(p: Record, s: Record, now: int, i: Record) -> None:
    """At a span's end: the size of the buckets to come."""
    if p["bucket"] > 0.0:
        s["wanted"] = max(1, math.floor(p["bucket"] / i["lot"] + 0.5))
        s["next"] = FOREVER
        return
    if s["next"] == 0:
        s["next"] = now + p["span"]
        return
    spans = (now - s["next"]) // p["span"] + 1
    if s["spanned"] > 0:
        s["wanted"] = max(1, int(s["spanned"] * p["share"] / spans))
    s["spanned"] = 0
    s["next"] += spans * p["span"]


@kernel
def _fill(s: Record, lots: int, side: int) -> None:
    """Pour a print into the bucket, and what overflows into the next ones; at most MOST of them are remembered."""
    while lots > 0 and s["wanted"] > 0:
        if s["size"] == 0:
            s["size"] = s["wanted"]
            if lots > s["size"] * (MOST + 1):
                lots = s["size"] * (MOST + 1)
            s["fresh"] = 1
        part = min(lots, s["size"] - s["filled"])
        s["filled"] += part
        s["signed"] += side * part
        lots -= part
        if s["filled"] == s["size"]:
            slot = s["count"] % MOST
            s["one_sided"][slot] = abs(s["signed"])
            s["sizes"][slot] = s["size"]
            s["count"] += 1
            s["size"] = 0
            s["filled"] = 0
            s["signed"] = 0
            s["fresh"] = 1


@kernel
def _emit(p: Record, s: Record, f: Record, i: Record) -> None:
    f["vpin_bucket"] = (s["size"] if s["size"] != 0 else s["wanted"]) * i["lot"]
    if s["count"] < p["n"]:
        f["vpin"] = math.nan
        return
    one_sided, total = 0, 0
    for k in range(s["count"] - p["n"], s["count"]):
        one_sided += s["one_sided"][k % MOST]
        total += s["sizes"][k % MOST]
    f["vpin"] = one_sided / total
