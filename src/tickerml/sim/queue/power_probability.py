"""Power probability: behind = back^n / (back^n + front^n); hftbacktest's PowerProbQueueModel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tickerml.sim.queue.advance import move, power, ratio, rest, trade, untraded
from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """Exponent."""

    exponent: Annotated[float, Range(0.1, 10)] = 3.0  # none; larger: cancellations happen behind us more surely


@kernel
def on_new(q: Record, v: Record, k: int, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    rest(v, k, ahead)


@kernel
def on_depth(q: Record, v: Record, k: int, before: int, after: int) -> None:
    """The display changed from `before` to `after` lots."""
    change = untraded(v, k, before, after)
    front = v["front"][k]
    back = before - front
    f = power(back, q["exponent"])
    behind = ratio(f, f + power(front, q["exponent"]))
    move(v, k, before, after, change, behind)


@kernel
def on_trade(q: Record, v: Record, k: int, lots: int) -> None:
    """A trade takes from the front of the queue."""
    trade(v, k, lots)
