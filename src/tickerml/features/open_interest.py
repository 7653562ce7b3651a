"""Open interest, and by how much it has changed.

open_interest = the newest value that the source told, in its own unit (contracts, coins or dollars). With O that value
and O_w the one that held at the start of the window: open_interest_change = O / O_w - 1, so that units do not matter.
The window's start is the start of the oldest of its 64 parts: between 98.4 % and 100 % of the window lie behind.

A value of 0 or below says that the source had none, and is passed over. When nothing was told for `patience`, both are
NaN and the window begins anew: what held meanwhile is not known. open_interest_change is NaN until a whole window has
been seen. NaN without open interest on the tape: unavailable, never zero.

Source: the venue's own figure; a relative change by its definition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.window import BUCKETS, ends, heard
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import VALUE_NAMES, Range
from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND, Record

FIELDS: Final = {
    "open_interest": "as the source states it; newest value",
    "open_interest_change": "fraction; newest value over that at the start of the window, less 1",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How far back, and when a source has gone silent."""

    window: Annotated[int, Range(64 * SECOND, 30 * DAY)] = HOUR  # ns; time over which the change is measured
    patience: Annotated[int, Range(SECOND, 30 * DAY)] = 30 * MINUTE  # ns; without news for longer it is not known


State: Final = np.dtype(
    [
        ("told", "i8"),  # time of the newest value; 0 = none, or silent
        ("now", "f8"),  # the newest value
        ("part", "i8"),  # number since the epoch of the part of the window being filled
        ("parts", "i8"),  # parts that began since the first value
        ("held", "f8", (BUCKETS,)),  # the value that held when each part began, by its number modulo 64
    ]
)

_OPEN_INTEREST: Final = VALUE_NAMES.index("open_interest")


@fold
def on_row(p: Record, s: Record, row: Record, f: Record) -> None:
    """Notice that the source has gone silent."""
    if s["told"] != 0 and row["recv"] - s["told"] > p["patience"] and ends(row):
        s["told"] = 0
        f["open_interest"] = math.nan
        f["open_interest_change"] = math.nan


@fold
def on_value(p: Record, s: Record, row: Record, value: Record, f: Record, i: Record) -> None:
    """Take in a value."""
    if value["name"] != i["names"][_OPEN_INTEREST] or not value["value"] > 0.0:
        return
    told = heard(row)
    if row["recv"] - told > p["patience"]:
        return
    part = row["recv"] // (p["window"] // BUCKETS)
    if s["told"] == 0 or row["recv"] - s["told"] > p["patience"]:
        s["part"] = part
        s["parts"] = 0
    while s["part"] < part:
        s["part"] += 1
        s["parts"] += 1
        s["held"][s["part"] % BUCKETS] = s["now"]
    s["told"] = told
    s["now"] = value["value"]
    f["open_interest"] = s["now"]
    f["open_interest_change"] = _change(s)


@kernel
def _change(s: Record) -> float:
    return s["now"] / s["held"][(s["part"] + 1) % BUCKETS] - 1.0 if s["parts"] >= BUCKETS else math.nan
