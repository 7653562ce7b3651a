"""The market's regime, read off one reference price: a circuit breaker and a trend, both with hysteresis.

Measured over five-minute closes. Returns "within an hour / a day" reach back as far as there is data, at most an hour
or a day, to the highest (for a fall) or lowest (for a rise) close in between, so that the breaker works from the first
minutes. Volatility is an exponential mean of squared five-minute returns (an hour, a week); trend is the day's over
the week's exponential mean of the price. All memory is one record.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from msgspec import Struct

from tickerml.desk.memory import columns
from tickerml.desk.protections import Change
from tickerml.desk.settings import Regime as Rules
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import MINUTE, Record

NORMAL, EUPHORIA, CAUTION, PANIC = range(4)
BREAKER: Final = ("NORMAL", "EUPHORIA", "CAUTION", "PANIC")  # in the order of severity
SIDEWAYS, BULL, BEAR = range(3)
TREND: Final = ("sideways", "bull", "bear")
SEASON: Final = {"swing": "bull", "dca": "bear", "channel": "sideways"}  # S1: which trend favours which strategy
TIGHTENED: Final = frozenset({"swing", "dca"})  # their targets are tightened in chop; a channel's is its range

STEP: Final = 5 * MINUTE
DAY_STEPS: Final = 288
_HOUR_STEPS: Final = 12
_WEEK_STEPS: Final = 7 * DAY_STEPS
_THRESHOLDS: Final = (
    *("panic_hour", "panic_day", "caution_hour", "caution_day", "caution_volatility", "euphoria_hour", "euphoria_day"),
    *("leave", "trend"),
)

REGIME: Final = np.dtype(
    [
        ("breaker", "i8"),  # index into BREAKER
        ("since", "i8"),  # ns
        ("trend", "i8"),  # index into TREND
        ("n", "i8"),  # closes folded
        ("step", "i8"),  # number of the newest step
        ("last", "f8"),
        ("fast", "f8"),  # exponential mean of the price, a day
        ("slow", "f8"),  # a week
        ("hour", "f8"),  # exponential mean of squared returns, an hour
        ("week", "f8"),
        ("closes", "f8", (DAY_STEPS,)),
    ]
)
MARKS: Final = np.dtype([*((name, "f8") for name in _THRESHOLDS), ("dwell", "i8")])  # the rules; dwell in ns


class Stance(Struct, frozen=True, gc=False):
    """What the regime asks of a round. All 1 while there is no reference."""

    breaker: str = ""  # a word of BREAKER; "" = no reference price
    trend: str = ""
    size: float = 1.0  # factor on sizes; 0 in PANIC
    favour: float = 1.0  # factor on the expected value of strategies out of season
    chop_target: float = 1.0  # factor on targets of trend strategies

    def value_factor(self, strategy: str) -> float:
        """Factor on a strategy's expected value, 1 in its season."""
        season = SEASON.get(strategy)
        return 1.0 if season is None or not self.trend or season == self.trend else self.favour

    def target_factor(self, strategy: str) -> float:
        """Factor on a strategy's target."""
        return self.chop_target if self.trend == TREND[SIDEWAYS] and strategy in TIGHTENED else 1.0


class RegimeFold:
    """Folds the reference's price; `table` is all that it remembers."""

    def __init__(self, rules: Rules) -> None:
        """NORMAL and sideways, until there is more to say."""
        self.rules, self.marks = rules, np.zeros(1, MARKS)
        for name in _THRESHOLDS:
            self.marks[name] = getattr(rules, name)
        self.marks["dwell"] = round(rules.dwell_minutes * MINUTE)
        self.table = np.zeros(1, REGIME)
        self._of = columns(self.table)

    def told(self, changed: int) -> list[Change]:
        """What `on_price` has changed, in words."""
        if not changed:
            return []
        r, found = self.table[0], []
        for name, words, was in (("regime", BREAKER, changed % 8), ("trend", TREND, changed // 8)):
            if was:
                now = words[int(r["breaker" if name == "regime" else "trend"])]
                found.append(Change(name, {"from": words[was - 1], "to": now}))
        return found

    def stance(self) -> Stance:
        """What it asks of a round now."""
        if not self._of["n"].item(0):
            return Stance()
        rules, breaker, trend = self.rules, self._of["breaker"].item(0), self._of["trend"].item(0)
        size = (1.0, rules.euphoria_size, rules.caution_size, 0.0)[breaker]
        return Stance(BREAKER[breaker], TREND[trend], size, rules.favour, rules.chop_target)

    def moves(self) -> tuple[float, float, float, float, float]:
        """Fall in an hour, in a day, rise in an hour, in a day (fractions, >= 0); volatility, hour over week."""
        return moves(self.table[0])


@kernel
def on_price(r: Record, rules: Record, now: int, price: float) -> int:
    """Fold the reference's price at `now` into `r` (REGIME); `rules` are MARKS.

    A price that is not finite or not above 0 is none. Returns 0, or 1 + the breaker's state before where that has
    changed, plus 8 times as much for the trend.
    """
    if not (math.isfinite(price) and price > 0.0) or now // STEP <= r["step"]:
        return 0
    _fold(r, now // STEP, price)
    changed = 0
    worst, trend = _breaker(r, rules), _trend(r, rules)
    if worst > r["breaker"] or (worst < r["breaker"] and now - r["since"] >= rules["dwell"]):
        changed += 1 + r["breaker"]
        r["breaker"] = worst
        r["since"] = now
    if trend != r["trend"]:
        changed += 8 * (1 + r["trend"])
        r["trend"] = trend
    return changed


@kernel
def moves(r: Record) -> tuple[float, float, float, float, float]:
    """Fall in an hour, in a day, rise in an hour, in a day (fractions, >= 0); volatility, hour over week."""
    n = r["n"]
    if n == 0:
        return 0.0, 0.0, 0.0, 0.0, 1.0
    last = r["last"]
    high = low = last
    for k in range(max(0, n - _HOUR_STEPS - 1), n):
        close = r["closes"][k % DAY_STEPS]
        high = max(high, close)
        low = min(low, close)
    fall, rise = 1 - last / high, last / low - 1
    for k in range(min(n, DAY_STEPS)):  # the whole ring, in whatever order
        close = r["closes"][k]
        if close > high:
            high = close
        if close < low:
            low = close
    ratio = math.sqrt(r["hour"] / r["week"]) if r["week"] > 0.0 and n > _HOUR_STEPS else 1.0
    return fall, 1 - last / high, rise, last / low - 1, ratio


@kernel
def _fold(r: Record, step: int, price: float) -> None:
    n = r["n"]
    if n > 0:
        change = math.log(price / r["last"])
        r["hour"] += (change * change - r["hour"]) / min(n, _HOUR_STEPS)
        r["week"] += (change * change - r["week"]) / min(n, _WEEK_STEPS)
        r["fast"] += (price - r["fast"]) / min(n + 1, DAY_STEPS)
        r["slow"] += (price - r["slow"]) / min(n + 1, _WEEK_STEPS)
    else:
        r["fast"] = price
        r["slow"] = price
    r["closes"][n % DAY_STEPS] = price
    r["last"] = price
    r["step"] = step
    r["n"] = n + 1


@kernel
def _held(r: Record, rules: Record, state: int) -> float:
    """Who is in a state leaves it later than it was entered."""
    return rules["leave"] if r["breaker"] == state else 1.0


@kernel
def _breaker(r: Record, rules: Record) -> int:
    fall_hour, fall_day, rise_hour, rise_day, volatility = moves(r)
    held = _held(r, rules, PANIC)
    if fall_hour >= held * rules["panic_hour"] or fall_day >= held * rules["panic_day"]:
        return PANIC
    held = _held(r, rules, CAUTION)
    if fall_hour >= held * rules["caution_hour"] or fall_day >= held * rules["caution_day"]:
        return CAUTION
    if volatility >= held * rules["caution_volatility"]:
        return CAUTION
    held = _held(r, rules, EUPHORIA)
    if rise_hour >= held * rules["euphoria_hour"] or rise_day >= held * rules["euphoria_day"]:
        return EUPHORIA
    return NORMAL


@kernel
def _trend(r: Record, rules: Record) -> int:
    gap = r["fast"] / r["slow"] - 1
    if gap >= (rules["leave"] if r["trend"] == BULL else 1.0) * rules["trend"]:
        return BULL
    if -gap >= (rules["leave"] if r["trend"] == BEAR else 1.0) * rules["trend"]:
        return BEAR
    return SIDEWAYS
