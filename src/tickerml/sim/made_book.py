"""The book of a made-up coin: at most LEVELS price levels a side, sorted, best first, with a list of what changed.

A level's key is its tick for asks and minus its tick for bids, so both sides are sorted upwards. Changes are collected
until a depth message reports them; `u` counts every change, as a venue's update id does.
"""

from __future__ import annotations

from typing import Final

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

LEVELS: Final = 64  # a side
CHANGES: Final = 4 * LEVELS  # between two depth messages; more than all levels gone and as many made
BID: Final = 0  # a side
ASK: Final = 1

BOOK: Final = [
    ("keys", "i8", (2 * LEVELS,)),
    ("lots", "i8", (2 * LEVELS,)),
    ("n", "i8", (2,)),
    ("changed_key", "i8", (CHANGES,)),
    ("changed_side", "i8", (CHANGES,)),
    ("n_changed", "i8"),
    ("u", "i8"),
]
"""Fields that a record needs for these kernels."""


@kernel
def best(c: Record, side: int) -> int:
    """Tick of the best level of a side, which must not be empty."""
    key = c["keys"][side * LEVELS]
    return -key if side == BID else key


@kernel
def find(c: Record, side: int, key: int) -> int:
    """Index within the side of the first level whose key is at or beyond `key`; the side's length when none is."""
    base = side * LEVELS
    low, high = 0, c["n"][side]
    while low < high:
        middle = (low + high) // 2
        if c["keys"][base + middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _note(c: Record, side: int, key: int) -> None:
    """Remember that a level changed, once."""
    c["u"] += 1
    for i in range(c["n_changed"]):
        if c["changed_key"][i] == key and c["changed_side"][i] == side:
            return
    c["changed_key"][c["n_changed"]] = key
    c["changed_side"][c["n_changed"]] = side
    c["n_changed"] += 1


@kernel
def remove_at(c: Record, side: int, index: int) -> None:
    """Take out the level at `index` of a side."""
    base = side * LEVELS
    _note(c, side, c["keys"][base + index])
    c["n"][side] -= 1
    for i in range(base + index, base + c["n"][side]):
        c["keys"][i] = c["keys"][i + 1]
        c["lots"][i] = c["lots"][i + 1]


@kernel
def set_at(c: Record, side: int, index: int, lots: int) -> None:
    """Give the level at `index` of a side this size; 0 takes it out."""
    if lots <= 0:
        remove_at(c, side, index)
    else:
        c["lots"][side * LEVELS + index] = lots
        _note(c, side, c["keys"][side * LEVELS + index])


@kernel
def place(c: Record, side: int, key: int, lots: int) -> None:
    """Add `lots` at `key`: to the level there, or as a new one; the worst level makes room on a full side."""
    base = side * LEVELS
    index = find(c, side, key)
    if index < c["n"][side] and c["keys"][base + index] == key:
        set_at(c, side, index, c["lots"][base + index] + lots)
        return
    if c["n"][side] == LEVELS:
        if index == LEVELS:
            return
        remove_at(c, side, LEVELS - 1)
    for i in range(base + c["n"][side], base + index, -1):
        c["keys"][i] = c["keys"][i - 1]
        c["lots"][i] = c["lots"][i - 1]
    c["keys"][base + index] = key
    c["lots"][base + index] = lots
    c["n"][side] += 1
    _note(c, side, key)


@kernel
def lots_at(c: Record, side: int, key: int) -> int:
    """Size of the level with this key, 0 when there is none."""
    index = find(c, side, key)
    if index < c["n"][side] and c["keys"][side * LEVELS + index] == key:
        return c["lots"][side * LEVELS + index]
    return 0


@kernel
def clear_before(c: Record, side: int, key: int) -> None:
    """Take out every level better than `key`."""
    while c["n"][side] > 0 and c["keys"][side * LEVELS] < key:
        remove_at(c, side, 0)
