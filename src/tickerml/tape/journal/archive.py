"""Sealed segments become Parquet; a segment file goes once nothing can need it. Runs beside a writing journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tickerml.tape.block import TABLE_OF, TABLES, Block
from tickerml.tape.errors import JournalError, Where
from tickerml.tape.journal.disk import patiently, put_file
from tickerml.tape.journal.host import Host
from tickerml.tape.journal.manifest import Entry, write_manifest
from tickerml.tape.journal.parquet import Encoder, ParquetEncoder, batches
from tickerml.tape.journal.segment import parquet_name, segment_name
from tickerml.tape.journal.survey import Folder, Piece, blocks, missing, parquet_problem, refusal

ARCHIVE_LOCK: Final = "archive.lock"
NEWER: Final = 2  # segment files that must follow one that is removed
_SHIFTED: Final = {name: np.array([TABLE_OF.get(kind) == name for kind in range(128)]) for name in TABLES}


@dataclass(frozen=True, slots=True)
class Archived:
    """What one call did."""

    written: tuple[str, ...]  # Parquet files made and verified
    removed: tuple[str, ...]  # segment files that nothing needs any more


def archive(
    directory: Path | str, *, snapshot: int = 0, encoder: Encoder | None = None, host: Host | None = None
) -> Archived:
    """Write the Parquet of every full segment that has none, then remove segment files that are no longer needed.

    A segment file is removed when its Parquet verifies, `snapshot` (sequence of the newest saved states) lies beyond
    its last row, and two newer segment files exist. Safe at any time and after any crash. Raises JournalError:
    `journal-damaged`, `journal-missing`, `journal-locked`, `journal-io`, `journal-disk-full`, `journal-archive`.
    """
    path, host, encoder = Path(directory), host or Host(), encoder or ParquetEncoder()
    if not host.holds(path):
        raise missing(path)
    with host.claimed(path, ARCHIVE_LOCK) as lock:
        folder = Folder.of(host.disk, path)
        if folder.problem is not None:
            raise refusal(path, folder.problem)
        written = _write(folder, encoder)
        removed = _remove(folder, snapshot)
    host.drop(lock)
    return Archived(tuple(written), tuple(removed))


def _write(folder: Folder, encoder: Encoder) -> list[str]:
    written = []
    for piece in folder.pieces(max((entry.next_seq for entry in folder.entries.values()), default=1)):
        if piece.entry is not None or not piece.end.sealed:
            continue
        if piece.problem is not None:
            raise refusal(folder.path, piece.problem)
        folder.entries[piece.number] = _seal(folder, piece, encoder)
        write_manifest(folder.disk, folder.path, folder.entries)
        written.append(parquet_name(piece.number))
    return written


def _seal(folder: Folder, piece: Piece, encoder: Encoder) -> Entry:
    """Encode, write, read back, compare every bit, rename."""
    name, wanted = parquet_name(piece.number), fingerprint(blocks(folder, piece, encoder))
    data = encoder.encode(blocks(folder, piece, encoder))

    def check(back: bytes) -> None:
        """Raise JournalError journal-archive when what was read back holds other rows."""
        if fingerprint(encoder.decode(back)) != wanted:
            text = f"{name} does not decode to the rows of {piece.file}."
            means = "The segment file stays and holds every row."
            raise JournalError("journal-archive", text, where=Where(str(folder.path / name)), means=means)

    put_file(folder.disk, folder.path / name, data, check)
    return Entry(
        number=piece.number,
        run_id=piece.run_id,
        first_seq=piece.first_seq,
        next_seq=piece.end.next_seq,
        previous_sha256=piece.link.previous_sha256 if piece.link else "",
        previous_bytes=piece.link.previous_bytes if piece.link else 0,
        segment_sha256=piece.end.sha256,
        segment_bytes=piece.end.proven_stop,
        parquet=name,
        parquet_sha256=hashlib.sha256(data).hexdigest(),
    )


def _remove(folder: Folder, snapshot: int) -> list[str]:
    """Oldest first, and none behind one that must stay, so that what is left is one chain."""
    removed: list[str] = []
    for number in folder.numbers[:-NEWER]:
        entry = folder.entries.get(number)
        if entry is None or entry.next_seq - 1 > snapshot or parquet_problem(folder.disk, folder.path, entry):
            break
        folder.disk.remove(folder.path / segment_name(number))
        removed.append(segment_name(number))
    if removed:
        patiently(lambda: folder.disk.sync_dir(folder.path))
    return removed


def fingerprint(parts: Iterable[tuple[int, Block]]) -> tuple[int, str]:
    """First sequence, and a SHA-256 over all rows, tables and blobs that does not depend on how blocks are cut."""
    digests = {name: hashlib.sha256() for name in ("rows", *TABLES)}
    base = dict.fromkeys(TABLES, 0)
    first = 0
    for seq, block in batches(parts):  # joined first: one hash call a batch, not one a record
        first = first or seq
        rows = block.rows.copy()
        for name in TABLES:
            rows["ref"][_SHIFTED[name][rows["kind"]] & (rows["ref"] >= 0)] += base[name]
            table = getattr(block, name)
            base[name] += len(table)
            if name != "blobs":
                digests[name].update(table.tobytes())
        digests["rows"].update(rows.tobytes())
        digests["blobs"].update(b"".join(len(blob).to_bytes(4, "little") + blob for blob in block.blobs))
    joined = "".join(digests[name].hexdigest() for name in ("rows", *TABLES))
    return first, hashlib.sha256(joined.encode()).hexdigest()
