"""Two watched instruments beside each other: how they move together, and how far apart their prices are."""

from __future__ import annotations

import math

from tickerml.engine.watch import LEAST, SAMPLES, log_return
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import SECOND, Record


@kernel
def correlation(a: Record, b: Record) -> float:
    """Of two instruments' five-minute log returns over the day that both know; NaN for less than an hour of it."""
    last = min(a["slot"], b["slot"])
    n = min(a["slots"] - (a["slot"] - last), b["slots"] - (b["slot"] - last)) - 1
    if n < LEAST:
        return math.nan
    sx = sy = sxx = syy = sxy = 0.0
    for k in range(n):
        x, y = log_return(a, last - k), log_return(b, last - k)
        sx += x
        sy += y
        sxx += x * x
        syy += y * y
        sxy += x * y
    spread = (n * sxx - sx * sx) * (n * syy - sy * sy)
    return (n * sxy - sx * sy) / math.sqrt(spread) if spread > 0.0 else math.nan


@kernel
def apart(a: Record, b: Record, ratio: float, now: int, limit: float) -> tuple[float, int]:
    """|price of `a` / that of `b` - 1| and for how many seconds it has been above `limit` without a break.

    `ratio`: tick of `a` / tick of `b`. NaN where one of them is not known.
    """
    i, j = a["n"] - 1, b["n"] - 1
    if i < 0 or j < 0:
        return math.nan, 0
    newest = abs(ratio * a["mid2"][i % SAMPLES] / b["mid2"][j % SAMPLES] - 1.0)
    since, gap = now // SECOND, newest
    while gap > limit:
        since = max(a["at"][i % SAMPLES], b["at"][j % SAMPLES])
        if a["at"][i % SAMPLES] >= b["at"][j % SAMPLES]:
            i -= 1
        else:
            j -= 1
        if min(i, j) < 0 or i <= a["n"] - SAMPLES or j <= b["n"] - SAMPLES:
            break
        gap = abs(ratio * a["mid2"][i % SAMPLES] / b["mid2"][j % SAMPLES] - 1.0)
    return newest, now // SECOND - since
