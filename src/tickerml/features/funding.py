"""The funding rate of a perpetual, and how unusual it is.

funding_rate = the newest settled rate of one interval (positive: longs pay shorts). With m and s the mean and the
standard deviation (divided by n) of the n settlements before it: funding_z = (rate - m) / s. The newest rate is no part
of them, or it would hide in its own mean.

NaN without funding on the tape: unavailable, never zero. funding_z also before n + 1 settlements and while all n were
equal. A settlement that is told again changes nothing.

Source: crowded positions as the five-signal strategy asks for them; a z-score by its definition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import VALUE_NAMES, Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "funding_rate": "fraction of the value an interval; newest settled rate",
    "funding_z": "standard deviations; newest rate against the n before it",
}


@dataclass(frozen=True)
class Params:
    """What counts as usual."""

    n: Annotated[int, Range(2, 512)] = 90  # settlements; 30 days of 8 hours


MOST: Final = 512

State: Final = np.dtype(
    [
        ("settled", "i8"),  # exchange time of the newest settlement; 0 = none
        ("count", "i8"),
        ("ring", "f8", (MOST,)),  # rates by their number
    ]
)

_FUNDING: Final = VALUE_NAMES.index("funding")


@fold
def on_value(p: Record, s: Record, row: Record, value: Record, f: Record, i: Record) -> None:
    """Take in a settlement."""
    if value["name"] != i["names"][_FUNDING]:
        return
    time = row["exch"] if row["exch"] != 0 else row["recv"]
    if time <= s["settled"]:
        return
    s["settled"] = time
    f["funding_rate"] = value["value"]
    f["funding_z"] = _score(p, s, value["value"])
    s["ring"][s["count"] % MOST] = value["value"]
    s["count"] += 1


@kernel
def _score(p: Record, s: Record, rate: float) -> float:
    n = p["n"]
    if s["count"] < n:
        return math.nan
    total = 0.0
    for k in range(s["count"] - n, s["count"]):
        total += s["ring"][k % MOST]
    mean = total / n
    squares = 0.0
    for k in range(s["count"] - n, s["count"]):
        away = s["ring"][k % MOST] - mean
        squares += away * away
    return (rate - mean) / math.sqrt(squares / n) if squares > 0 else math.nan
