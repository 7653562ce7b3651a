"""Save what can be saved of a damaged journal, on a copy: the rows before the damage as a journal that opens again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tickerml.tape.block import Block
from tickerml.tape.errors import JournalError, Where
from tickerml.tape.journal.disk import put_file
from tickerml.tape.journal.host import Host, telling
from tickerml.tape.journal.manifest import Entry, write_manifest
from tickerml.tape.journal.parquet import Encoder, ParquetEncoder
from tickerml.tape.journal.record import Sync, block_of
from tickerml.tape.journal.recovery import Recovery, recovered_row, takeover
from tickerml.tape.journal.scan import End, Problem, Verdict, salt_of, valid_records
from tickerml.tape.journal.segment import HEADER_BYTES, SMALLEST, segment_name
from tickerml.tape.journal.survey import Folder, Piece, blocks, parquet_problem
from tickerml.tape.rows import empty


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive rows found behind the damage."""

    file: str  # in the salvage folder; `ParquetEncoder` reads it
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was saved."""

    last_seq: int  # of the last row before the damage; 0 when not even the first can be read
    problem: Problem | None  # the first damage; None = the journal was sound and is copied whole
    runs: tuple[Run, ...]  # what could be read behind it
    missing: tuple[tuple[int, int], ...]  # ranges of sequences between what was saved; behind the last run nobody knows


def salvage(
    directory: Path | str, out: Path | str, *, encoder: Encoder | None = None, host: Host | None = None
) -> Salvage:
    """Copy the rows before the first damage to a new journal in `out`, and readable rows behind it beside it.

    The journal in `out` opens and goes on from the damage, with a RECOVERED row that names it; nobody can know whether
    orders lie in what is missing, so its owner decides. The damaged journal is only read. Raises JournalError
    `journal-missing`, `journal-exists`, and those of a full or read-only disk.
    """
    path, to, host, encoder = Path(directory), Path(out), host or Host(), encoder or ParquetEncoder()
    with telling(path):
        folder = Folder.of(host.disk, path)
    with host.claimed(to) as lock:
        if host.holds(to):
            raise JournalError("journal-exists", f"There is a journal in {to} already.", where=Where(str(to)))
        last, problem, runs, entries = None, None, list[Run](), dict[int, Entry]()
        for piece in folder.pieces():
            whole = _healed(folder, piece)
            if problem is None and whole.problem is None:
                _copy(folder, whole, to, entries)
                last = whole
                continue
            if problem is None:
                problem = whole.problem
                last = _cut(host, folder, whole, last, to)
            runs += _export(folder, whole, encoder, to)
    host.drop(lock)
    last_seq = last.end.next_seq - 1 if last else 0
    return Salvage(last_seq, folder.problem or problem, tuple(runs), _gaps(last_seq, runs))


def _healed(folder: Folder, piece: Piece) -> Piece:
    """A piece whose segment file is damaged but whose Parquet is sound is as good as one that was archived."""
    entry = piece.entry
    if piece.problem is None or entry is None or parquet_problem(folder.disk, folder.path, entry) is not None:
        return piece
    end = End(entry.segment_bytes, entry.next_seq, entry.next_seq - 1, entry.segment_bytes, entry.segment_sha256)
    return replace(piece, file=entry.parquet, header=None, data=b"", end=end, problem=None)


def _copy(folder: Folder, piece: Piece, to: Path, entries: dict[int, Entry]) -> None:
    """A sound piece goes over byte for byte: segment file, Parquet and its line in the manifest."""
    if piece.header is not None:
        put_file(folder.disk, to / segment_name(piece.number), piece.data)
    if piece.entry is not None and parquet_problem(folder.disk, folder.path, piece.entry) is None:
        put_file(folder.disk, to / piece.entry.parquet, folder.disk.read(folder.path / piece.entry.parquet))
        entries[piece.number] = piece.entry
        write_manifest(folder.disk, to, entries)


def _cut(host: Host, folder: Folder, bad: Piece, last: Piece | None, to: Path) -> Piece | None:
    """End the copy at the damage: the rows before it, then a segment that takes over with a RECOVERED row."""
    if bad.header is not None:
        put_file(folder.disk, to / segment_name(bad.number), bad.data)
        stop, seq = bad.end.stop, bad.end.next_seq
        sha256 = hashlib.sha256(bad.data[:stop]).hexdigest()
        last = replace(bad, end=End(stop, seq, seq - 1, stop, sha256, sealed=False, torn=len(bad.data) - stop))
    if last is None:
        return None
    end = last.end
    found = Recovery(Verdict.DAMAGED, False, bad.file, bad.end.stop, end.torn, 0, end.proven, end.next_seq, 0)
    payload = recovered_row(host, found)
    header = takeover(host, last, len(payload), SMALLEST, last.header.kernel if last.header else bytes(32))
    fill = lambda writer: writer.put(Sync.FACT, end.next_seq, end.proven, 1, payload)  # noqa: E731
    host.disk.close(host.start_segment(to, header, fill).handle)
    return last


def _export(folder: Folder, piece: Piece, encoder: Encoder, to: Path) -> Iterator[Run]:
    """Every readable record of a piece from its damage on, one file for each run of consecutive rows."""
    held: list[tuple[int, Block]] = []
    for seq, block in (*_behind(folder, piece, encoder), (0, Block(empty(0)))):
        if held and seq != held[-1][0] + len(held[-1][1]):
            first, last = held[0][0], held[-1][0] + len(held[-1][1]) - 1
            name = f"after-damage-{first}.parquet"
            put_file(folder.disk, to / name, encoder.encode(held))
            yield Run(name, first, last)
            held = []
        if seq:
            held.append((seq, block))


def _behind(folder: Folder, piece: Piece, encoder: Encoder) -> Iterator[tuple[int, Block]]:
    if piece.problem is None and piece.header is None:
        yield from blocks(folder, piece, encoder)
    salt = piece.header.salt if piece.header is not None else salt_of(piece.data)
    if salt is None:
        return
    start = HEADER_BYTES if piece.problem is None or piece.header is None else piece.end.stop
    for record in valid_records(piece.data, start, len(piece.data) - start, salt):
        if record.rows:
            yield record.seq, block_of(piece.data, record)


def _gaps(last_seq: int, runs: list[Run]) -> tuple[tuple[int, int], ...]:
    gaps, seq = [], last_seq + 1
    for run in sorted(runs, key=lambda one: one.first_seq):
        if run.first_seq > seq:
            gaps.append((seq, run.first_seq - 1))
        seq = max(seq, run.last_seq + 1)
    return tuple(gaps)
