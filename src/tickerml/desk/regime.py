"""The market's regime, read off one reference price: a circuit breaker and a trend, both with hysteresis.

Measured over five-minute closes. Returns "within an hour / a day" reach back as far as there is data, at most an hour
or a day, to the highest (for a fall) or lowest (for a rise) close in between, so that the breaker works from the first
minutes. Volatility is an exponential mean of squared five-minute returns (an hour, a week); trend is the day's over
the week's exponential mean of the price. All memory is one record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.desk.protections import Change
from tickerml.desk.settings import Regime as Rules
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
_STEPS: Final = np.arange(DAY_STEPS)

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


@dataclass(frozen=True, slots=True)
class Stance:
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
        self.rules = rules
        self.table = np.zeros(1, REGIME)

    def observe(self, now: int, price: float) -> list[Change]:
        """The reference's price at `now`, ns; not finite or not above 0 is no price. Tells what has changed."""
        r = self.table[0]
        if not (math.isfinite(price) and price > 0) or now // STEP <= r["step"]:
            return []
        self._fold(r, now // STEP, price)
        told = []
        worst, trend = self._breaker(r), self._trend(r)
        waited = now - int(r["since"]) >= self.rules.dwell_minutes * MINUTE
        if worst > r["breaker"] or (worst < r["breaker"] and waited):
            told.append(Change("regime", {"from": BREAKER[int(r["breaker"])], "to": BREAKER[worst]}))
            r["breaker"], r["since"] = worst, now
        if trend != r["trend"]:
            told.append(Change("trend", {"from": TREND[int(r["trend"])], "to": TREND[trend]}))
            r["trend"] = trend
        return told

    def stance(self) -> Stance:
        """What it asks of a round now."""
        r, rules = self.table[0], self.rules
        if not r["n"]:
            return Stance()
        size = (1.0, rules.euphoria_size, rules.caution_size, 0.0)[int(r["breaker"])]
        return Stance(BREAKER[int(r["breaker"])], TREND[int(r["trend"])], size, rules.favour, rules.chop_target)

    def moves(self) -> tuple[float, float, float, float, float]:
        """Fall in an hour, in a day, rise in an hour, in a day (fractions, >= 0); volatility, hour over week."""
        r = self.table[0]
        n = int(r["n"])
        if not n:
            return 0.0, 0.0, 0.0, 0.0, 1.0
        last = float(r["last"])
        found = []
        for steps in (_HOUR_STEPS, DAY_STEPS):
            back = min(n, steps + 1, DAY_STEPS)
            seen = r["closes"][(n - 1 - _STEPS[:back]) % DAY_STEPS]
            found.append((1 - last / float(seen.max()), last / float(seen.min()) - 1))
        ratio = math.sqrt(float(r["hour"]) / float(r["week"])) if r["week"] > 0 and n > _HOUR_STEPS else 1.0
        return found[0][0], found[1][0], found[0][1], found[1][1], ratio

    def _fold(self, r: Record, step: int, price: float) -> None:
        n = int(r["n"])
        if n:
            change = math.log(price / float(r["last"]))
            for name, steps in (("hour", _HOUR_STEPS), ("week", _WEEK_STEPS)):
                r[name] += (change * change - float(r[name])) / min(n, steps)
            for name, steps in (("fast", DAY_STEPS), ("slow", _WEEK_STEPS)):
                r[name] += (price - float(r[name])) / min(n + 1, steps)
        else:
            r["fast"] = r["slow"] = price
        r["closes"][n % DAY_STEPS] = price
        r["last"], r["step"], r["n"] = price, step, n + 1

    def _breaker(self, r: Record) -> int:
        rules, now = self.rules, int(r["breaker"])
        fall_hour, fall_day, rise_hour, rise_day, volatility = self.moves()
        tests = (
            (PANIC, ((fall_hour, rules.panic_hour), (fall_day, rules.panic_day))),
            (
                CAUTION,
                (
                    (fall_hour, rules.caution_hour),
                    (fall_day, rules.caution_day),
                    (volatility, rules.caution_volatility),
                ),
            ),
            (EUPHORIA, ((rise_hour, rules.euphoria_hour), (rise_day, rules.euphoria_day))),
        )
        for state, measures in tests:
            held = rules.leave if state == now else 1.0  # who is in a state leaves it later than it was entered
            if any(value >= held * threshold for value, threshold in measures):
                return state
        return NORMAL

    def _trend(self, r: Record) -> int:
        gap, now = float(r["fast"]) / float(r["slow"]) - 1, int(r["trend"])
        for state, sign in ((BULL, 1), (BEAR, -1)):
            held = self.rules.leave if state == now else 1.0
            if sign * gap >= held * self.rules.trend:
                return state
        return SIDEWAYS


def basket(marks: dict[int, float], first: dict[int, float]) -> float:
    """Equal-weight price of several coins: the mean of each mark over its first one. NaN without any."""
    shares = [price / first[inst] for inst, price in marks.items() if price > 0 and first.get(inst, 0) > 0]
    return sum(shares) / len(shares) if shares else math.nan
