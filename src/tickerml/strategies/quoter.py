"""A plain two-sided quoter: one bid and one ask, some ticks behind the touch. A yardstick, not a way to make money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tickerml.strategies.wake import Every
from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """What the quoter may choose."""

    behind: Annotated[int, Range(0, 1000)] = 1  # ticks behind the touch
    size: Annotated[float, Range(0, 1e9)] = 0.01  # base units (or contracts) a side
    max_position: Annotated[float, Range(0, 1e9)] = 1.0  # base units (or contracts) held at which a side stops quoting
    hard_limit: Annotated[float, Range(0, 1e9)] = 0.0  # the same; held if all its orders fill; 0 = max_position
    every: Annotated[float, Range(0.001, 3600)] = 0.1  # seconds between wakes


NAME = "quoter"


def wake(params: Params) -> Every:
    """When it looks again."""
    return Every(round(params.every * 1_000_000_000))


@kernel
def on_wake(p: Record, b: Record, q: Record, i: Record) -> None:
    """Quote behind the touch of a whole book, else not at all."""
    if b["valid"] == 0 or b["bid_qty"] == 0 or b["ask_qty"] == 0 or b["best_bid"] >= b["best_ask"]:
        q["bid"] = 0
        q["ask"] = 0
        return
    q["bid"] = b["best_bid"] - p["behind"]
    q["ask"] = b["best_ask"] + p["behind"]
    q["size"] = round(p["size"] / i["lot"])
    q["max_position"] = round(p["max_position"] / i["lot"])
