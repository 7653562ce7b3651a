"""Channel: inside a range that both sides have held, buy near the bottom and sell near the top.

Setup: a channel (features `channel`) with at least `touches` separate touches of each side, and the close inside it, in
its lowest `edge` share (long) or its highest (short, where the instrument can be sold short). The target is the edge
zone of the other side, the stop stands `beyond` of the channel's height outside, and reward over risk must reach
`reward`. A close outside the channel as it stood at the entry ends the trade.

Sources: seed 001 (30 % of capital, 3 touches, bottom and top 30 %, reward/risk 1.5, 30 % confidence once a model is
promoted). Ours: the target at the start of the opposite edge zone, the stop a tenth of the height outside, 48 hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from tickerml.strategies.view import View
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.kernel import fold
from tickerml.tape.params import Range
from tickerml.tape.rows import BUY, HOUR, SELL, Record

NAME: Final = "channel"

HELD, WARMING, FEW, OUTSIDE = "position open", "warming up", "too few touches", "outside the channel"
INSIDE, NO_SHORT, POOR = "in the middle of the channel", "spot cannot be sold short", "reward below risk multiple"


@fold
def detect(p: Record, d: Record, a: Record) -> int:
    """Ask where a channel has held and the close is near one of its sides; the reward is judged in Python."""
    if a["held"] != 0:
        return 1
    if math.isnan(d["place"]):
        return 2
    if d["top_touches"] < p["touches"] or d["bottom_touches"] < p["touches"]:
        return 3
    if d["place"] < 0 or d["place"] > 1:
        return 4
    return 5 if p["edge"] < d["place"] < 1 - p["edge"] else 0


@dataclass(frozen=True)
class Channel:
    """Buys the bottom and sells the top of a range that both sides have held."""

    bars: Annotated[int, Range(5, 512)] = 96  # bars that the channel is laid through
    touches: Annotated[int, Range(1, 20)] = 3  # separate touches of each side
    tolerance: Annotated[float, Range(0.001, 0.5)] = 0.1  # of the height; how near a touch must come
    edge: Annotated[float, Range(0.05, 0.5)] = 0.3  # of the height; lowest and highest part, where it trades
    beyond: Annotated[float, Range(0.01, 1)] = 0.1  # of the height; the stop stands so far outside
    reward: Annotated[float, Range(0.1, 20)] = 1.5  # least reward over risk
    longest_hours: Annotated[float, Range(0.1, 2160)] = 48.0  # hours; the position is closed then at the latest
    min_confidence: Annotated[float, Range(0, 1)] = 0.30  # probability; below it no trade, once a model gives one
    timeframe: Literal["1m", "5m", "15m", "1h"] = "15m"  # bars that it looks at

    passes: ClassVar = (HELD, WARMING, FEW, OUTSIDE, INSIDE, NO_SHORT, POOR)

    @property
    def wake(self) -> Bars:
        """At the close of each bar."""
        return Bars(self.timeframe)

    @property
    def sees(self) -> dict[str, str]:
        """The channel's lines, touches, and where the close stands in it."""
        how = f"({self.bars}, {self.tolerance}, {self.timeframe})"
        return {
            "top": f"channel_top{how}",
            "bottom": f"channel_bottom{how}",
            "place": f"channel_position{how}",
            "top_touches": f"channel_top_touches{how}",
            "bottom_touches": f"channel_bottom_touches{how}",
        }

    def decide(self, view: View) -> Setup | Pass:
        """The trade, or why there is none."""
        if view.position is not None:
            return Pass(HELD)
        place = view["place"]
        if math.isnan(place):
            return Pass(WARMING)
        if min(view["top_touches"], view["bottom_touches"]) < self.touches:
            return Pass(FEW)
        if not 0 <= place <= 1:
            return Pass(OUTSIDE)
        if self.edge < place < 1 - self.edge:
            return Pass(INSIDE)
        return self._setup(view, BUY if place <= self.edge else SELL)

    def _setup(self, view: View, side: int) -> Setup | Pass:
        if side == SELL and ":" not in view.instrument.symbol:
            return Pass(NO_SHORT)
        top, bottom = view["top"], view["bottom"]
        height = top - bottom
        entry = bottom + view["place"] * height
        target = top - self.edge * height if side == BUY else bottom + self.edge * height
        stop = bottom - self.beyond * height if side == BUY else top + self.beyond * height
        gain, loss = side * (target - entry) / entry, side * (entry - stop) / entry
        if gain < self.reward * loss or gain <= 0:
            return Pass(POOR)
        return Setup(
            side,
            round(self.longest_hours * HOUR),
            target=gain,
            stop=loss,
            floor=bottom if side == BUY else None,
            ceiling=top if side == SELL else None,
            info={
                "channel_top": top,
                "channel_bottom": bottom,
                "channel_position": view["place"],
                "reward_risk": gain / loss,
                "min_confidence": self.min_confidence,
            },
        )
