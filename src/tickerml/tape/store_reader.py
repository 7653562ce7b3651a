"""Reading a store's segments back into the sequence that was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import TABLES, Block
from tickerml.tape.merge import merge_blocks
from tickerml.tape.rows import ROW
from tickerml.tape.store_columns import decode_messages, decode_rows, decode_runs, decode_table
from tickerml.tape.store_files import read_blobs, read_columns
from tickerml.tape.store_manifest import Chunk, Manifest, Part, Segment
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

Ids = frozenset[int] | None
"""Instruments to read; None is all. Rows of no instrument (id -1) are always read."""


def read_segments(root: Path, manifest: Manifest, chosen: Ids) -> Iterator[Block]:
    """All blocks in sequence: imports one after the other, those that overlap in time merged by receive time."""
    for group in _groups([s for s in manifest.segments if chosen is None or chosen & {*s.instruments}]):
        if len(group) == 1:
            yield from read_segment(root, group[0], chosen)
        else:
            yield from merge_blocks([read_segment(root, segment, chosen) for segment in group])


def _groups(segments: list[Segment]) -> list[list[Segment]]:
    """Segments that overlap in time, together; groups by time, and within a group in the order of import."""
    groups: list[list[Segment]] = []
    stop = 0
    for segment in sorted(segments, key=lambda s: (s.start, s.id)):
        if groups and segment.start <= stop:
            groups[-1].append(segment)
            stop = max(stop, segment.stop)
        else:
            groups.append([segment])
            stop = segment.stop
    return [sorted(group, key=lambda s: s.id) for group in groups]


def read_segment(root: Path, segment: Segment, chosen: Ids) -> Iterator[Block]:
    """One block a chunk."""
    for chunk in segment.chunks:
        parts = [p for p in chunk.parts if chosen is None or p.inst in chosen or p.inst < 0]
        if parts:
            yield _read_chunk(root, chunk, parts)


def _read_chunk(root: Path, chunk: Chunk, parts: list[Part]) -> Block:
    rows = np.empty(sum(p.rows for p in parts), ROW)
    spans = _spans(root, chunk, parts)
    tables = _Tables(np.zeros(len(TABLES), np.int64), {name: [] for name in TABLES})
    for part in parts:
        held = {name: read_columns(root, file) for name, file in part.tables.items() if name != "blobs"}
        runs = decode_runs(held["runs"])
        before = tables.counts.copy()
        decode_rows(rows, spans[part.inst], part.inst, runs, held["rows"], tables.counts)
        for number, name in enumerate(TABLES):
            if name not in part.tables:
                continue
            if name == "blobs":
                tables.lists[name].extend(read_blobs(root, part.tables[name]))
                continue
            count = len(next(iter(held[name].values())))
            table = decode_messages(held[name], runs) if name == "messages" else decode_table(name, held[name], count)
            tables.lists[name].append(table)
            tables.counts[number] = before[number] + count  # an unended message holds a row, too
    return tables.block(rows)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Side tables of a chunk while its parts are read: rows so far, and the pieces."""

    counts: NDArray[np.int64]
    lists: dict[str, list]  # type: ignore[type-arg]  # of arrays, but of bytes for blobs

    def block(self, rows: NDArray[np.void]) -> Block:
        """The chunk as one block."""
        return Block(
            rows,
            _join(self.lists["messages"], MESSAGE),
            _join(self.lists["orders"], ORDER),
            _join(self.lists["bars"], BAR),
            _join(self.lists["values"], VALUE),
            tuple(self.lists["blobs"]),
        )


def _join(tables: list[NDArray[np.void]], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    if len(tables) == 1:
        return tables[0]
    return np.concatenate(tables) if tables else np.zeros(0, dtype)


def _spans(root: Path, chunk: Chunk, parts: list[Part]) -> dict[int, NDArray[np.int64]]:
    """For each instrument, where its rows lie in the block: [start, length] in sequence."""
    if chunk.order is None:
        return {parts[0].inst: np.array([[0, parts[0].rows]], np.int64)}
    order = read_columns(root, chunk.order)
    wanted = np.isin(order["inst"], [p.inst for p in parts])
    inst, n = order["inst"][wanted], order["n"][wanted].astype(np.int64)
    spans = np.stack([np.cumsum(n) - n, n], axis=1)
    return {part.inst: np.ascontiguousarray(spans[inst == part.inst]) for part in parts}
