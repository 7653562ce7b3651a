"""The venue's own order of events: rows stamped by corrected venue time, with feed latency bounded by the watermark.

The simulated venue must not know a row later than it happened, nor the strategy earlier. So each row gets

    at = clamp(exch + clock offset, recv - bound, recv),        never backwards within one stream

in the receiver's clock. Every row with at <= v has then been received by v + bound: an answer that the venue gives at v
may be shown at v + bound without asking the future, in backtest and paper alike (docs/decisions/0001-watermark.md).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import FOREVER, ROW, Kind, Record, Rows
from tickerml.tape.tables import BAR, VALUE

_STREAMS: Final = 16  # kinds 0..15 each have their own clock and their own order

_OPAQUE: Final = np.dtype(f"V{ROW.itemsize}")  # numpy copies records of one field at once, others field by field

CLOCKS: Final = np.dtype(  # one record per instrument
    [
        ("offset", "i8", (_STREAMS,)),  # ns to add to exch, by stream kind
        ("last", "i8", (_STREAMS,)),  # newest `at` of the stream
        ("late", "i8"),  # rows whose feed latency exceeded the bound
        ("early", "i8"),  # rows stamped by the venue after they were received
        ("worst", "i8"),  # largest excess over the bound, ns
    ]
)

_DEPTH, _TRADE, _BBO, _CLEAR = int(Kind.DEPTH), int(Kind.TRADE), int(Kind.BBO), int(Kind.CLEAR)
_CLOCK, _GAP, _TIMER = int(Kind.CLOCK), int(Kind.GAP), int(Kind.TIMER)
_BAR, _VALUE = int(Kind.BAR), int(Kind.VALUE)

_POSITIVE: Final = (1 << 62) - 1
_NEAR: Final = 32  # rows that an overtaken one steps back past at most

_TABLE: Final = 1024  # side-table rows that are kept before those that nobody needs any more are dropped


@kernel
def _stream(kind: int) -> int:
    """Snapshots and gaps belong to the depth stream: a book and its updates have one order."""
    return _DEPTH if kind in (_CLEAR, _GAP) else kind


@kernel
def _stamp(clock: Record, row: Record, kind: int, bound: int) -> int:
    """Corrected venue time of one row, ns in the receiver's clock."""
    stream = _stream(kind) & (_STREAMS - 1)
    recv = row["recv"]
    at = recv
    if row["exch"] != 0:
        at = row["exch"] + clock["offset"][stream]
        if at > recv:
            at = recv
            clock["early"] += 1
        elif at < recv - bound:
            clock["late"] += 1
            clock["worst"] = max(clock["worst"], recv - bound - at)
            at = recv - bound
    at = max(at, clock["last"][stream])
    clock["last"][stream] = at
    return at


@kernel
def _set(clock: Record, row: Record) -> None:
    """A CLOCK row says how far a stream's stamps are off, or those of all of them."""
    if row["side"] == 0:
        for k in range(_STREAMS):
            clock["offset"][k] = row["qty"]
    else:
        clock["offset"][row["side"]] = row["qty"]


@kernel
def feed(rows: Rows, clocks: Rows, bound: int, bars: int, values: int, out: Rows, late: Rows, n: int) -> int:
    """Merge `rows` into `out[:n]`, kept sorted by venue time (stable); returns the new length.

    `out` rows carry venue time in `exch`; `ref` of BAR and VALUE rows is moved by `bars` and `values`. BBO, CLOCK and
    TIMER rows are not the venue's business and are left out; rows that a run made (kind >= 32) too. `out` must have
    room for all rows, `late` too. A row that a few overtook steps back past them; rows overtaken by more are sorted in
    `late` and merged from behind, so that each row is moved once, however far streams run apart.
    """
    overtaken = 0
    newest = out[n - 1]["exch"] if n > 0 else -FOREVER
    for i in range(len(rows)):
        row = rows[i]
        kind = int(row["kind"]) & 0x7F  # neither is negative: told so, the compiler counts nothing from the end
        clock = clocks[row["inst"] & 0x7FFFFFFF]
        if kind == _CLOCK:
            _set(clock, row)
            continue
        if kind in (_BBO, _TIMER) or kind >= 32:
            continue
        at = _stamp(clock, row, kind, bound)
        if at >= newest:
            newest = at
            out[n & _POSITIVE] = row
            held = out[n & _POSITIVE]
            n += 1
        elif (overtaken == 0 or at < late[0]["exch"]) and out[max(n - _NEAR, 0)]["exch"] <= at:
            j = n  # behind those in `late`, equal times would change places
            while out[j - 1]["exch"] > at:
                out[j] = out[j - 1]
                j -= 1
            out[j] = row
            held = out[j]
            n += 1
        else:
            j = overtaken
            while j > 0 and late[j - 1]["exch"] > at:
                late[j] = late[j - 1]
                j -= 1
            late[j] = row
            held = late[j]
            overtaken += 1
        held["exch"] = at
        if kind == _BAR:
            held["ref"] += bars
        elif kind == _VALUE:
            held["ref"] += values
    _merge(out, n, late, overtaken)
    return n + overtaken


@kernel
def _merge(out: Rows, n: int, late: Rows, m: int) -> None:
    """Merge sorted late[:m] into sorted out[:n] from behind; of equal times those in `out` came first."""
    i, j, k = n - 1, m - 1, n + m - 1
    while j >= 0:
        if i >= 0 and out[i]["exch"] > late[j]["exch"]:
            out[k] = out[i]
            i -= 1
        else:
            out[k] = late[j]
            j -= 1
        k -= 1


class VenueFeed:
    """Rows in venue order, fed in any chunks; what may still be overtaken by a later row waits inside.

    `bound` is the largest feed latency that is believed, ns; the venue sees older rows at recv - bound, and they are
    counted. The same rows give the same feed for every chunking.
    """

    def __init__(self, instruments: int, bound: int) -> None:
        """A feed over instrument ids 0..instruments-1 that has seen nothing."""
        self.clocks: Rows = np.zeros(instruments, CLOCKS)
        self.bound = bound
        self.rows: Rows = np.zeros(0, ROW)
        self._late: Rows = np.zeros(0, ROW)
        self.bars: Rows = np.zeros(0, BAR)  # what `ref` of the BAR rows held counts into
        self.values: Rows = np.zeros(0, VALUE)
        self.start = 0  # first row that the venue has not applied; its reader moves it on
        self.stop = 0  # end of the rows held

    def push(self, block: Block) -> None:
        """Take rows in tape order, with the side tables that they refer to."""
        held = self.stop - self.start
        if held == 0:
            self.start = self.stop = 0
            self.bars, self.values = self.bars[:0], self.values[:0]
        elif len(self.bars) + len(self.values) > _TABLE:
            waiting = self.rows[self.start : self.stop]
            self.bars, self.values = _needed(self.bars, waiting, _BAR), _needed(self.values, waiting, _VALUE)
        if held + len(block) > len(self.rows):
            grown = np.empty(held + 2 * len(block) + 4096, ROW)
            grown[:held].view(_OPAQUE)[:] = self.rows[self.start : self.stop].view(_OPAQUE)
            self.rows, self.start, self.stop = grown, 0, held
        elif self.stop + len(block) > len(self.rows):
            self.rows[:held].view(_OPAQUE)[:] = self.rows[self.start : self.stop].view(_OPAQUE).copy()
            self.start, self.stop = 0, held
        self.bars, bars = _appended(self.bars, block, _BAR, block.bars)
        self.values, values = _appended(self.values, block, _VALUE, block.values)
        if len(self._late) < len(block):
            self._late = np.empty(len(block), ROW)
        out = self.rows[self.start :]
        self.stop = self.start + feed(block.rows, self.clocks, self.bound, bars, values, out, self._late, held)


def _needed(table: Rows, rows: Rows, kind: int) -> Rows:
    """The part of `table` that `rows` of this kind still refer to; their refs are moved."""
    mine = rows["kind"] == kind
    refs = rows["ref"][mine]
    if not len(refs):
        return table[:0]
    low = int(refs.min())
    rows["ref"][mine] -= low
    return table[low:].copy()


def _appended(table: Rows, block: Block, kind: int, new: Rows) -> tuple[Rows, int]:
    """`table` with the rows of `new` that `block` refers to, and what to add to its refs."""
    if not len(new):
        return table, 0
    refs = block.rows["ref"][block.rows["kind"] == kind]
    if not len(refs):
        return table, 0
    low, high = int(refs.min()), int(refs.max()) + 1
    opaque = np.dtype(f"V{table.dtype.itemsize}")  # as bytes: records are copied field by field
    joined: Rows = np.concatenate([table.view(opaque), new[low:high].view(opaque)]).view(table.dtype)
    return joined, len(table) - low
