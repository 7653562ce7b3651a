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
def on_new(q: Record, v: Record, k: int, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    rest(v, k, ahead)


@kernel
def on_depth(q: Record, v: Record, k: int, before: int, after: int) -> None:
    """The display changed from `before` to `after` lots."""
    change = untraded(v, k, before, after)
    front = v["front"][k] * v["lot"]
    back = before * v["lot"] - front
    behind = ratio(log1(back), log1(back + front))
    move(v, k, before, after, change, behind)


@kernel
def on_trade(q: Record, v: Record, k: int, lots: int) -> None:
    """A trade takes from the front of the queue."""
    trade(v, k, lots)
