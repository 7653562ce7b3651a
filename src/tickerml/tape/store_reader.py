"""Reading a store's segments back into the sequence that was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.merge import merge_blocks
from tickerml.tape.store_decode import PartReader, read_pieces
from tickerml.tape.store_files import corrupt, read_blobs, read_columns
from tickerml.tape.store_manifest import Chunk, Manifest, Part, Segment

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
    """Its blocks; one chunk at a time is in memory, and a block is a piece of it that fits the processor's cache."""
    for chunk in segment.chunks:
        parts = [p for p in chunk.parts if chosen is None or p.inst in chosen or p.inst < 0]
        if parts:
            yield from _read_chunk(root, chunk, parts)


def _read_chunk(root: Path, chunk: Chunk, parts: list[Part]) -> Iterator[Block]:
    spans, files = _spans(root, chunk, parts), {part.inst: part.tables for part in parts}
    for part in parts:
        if (rows := int(spans[part.inst][:, 1].sum())) != part.rows:
            raise corrupt(root / (chunk.order or part.tables["runs"]).path, f"gives {rows} rows to {part.inst}")
    return read_pieces(
        [_reader(root, part, spans[part.inst]) for part in parts],
        lambda inst, what: corrupt(root / files[inst]["runs"].path, what),
    )


def _reader(root: Path, part: Part, spans: NDArray[np.int64]) -> PartReader:
    columns = {name: read_columns(root, file) for name, file in part.tables.items() if name != "blobs"}
    blobs = read_blobs(root, part.tables["blobs"]) if "blobs" in part.tables else ()
    return PartReader(part.inst, spans, columns, blobs)


def _spans(root: Path, chunk: Chunk, parts: list[Part]) -> dict[int, NDArray[np.int64]]:
    """For each instrument, where its rows lie in the block: [start, length] in sequence."""
    if chunk.order is None:
        return {parts[0].inst: np.array([[0, parts[0].rows]], np.int64)}
    order = read_columns(root, chunk.order)
    wanted = np.isin(order["inst"], [p.inst for p in parts])
    inst, n = order["inst"][wanted], order["n"][wanted].astype(np.int64)
    spans = np.stack([np.cumsum(n) - n, n], axis=1)
    return {part.inst: np.ascontiguousarray(spans[inst == part.inst]) for part in parts}
