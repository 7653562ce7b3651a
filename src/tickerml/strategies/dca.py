"""Dollar cost averaging: buy a fall in steps while the coin is oversold, sell the whole at a gain on the average price.

Setup: the close is at least `drop` below the high of the last hours and the RSI is below its threshold. Entries are a
grid of limit buys at -drop, -drop - step, ... from that high, equal money each. Levels that the price has passed
already are bought at once, together. What is not filled within `level_hours` expires, or when the position closes.
Target and stop are distances from the average entry price.

Sources: seed 001 (40 % of capital, 5 levels 1 % apart, +10 % and -8 %, 60 % confidence once a model is promoted). The
longest time in a trade is ours: 72 hours, the end of the range that the source's model may choose from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from tickerml.strategies.view import View
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Entry, Long, Pass, Setup
from tickerml.tape.kernel import fold
from tickerml.tape.params import Range
from tickerml.tape.rows import HOUR, Record

NAME: Final = "dca"

_BOTTOM: Final = 0.001  # fraction of the high; a level below it is no price worth asking for
HELD, WARMING, NO_DROP, NOT_OVERSOLD = "position open", "warming up", "no drop", "RSI not oversold"


@fold
def detect(p: Record, d: Record, a: Record) -> int:
    """Ask where the drop and the RSI are there and no trade is under way on the coin."""
    if a["held"] != 0:
        return 1
    if math.isnan(d["high"]) or math.isnan(d["rsi"]) or math.isnan(d["close"]):
        return 2
    if d["close"] > (1 - p["drop"]) * d["high"]:
        return 3
    return 0 if d["rsi"] < p["rsi_below"] else 4


@dataclass(frozen=True)
class Dca:
    """Buys a fall from the high of some hours in steps, while RSI is low."""

    drop: Annotated[float, Range(0.005, 0.5)] = 0.05  # fraction below the high; the first level
    step: Annotated[float, Range(0.001, 0.1)] = 0.01  # fraction of the high between two levels
    levels: Annotated[int, Range(1, 16)] = 5  # limit buys in the grid
    lookback_hours: Annotated[float, Range(0.25, 168)] = 4.0  # hours; span of the high
    rsi_bars: Annotated[int, Range(2, 200)] = 14  # bars of the RSI
    rsi_below: Annotated[float, Range(1, 100)] = 30.0  # RSI points; oversold below it
    target: Annotated[float, Range(0.001, 1)] = 0.10  # fraction of the average entry price
    stop: Annotated[float, Range(0.001, 0.9)] = 0.08  # fraction of the average entry price
    level_hours: Annotated[float, Range(0.1, 720)] = 24.0  # hours; a level that was not filled expires
    longest_hours: Annotated[float, Range(0.1, 2160)] = 72.0  # hours; the position is closed then at the latest
    min_confidence: Annotated[float, Range(0, 1)] = 0.60  # probability; below it no trade, once a model gives one
    timeframe: Literal["1m", "5m", "15m", "1h"] = "5m"  # bars that it looks at

    passes: ClassVar = (HELD, WARMING, NO_DROP, NOT_OVERSOLD)

    @property
    def wake(self) -> Bars:
        """At the close of each bar."""
        return Bars(self.timeframe)

    @property
    def sees(self) -> dict[str, str]:
        """The high of the span, the RSI and the close, all of closed bars."""
        minutes = round(self.lookback_hours * 60)
        return {
            "high": f"high({minutes}m, {self.timeframe})",
            "rsi": f"rsi({self.rsi_bars}, {self.timeframe})",
            "close": f"bar({self.timeframe}).close",
        }

    def decide(self, view: View) -> Setup | Pass:
        """The grid, or why there is none."""
        if view.position is not None:
            return Pass(HELD)
        high, rsi, close = view["high"], view["rsi"], view["close"]
        if math.isnan(high) or math.isnan(rsi) or math.isnan(close):
            return Pass(WARMING)
        if close > (1 - self.drop) * high:
            return Pass(NO_DROP)
        if rsi >= self.rsi_below:
            return Pass(NOT_OVERSOLD)
        figures = {"high": high, "rsi": rsi, "drop": 1 - close / high}
        return Long(
            target=self.target,
            stop=self.stop,
            horizon=round(self.longest_hours * HOUR),
            entries=self.grid(high, close),
            info={**figures, "min_confidence": self.min_confidence},
        )

    def grid(self, high: float, close: float) -> tuple[Entry, ...]:
        """One entry for all levels that `close` has passed, then a limit buy for each that is left; equal money."""
        shares = (1 - self.drop - k * self.step for k in range(self.levels))
        prices = [high * share for share in shares if share > _BOTTOM]
        waiting = [price for price in prices if price < close]
        passed = len(prices) - len(waiting)
        sizes = [passed / close, *(1 / price for price in waiting)]  # equal money: size goes by 1 / price
        whole, ttl = sum(sizes), round(self.level_hours * HOUR)
        now = (Entry(None, sizes[0] / whole),) if passed else ()
        return (*now, *(Entry(p, s / whole, ttl_ns=ttl) for p, s in zip(waiting, sizes[1:], strict=True)))
