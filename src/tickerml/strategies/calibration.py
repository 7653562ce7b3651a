"""Online calibration: how often did trades that were given this raw confidence end net positive?

Raw confidence is cut into 20 bins of 0.05. With w wins of n settled windows in a bin, and W of N in all,

    calibrated = (w + K b) / (n + K),   b = (W + 1) / (N + 2),   K = 20

so a bin with few windows leans on the base rate b (Laplace's rule of succession). Null below N = 200. All state is one
record, so a snapshot is bytes; it is folded once per settled window, in the order in which windows settled.
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.tape.rows import Record

ENOUGH: Final = 200  # settled windows before a calibrated value is given
BINS: Final = 20
_LEAN: Final = 20.0  # K, in windows
THRESHOLDS: Final = (0.15, 0.20, 0.25, 0.30, 0.35)  # what min_confidence may be chosen from
_ENOUGH_ABOVE: Final = 30  # settled windows at or above a threshold before it may be chosen

CALIBRATION: Final = [
    ("n", "i8", (BINS,)),  # settled windows by bin of raw confidence
    ("won", "i8", (BINS,)),  # of these, net positive
    ("net", "f8", (BINS,)),  # sum of their net returns, shares of the position
    ("settled", "i8"),  # all of them
]
"""Fields of a strategy's shared record."""


def bin_of(raw: float) -> int:
    """The bin of a raw confidence; 1.0 belongs to the last."""
    return min(max(int(raw * BINS + 1e-9), 0), BINS - 1)


def learn(s: Record, raw: float, net: float) -> None:
    """Fold one settled window: its raw confidence, and its net return (after cost)."""
    k = bin_of(raw)
    s["n"][k] += 1
    s["won"][k] += int(net > 0)
    s["net"][k] += net
    s["settled"] += 1


def calibrated(s: Record, raw: float) -> float | None:
    """P(net > 0) for this raw confidence, or None below 200 settled windows."""
    total = int(s["settled"])
    if total < ENOUGH:
        return None
    k = bin_of(raw)
    base = (int(s["won"].sum()) + 1) / (total + 2)
    return (int(s["won"][k]) + _LEAN * base) / (int(s["n"][k]) + _LEAN)


def mean_net(s: Record, raw: float) -> float | None:
    """Mean net return of settled windows like this one, leaning on the mean of all; None below 200."""
    total = int(s["settled"])
    if total < ENOUGH:
        return None
    k = bin_of(raw)
    return (float(s["net"][k]) + _LEAN * math.fsum(s["net"]) / total) / (int(s["n"][k]) + _LEAN)


def best_threshold(s: Record) -> float | None:
    """The threshold whose windows, at or above it, earned most in sum; the higher one of equals.

    Uses settled windows alone, so only earlier data. None below 200 windows, or while no threshold has 30 above it.
    """
    if int(s["settled"]) < ENOUGH:
        return None
    best: tuple[float, float] | None = None
    for threshold in THRESHOLDS:
        k = bin_of(threshold)
        if int(s["n"][k:].sum()) >= _ENOUGH_ABOVE:
            candidate = math.fsum(s["net"][k:]), threshold
            best = candidate if best is None else max(best, candidate)
    return None if best is None else best[1]
