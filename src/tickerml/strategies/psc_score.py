"""The microstructure score, 0 to 10: five sub-scores of 0 to 2 for a trade in a direction d (+1 long, -1 short).

From an order book:
- flow = 1 + d x mean of ofi_ratio and trade_imbalance over 10 s
- imbalance = 1 + d x mean of depth_imbalance at 5 and at 20 levels
- spread = 2 up to `tight` basis points, falling in a straight line to 0 at `wide`
- depth = 2 x value within 10 bps of the mid / `full_depth`, at most 2
- stability = (2 - spread / its mean, held within 0 and 1) + (1 - cancellation rate)

From bars alone, where some can only be guessed at and some not at all:
- flow = 1 + d x (2 takers' buys / volume - 1) where the source says; else 1 + d x (2C - H - L) / (H - L)
- spread = as above, of the spread that the configuration assumes
- stability = 3 - range / expected range, held within 0 and 2
- imbalance and depth are unavailable

The expected range of a bar is 1.7 x volatility x sqrt(bar / day) (for a random walk E[H - L] = sqrt(8 / pi) sigma =
1.6 sigma: Parkinson, "The extreme value method for estimating the variance", Journal of Business 53, 1980). A sub-score
whose inputs are missing counts 0 and is named in `missing`; where two are averaged, one may be missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tickerml.strategies.view import View
from tickerml.tape.rows import DAY
from tickerml.tape.spans import nanoseconds

PARTS: Final = ("flow", "imbalance", "spread", "depth", "stability")
BOOK_FEATURES: Final = (
    "bid",
    "ask",
    "spread_bps",
    "ofi_ratio(10s)",
    "trade_imbalance(10s)",
    "depth_imbalance(5)",
    "depth_imbalance(20)",
    "depth",
    "spread_normalised",
    "cancellation_rate",
    "volatility",
)
_EXPECTED_RANGE: Final = 1.7


@dataclass(frozen=True, slots=True)
class Score:
    """The five sub-scores in the order of PARTS; NaN where unavailable."""

    parts: tuple[float, float, float, float, float]

    @property
    def total(self) -> float:
        """0 to 10; what is unavailable counts 0."""
        return sum(0.0 if math.isnan(p) else p for p in self.parts)

    @property
    def missing(self) -> str:
        """Names of the unavailable sub-scores, joined by commas."""
        return ",".join(name for name, p in zip(PARTS, self.parts, strict=True) if math.isnan(p))


def bar_features(timeframe: str) -> tuple[str, ...]:
    """The features that a source of bars alone is scored by."""
    return tuple(f"bar({timeframe}).{name}" for name in ("open", "high", "low", "close", "volume", "buy_volume"))


def spread_points(spread_bps: float, tight: float, wide: float) -> float:
    """2 up to `tight` basis points, 0 from `wide` on, a straight line between."""
    return 2.0 * clip((wide - spread_bps) / (wide - tight), 0.0, 1.0)


def book_score(view: View, side: int, *, tight: float, wide: float, full_depth: float) -> Score:
    """Score a direction by the order book."""
    flow = _mean(view["ofi_ratio(10s)"], view["trade_imbalance(10s)"])
    imbalance = _mean(view["depth_imbalance(5)"], view["depth_imbalance(20)"])
    steady = clip(2.0 - view["spread_normalised"], 0.0, 1.0)
    return Score(
        (
            1.0 + side * flow,
            1.0 + side * imbalance,
            spread_points(view["spread_bps"], tight, wide),
            2.0 * clip(view["depth"] / full_depth, 0.0, 1.0),
            2.0 * _mean(steady, 1.0 - view["cancellation_rate"]),
        )
    )


def bar_score(view: View, side: int, timeframe: str, spread_bps: float, *, tight: float, wide: float) -> Score:
    """Score a direction by the last bar; depth and imbalance cannot be known from bars."""
    high, low, close, volume, bought = (
        view[f"bar({timeframe}).{name}"] for name in ("high", "low", "close", "volume", "buy_volume")
    )
    span = high - low
    flow = 0.0 if span == 0 else (2.0 * close - high - low) / span
    if bought >= 0 and volume > 0:  # false for NaN: the source does not say
        flow = 2.0 * bought / volume - 1.0
    usual = _EXPECTED_RANGE * view["volatility"] * math.sqrt(nanoseconds(timeframe) / DAY)
    stability = clip(3.0 - span / close / usual, 0.0, 2.0) if usual > 0 else math.nan
    return Score((1.0 + side * flow, math.nan, spread_points(spread_bps, tight, wide), math.nan, stability))


def clip(x: float, low: float, high: float) -> float:
    """`x` held within low and high; NaN stays NaN."""
    return x if math.isnan(x) else min(max(x, low), high)


def _mean(a: float, b: float) -> float:
    if math.isnan(a):
        return b
    return a if math.isnan(b) else 0.5 * (a + b)
