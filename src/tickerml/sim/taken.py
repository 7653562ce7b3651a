"""What our own orders took from the displayed book, where that is remembered (RULES["remember_taken"]).

The recorded book is never changed by us. A level that we took from keeps showing the recorded quantity; these lots are
not there for our later orders until the display shrinks, which is then put down to us first.
"""

from __future__ import annotations

from tickerml.sim.orders import TAKEN
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record


@kernel
def taken(v: Record, side: int, tick: int) -> int:
    """Lots of the displayed level that our own orders have taken already."""
    for j in range(v["n_taken"]):
        if v["taken_tick"][j] == tick and v["taken_side"][j] == side:
            return v["taken_lots"][j]
    return 0


@kernel
def note_taken(v: Record, side: int, tick: int, lots: int) -> None:
    """Remember that we took `lots` of a level; beyond TAKEN levels the oldest memory goes."""
    for j in range(v["n_taken"]):
        if v["taken_tick"][j] == tick and v["taken_side"][j] == side:
            v["taken_lots"][j] += lots
            return
    if v["n_taken"] == TAKEN:
        _forget(v, 0)
    j = v["n_taken"]
    v["n_taken"] = j + 1
    v["taken_tick"][j] = tick
    v["taken_side"][j] = side
    v["taken_lots"][j] = lots


@kernel
def shrink_taken(v: Record, side: int, tick: int, before: int, after: int) -> None:
    """A displayed level changed: what left it is put down to us, first."""
    for j in range(v["n_taken"]):
        if v["taken_tick"][j] == tick and v["taken_side"][j] == side:
            v["taken_lots"][j] = min(v["taken_lots"][j] - max(0, before - after), after)
            if v["taken_lots"][j] <= 0:
                _forget(v, j)
                v["changed"] = 1
            return


@kernel
def _forget(v: Record, j: int) -> None:
    v["n_taken"] -= 1
    for i in range(j, v["n_taken"]):
        v["taken_tick"][i] = v["taken_tick"][i + 1]
        v["taken_side"][i] = v["taken_side"][i + 1]
        v["taken_lots"][i] = v["taken_lots"][i + 1]
