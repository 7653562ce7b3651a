"""A block: some consecutive rows with the side-table rows that they refer to. Tapes are sequences of blocks."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.rows import ROW, Flag, Kind, Rows, empty
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

_KINDS_OF: Final = {
    "messages": (Kind.DEPTH, Kind.BBO, Kind.CLEAR),
    "bars": (Kind.BAR,),
    "values": (Kind.VALUE,),
    "orders": (
        Kind.SUBMIT,
        Kind.CANCEL,
        Kind.ACK,
        Kind.REJECT,
        Kind.FILL,
        Kind.CANCELED,
        Kind.FUNDING,
        Kind.AMEND,
        Kind.AMENDED,
    ),
    "blobs": (
        *(Kind.GAP, Kind.INSTRUMENT, Kind.PARAMS, Kind.COMMAND, Kind.INTENT, Kind.PASS, Kind.REFUSAL),
        *(Kind.SETTLED, Kind.SNAPSHOT, Kind.SOURCE, Kind.RECOVERED, Kind.APPROVED, Kind.DESK),
    ),
}
TABLE_OF: Final[dict[int, str]] = {int(kind): name for name, kinds in _KINDS_OF.items() for kind in kinds}
"""The side table that a kind's `ref` points into."""

TABLES: Final = ("messages", "orders", "bars", "values", "blobs")
_IS_OF: Final = {name: np.array([TABLE_OF.get(kind) == name for kind in range(128)]) for name in TABLES}
_HEAD: Final = struct.Struct("<6I")
_END: Final = np.int16(Flag.END)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows and the side tables they refer to; `ref` counts from the start of this block's tables."""

    rows: Rows
    messages: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, MESSAGE))
    orders: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, ORDER))
    bars: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, BAR))
    values: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, VALUE))
    blobs: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def refs(self, table: str) -> NDArray[np.intp]:
        """Row numbers of `table` in the order rows refer to them; a message counts once, at its END row."""
        rows = self.rows
        ref = np.ascontiguousarray(rows["ref"])
        chosen = _IS_OF[table].take(rows["kind"]) & (ref >= 0)
        if table == "messages":
            chosen &= (rows["flags"] & _END) != 0
        refs: NDArray[np.intp] = ref[chosen].astype(np.intp)
        return refs

    def to_bytes(self) -> bytes:
        """Canonical encoding: six counts, the tables' bytes in order, then each blob behind its u32 length."""
        head = _HEAD.pack(
            len(self.rows), len(self.messages), len(self.orders), len(self.bars), len(self.values), len(self.blobs)
        )
        blobs = b"".join(struct.pack("<I", len(b)) + b for b in self.blobs)
        tables = (self.rows, self.messages, self.orders, self.bars, self.values)
        return head + b"".join(t.tobytes() for t in tables) + blobs

    @classmethod
    def from_bytes(cls, data: bytes) -> Block:
        """Inverse of `to_bytes`; trailing bytes (journal padding) are ignored. Raises ValueError when cut short."""
        if len(data) < _HEAD.size:
            raise ValueError(f"a block needs a head of {_HEAD.size} bytes, got {len(data)}")
        *counts, n_blobs = _HEAD.unpack_from(data)
        tables: list[NDArray[np.void]] = []
        own = bytearray(data)  # one copy that may be written to; copying records array by array goes field by field
        at = _HEAD.size
        for dtype, n in zip((ROW, MESSAGE, ORDER, BAR, VALUE), counts, strict=True):
            if at + n * dtype.itemsize > len(data):
                raise ValueError(f"a block of {len(data)} bytes is cut short at byte {at}")
            tables.append(np.frombuffer(own, dtype, n, at))
            at += n * dtype.itemsize
        blobs = []
        for _ in range(n_blobs):
            (size,) = struct.unpack_from("<I", data, at)
            if at + 4 + size > len(data):
                raise ValueError(f"a block of {len(data)} bytes is cut short at blob byte {at}")
            blobs.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        rows, messages, orders, bars, values = tables
        return cls(rows, messages, orders, bars, values, tuple(blobs))


def concat(blocks: list[Block]) -> Block:
    """One block of all rows in order; refs are moved to the joined tables."""
    if not blocks:
        return Block(empty(0))
    rows = np.concatenate([b.rows for b in blocks], dtype=ROW)  # told, or numpy finds it anew, field by field
    at = 0
    base = dict.fromkeys(TABLES, 0)
    for block in blocks:
        part = rows[at : at + len(block)]
        for name in TABLES:
            if base[name] == 0:
                base[name] += len(getattr(block, name))
                continue
            part["ref"][_IS_OF[name][part["kind"]] & (part["ref"] >= 0)] += base[name]
            base[name] += len(getattr(block, name))
        at += len(block)
    records = zip(TABLES[:-1], (MESSAGE, ORDER, BAR, VALUE), strict=True)
    messages, orders, bars, values = (
        np.concatenate([getattr(b, name) for b in blocks], dtype=dtype) for name, dtype in records
    )
    return Block(rows, messages, orders, bars, values, tuple(blob for b in blocks for blob in b.blobs))


def part(block: Block, start: int, stop: int) -> Block:
    """Rows start..stop with the same tables, shared: refs stay as they are."""
    return Block(block.rows[start:stop], block.messages, block.orders, block.bars, block.values, block.blobs)


def cut(block: Block, start: int, stop: int) -> Block:
    """Rows start..stop with only the part of each table that they refer to; refs are moved."""
    rows = block.rows[start:stop].copy()
    spans: dict[str, slice] = {}
    for name in TABLES[:-1]:
        low, high = 0, 0
        if len(getattr(block, name)):
            mine = _IS_OF[name][rows["kind"]] & (rows["ref"] >= 0)
            refs = rows["ref"][mine]
            if len(refs):
                low, high = int(refs.min()), int(refs.max()) + 1
                rows["ref"][mine] -= low
        spans[name] = slice(low, high)
    return Block(
        rows,
        block.messages[spans["messages"]],
        block.orders[spans["orders"]],
        block.bars[spans["bars"]],
        block.values[spans["values"]],
        _cut_blobs(block, rows),
    )


def _cut_blobs(block: Block, rows: Rows) -> tuple[bytes, ...]:
    """The blobs that `rows` refer to, each once: equal blobs share a place, so their refs are no span."""
    if not block.blobs:
        return ()
    mine = _IS_OF["blobs"][rows["kind"]] & (rows["ref"] >= 0)
    used, places = np.unique(rows["ref"][mine], return_inverse=True)
    rows["ref"][mine] = places
    return tuple(block.blobs[ref] for ref in used.tolist())
