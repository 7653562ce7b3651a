"""Writing one segment: rows are collected into chunks, each chunk is split by instrument and written as Parquet."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block, concat
from tickerml.tape.build import cut
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY, SECOND, Flag, Rows
from tickerml.tape.store_columns import encode, gather
from tickerml.tape.store_files import clean_name, write_blobs, write_table
from tickerml.tape.store_manifest import Chunk, File, Part

CHUNK: Final = 1 << 20  # rows; one chunk is in memory at a time, when writing and when reading
DAY_CHUNK: Final = CHUNK // 4  # a chunk of at least this many rows ends with its day


class SegmentWriter:
    """Takes blocks in sequence and leaves Parquet files; `close` returns their chunks for the manifest."""

    def __init__(self, root: Path, segment: int) -> None:
        self._root, self._segment = root, segment
        self._chunks: list[Chunk] = []
        self._pending: list[Block] = []
        self._rows = 0
        self._day = -1
        self._folders: dict[int, str] = {}

    def add(self, block: Block, instruments: dict[int, Instrument]) -> None:
        """Append a block of whole messages of these instruments."""
        self._folders |= {i: f"{clean_name(d.venue)}/{clean_name(d.raw or d.symbol)}" for i, d in instruments.items()}
        starts = _message_starts(block.rows)
        days = block.rows["recv"][starts] // DAY
        marks = np.append(starts, len(block))
        at = 0
        while at < len(starts):
            if self._rows and (self._rows >= CHUNK or (self._rows >= DAY_CHUNK and days[at] != self._day)):
                self._flush()
            room = int(np.searchsorted(marks, marks[at] + CHUNK - self._rows, "right")) - 1
            turns = np.flatnonzero(days[at + 1 :] != days[at:-1]) + at + 1
            enough = turns[marks[turns] - marks[at] + self._rows >= DAY_CHUNK]
            stop = max(at + 1, min(room, int(enough[0]) if len(enough) else room))
            whole = at == 0 and stop == len(starts)
            self._pending.append(block if whole else cut(block, int(marks[at]), int(marks[stop])))
            self._rows += int(marks[stop] - marks[at])
            self._day = int(days[stop - 1])
            at = stop

    def close(self) -> tuple[Chunk, ...]:
        """Write what is left; the chunks of the whole segment."""
        self._flush()
        return tuple(self._chunks)

    def _flush(self) -> None:
        if not self._pending:
            return
        block = self._pending[0] if len(self._pending) == 1 else concat(self._pending)
        self._pending, self._rows = [], 0
        inst = block.rows["inst"]
        recv = block.rows["recv"]
        parts = [self._part(block, int(one)) for one in np.flatnonzero(np.bincount(inst + 1)) - 1]
        order = self._order(inst) if len(parts) > 1 else None
        self._chunks.append(Chunk(len(block), int(recv.min()), int(recv.max()), tuple(parts), order))

    def _part(self, block: Block, inst: int) -> Part:
        """Write one instrument's share of the chunk."""
        mine = gather(block, np.flatnonzero(block.rows["inst"] == inst))
        day = datetime.fromtimestamp(int(mine.rows["recv"][0]) // SECOND, UTC).strftime("%Y-%m-%d")
        stem = f"{self._folders.get(inst, 'tape/none')}/{day}/{self._name()}-i{inst}"
        files = {
            name: write_table(self._root, f"{stem}.{name}.parquet", columns) for name, columns in encode(mine).items()
        }
        if mine.blobs:
            files["blobs"] = write_blobs(self._root, f"{stem}.blobs.parquet", mine.blobs)
        return Part(inst, len(mine), files)

    def _order(self, inst: NDArray[np.int32]) -> File:
        """Which instrument the next `n` rows are of."""
        first = np.flatnonzero(np.diff(inst, prepend=inst[0] - 1))
        n = np.diff(np.append(first, len(inst))).astype(np.int32)
        return write_table(self._root, f"order/{self._name()}.parquet", {"inst": inst[first], "n": n})

    def _name(self) -> str:
        return f"s{self._segment:04d}-c{len(self._chunks):05d}"


def _message_starts(rows: Rows) -> NDArray[np.intp]:
    ends = (rows["flags"][:-1] & Flag.END) != 0
    return np.append(np.zeros(min(len(rows), 1), np.intp), np.flatnonzero(ends) + 1)
