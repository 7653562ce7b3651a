"""Swing: buy the break of a resistance on heavy volume, and let a trailing stop follow.

Setup: the newest close has passed a level at which the market had turned before (features `support`), upwards, with at
least `volume` times the mean volume of the bars before. Entry at the market; target, stop and trailing stop.

Sources: seed 001 (30 % of capital, 2x volume, +15 %, -5 %, trailing 7 %, 65 % confidence once a model is promoted). The
longest time in a trade is ours: 7 days.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from tickerml.strategies.view import View
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Long, Pass, Setup
from tickerml.tape.kernel import fold
from tickerml.tape.params import Range
from tickerml.tape.rows import HOUR, Record

NAME: Final = "swing"

HELD, WARMING, NO_BREAK = "position open", "warming up", "no resistance broken"
WEAK, THIN = "level touched too seldom", "volume below average multiple"


@fold
def detect(p: Record, d: Record, a: Record) -> int:
    """Ask where a resistance was broken on volume and no trade is under way on the coin."""
    if a["held"] != 0:
        return 1
    if math.isnan(d["broken"]) or math.isnan(d["volume"]):
        return 2
    if d["broken"] < 1:
        return 3
    if math.isnan(d["touches"]) or d["touches"] < p["touches"]:
        return 4
    return 0 if d["volume"] >= p["volume"] else 5


@dataclass(frozen=True)
class Swing:
    """Buys a close above a resistance with volume well above its mean; trails the stop."""

    volume: Annotated[float, Range(0.1, 100)] = 2.0  # times the mean volume of the bars before
    volume_bars: Annotated[int, Range(2, 1000)] = 20  # bars in that mean
    touches: Annotated[int, Range(1, 20)] = 2  # turns at the level before it counts as a resistance
    level_bars: Annotated[int, Range(10, 10_000)] = 300  # bars after which an untouched level is forgotten
    target: Annotated[float, Range(0.001, 2)] = 0.15  # fraction of the entry price
    stop: Annotated[float, Range(0.001, 0.9)] = 0.05  # fraction of the entry price
    trail: Annotated[float, Range(0.001, 0.9)] = 0.07  # fraction of the best price since the entry
    longest_hours: Annotated[float, Range(0.1, 2160)] = 168.0  # hours; the position is closed then at the latest
    min_confidence: Annotated[float, Range(0, 1)] = 0.65  # probability; below it no trade, once a model gives one
    timeframe: Literal["1m", "5m", "15m", "1h"] = "15m"  # bars that it looks at

    passes: ClassVar = (HELD, WARMING, NO_BREAK, WEAK, THIN)

    @property
    def wake(self) -> Bars:
        """At the close of each bar."""
        return Bars(self.timeframe)

    @property
    def sees(self) -> dict[str, str]:
        """Breaks of levels, their touches, and volume against its mean."""
        levels = f"({self.level_bars}, timeframe={self.timeframe})"
        return {
            "broken": f"level_break{levels}",
            "touches": f"level_break_touches{levels}",
            "volume": f"volume_ratio({self.volume_bars}, {self.timeframe})",
        }

    def decide(self, view: View) -> Setup | Pass:
        """The trade, or why there is none."""
        if view.position is not None:
            return Pass(HELD)
        broken, touches, volume = view["broken"], view["touches"], view["volume"]
        if math.isnan(broken) or math.isnan(volume):
            return Pass(WARMING)
        if broken < 1:
            return Pass(NO_BREAK)
        if math.isnan(touches) or touches < self.touches:
            return Pass(WEAK)
        if volume < self.volume:
            return Pass(THIN)
        return Long(
            target=self.target,
            stop=self.stop,
            trail=self.trail,
            horizon=round(self.longest_hours * HOUR),
            info={"volume_ratio": volume, "touches": touches, "min_confidence": self.min_confidence},
        )
