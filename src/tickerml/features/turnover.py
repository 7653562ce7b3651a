"""How much a coin trades, how long it has been there, how wide its book is: what a universe of coins is chosen by.

Whole UTC days of the exchange's clock, from prints, or from a source's bars where it has no prints (a bar belongs to
the day that it closes in). turnover = value traded in the last n days / n; days before the first row, and days of which
nothing is on the tape, count as 0. listed_days = time since the instrument's first row. day_spread = median over a day
of the spread at the first message end of each minute, in bins of which four make a doubling (the upper edge is told).

All are renewed with the first row of a new day. turnover is NaN before the first whole day, day_spread before the first
day with a book.

Source: ours, so that a list of coins need not be kept by hand: by volume, age and spread (docs/desk.md, universe).
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
from tickerml.tape.rows import DAY, MINUTE, Flag, Kind, Record

FIELDS: Final = {
    "turnover": "quote a day; mean value traded over the last n whole days",
    "listed_days": "days; since the first row of the instrument on the tape",
    "day_spread": "basis points of the mid; median of the last whole day that had a book",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How far back."""

    n: Annotated[int, Range(1, 63)] = 30  # days


RING: Final = 64
BINS: Final = 64
_FINEST: Final = 0.1  # basis points; upper edge of the first bin
_TRADE: Final = int(Kind.TRADE)
_HELD: Final = int(Flag.HELD)

State: Final = np.dtype(
    [
        ("born", "i8"),  # exchange time of the first row; 0 = none
        ("day", "i8"),  # number of the newest day
        ("prints", "i8"),  # 1: volume is made of prints, bars are passed over
        ("minute", "i8"),  # receive time from which the next spread is sampled
        ("worth", "f8", (RING,)),  # quote traded, by day modulo RING
        ("counts", "i8", (BINS,)),  # of today's spreads
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Count a print; sample the spread once a minute."""
    if row["kind"] == _TRADE:
        _go_to(p, s, _time(row), f)
        s["prints"] = 1
        s["worth"][s["day"] % RING] += row["qty"] * (row["price"] * i["unit"] + i["lot_value"])
    if row["recv"] >= s["minute"] and ends(row) and usable(b):
        s["minute"] = (row["recv"] // MINUTE + 1) * MINUTE
        _go_to(p, s, _time(row), f)
        spread = 20_000.0 * (b["best_ask"] - b["best_bid"]) / (b["best_ask"] + b["best_bid"])
        place = 0 if spread <= _FINEST else int(4.0 * math.log(spread / _FINEST) / math.log(2.0)) + 1
        s["counts"][min(BINS - 1, place)] += 1


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, f: Record, i: Record) -> None:
    """Count a bar of a source without prints."""
    if s["prints"] == 0:
        _go_to(p, s, bar["open_time"] + bar["duration"] - 1, f)
        s["worth"][s["day"] % RING] += bar["volume"] * (bar["close"] * i["unit"] + i["lot_value"])


@kernel
def _time(row: Record) -> int:
    return row["exch"] if row["exch"] != 0 and row["flags"] & _HELD == 0 else row["recv"]


@kernel
def _go_to(p: Record, s: Record, time: int, f: Record) -> None:
    """Begin the day of `time`, if it is a new one: tell of those before it."""
    day = time // DAY
    if s["born"] == 0:
        s["born"] = time
        s["day"] = day
    if day <= s["day"]:
        return
    total = 0.0
    for k in range(p["n"]):
        if day - 1 - k <= s["day"] and day - 1 - k > s["day"] - RING:
            total += s["worth"][(day - 1 - k) % RING]
    f["turnover"] = total / p["n"]
    f["listed_days"] = (time - s["born"]) / float(DAY)
    for k in range(max(s["day"] + 1, day - RING + 1), day + 1):
        s["worth"][k % RING] = 0.0
    s["day"] = day
    _median(s, f)


@kernel
def _median(s: Record, f: Record) -> None:
    """Tell the upper edge of the bin that holds the median of the day that is over, and begin anew."""
    total, seen, found = 0, 0, -1
    for k in range(BINS):
        total += s["counts"][k]
    for k in range(BINS):
        seen += s["counts"][k]
        if found < 0 and total > 0 and 2 * seen >= total:
            found = k
        s["counts"][k] = 0
    if found >= 0:
        f["day_spread"] = _FINEST * math.pow(2.0, found / 4.0)
