"""Exponential means that begin with the plain mean of their first n values, as TA-Lib's do; records and their kernels.

EMA: e += 2 / (n + 1) (x - e). Wilder's: e = ((n - 1) e + x) / n. Both are unknown before the n-th value.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

EMA: Final = np.dtype([("values", "i8"), ("ema", "f8")])  # values seen; the mean, or the sum of the first ones
WILDER: Final = np.dtype([("inputs", "i8"), ("wilder", "f8")])
MACHINE_ZERO: Final = 1e-14
"""Below this a denominator counts as zero, as in TA-Lib."""


@kernel
def ema_step(e: Record, n: int, x: float) -> bool:
    """Take in `x`; True from the n-th value on, when e["ema"] is the mean."""
    values = e["values"] + 1
    e["values"] = values
    if values > n:
        e["ema"] += (x - e["ema"]) * (2.0 / (n + 1))
        return True
    e["ema"] += x
    if values == n:
        e["ema"] /= n
    return values == n


@kernel
def wilder_step(e: Record, n: int, x: float) -> bool:
    """Take in `x`; True from the n-th value on, when e["wilder"] is the mean."""
    inputs = e["inputs"] + 1
    e["inputs"] = inputs
    if inputs > n:
        e["wilder"] = (e["wilder"] * (n - 1) + x) / n
        return True
    e["wilder"] += x
    if inputs == n:
        e["wilder"] /= n
    return inputs == n


@kernel
def true_range(high: int, low: int, before: int) -> int:
    """The largest of high - low and the distances of both from the close before (ticks)."""
    return max(high - low, abs(high - before), abs(low - before))
