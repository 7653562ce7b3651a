"""The writer's front: importers say what happened, message by message, and take whole blocks out."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import TABLE_OF, TABLES, Block, concat
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import ROW, Flag, Kind, Rows
from tickerml.tape.tables import BAR, MESSAGE, VALUE

_ROW: Final = struct.Struct("<qqqiiibbh")  # the fields of ROW, in order
_MESSAGE: Final = struct.Struct("<3q")
_BAR: Final = struct.Struct("<10q")
_VALUE: Final = struct.Struct("<qd")
_END: Final = int(Flag.END)
_IS_OF: Final = {name: np.array([TABLE_OF.get(kind) == name for kind in range(128)]) for name in TABLES}
Level = tuple[int, int]
"""Price in ticks, size in lots; size 0 takes the level away."""


class Builder:
    """Collects messages and hands out blocks that end on whole messages. Prices in ticks, sizes in lots, times in ns.

    `names` grows as values are named, and is shared by every block of the tape, so one Builder serves one tape.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {name: i for i, name in enumerate(names)}
        self._done: list[Block] = []
        self._done_rows = 0
        self._start()

    def _start(self) -> None:
        self._rows, self._messages, self._bars, self._values = bytearray(), bytearray(), bytearray(), bytearray()
        self._blobs: list[bytes] = []

    def __len__(self) -> int:
        return self._done_rows + len(self._rows) // ROW.itemsize

    @property
    def names(self) -> tuple[str, ...]:
        """Names of VALUE rows so far, by index: the header's `names`."""
        return tuple(self._names)

    def row(
        self,
        recv: int,
        exch: int,
        inst: int,
        kind: int,
        *,
        side: int = 0,
        price: int = 0,
        qty: int = 0,
        flags: int = _END,
    ) -> None:
        """One message of one row without a side table: TRADE, CLOCK, GAP, CLEAR, STATUS, TIMER."""
        self._rows += _ROW.pack(recv, exch, qty, price, -1, inst, kind, side, flags)

    def depth(
        self,
        recv: int,
        exch: int,
        inst: int,
        bids: Iterable[Level],
        asks: Iterable[Level],
        ids: tuple[int, int, int] = (0, 0, 0),
        *,
        snapshot: bool = False,
        flags: int = 0,
    ) -> None:
        """One depth message; `ids` = first, last, previous update id. A snapshot forgets the book first.

        A message without levels says nothing about the book and leaves no row; an empty snapshot is a lone CLEAR.
        """
        ref = len(self._messages) // MESSAGE.itemsize
        pack = _ROW.pack
        flags |= int(Flag.SNAPSHOT) if snapshot else 0
        rows = [pack(recv, exch, 0, 0, ref, inst, Kind.CLEAR, 0, flags)] if snapshot else []
        rows += [pack(recv, exch, lots, ticks, ref, inst, 1, 1, flags) for ticks, lots in bids]
        rows += [pack(recv, exch, lots, ticks, ref, inst, 1, -1, flags) for ticks, lots in asks]
        if rows:
            self._messages += _MESSAGE.pack(*ids)
            self._rows += b"".join(rows)
            self._rows[-2] |= _END  # flags are the last two bytes of the row, low byte first

    def bbo(self, recv: int, exch: int, inst: int, bid: Level, ask: Level, last_id: int = 0, *, flags: int = 0) -> None:
        """Best bid and ask as the venue states them: a row a side, one message."""
        ref = len(self._messages) // MESSAGE.itemsize
        self._messages += _MESSAGE.pack(0, last_id, 0)
        self._rows += _ROW.pack(recv, exch, bid[1], bid[0], ref, inst, Kind.BBO, 1, flags)
        self._rows += _ROW.pack(recv, exch, ask[1], ask[0], ref, inst, Kind.BBO, -1, flags | _END)

    def bar(
        self,
        recv: int,
        inst: int,
        open_time: int,
        duration: int,
        ohlc: tuple[int, int, int, int],
        volume: int,
        *,
        buy_volume: int = -1,
        trades: int = -1,
        flags: int = 0,
    ) -> None:
        """A closed bar, seen at `recv`; its exchange time is its close."""
        ref = len(self._bars) // BAR.itemsize
        self._bars += _BAR.pack(open_time, duration, *ohlc, volume, buy_volume, trades, -1)
        self._rows += _ROW.pack(recv, open_time + duration, volume, ohlc[3], ref, inst, Kind.BAR, 0, flags | _END)

    def value(self, recv: int, exch: int, inst: int, name: str, value: float, *, flags: int = 0) -> None:
        """A named number: funding, mark, open_interest, ..."""
        ref = len(self._values) // VALUE.itemsize
        self._values += _VALUE.pack(self.name(name), value)
        self._rows += _ROW.pack(recv, exch, 0, 0, ref, inst, Kind.VALUE, 0, flags | _END)

    def blob(self, recv: int, inst: int, kind: int, data: bytes, *, qty: int = 0) -> None:
        """A row whose side table is canonical JSON."""
        self._rows += _ROW.pack(recv, 0, qty, 0, len(self._blobs), inst, kind, 0, _END)
        self._blobs.append(data)

    def instrument(self, recv: int, instrument: Instrument) -> None:
        """The definition of an instrument; it comes before the instrument's first row."""
        self.blob(recv, instrument.id, Kind.INSTRUMENT, instrument.to_json())

    def name(self, name: str) -> int:
        """Index of `name` in the header's names; a new name is added."""
        return self._names.setdefault(name, len(self._names))

    def extend(self, block: Block) -> None:
        """Whole messages made elsewhere (by a kernel, or vectorised); value names must be indices of `name`."""
        self._flush()
        self._done.append(block)
        self._done_rows += len(block)

    def _flush(self) -> None:
        if self._rows:
            block = Block(
                np.frombuffer(self._rows, ROW),
                np.frombuffer(self._messages, MESSAGE),
                bars=np.frombuffer(self._bars, BAR),
                values=np.frombuffer(self._values, VALUE),
                blobs=tuple(self._blobs),
            )
            self._done.append(block)
            self._done_rows += len(block)
            self._start()

    def take(self) -> Block:
        """Everything since the last take, as one block; the builder is empty afterwards."""
        self._flush()
        done, self._done, self._done_rows = self._done, [], 0
        return done[0] if len(done) == 1 else concat(done)


def cut(block: Block, start: int, stop: int) -> Block:
    """Rows start..stop with just the side-table rows that they need: the opposite of `concat`."""
    rows: Rows = block.rows[start:stop].copy()
    tables = {}
    for name in TABLES:
        mask = rows_of(name, rows)
        refs = rows["ref"][mask]
        low, high = (int(refs.min()), int(refs.max()) + 1) if len(refs) else (0, 0)
        rows["ref"][mask] -= low
        tables[name] = getattr(block, name)[low:high]
    return Block(rows, **tables)


def rows_of(table: str, rows: Rows) -> NDArray[np.bool_]:
    """Which rows have a reference into `table`."""
    return _IS_OF[table][rows["kind"]] & (rows["ref"] >= 0)
