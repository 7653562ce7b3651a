"""A candidate in full: everything that the PSC strategy finds out about one moment before it says yes or no."""

from __future__ import annotations

import math
from typing import NamedTuple

from tickerml.strategies import calibration
from tickerml.strategies.psc_confidence import (
    expected_return,
    leverage_of,
    market_conditions,
    raw_confidence,
    superp_value,
)
from tickerml.strategies.psc_params import PscParams
from tickerml.strategies.psc_score import PARTS, Score, bar_score, book_score
from tickerml.strategies.timer import Timer, timer
from tickerml.strategies.view import View
from tickerml.tape.intents import Figure
from tickerml.tape.rows import BUY, DAY


class Reading(NamedTuple):
    """The ratio at one moment, and what it says."""

    ratio: float
    z: float  # relative mode; 0 in absolute mode
    side: int  # BUY or SELL; 0 = neutral
    beyond: float  # how far past the threshold; below 0 for a candidate that is only scored


class Signal(NamedTuple):
    """A candidate with all its figures. Volatility is per day, returns are shares of the price."""

    reading: Reading
    score: Score
    spread_bps: float
    volatility: float
    timer: Timer
    raw: float
    calibrated: float | None
    leverage: float
    sigma: float  # standard deviation of the return until the timer ends
    target: float
    stop: float | None  # None: the stake is the stop

    @property
    def confidence(self) -> float:
        """What gates and sizes: the calibrated value where there is one, else the raw."""
        return self.raw if self.calibrated is None else self.calibrated


def signal_of(p: PscParams, view: View, reading: Reading) -> Signal:
    """Score a candidate and derive confidence, leverage, target and stop."""
    spread = p.assumed_spread_bps if view.bar_only else view["spread_bps"]
    score = _score(p, view, reading.side, spread)
    at = timer(view.now, p.timer_limit_minutes, p.entry_minutes, p.mid_minutes)
    volatility = view["volatility"]
    conditions = market_conditions(spread, volatility, p.tight_bps)
    raw = raw_confidence(score.total, reading.beyond, conditions, at.efficiency)
    known = calibration.calibrated(view.shared, raw)
    sigma = volatility * math.sqrt(at.left_ns / DAY)
    return Signal(
        reading,
        score,
        spread,
        volatility,
        at,
        raw,
        known,
        leverage=leverage_of(raw if known is None else known, volatility, p.max_leverage),
        sigma=sigma,
        target=p.target_sigmas * sigma,
        stop=None if p.superp else p.stop_sigmas * sigma,
    )


def _score(p: PscParams, view: View, side: int, spread_bps: float) -> Score:
    if not view.bar_only:
        return book_score(view, side, tight=p.tight_bps, wide=p.wide_bps, full_depth=p.full_depth)
    return bar_score(view, side, p.timeframe, spread_bps, tight=p.tight_bps, wide=p.wide_bps)


def figures(p: PscParams, view: View, signal: Signal) -> dict[str, Figure]:
    """What is journalled with a signal; None where unknown."""
    reading, score = signal.reading, signal.score
    word = "LONG" if reading.side == BUY else "SHORT"
    parts = {f"score_{name}": None if math.isnan(x) else x for name, x in zip(PARTS, score.parts, strict=True)}
    on_stake = superp_value(max(signal.leverage, 1.0), signal.sigma, p.cost) if p.superp else None
    return {
        "action": word if reading.beyond >= 0 else f"CANDIDATE_{word}",
        "psc_ratio": reading.ratio,
        "psc_z": reading.z if p.mode == "relative" else None,
        "ratio_difference": reading.beyond,
        "coin_price": view.close,
        "ton_price": view.ton,
        "score": score.total,
        **parts,
        "score_missing": score.missing,
        "spread_bps": signal.spread_bps,
        "volatility": signal.volatility,
        "timer_window": signal.timer.window,
        "confidence_raw": signal.raw,
        "confidence": signal.calibrated,
        "calibration_n": int(view.shared["settled"]),
        "leverage": signal.leverage,
        "superp_enabled": p.superp,
        "superp_expected_on_stake": on_stake,
        "expected_profit_pct": 100.0 * _expected(p, view, signal),
    }


def _expected(p: PscParams, view: View, signal: Signal) -> float:
    """Expected net return, share of the position: the mean of settled windows like it, else target against stop."""
    learned = calibration.mean_net(view.shared, signal.raw)
    if learned is not None:
        return learned
    loss = signal.sigma if signal.stop is None else signal.stop
    return expected_return(signal.confidence, signal.target, loss, p.cost)
