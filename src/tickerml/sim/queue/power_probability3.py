"""Power probability of the share ahead: behind = 1 - (front / (front + back))^n; hftbacktest's PowerProbQueueModel3."""

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
def on_new(q: Record, o: Record, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    rest(o, ahead)


@kernel
def on_depth(q: Record, o: Record, before: int, after: int) -> None:
    """The display changed from `before` to `after` lots."""
    change = untraded(o, before, after)
    front = o["front"]
    back = before - front
    behind = 1.0 - power(ratio(front, front + back), q["exponent"])
    move(o, before, after, change, behind)


@kernel
def on_trade(q: Record, o: Record, lots: int) -> None:
    """A trade takes from the front of the queue."""
    trade(o, lots)
