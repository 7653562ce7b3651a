"""Whether a coin follows a reference coin, or runs ahead of it, and by how many bars.

With c(l) the correlation of the coin's log returns with the reference's l bars before each of them, over the newest n
pairs (see `correlation`), for l from -lags to lags: lead_lag is the l at which |c(l)| is largest, lead_lag_corr is c
there. Above 0 the reference leads and the coin follows. Of equal ones the smallest |l| counts, then the one above 0.

A largest correlation of many is large by chance as well: with n returns, 2 / sqrt(n) is nothing. Reference, renewal and
NaN as in `correlation`, but n + lags returns of both are needed.

Source: cross-correlation function, Box and Jenkins, "Time Series Analysis", chapter on transfer functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.following import APART, FOLLOWER, NEWS, compared_with, follow_bar, follow_row, in_common
from tickerml.features.frame import OWN
from tickerml.features.peers import MOST, TIMEFRAME, correlation, moments
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Name, Range
from tickerml.tape.rows import Record, Rows

FIELDS: Final = {
    "lead_lag": "bars; by how many the reference leads, below 0: the coin leads",
    "lead_lag_corr": "-1 to 1; correlation at that lag",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """With which coin, in which bars, over how many, and how far apart."""

    reference: Annotated[str, Name()] = "BTC"  # base coin
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own
    n: Annotated[int, Range(2, MOST)] = 288  # returns
    lags: Annotated[int, Range(1, 32)] = 6  # bars; the farthest that is looked at, either way


State: Final = np.dtype([("leading", FOLLOWER)])


@fold
def on_row(p: Record, s: Record, row: Record) -> bool:
    """Follow the bars that prints make."""
    return follow_row(s["leading"], p["timeframe"], row)


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record) -> bool:
    """Follow the bars of a bar-only source."""
    return follow_bar(s["leading"], p["timeframe"], row, bar)


@fold
def across(p: Record, n: int, ss: Rows, fs: Rows, insts: Rows) -> None:
    """Renew the coin that has a new bar, and all whose reference it is."""
    for k in range(len(ss)):
        r = compared_with(ss[k]["leading"], insts, k, n, p["reference"])
        if r >= 0:
            _renew(p, ss[k]["leading"], ss[r]["leading"]["series"], fs[k])


@kernel
def _renew(p: Record, s: Record, b: Record, f: Record) -> None:
    news, last_a, last_b = in_common(s, b, p["timeframe"])
    if news == APART:
        f["lead_lag"] = math.nan
        f["lead_lag_corr"] = math.nan
    elif news == NEWS:
        _emit(p, s["series"], b, last_a, last_b, f)


@kernel
def _emit(p: Record, a: Record, b: Record, last_a: int, last_b: int, f: Record) -> None:
    lags = p["lags"]
    if min(last_a, last_b) < p["n"] + lags:
        return
    best, at = math.nan, 0
    for k in range(2 * lags + 1):
        lag = (k + 1) // 2 if k % 2 == 1 else -(k // 2)  # 0, 1, -1, 2, -2, ...
        squares_a, squares_b, both = moments(a, b, last_a - max(-lag, 0), last_b - max(lag, 0), p["n"])
        c = correlation(squares_a, squares_b, both)
        if math.isnan(best) or abs(c) > abs(best):
            best, at = c, lag
    f["lead_lag"] = at if not math.isnan(best) else math.nan
    f["lead_lag_corr"] = best
