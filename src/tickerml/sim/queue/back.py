"""Back of the queue: only trades at our price bring us forward, cancellations all happen behind us.

The level's display bounds what is ahead of us. This is hftbacktest's RiskAdverseQueueModel, a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """It has none."""


@kernel
def on_new(q: Record, v: Record, k: int, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    v["front"][k] = float(ahead)


@kernel
def on_depth(q: Record, v: Record, k: int, before: int, after: int) -> None:
    """No more can be ahead of us than is displayed."""
    v["front"][k] = min(v["front"][k], float(after))


@kernel
def on_trade(q: Record, v: Record, k: int, lots: int) -> None:
    """A trade takes from the front of the queue."""
    v["front"][k] -= lots
