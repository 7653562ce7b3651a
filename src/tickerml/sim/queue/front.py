"""Front of the queue: every trade at our price is ours first. The most optimistic model, an upper bound."""

from __future__ import annotations

from dataclasses import dataclass

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """It has none."""


@kernel
def on_new(q: Record, o: Record, ahead: int) -> None:
    """Nothing is ahead of us."""
    o["front"] = 0.0


@kernel
def on_depth(q: Record, o: Record, before: int, after: int) -> None:
    """Nobody gets ahead of us: what is added stands behind, what leaves was never before us."""
    o["passed"] = 0.0


@kernel
def on_trade(q: Record, o: Record, lots: int) -> None:
    """All of it reaches us."""
    o["front"] = min(o["front"], 0.0) - lots
