"""Log probability over the whole level: behind = f(back) / f(back + front), f(x) = log(1 + x).

hftbacktest's LogProbQueueModel2; x is in units of size (not lots).
"""

from __future__ import annotations

from dataclasses import dataclass

from tickerml.sim.queue.advance import log1, move, ratio, rest, trade, untraded
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """It has none."""


@kernel
def on_new(q: Record, o: Record, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    rest(o, ahead)


@kernel
def on_depth(q: Record, o: Record, before: int, after: int) -> None:
    """The display changed from `before` to `after` lots."""
    change = untraded(o, before, after)
    front = o["front"] * o["lot"]
    back = before * o["lot"] - front
    behind = ratio(log1(back), log1(back + front))
    move(o, before, after, change, behind)


@kernel
def on_trade(q: Record, o: Record, lots: int) -> None:
    """A trade takes from the front of the queue."""
    trade(o, lots)
