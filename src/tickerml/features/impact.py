"""Kyle's lambda: by how much the mid moves per unit that takers buy.

Time is cut into intervals. x_j = size bought minus sold by takers in interval j; y_j = change of the mid over it, from
the last message end before its start to the last before its end. Over the last n intervals:
kyle_lambda = Cov(x, y) / Var(x), the slope of y = a + lambda x; kyle_r2 = Cov(x, y)^2 / (Var(x) Var(y)).

An interval in which the book could not be read is left out. NaN with fewer than `minimum` intervals or no variance. The
sums are made anew from the stored intervals at each interval's end, so they do not drift.

Source: Kyle, "Continuous auctions and insider trading", Econometrica 53 (1985), for lambda; Hasbrouck, "Trading costs
and returns for U.S. equities", Journal of Finance 64 (2009), for the regression on signed flow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.touch import usable
from tickerml.features.trades import taker
from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import HOUR, MILLISECOND, SECOND, Kind, Record

FIELDS: Final = {
    "kyle_lambda": "quote per base; slope of the mid's change on taker size bought minus sold, per interval",
    "kyle_r2": "0 to 1; share of the mid's variance that the slope explains",
}


@dataclass(frozen=True)
class Params:
    """The intervals and how many of them to use."""

    interval: Annotated[int, Range(10 * MILLISECOND, HOUR)] = SECOND  # ns; length of an interval
    n: Annotated[int, Range(3, 512)] = 120  # intervals in the regression
    minimum: Annotated[int, Range(3, 512)] = 30  # intervals needed before there is a value


MOST: Final = 512
_TRADE: Final = int(Kind.TRADE)

State: Final = np.dtype(
    [
        ("next", "i8"),  # receive time at which the interval ends; 0 = nothing seen
        ("mid2", "i8"),  # best bid + best ask at the last message end; 0 = not to be read
        ("start", "i8"),  # mid2 at the interval's start; 0 = not known
        ("flow", "i8"),  # signed lots of the interval so far
        ("last", "i8"),
        ("sign", "i8"),
        ("count", "i8"),  # intervals seen
        ("fresh", "i8"),
        ("x", "i8", (MOST,)),  # signed lots
        ("y", "i8", (MOST,)),  # half ticks
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Close intervals that have passed, add taker flow, remember the mid at message ends."""
    if row["recv"] >= s["next"]:
        _close(p, s, row["recv"])
    if row["kind"] == _TRADE:
        s["flow"] += taker(s, row) * row["qty"]
    if ends(row):
        s["mid2"] = b["best_bid"] + b["best_ask"] if usable(b) else 0
        if s["mid2"] == 0:
            s["start"] = 0
        if s["fresh"] != 0:
            s["fresh"] = 0
            _emit(p, s, f, i)


@kernel
def _close(p: Record, s: Record, now: int) -> None:
    """Store the interval that ended, and the quiet ones since, and begin the next."""
    if s["next"] != 0 and s["start"] != 0 and s["mid2"] != 0:
        _push(s, s["flow"], s["mid2"] - s["start"])
        for _ in range(min(MOST, (now - s["next"]) // p["interval"])):
            _push(s, 0, 0)
        s["fresh"] = 1
    s["start"] = s["mid2"]
    s["flow"] = 0
    s["next"] = (now // p["interval"] + 1) * p["interval"]


@kernel
def _push(s: Record, x: int, y: int) -> None:
    s["x"][s["count"] % MOST] = x
    s["y"][s["count"] % MOST] = y
    s["count"] += 1


@kernel
def _emit(p: Record, s: Record, f: Record, i: Record) -> None:
    f["kyle_lambda"] = math.nan
    f["kyle_r2"] = math.nan
    if s["count"] < p["minimum"]:
        return
    n = min(p["n"], s["count"])
    sum_x, sum_y = 0, 0
    for k in range(s["count"] - n, s["count"]):
        sum_x += s["x"][k % MOST]
        sum_y += s["y"][k % MOST]
    mean_x, mean_y = sum_x / n, sum_y / n
    xx, xy, yy = 0.0, 0.0, 0.0
    for k in range(s["count"] - n, s["count"]):
        x, y = s["x"][k % MOST] - mean_x, s["y"][k % MOST] - mean_y
        xx += x * x
        xy += x * y
        yy += y * y
    if xx > 0.0:
        f["kyle_lambda"] = xy / xx * (0.5 * i["tick"] / i["lot"])
        if yy > 0.0:
            f["kyle_r2"] = xy * xy / (xx * yy)
