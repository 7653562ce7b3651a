"""What folds that compare instruments share: the returns of each one's bars, and where two of them stand side by side.

Each instrument has its bars (see `frame`: none is left out, so that two rings of returns that end at the same time hold
the same bars). An instrument whose newest bar is older than another's by more than PATIENCE bars is not compared.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, bar_length
from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, MINUTE, Record, Rows

RING: Final = 2048  # returns kept; a power of two
MOST: Final = 1024  # returns that a fold may look at
PATIENCE: Final = 3  # bars that one instrument may be behind another
TIMEFRAME: Final = Range(OWN, 31 * DAY)

SERIES: Final = np.dtype(
    [
        ("bars", FRAME),
        ("close", "i8"),  # ticks; 0 = none
        ("end", "i8"),  # of the newest bar, exchange time; 0 = none
        ("count", "i8"),  # returns seen
        ("ring", "f8", (RING,)),  # log returns from close to close, by their number
    ]
)


@kernel
def take_return(c: Record) -> None:
    """Add the return of the newest bar of series `c`."""
    before = c["close"]
    c["close"] = c["bars"]["shown_close"][0]
    c["end"] = c["bars"]["shown_end"][0]
    if before != 0:
        c["ring"][c["count"] & (RING - 1)] = math.log(c["close"] / before) if c["close"] != before else 0.0
        c["count"] += 1


@kernel
def ahead(a: Record, b: Record, timeframe: int) -> int:
    """By how many bars series `a` is newer than `b`, below 0 older; more than PATIENCE where they do not compare."""
    if a["end"] == 0 or b["end"] == 0 or (timeframe == OWN and _own(a["bars"]) != _own(b["bars"])):
        return PATIENCE + 1
    return math.floor((a["end"] - b["end"]) / bar_length(a["bars"], timeframe) + 0.5)


@kernel
def _own(c: Record) -> int:
    """Length of the source's own bars; of those that prints make it is a minute."""
    return c["own"] if c["own"] != 0 else MINUTE


@kernel
def reference_of(insts: Rows, k: int, base: int) -> int:
    """Number of the instrument of coin `base` that `k` is compared with, on its own venue if there is one; else -1."""
    found = -1
    for j in range(len(insts)):
        if insts[j]["base"] == base and insts[j]["priced"] != 0:
            if insts[j]["venue"] == insts[k]["venue"]:
                return j
            found = j if found < 0 else found
    return found


@kernel
def moments(a: Record, b: Record, last_a: int, last_b: int, n: int) -> tuple[float, float, float]:
    """Sums over the `n` returns of `a` before its number `last_a` and those of `b` before `last_b`, each less its mean.

    Of squares of `a`, of squares of `b`, and of products.
    """
    mean_a, mean_b = _mean(a, last_a, n), _mean(b, last_b, n)
    squares_a, squares_b, both = 0.0, 0.0, 0.0
    for j in range(n):
        x = a["ring"][(last_a - n + j) & (RING - 1)] - mean_a
        y = b["ring"][(last_b - n + j) & (RING - 1)] - mean_b
        squares_a += x * x
        squares_b += y * y
        both += x * y
    return squares_a, squares_b, both


@kernel
def correlation(squares_a: float, squares_b: float, both: float) -> float:
    """Pearson's, from `moments`; NaN where one of the two did not move."""
    return both / math.sqrt(squares_a * squares_b) if squares_a > 0.0 and squares_b > 0.0 else math.nan


@kernel
def _mean(c: Record, last: int, n: int) -> float:
    """Mean of the `n` returns before number `last`."""
    total = 0.0
    for j in range(last - n, last):
        total += c["ring"][j & (RING - 1)]
    return total / n


@kernel
def sum_of(c: Record, last: int, n: int) -> float:
    """Log return of the `n` bars before number `last`; NaN where there are fewer. Made anew each time: no drift."""
    if last < n:
        return math.nan
    total = 0.0
    for j in range(last - n, last):
        total += c["ring"][j & (RING - 1)]
    return total
