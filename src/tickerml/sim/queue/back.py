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
def on_new(q: Record, o: Record, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    o["front"] = float(ahead)


@kernel
def on_depth(q: Record, o: Record, before: int, after: int) -> None:
    """No more can be ahead of us than is displayed."""
    o["front"] = min(o["front"], float(after))


@kernel
def on_trade(q: Record, o: Record, lots: int) -> None:
    """A trade takes from the front of the queue."""
    o["front"] -= lots
