"""Setups that a strategy would answer with, from its own `decide`: what the market shows is made so that a rule fires.

No size, grid or distance is repeated here. A strategy that is not built in is asked nothing: what makes it trade is not
known before it runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tickerml.run.strategies import Chosen
from tickerml.strategies.view import Position
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Intent, Pass, Setup
from tickerml.tape.rows import BUY, DAY, MINUTE, SELL, Record

HEIGHTS: Final = (0.02, 0.04, 0.08)  # of the price; channels that are tried
_PLACE: Final = 0.1  # where in the channel: well inside the edge, so that the reward is enough
_NOW: Final = 365 * DAY
_NOTHING: Final = np.dtype([("none", "i1")])


@dataclass
class Shown:
    """A made view: a price, an account that holds nothing, and the features that are given."""

    instrument: Instrument
    close: float
    equity: float
    features: Mapping[str, float]
    state: Record
    shared: Record
    now: int = _NOW
    bar_only: bool = True
    ton: float = math.nan
    position: Position | None = None

    def __getitem__(self, name: str) -> float:
        return self.features.get(name, math.nan)


@dataclass(frozen=True, slots=True)
class Example:
    """A rule of a strategy in words, and what the strategy answers when it fires."""

    rule: str
    answer: Intent | Pass


def examples(chosen: Chosen, inst: Instrument, price: float, equity: float) -> Iterator[Example]:
    """Every rule of a built-in strategy at this price and equity; nothing of any other."""
    strategy = chosen.strategy
    for rule, features in _features(chosen, price):
        state = np.zeros(1, getattr(strategy, "state", _NOTHING))[0]
        shared = np.zeros(1, getattr(strategy, "shared", _NOTHING))[0]
        yield Example(rule, strategy.decide(Shown(inst, price, equity, features, state, shared)))
    if chosen.source == "psc":
        yield from _psc(strategy)


def _features(chosen: Chosen, price: float) -> Iterator[tuple[str, dict[str, float]]]:
    one = chosen.strategy
    if chosen.source == "dca":
        for k in range(one.levels):
            fall = one.drop + k * one.step
            name = f"{k + 1} of {one.levels} levels reached, {100 * fall:.3g} % below the high"
            yield name, {"high": price / (1 - fall) * (1 + 1e-9), "rsi": 0.0, "close": price}
    elif chosen.source == "swing":
        yield "break of a resistance", {"broken": 1.0, "touches": float(one.touches), "volume": one.volume}
    elif chosen.source == "channel":
        for height in HEIGHTS:
            for side in (BUY, SELL):
                yield _channel(one, price, height, side)
    elif chosen.source == "five_signal":
        for tier in ("A", "B"):
            for side in (BUY, SELL):
                yield f"{tier}-trade, {'long' if side == BUY else 'short'}", _five(one, tier, side)


def _channel(one: Any, price: float, height: float, side: int) -> tuple[str, dict[str, float]]:
    place = _PLACE if side == BUY else 1 - _PLACE
    high = height * price
    bottom = price - place * high
    touches = float(one.touches)
    where = "bottom" if side == BUY else "top"
    told = {"top": bottom + high, "bottom": bottom, "place": place, "top_touches": touches, "bottom_touches": touches}
    return f"{where} of a channel {100 * height:.0f} % high", told


def _five(one: Any, tier: str, side: int) -> dict[str, float]:
    """All five signals, or flow and drift alone; everything else as clear as it can be."""
    days = one.horizon_minutes * MINUTE / DAY
    sigma = (one.target_low + one.target_high) / 2
    rest = side if tier == "A" else 0
    away = -1 if one.vwap_mode == "reversion" else 1
    return {
        "flow": side * min(1.0, 2 * one.ofi + 0.1),
        "vwap": away * rest * 2 * one.vwap,
        "velocity": side * 1.0 if rest else -side * 1.0,
        "acceleration": rest * 2 * max(one.acceleration, 0.01) / days,
        "snr": 100.0,
        "funding": -rest * 2 * one.funding,
        "drift": side * max(2 * one.ou_drift, 2 * one.flat_edge) / days,
        "consensus": float(side),
        "volatility": sigma / math.sqrt(days),
    }


def _psc(one: Any) -> Iterator[Example]:
    """PSC's nearest trade: its target is as near as `min_move` allows, its stop in the proportion of the sigmas."""
    stop = one.min_move * one.stop_sigmas / one.target_sigmas
    horizon = round(one.timer_limit_minutes * MINUTE)
    if one.superp:
        told = {"stake": one.stake, "superp": True, "substitute": "stake", "leverage": one.max_leverage}
        yield Example("SuperP at its nearest target", Setup(BUY, horizon, target=one.min_move, stop=stop, **told))
    else:
        yield Example("trade at its nearest target", Setup(BUY, horizon, target=one.min_move, stop=stop))
