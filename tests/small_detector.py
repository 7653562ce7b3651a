"""A strategy with a compiled detector, as a user's file would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tickerml.strategies.wake import Every
from tickerml.tape.intents import Long, Pass, Short
from tickerml.tape.kernel import fold
from tickerml.tape.params import Range

HELD, UNKNOWN, CALM = "in a trade", "no flow yet", "flow is calm"


@fold
def detect(p, d, a):
    """Ask where the flow is strong and nothing is held."""
    if a["held"] != 0:
        return 1
    if d["flow"] != d["flow"]:
        return 2
    return 0 if abs(d["flow"]) >= p["least"] else 3


@dataclass(frozen=True)
class Flow:
    """Goes with the flow."""

    least: Annotated[float, Range(0, 1e9)] = 1.0  # base units of net flow
    wake: ClassVar = Every("1s")
    sees: ClassVar = {"flow": "ofi"}
    passes: ClassVar = (HELD, UNKNOWN, CALM)

    def decide(self, view):
        if view.position is not None:
            return Pass(HELD)
        if view["flow"] != view["flow"]:
            return Pass(UNKNOWN)
        if abs(view["ofi"]) < self.least:
            return Pass(CALM)
        make = Long if view["flow"] > 0 else Short
        return make(target=0.001, stop=0.001, horizon="20s")
