"""Moving-average cross: long when the fast mean of closes crosses above the slow one, out when it crosses below.

Also out at the stop, and after the longest time. Every trade stakes the same money, so that parameters are compared
by what they decide and not by what they had earned before. It is the plainest strategy there is, and what sweeps are
measured by; nobody should expect it to earn anything.

Source: the textbook rule (Brock, Lakonishok and LeBaron, "Simple technical trading rules and the stochastic properties
of stock returns", Journal of Finance 47(5), 1992, variable-length moving averages without a band).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Final, Literal

from tickerml.strategies.view import View
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Pass, Setup, Target
from tickerml.tape.kernel import fold
from tickerml.tape.params import Range
from tickerml.tape.rows import BUY, HOUR, Record

NAME: Final = "ma_cross"

HELD, WARMING, NO_CROSS = "position open", "warming up", "no cross"
_OUT: Final = Target(0.0)


@fold
def detect(p: Record, d: Record, a: Record) -> int:
    """Ask where the fast mean crosses above the slow one while nothing is held, or below it while we hold."""
    if math.isnan(d["fast_before"]) or math.isnan(d["slow_before"]):
        return 2
    if a["held"] == 0:
        return 0 if d["fast"] > d["slow"] and d["fast_before"] <= d["slow_before"] else 3
    return 0 if a["mine"] != 0 and d["fast"] < d["slow"] and d["fast_before"] >= d["slow_before"] else 1


@dataclass(frozen=True)
class MaCross:
    """Follows the cross of two moving averages, long only."""

    fast: Annotated[int, Range(1, 1024)] = 20  # bars of the fast mean
    slow: Annotated[int, Range(1, 1024)] = 100  # bars of the slow mean
    stop: Annotated[float, Range(0.0001, 0.9)] = 0.02  # fraction of the entry price
    stake: Annotated[float, Range(1, 1e9)] = 500.0  # quote; money of one trade
    longest_hours: Annotated[float, Range(0.1, 87_600)] = 8760.0  # hours; the position is closed then at the latest
    timeframe: Literal["1m", "5m", "15m", "1h"] = "5m"  # bars that it looks at

    passes: ClassVar = (HELD, WARMING, NO_CROSS)

    @property
    def wake(self) -> Bars:
        """At the close of each bar."""
        return Bars(self.timeframe)

    @property
    def sees(self) -> dict[str, str]:
        """Both means, now and one bar before."""
        named = {"fast": self.fast, "slow": self.slow}
        now = {name: f"sma({n}, {self.timeframe})" for name, n in named.items()}
        return now | {f"{name}_before": f"sma_before({n}, {self.timeframe})" for name, n in named.items()}

    @cached_property
    def setup(self) -> Setup:
        """What it answers to every cross."""
        return Setup(BUY, round(self.longest_hours * HOUR), stop=self.stop, stake=self.stake)

    def decide(self, view: View) -> Setup | Target | Pass:
        """Buy, close, or why neither."""
        fast, slow, fast_before, slow_before = (view[n] for n in ("fast", "slow", "fast_before", "slow_before"))
        if math.isnan(fast_before) or math.isnan(slow_before):
            return Pass(WARMING)
        if view.position is None:
            return self.setup if fast > slow and fast_before <= slow_before else Pass(NO_CROSS)
        return _OUT if fast < slow and fast_before >= slow_before else Pass(HELD)
