"""A part of a tape in time that can be read by itself: what held at its start is repeated there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from tickerml.tape.block import Block, concat
from tickerml.tape.build import cut
from tickerml.tape.merge import message_times
from tickerml.tape.rows import BUY, FOREVER, SELL, Flag, Kind, Rows, empty
from tickerml.tape.store_columns import gather
from tickerml.tape.tables import MESSAGE

EVENTS: Final = ("liquidation", "sentiment")  # values that happen once: they do not hold until the next one
_LASTING: Final = (Kind.INSTRUMENT, Kind.CLOCK, Kind.VALUE, Kind.STATUS)


def window(blocks: Iterable[Block], start: int | None, stop: int | None, names: Sequence[str]) -> Iterator[Block]:
    """Messages received in [start, stop), ns; before them, one block of what held at `start`.

    That block gives the last definition, clock, status and values of each instrument, and each book that was whole as
    a snapshot (CLEAR, then its levels). Who begins at `start` is told of them then, so that they are received at
    `start`, and nothing is decided before it. Flag.HELD says that it is no news, and `exch` when each happened: where
    it had no stamp, when it was received. `names` of values, by index: those of EVENTS are not repeated.
    """
    begin, end = -FOREVER if start is None else start, FOREVER if stop is None else stop
    past: _Past | None = _Past(start, names) if start is not None else None
    for block in blocks:
        times = message_times(block)
        first, last = (int(np.searchsorted(times, t, "left")) for t in (begin, end))
        if past is not None:
            past.fold(cut(block, 0, first))
        if first < len(block) and past is not None:
            yield past.block()
            past = None
        if first < last:
            yield cut(block, first, last)
        if last < len(block):
            return


class _Past:
    """What still holds after the messages folded so far."""

    def __init__(self, start: int, names: Sequence[str]) -> None:
        self._start = start
        self._events = [n for n, name in enumerate(names) if name.rpartition(".")[2] in EVENTS]
        self._lasting: dict[tuple[int, int, int], Block] = {}
        self._books: dict[int, _Book] = {}

    def fold(self, block: Block) -> None:
        """Take in whole messages."""
        rows = block.rows
        for i in np.flatnonzero(np.isin(rows["kind"], _LASTING)):
            row = rows[i]
            name = int(block.values[row["ref"]]["name"]) if row["kind"] == Kind.VALUE else int(row["side"])
            if row["kind"] == Kind.VALUE and name in self._events:
                continue
            self._lasting[int(row["inst"]), int(row["kind"]), name] = cut(block, int(i), int(i) + 1)
        changes = np.isin(rows["kind"], (Kind.DEPTH, Kind.CLEAR, Kind.GAP))
        for inst in np.unique(rows["inst"][changes]):
            index = np.flatnonzero(changes & (rows["inst"] == inst))
            self._books.setdefault(int(inst), _Book()).fold(gather(block, index))

    def block(self) -> Block:
        """All of it as messages, in the order in which they came, received at the start."""
        held = [*self._lasting.values(), *(b.block() for b in self._books.values() if b.whole)]
        block = concat(sorted(held, key=lambda b: int(b.rows["recv"][-1])))
        unstamped = block.rows["exch"] == 0
        block.rows["exch"][unstamped] = block.rows["recv"][unstamped]  # it has happened then, at the latest
        block.rows["recv"] = self._start
        block.rows["flags"] |= Flag.HELD
        return block


class _Book:
    """One instrument's levels: the last DEPTH row of each price and side since the last CLEAR."""

    def __init__(self) -> None:
        self.whole = False
        self._levels: Rows = empty(0)
        self._last: Rows = empty(1)
        self._last_id = 0

    def fold(self, block: Block) -> None:
        """Take in DEPTH, CLEAR and GAP rows of this instrument."""
        rows = block.rows
        breaks = np.flatnonzero(rows["kind"] != Kind.DEPTH)
        if len(breaks):
            self.whole = bool(rows["kind"][breaks[-1]] == Kind.CLEAR)
            self._levels, rows = empty(0), rows[breaks[-1] + 1 :]
        if not self.whole:
            return
        levels = np.concatenate([self._levels, rows[rows["kind"] == Kind.DEPTH]])[::-1]
        _, latest = np.unique(levels["price"].astype(np.int64) * 2 + (levels["side"] > 0), return_index=True)
        levels = levels[latest]
        self._levels = levels[levels["qty"] != 0]
        self._last = block.rows[-1:].copy()
        self._last_id = int(block.messages["last_id"][-1]) if len(block.messages) else self._last_id

    def block(self) -> Block:
        """The book as a snapshot message: CLEAR, bids from the best down, asks from the best up."""
        bids, asks = (self._levels[self._levels["side"] == side] for side in (BUY, SELL))
        rows = np.concatenate([self._last, bids[::-1], asks])
        for name in ("recv", "exch"):
            rows[name] = self._last[name]
        rows["ref"], rows["flags"] = 0, Flag.SNAPSHOT
        rows["flags"][-1] |= Flag.END
        clear = rows[0]
        clear["kind"], clear["side"], clear["price"], clear["qty"] = Kind.CLEAR, 0, 0, 0
        return Block(rows, np.array([(0, self._last_id, 0)], MESSAGE))
