"""How a coin moves with a reference coin, such as BTC or ETH: rolling correlation and beta of bar returns.

With x the last n log returns of the coin from close to close and y those of the reference over the same bars:
corr = sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2), beta = sum (x - mx)(y - my) / sum (y - my)^2, m being
the means. `corr(BTC, 1h, 24)` is of a day, `corr(BTC, 1h, 168)` of a week, `corr(ETH, 1h, 720)` of 30 days.

The reference is the instrument of that coin on the same venue, else the first one of the tape. Both are renewed when
the coin or the reference shows a bar, over the newest bars that both have; NaN while one is more than 3 bars behind the
other, before n returns, while one of them stood still for all n, and without the reference on the tape.

Source: Pearson's product-moment correlation; beta as the slope of the regression on the reference.
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
    "corr": "-1 to 1; correlation of the last n returns with the reference's",
    "beta": "ratio; slope of the coin's returns on the reference's",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """With which coin, in which bars, over how many."""

    reference: Annotated[str, Name()] = "BTC"  # base coin
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own
    n: Annotated[int, Range(2, MOST)] = 288  # returns


State: Final = np.dtype([("moving", FOLLOWER)])


@fold
def on_row(p: Record, s: Record, row: Record) -> bool:
    """Follow the bars that prints make."""
    return follow_row(s["moving"], p["timeframe"], row)


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record) -> bool:
    """Follow the bars of a bar-only source."""
    return follow_bar(s["moving"], p["timeframe"], row, bar)


@fold
def across(p: Record, n: int, ss: Rows, fs: Rows, insts: Rows) -> None:
    """Renew the coin that has a new bar, and all whose reference it is."""
    for k in range(len(ss)):
        r = compared_with(ss[k]["moving"], insts, k, n, p["reference"])
        if r >= 0:
            _renew(p, ss[k]["moving"], ss[r]["moving"]["series"], fs[k])


@kernel
def _renew(p: Record, s: Record, b: Record, f: Record) -> None:
    news, last_a, last_b = in_common(s, b, p["timeframe"])
    if news == APART:
        f["corr"] = math.nan
        f["beta"] = math.nan
    elif news == NEWS:
        _emit(s["series"], b, last_a, last_b, p["n"], f)


@kernel
def _emit(a: Record, b: Record, last_a: int, last_b: int, n: int, f: Record) -> None:
    if last_a < n or last_b < n:
        return
    squares_a, squares_b, both = moments(a, b, last_a, last_b, n)
    f["corr"] = correlation(squares_a, squares_b, both)
    f["beta"] = both / squares_b if squares_a > 0.0 and squares_b > 0.0 else math.nan
