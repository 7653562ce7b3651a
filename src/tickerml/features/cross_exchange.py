"""The same coin on other venues: how far its price is away from theirs, and what is left of it after both fees.

With b and a the best bid and ask here, mid = (b + a) / 2, and b_j, a_j those of each other venue j of the tape that has
the same coin in the same quote: cross_spread = mid / mean of mid_j - 1; arb_buy_edge = max b_j / a - 1 - 2 fee (bought
here, sold there), arb_sell_edge = b / min a_j - 1 - 2 fee (sold here, bought there). cross_venues counts the venues j.

An edge above 0 is what both books show after a taker's fee on each side. It is not money: the other side must be
reached in time, and stock must lie on both venues. Prices are of one coin (1000PEPE is divided by 1000). Spot and
futures of one exchange are two venues, so cross_spread holds the basis too. Where a source has bars alone, its close is
both bid and ask for as long as a bar lasts.

Renewed when a touch changes here or there; a venue without a message for `patience` is left out at the next renewal.
NaN while the book here is invalid, empty on a side or crossed, and without another venue.

Source: arbitrage between exchanges, as system 3 of docs/claims.md asks for; the law of one price, no model behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.touch import usable
from tickerml.features.window import ends, heard
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import HOUR, SECOND, Record, Rows

FIELDS: Final = {
    "cross_spread": "fraction; mid here over the mean mid of the other venues, less 1",
    "arb_buy_edge": "fraction; best bid elsewhere over the ask here, less 1 and both fees",
    "arb_sell_edge": "fraction; bid here over the lowest ask elsewhere, less 1 and both fees",
    "cross_venues": "count; other venues whose price is known",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """What a trade costs, and how old a price may be."""

    fee: Annotated[float, Range(-0.01, 0.1)] = 0.001  # share of value; taker's fee on each side
    patience: Annotated[int, Range(SECOND // 10, HOUR)] = 10 * SECOND  # ns; without a message for longer: left out


State: Final = np.dtype(
    [
        ("bid", "f8"),  # quote per coin; 0 = not known
        ("ask", "f8"),
        ("until", "i8"),  # receive time up to which they count
        ("moves", "i8"),  # of the book, when they were last read
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, i: Record) -> bool:
    """Read the touch at message ends; others hear of it when it may have changed."""
    if b["moves"] == 0 or not ends(row):
        return False
    s["until"] = heard(row) + p["patience"]
    if s["moves"] == b["moves"]:
        return False
    s["moves"] = b["moves"]
    known = usable(b)
    each = i["tick"] / i["multiplier"]
    s["bid"] = b["best_bid"] * each if known else 0.0
    s["ask"] = b["best_ask"] * each if known else 0.0
    return True


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, b: Record, i: Record) -> bool:
    """Of a source of bars alone: its close."""
    if b["moves"] != 0:
        return False
    s["until"] = row["recv"] + bar["duration"] + p["patience"]
    s["bid"] = bar["close"] * (i["tick"] / i["multiplier"])
    s["ask"] = s["bid"]
    return True


@fold
def across(p: Record, n: int, row: Record, ss: Rows, fs: Rows, insts: Rows) -> None:
    """Compare each venue of the coin with all others."""
    for k in range(len(ss)):
        if insts[k]["base"] == insts[n]["base"] and insts[k]["quote"] == insts[n]["quote"] and ss[k]["until"] != 0:
            bid, ask, mids, venues = 0.0, math.inf, 0.0, 0
            for j in range(len(ss)):
                same = insts[j]["base"] == insts[k]["base"] and insts[j]["quote"] == insts[k]["quote"]
                fresh = ss[j]["bid"] > 0.0 and ss[j]["until"] >= row["recv"]
                if same and fresh and insts[j]["venue"] != insts[k]["venue"]:
                    bid = max(bid, ss[j]["bid"])
                    ask = min(ask, ss[j]["ask"])
                    mids += 0.5 * (ss[j]["bid"] + ss[j]["ask"])
                    venues += 1
            _emit(p, ss[k], fs[k], bid, ask, mids, venues)


@kernel
def _emit(p: Record, s: Record, f: Record, bid: float, ask: float, mids: float, venues: int) -> None:
    f["cross_venues"] = venues
    known = venues > 0 and s["bid"] > 0.0
    costs = 1.0 + 2.0 * p["fee"]
    f["cross_spread"] = 0.5 * (s["bid"] + s["ask"]) / (mids / venues) - 1.0 if known else math.nan
    f["arb_buy_edge"] = bid / s["ask"] - costs if known else math.nan
    f["arb_sell_edge"] = s["bid"] / ask - costs if known else math.nan
