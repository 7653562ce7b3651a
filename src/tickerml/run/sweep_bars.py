"""How many bars the engine's trials judged: bars of the strategy's own timeframe, whatever rows the tape has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tickerml.strategies.wake import Bars
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Tape


def timeframe_of(strategies: Sequence[Any]) -> int:
    """The shortest bar that each of them is woken at, ns; 0 where there is none, or sets differ in it."""
    found = {min((one.ns for one in _wakes(s) if isinstance(one, Bars)), default=0) for s in strategies}
    return found.pop() if len(found) == 1 else 0


def bars_judged(tape: Tape, duration: int, instruments: Collection[int]) -> int:
    """Bars of this duration that closed on these instruments: those of the tape's own bars, else all of its time."""
    slots: dict[int, set[int]] = {}
    ends: dict[int, int] = {}
    first = last = 0
    for block in (one for one in tape.blocks() if len(one)):
        rows = block.rows
        first, last = first or int(rows["recv"][0]), int(rows["recv"][-1])
        bars = rows[rows["kind"] == Kind.BAR]
        table = block.bars[bars["ref"]] if len(bars) else block.bars[:0]
        closed = table["open_time"] + table["duration"]
        for inst in set(bars["inst"].tolist()) & set(instruments):
            mine = closed[bars["inst"] == inst]
            slots.setdefault(inst, set()).update(np.unique((mine - 1) // duration).tolist())
            ends[inst] = max(ends.get(inst, 0), int(mine.max()))
    if ends:
        return sum(sum((slot + 1) * duration <= ends[inst] for slot in some) for inst, some in slots.items())
    return (last // duration - first // duration) * len(instruments)


def _wakes(strategy: Any) -> tuple[Any, ...]:
    wake = getattr(strategy, "wake", ())
    return wake if isinstance(wake, tuple) else (wake,)
