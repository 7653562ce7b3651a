"""How far a recorder's clock is from a venue's: CLOCK rows from the lower envelope of receive minus exchange time.

Transport can only delay a message. So the smallest recv - exch of a window is the clock offset plus the smallest
latency, and that is taken to be `min_latency`:   offset = min(recv - exch) - min_latency,   one for each stream (the
method of Paxson 1998, "On calibrating measurements of packet transit times", without its fit of a skew: windows follow
a drift). A row of the window can then never be stamped later than it was received.

Offline (`Envelope`, `fit`) each window knows itself and its neighbours, and its rows carry Flag.ESTIMATED: they know
the future. Live (`PastClock`) an offset is made of windows that have ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.rows import MICROSECOND, MILLISECOND, SECOND, Flag, Kind, Rows, empty

WINDOW: Final = 60 * SECOND
MIN_LATENCY: Final = MILLISECOND
"""ns that the quickest message is taken to need; exchange stamps are whole milliseconds, so less cannot be told."""
_REACH: Final = 1  # windows on either side that the offline envelope also looks at
_RESOLUTION: Final = MILLISECOND  # of exchange stamps
_UNSURE: Final = SECOND  # uncertainty of an offset that one message gave
CLOCKED: Final = (int(Kind.DEPTH), int(Kind.TRADE), int(Kind.BBO), int(Kind.VALUE))
"""Streams with a clock of their own."""
Key = tuple[int, int]
"""Instrument id and stream kind."""


class Envelope:
    """Smallest recv - exch by stream and window, over all that was added."""

    def __init__(self, window: int = WINDOW) -> None:
        self.window = window
        self._low: dict[Key, dict[int, int]] = {}
        self._first: dict[Key, int] = {}  # first receive time

    def add(self, key: Key, recv: NDArray[np.int64], exch: NDArray[np.int64]) -> None:
        """Messages of one stream, ns; those without an exchange time say nothing."""
        stamped = exch != 0
        recv, delay = recv[stamped], (recv - exch)[stamped]
        if not len(recv):
            return
        low = self._low.setdefault(key, {})
        self._first.setdefault(key, int(recv[0]))
        for window, smallest in _lowest(recv // self.window, delay):
            low[window] = min(low.get(window, smallest), smallest)

    def rows(self, min_latency: int = MIN_LATENCY) -> Rows:
        """CLOCK rows by receive time, ESTIMATED: each holds from the start of its window."""
        made = []
        for key, low in self._low.items():
            offset = None
            for window in sorted(low):
                near = [low[w] for w in range(window - _REACH, window + _REACH + 1) if w in low]
                if min(near) - min_latency != offset:
                    offset = min(near) - min_latency
                    since = max(window * self.window, self._first[key])
                    made.append(_clock(key, since, offset, max(near) - min(near) + _RESOLUTION, Flag.ESTIMATED))
        rows = np.concatenate(made) if made else empty(0)
        return rows[np.argsort(rows["recv"], kind="stable")]

    def offset(self, min_latency: int = MIN_LATENCY) -> int:
        """One number for the whole tape: the median over streams and windows, ns to add to exchange time; 0 if none."""
        lows = [value for low in self._low.values() for value in low.values()]
        return int(np.median(lows)) - min_latency if lows else 0


def fit(blocks: Iterable[Block], window: int = WINDOW, min_latency: int = MIN_LATENCY) -> Rows:
    """CLOCK rows for a whole tape, knowing its future; put them in with `weave`."""
    envelope = Envelope(window)
    for block in blocks:
        for key, index in streams(block.rows):
            envelope.add(key, block.rows["recv"][index], block.rows["exch"][index])
    return envelope.rows(min_latency)


def weave(blocks: Iterable[Block], clocks: Rows) -> Iterator[Block]:
    """The blocks with each CLOCK row before the first message received at or after its time; later ones are dropped."""
    done, newest = 0, 0
    for block in blocks:
        if not len(block):
            continue
        recv = np.maximum.accumulate(np.maximum(block.rows["recv"], newest))  # raw stamps may run backwards
        newest = int(recv[-1])
        stop = int(np.searchsorted(clocks["recv"], newest, side="right"))
        part = clocks[done:stop]
        done = stop
        yield _inserted(block, np.searchsorted(recv, part["recv"]), part)


class PastClock:
    """CLOCK rows from the past alone: what a live recorder can know.

    The first message of a stream gives a rough offset at once; from then on each window that ends gives a better one,
    the smallest of the last `windows`.
    """

    def __init__(self, window: int = 10 * SECOND, windows: int = 6, min_latency: int = MIN_LATENCY) -> None:
        self.window, self.windows, self.min_latency = window, windows, min_latency
        self._low: dict[Key, dict[int, int]] = {}
        self._offset: dict[Key, int] = {}
        self._newest = 0

    def follow(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks with CLOCK rows put in; the same for every way to cut the rows into blocks."""
        for block in blocks:
            yield self.observe(block)

    def observe(self, block: Block) -> Block:
        """One block with its CLOCK rows. A row stands behind the message that it was learned from."""
        if not len(block):
            return block
        recv = np.maximum.accumulate(np.maximum(block.rows["recv"], self._newest))
        self._newest = int(recv[-1])
        places, rows = [], []
        for key, index in streams(block.rows):
            stamped = index[block.rows["exch"][index] != 0]
            delay = block.rows["recv"][stamped] - block.rows["exch"][stamped]
            for place, row in self._learn(key, stamped, recv[stamped], delay):
                places.append(place)
                rows.append(row)
        if not rows:
            return block
        order = np.argsort(places, kind="stable")
        return _inserted(block, np.array(places)[order], np.concatenate(rows)[order])

    def _learn(
        self, key: Key, index: NDArray[np.intp], seen: NDArray[np.int64], delay: NDArray[np.int64]
    ) -> Iterator[tuple[int, Rows]]:
        """Place in the block (row index to insert at) and CLOCK row, for each change of the offset of one stream."""
        low = self._low.setdefault(key, {})
        first = not low
        for at in np.flatnonzero(np.diff(seen // self.window, prepend=-1)).tolist():
            window = int(seen[at]) // self.window
            if low and window not in low:  # windows have ended: this message is the first to know
                newest = max(low)
                for old in [w for w in low if w < min(newest, window - self.windows)]:
                    del low[old]
                yield from self._row(key, int(index[at]) + 1, int(seen[at]), list(low.values()))
            stop = int(np.searchsorted(seen, (window + 1) * self.window))
            smallest = int(delay[at:stop].min())
            low[window] = min(low.get(window, smallest), smallest)
            if first:
                first = False
                offset = int(delay[at]) - self.min_latency
                self._offset[key] = offset
                yield int(index[at]) + 1, _clock(key, int(seen[at]), offset, _UNSURE, Flag(0))

    def _row(self, key: Key, place: int, recv: int, past: list[int]) -> Iterator[tuple[int, Rows]]:
        offset = min(past) - self.min_latency
        if offset != self._offset.get(key):
            self._offset[key] = offset
            yield place, _clock(key, recv, offset, max(past) - min(past) + _RESOLUTION, Flag(0))


def streams(rows: Rows) -> Iterator[tuple[Key, NDArray[np.intp]]]:
    """Of each stream the END rows that arrived as they happened: no snapshots, which come by another way."""
    ends = (rows["flags"] & (Flag.END | Flag.SNAPSHOT | Flag.ASSUMED)) == Flag.END
    kinds = rows["kind"]
    for kind in CLOCKED:
        index = np.flatnonzero(ends & (kinds == kind))
        instruments = rows["inst"][index]
        for inst in np.unique(instruments).tolist():
            yield (inst, kind), index[instruments == inst]


def _lowest(windows: NDArray[np.int64], delay: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Smallest delay of each run of the same window."""
    starts = np.flatnonzero(np.diff(windows, prepend=windows[0] - 1))
    return zip(windows[starts].tolist(), np.minimum.reduceat(delay, starts).tolist(), strict=True)


def _clock(key: Key, recv: int, offset: int, uncertainty: int, flags: Flag) -> Rows:
    """One CLOCK row; `uncertainty` in ns."""
    row = empty(1)
    row["recv"], row["qty"], row["inst"], row["side"] = recv, offset, key[0], key[1]
    row["kind"], row["price"] = Kind.CLOCK, min(uncertainty // MICROSECOND, (1 << 31) - 1)
    row["flags"] = Flag.END | flags
    return row


def _inserted(block: Block, places: NDArray[np.intp], rows: Rows) -> Block:
    """The block with rows that have no side table put in before the given row numbers."""
    if not len(rows):
        return block
    joined = np.insert(block.rows, places, rows)
    return Block(joined, block.messages, block.orders, block.bars, block.values, block.blobs)
