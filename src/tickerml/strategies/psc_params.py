"""What the PSC strategy may be told: thresholds, timer, scoring and stakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tickerml.strategies.psc_confidence import BREAK_EVEN, PROFITABLE
from tickerml.tape.params import Range


@dataclass(frozen=True)
class PscParams:
    """Field names are those of the configuration's sections ml_microstructure, psc_integration and superp."""

    mode: Literal["absolute", "relative"] = "absolute"  # the ratio itself, or its deviation from its rolling mean
    use_logarithmic_ratios: bool = True  # off: a straight line through the same thresholds
    long_threshold: Annotated[float, Range(-20, 40)] = 7.0  # ratio at or above which it is long
    short_threshold: Annotated[float, Range(-20, 40)] = 5.0  # ratio at or below which it is short
    min_signal_ratio: Annotated[float, Range(-20, 40)] = 6.5  # ratio from which a candidate is scored and logged
    z_entry: Annotated[float, Range(0.5, 10)] = 2.0  # standard deviations; entry in relative mode
    mean_minutes: Annotated[float, Range(1, 10_080)] = 60.0  # minutes; time constant of the rolling mean
    min_confidence: Annotated[float, Range(0, 1)] = 0.3  # probability below which no trade is made
    choose_confidence: bool = False  # choose it within 0.15 to 0.35 on settled windows, once there are 200
    max_leverage: Annotated[float, Range(1, 10_000)] = 10_000.0  # times the stake
    timer_limit_minutes: Annotated[float, Range(1, 1440)] = 10.0  # minutes; a position closes then at the latest
    entry_minutes: Annotated[float, Range(0, 1440)] = 3.0  # minutes; end of the ENTRY part
    mid_minutes: Annotated[float, Range(0, 1440)] = 7.0  # minutes; end of the MID part
    exit_entries: bool = True  # off: no entry in the EXIT part
    tight_bps: Annotated[float, Range(0, 1000)] = 2.0  # basis points; a spread up to this is tight
    wide_bps: Annotated[float, Range(0, 1000)] = 10.0  # basis points; above it no trade
    full_depth: Annotated[float, Range(1, 1e12)] = 100_000.0  # quote within 10 bps of the mid that earns full points
    target_sigmas: Annotated[float, Range(0.1, 10)] = 1.5  # of the return until the timer ends; distance of the target
    stop_sigmas: Annotated[float, Range(0.1, 10)] = 1.0  # of the same; distance of the stop, where there is one
    cost: Annotated[float, Range(0, 0.1)] = BREAK_EVEN  # share of the position, both ways together
    min_move: Annotated[float, Range(0, 0.1)] = PROFITABLE  # share of the price; a nearer target is not worth it
    cooldown_s: Annotated[float, Range(0, 86_400)] = 30.0  # seconds between two intents on a coin
    signal_every_s: Annotated[float, Range(0.1, 3600)] = 10.0  # seconds between two logged signals of a coin
    superp: bool = False  # stake-limited positions without liquidation: simulation only
    stake: Annotated[float, Range(0.01, 1e9)] = 100.0  # settle currency; what a SuperP position can lose
    timeframe: Literal["1s", "1m", "5m", "15m", "1h", "1d"] = "1m"  # bars to score by where there is no book
    assumed_spread_bps: Annotated[float, Range(0, 1000)] = 5.0  # basis points; the spread where there is no book
