"""How the spread behaves over time: its mean, how wide it is against that, its maximum and how often it changes.

With S(t) the spread in ticks at message ends: spread_mean = integral of S over the time in the window during which the
book could be read, divided by that time; spread_normalised = S / spread_mean; spread_max = the largest S in the window;
spread_changes = how often S changed in it. Time is counted in whole microseconds of receive time, so the integrals are
exact integers. The values are renewed when the touch changes and at each of the window's 64 bucket edges.

NaN while the book is invalid, crossed or empty on a side; that time is not part of the mean.

Source: time-weighted spread as in Huang and Stoll, "Dealer versus auction markets", Journal of Financial Economics 41
(1996).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.touch import usable
from tickerml.features.window import BUCKETS, add, ends, total, turn, window_fields
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, MICROSECOND, MILLISECOND, MINUTE, Record

FIELDS: Final = {
    "spread_mean": "ticks; mean of the spread over the window, weighted by time",
    "spread_normalised": "ratio; spread / spread_mean",
    "spread_max": "ticks; largest spread in the window",
    "spread_changes": "count; changes of the spread in the window",
}


@dataclass(frozen=True)
class Params:
    """How far back to look."""

    window: Annotated[int, Range(100 * MILLISECOND, DAY)] = MINUTE  # ns; length of the window


_AREA: Final = 0  # ticks x microseconds
_TIME: Final = 1  # microseconds
_CHANGES: Final = 2

State: Final = np.dtype(
    [
        *window_fields(3),
        ("spread", "i8"),  # ticks at the last message end; 0 = not known
        ("last", "i8"),  # receive time up to which it has been counted
        ("largest", "i8", (BUCKETS,)),  # by bucket
        ("of", "i8", (BUCKETS,)),  # number of the bucket that `largest` is of
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record) -> None:
    """Count the time that the last spread stood; emit when it changes and at bucket edges."""
    if not ends(row):
        return
    now = max(row["recv"], s["last"])
    spread = b["best_ask"] - b["best_bid"] if usable(b) else 0
    if spread == s["spread"] and now < s["edge"]:
        return
    if s["spread"] != 0:
        _stand(p, s, now)
    turn(s, now, p["window"])
    if spread != 0:
        if spread != s["spread"] and s["spread"] != 0:
            add(s, _CHANGES, 1)
        _keep_largest(s, spread)
    s["spread"] = spread
    s["last"] = now
    _emit(s, f)


@kernel
def _stand(p: Record, s: Record, now: int) -> None:
    """Add the time from `last` to `now` at the old spread, bucket by bucket; at most one window of it."""
    start = max(s["last"], now - p["window"])
    while start < now:
        turn(s, start, p["window"])
        stop = min(now, s["edge"])
        microseconds = stop // MICROSECOND - start // MICROSECOND
        add(s, _AREA, s["spread"] * microseconds)
        add(s, _TIME, microseconds)
        _keep_largest(s, s["spread"])
        start = stop


@kernel
def _keep_largest(s: Record, spread: int) -> None:
    slot = s["bucket"] & (BUCKETS - 1)
    if s["of"][slot] != s["bucket"] or s["largest"][slot] < spread:
        s["largest"][slot] = spread
        s["of"][slot] = s["bucket"]


@kernel
def _emit(s: Record, f: Record) -> None:
    if s["spread"] == 0:
        f["spread_mean"] = math.nan
        f["spread_normalised"] = math.nan
        f["spread_max"] = math.nan
        f["spread_changes"] = math.nan
        return
    largest = 0
    for slot in range(BUCKETS):
        if s["of"][slot] > s["bucket"] - BUCKETS and s["largest"][slot] > largest:
            largest = s["largest"][slot]
    f["spread_max"] = largest
    f["spread_changes"] = total(s, _CHANGES)
    area, time = total(s, _AREA), total(s, _TIME)
    f["spread_mean"] = area / time if time > 0 else math.nan
    f["spread_normalised"] = s["spread"] * time / area if area > 0 else math.nan
