"""What the five-signal strategy may be told: what confirms a signal, what gates a trade, how large, how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from tickerml.tape.params import Range

COINS: Final = (  # eleven that the source names, and four of ours (requirement C3)
    *("BTC", "ETH", "SOL", "XRP", "BNB", "AVAX", "ADA", "LINK", "DOGE", "LTC", "MATIC"),
    *("DOT", "BCH", "UNI", "ATOM"),
)


@dataclass(frozen=True)
class FiveSignalParams:
    """Thresholds of the signals and gates. Where seed 004 gives a range, both ends are here."""

    ofi: Annotated[float, Range(0, 1)] = 0.15  # order-flow imbalance ratio beyond which flow confirms
    ofi_seconds: Annotated[float, Range(1, 3600)] = 30.0  # seconds of flow
    vwap: Annotated[float, Range(0, 0.1)] = 0.001  # fraction; distance from the VWAP that confirms
    vwap_bars: Annotated[int, Range(2, 1000)] = 60  # bars of the VWAP
    vwap_mode: Literal["reversion", "trend"] = "reversion"  # confirms a return to the VWAP, or a move away from it
    acceleration: Annotated[float, Range(0, 10)] = 0.1  # fraction of velocity per bar^-1 scale; see five_signal.py
    kalman_bars: Annotated[int, Range(2, 1000)] = 20  # bars over which the filter smooths
    funding: Annotated[float, Range(0, 0.01)] = 0.0003  # rate an interval beyond which one side is crowded
    ou_bars: Annotated[int, Range(5, 1000)] = 100  # bars of the Ornstein-Uhlenbeck fit
    ou_drift: Annotated[float, Range(0, 0.1)] = 0.001  # fraction expected over the horizon that confirms
    horizon_minutes: Annotated[float, Range(1, 1440)] = 30.0  # minutes; forecasts, and the longest time in a trade
    snr: Annotated[float, Range(0, 10)] = 1.5  # velocity over its standard error; normal
    snr_turbo: Annotated[float, Range(0, 10)] = 1.0  # the same in turbo
    confidence: Annotated[float, Range(0, 1)] = 0.65  # least confidence; normal
    confidence_turbo: Annotated[float, Range(0, 1)] = 0.50  # the same in turbo
    consensus: Annotated[float, Range(0, 1)] = 0.60  # share of timeframes that must agree
    flat_edge: Annotated[float, Range(0, 0.1)] = 0.001  # fraction; a smaller forecast is a flat market
    fee_multiple: Annotated[float, Range(0, 20)] = 2.5  # expected profit over round-trip fees; normal
    fee_multiple_turbo: Annotated[float, Range(0, 20)] = 1.0  # the same in turbo
    fees: Annotated[float, Range(0, 0.05)] = 0.0  # fraction; fees of a round trip; 0 = fees.taker both ways
    ev_micro: Annotated[float, Range(-0.1, 0.1)] = 0.0005  # fraction; least net expectation below a balance of 100
    ev_growing: Annotated[float, Range(-0.1, 0.1)] = 0.001  # the same below 1,000
    ev_large: Annotated[float, Range(-0.1, 0.1)] = 0.0015  # the same from 1,000 on
    ev_free_below: Annotated[float, Range(0, 1e6)] = 25.0  # balance up to which turbo asks for no loss only
    target_low: Annotated[float, Range(0.0001, 0.5)] = 0.006  # fraction; nearest target of an A-trade
    target_high: Annotated[float, Range(0.0001, 0.5)] = 0.015  # fraction; farthest
    stop_low: Annotated[float, Range(0.0001, 0.5)] = 0.003  # fraction; nearest stop of an A-trade
    stop_high: Annotated[float, Range(0.0001, 0.5)] = 0.006  # fraction; farthest
    b_target: Annotated[float, Range(0.01, 1)] = 0.7  # of an A-trade's target
    b_target_low: Annotated[float, Range(0.0001, 0.5)] = 0.004  # fraction; a B-trade's target is no farther than
    b_target_high: Annotated[float, Range(0.0001, 0.5)] = 0.008  # these two ends say
    b_stop: Annotated[float, Range(0.01, 1)] = 0.8  # of an A-trade's stop
    b_stop_low: Annotated[float, Range(0.0001, 0.5)] = 0.0025  # fraction; a B-trade's stop is no farther than
    b_stop_high: Annotated[float, Range(0.0001, 0.5)] = 0.005  # these two ends say
    a_size_low: Annotated[float, Range(0, 1)] = 0.30  # share of margin of an A-trade, at the least confidence
    a_size_high: Annotated[float, Range(0, 1)] = 0.50  # at full confidence
    b_size_low: Annotated[float, Range(0, 1)] = 0.10  # share of margin of a B-trade
    b_size_high: Annotated[float, Range(0, 1)] = 0.15  # at full confidence
    leverage: Annotated[float, Range(1, 125)] = 50.0  # times; capped by the venue's tier
    turbo: bool = False  # relaxed gates and B-trades for balances below 100; MICRO_TURBO_MODE=true sets it
    timeframe: Literal["1m", "5m", "15m"] = "1m"  # bars of VWAP, Kalman filter and Ornstein-Uhlenbeck fit

    symbols: tuple[str, ...] = COINS  # base coins that it trades; where a source has none of them, or empty: all of it
    min_notional: Annotated[float, Range(0, 1e6)] = 5.0  # quote; smallest entry, beside the source's own minimum
