"""The PSC ratio, log10(price) - log10(TON price) + 6, and what it says in its two modes.

absolute: long from 7.0 up, short from 5.0 down. For one coin the ratio hardly moves, so it mostly names the coin.
relative: the ratio minus its rolling mean, in rolling standard deviations (z); long from +z_entry, short from -z_entry.
Mean and variance are exponentially weighted by time: with a = 1 - exp(-dt / tau), d = x - mean,
mean += a d and var = (1 - a) (var + a d^2) (Finch, "Incremental calculation of weighted mean and variance", 2009).
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.tape.rows import BUY, SELL, Record

ROLLING: Final = [
    ("mean", "f8"),  # of the ratio
    ("var", "f8"),
    ("since", "i8"),  # ns, first ratio seen; 0 = none
    ("until", "i8"),  # ns, last ratio seen
]
"""Fields that a record needs for `fold_ratio`."""


def psc_ratio(price: float, ton_price: float, multiplier: float = 1.0, *, logarithmic: bool = True) -> float:
    """The ratio of one token's price (quoted per `multiplier` tokens) to TON's.

    Not logarithmic: the straight line through the same thresholds, 7 at a quotient of 10 and 5 at a tenth.
    """
    quotient = price / multiplier / ton_price
    if not logarithmic:
        return 5.0 + 2.0 * (quotient - 0.1) / 9.9
    return math.log10(price / multiplier) - math.log10(ton_price) + 6.0


def side_of(value: float, long_from: float, short_from: float) -> int:
    """BUY at or above `long_from`, SELL at or below `short_from`, else 0."""
    return BUY if value >= long_from else SELL if value <= short_from else 0


def fold_ratio(s: Record, ratio: float, now: int, tau_ns: float) -> float:
    """Fold one ratio into the rolling mean; returns its z against the mean before it, NaN for one time constant."""
    if s["since"] == 0:
        s["since"] = s["until"] = now
        s["mean"] = ratio
        return math.nan
    difference = ratio - float(s["mean"])
    var = float(s["var"])
    ready = now - int(s["since"]) >= tau_ns and var > 0
    z = difference / math.sqrt(var) if ready else math.nan
    weight = -math.expm1(-(now - int(s["until"])) / tau_ns)
    s["mean"] += weight * difference
    s["var"] = (1 - weight) * (var + weight * difference * difference)
    s["until"] = now
    return z
