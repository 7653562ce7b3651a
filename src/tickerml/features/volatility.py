"""Realised volatility, per day, from mid prices on a time grid, or from bar closes where there is no book.

With r_j = ln(mid_j / mid_(j-1)), mid_j the mid at the last message end before the grid point j x interval, over the
last n returns: volatility = sqrt((day / interval) x mean of r_j^2): 0.03 means 3 % a day. There is no mean to subtract:
over such spans it is noise. A quiet interval is a return of 0; a return across a gap is left out. From BAR rows r is
the log return from close to close, each r^2 scaled by its own time.

NaN until `minimum` returns have been seen. The sum is made anew from the stored returns at each grid point, so it does
not drift.

Source: Andersen, Bollerslev, Diebold and Labys, "Modeling and forecasting realized volatility", Econometrica 71 (2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.touch import usable
from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, SECOND, Flag, Record

FIELDS: Final = {
    "volatility": "fraction per day; sqrt((day / interval) x mean of the last n squared log returns)",
}


@dataclass(frozen=True)
class Params:
    """The grid and how many of its returns to use."""

    interval: Annotated[int, Range(10 * MILLISECOND, HOUR)] = SECOND  # ns; distance of the grid points of a book
    n: Annotated[int, Range(2, 1024)] = 300  # returns (of bars: bars) in the estimate
    minimum: Annotated[int, Range(2, 1024)] = 30  # returns needed before there is a value


MOST: Final = 1024
_CORRECTION: Final = int(Flag.CORRECTION)

State: Final = np.dtype(
    [
        ("next", "i8"),  # receive time of the next grid point; 0 = nothing seen
        ("mid2", "i8"),  # best bid + best ask at the last message end; 0 = not to be read
        ("sampled", "i8"),  # mid2 at the last grid point; 0 = none
        ("booked", "i8"),  # 1: a book has been seen, so bars are not used
        ("close", "i8"),  # ticks of the last bar's close; 0 = none
        ("closed", "i8"),  # its time
        ("count", "i8"),  # returns seen
        ("ring", "f8", (MOST,)),  # squared returns, per day
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record) -> None:
    """Sample the mid at each grid point that has passed."""
    if not ends(row):
        return
    if row["recv"] >= s["next"]:
        if s["next"] != 0 and s["booked"] != 0:
            _sample(p, s, row["recv"], f)
        s["next"] = (row["recv"] // p["interval"] + 1) * p["interval"]
    if usable(b):
        s["mid2"] = b["best_bid"] + b["best_ask"]
        s["booked"] = 1
    else:
        s["mid2"] = 0
        s["sampled"] = 0


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, f: Record) -> None:
    """Use the close of a bar, where no book has been seen; a restated bar changes nothing."""
    if s["booked"] != 0 or row["flags"] & _CORRECTION != 0 or row["exch"] <= s["closed"]:
        return
    if s["close"] > 0 and bar["close"] > 0:
        r = math.log(bar["close"] / s["close"])
        _push(s, r * r * (float(DAY) / (row["exch"] - s["closed"])))
        _emit(p, s, f)
    s["close"] = bar["close"]
    s["closed"] = row["exch"]


@kernel
def _sample(p: Record, s: Record, now: int, f: Record) -> None:
    """Close the grid intervals up to `now`: the first takes the move since the last sample, later ones are quiet."""
    if s["mid2"] != 0 and s["sampled"] != 0:
        per_day = float(DAY) / p["interval"]
        r = math.log(s["mid2"] / s["sampled"]) if s["mid2"] != s["sampled"] else 0.0
        _push(s, r * r * per_day)
        for _ in range(min(MOST, (now - s["next"]) // p["interval"])):
            _push(s, 0.0)
    s["sampled"] = s["mid2"]
    _emit(p, s, f)


@kernel
def _push(s: Record, squared: float) -> None:
    s["ring"][s["count"] % MOST] = squared
    s["count"] += 1


@kernel
def _emit(p: Record, s: Record, f: Record) -> None:
    if s["count"] < p["minimum"]:
        f["volatility"] = math.nan
        return
    n = min(p["n"], s["count"])
    total = 0.0
    for k in range(s["count"] - n, s["count"]):
        total += s["ring"][k % MOST]
    f["volatility"] = math.sqrt(total / n)
