"""Whether the market is calm or wild by its own standards: low, medium or high volatility.

v = sqrt(mean of the last n squared log returns, each per day), as in `bar_volatility`. Every n bars v is put into a
memory of the last `history` values, so that those do not overlap. volatility_rank = share of the remembered values that
are below v (equal ones count half), made at each bar before v itself is remembered; volatility_regime = 0 (low) below
the rank `low`, 2 (high) above the rank `high`, else 1 (medium). With the defaults on 5m bars: two hours against the
last ten days.

NaN until `least` values are remembered.

Source: the three classes of system 2 of docs/claims.md; quantiles of the coin's own history, no model behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.bar_volatility import squared_return
from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "volatility_rank": "0 to 1; share of remembered volatilities below the present one",
    "volatility_regime": "0 low, 1 medium, 2 high; the rank against two quantiles",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How long the present is, what it is compared with, and where the regimes part."""

    n: Annotated[int, Range(2, 512)] = 24  # returns in an estimate
    history: Annotated[int, Range(4, 512)] = 120  # estimates that are remembered
    low: Annotated[float, Range(0, 1)] = 0.3333  # rank; below it the regime is low
    high: Annotated[float, Range(0, 1)] = 0.6667  # rank; above it the regime is high
    least: Annotated[int, Range(1, 512)] = 30  # estimates remembered before there is a value
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("close", "i8"),  # of `squared_return`
        ("closed", "i8"),
        ("returns", "i8"),  # returns seen
        ("slot", "i8"),  # of the oldest
        ("sum", "f8"),
        ("squares", "f8", (512,)),  # r^2 per day
        ("estimates", "i8"),  # remembered so far
        ("memory", "f8", (512,)),  # mean r^2 per day: its root would have the same rank
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, f: Record) -> None:
    """Follow the bars that prints make."""
    if wanted(s["bars"], row):
        while next_of_row(s["bars"], p["timeframe"], row):
            _step(p, s, f)


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, f: Record) -> None:
    """Follow the bars of a bar-only source."""
    while next_of_bar(s["bars"], p["timeframe"], row, bar):
        _step(p, s, f)


@kernel
def _step(p: Record, s: Record, f: Record) -> None:
    squared = squared_return(s["bars"], s)
    if squared < 0.0:
        return
    n, slot = p["n"], s["slot"]
    s["sum"] += squared - s["squares"][slot]
    s["squares"][slot] = squared
    s["returns"] += 1
    s["slot"] = slot + 1 if slot + 1 < n else 0
    if s["slot"] == 0:
        s["sum"] = 0.0
        for k in range(n):
            s["sum"] += s["squares"][k]
    if s["returns"] < n:
        return
    if s["estimates"] >= p["least"]:
        _rank(p, s, f)
    if s["slot"] == 0:
        s["memory"][s["estimates"] % p["history"]] = s["sum"]
        s["estimates"] += 1


@kernel
def _rank(p: Record, s: Record, f: Record) -> None:
    known = min(s["estimates"], p["history"])
    below = 0
    for k in range(known):
        below += (1 if s["memory"][k] < s["sum"] else 0) + (1 if s["memory"][k] <= s["sum"] else 0)
    rank = below / (2.0 * known)
    f["volatility_rank"] = rank
    if rank < p["low"]:
        f["volatility_regime"] = 0.0
    else:
        f["volatility_regime"] = 2.0 if rank > p["high"] else 1.0
