"""Read a journal from outside: all of its rows, or the account of how it fares. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tickerml.tape.block import Block
from tickerml.tape.journal.disk import Disk, OsDisk
from tickerml.tape.journal.host import telling
from tickerml.tape.journal.parquet import Encoder, ParquetEncoder
from tickerml.tape.journal.record import block_of
from tickerml.tape.journal.scan import Problem, Verdict
from tickerml.tape.journal.segment import HEADER_BYTES
from tickerml.tape.journal.survey import Folder, Piece, blocks, refusal


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """One segment."""

    number: int
    file: str  # the segment file, or the Parquet when that is all that is left
    first_seq: int
    next_seq: int
    records: int  # read; 0 for a Parquet
    rows: int  # read
    sealed: bool


@dataclass(frozen=True, slots=True)
class Report:
    """How a journal fares."""

    path: str
    run_id: str
    verdict: Verdict
    closed: bool  # ended by `close`
    segments: tuple[SegmentReport, ...]
    rows: int  # that `read` yields
    last_seq: int  # of the last row that `read` yields; 0 = none
    proven: int  # highest sequence that the files themselves prove synced
    torn: int  # bytes of a last write that was cut short
    problems: tuple[Problem, ...]


def read(
    directory: Path | str, *, start: int = 1, encoder: Encoder | None = None, disk: Disk | None = None
) -> Iterator[tuple[int, Block]]:
    """Blocks that hold rows from sequence `start` on, each with the sequence of its first row.

    Sealed segments whose file is gone are read from Parquet. Memory holds one segment. Ends where an unfinished last
    write begins. Raises JournalError `journal-missing` at once, and `journal-damaged` when it comes to the damage.
    """
    with telling(Path(directory)):
        folder = Folder.of(disk or OsDisk(), Path(directory))
    return _read(folder, start, encoder or ParquetEncoder())


def _read(folder: Folder, start: int, encoder: Encoder) -> Iterator[tuple[int, Block]]:
    if folder.problem is not None:
        raise refusal(folder.path, folder.problem)
    with telling(folder.path):
        for piece in folder.pieces(start):
            if piece.problem is None or piece.header is not None:
                for seq, block in blocks(folder, piece, encoder):
                    if seq + len(block) > start:
                        yield seq, block
            if piece.problem is not None:
                raise refusal(folder.path, piece.problem)


def verify(directory: Path | str, *, encoder: Encoder | None = None, disk: Disk | None = None) -> Report:
    """Check all there is: chain, checksums, sequence, every block. Raises JournalError `journal-missing`.

    A journal that is being written may be verified too; its last record can then look torn.
    """
    with telling(Path(directory)):
        return _verify(Folder.of(disk or OsDisk(), Path(directory)), encoder or ParquetEncoder())


def _verify(folder: Folder, encoder: Encoder) -> Report:
    problems = [] if folder.problem is None else [folder.problem]
    segments, rows, last_seq, proven, torn, closed, run_id = [], 0, 0, 0, 0, False, ""
    for piece in folder.pieces():
        report, problem = _examine(folder, piece, encoder)
        segments.append(report)
        if not problems:
            rows, last_seq = rows + report.rows, max(last_seq, report.next_seq - 1)
        problems += [found for found in (problem,) if found is not None]
        proven, torn, closed, run_id = piece.end.proven, piece.end.torn, piece.end.sealed, run_id or piece.run_id
    verdict = Verdict.DAMAGED if problems else Verdict.TORN if torn else Verdict.SOUND
    closed = closed and not problems
    return Report(
        str(folder.path), run_id, verdict, closed, tuple(segments), rows, last_seq, proven, torn, tuple(problems)
    )


def _examine(folder: Folder, piece: Piece, encoder: Encoder) -> tuple[SegmentReport, Problem | None]:
    """Decode every block of a piece and see that they end where the piece says."""
    records = rows = 0
    problem, end, seq = piece.problem, HEADER_BYTES, piece.first_seq
    if piece.header is not None:
        for record in piece.records():
            try:
                rows += len(block_of(piece.data, record)) if record.rows else 0
            except ValueError as error:
                problem = problem or Problem(piece.file, record.offset, record.seq, str(error))
                break
            records, end, seq = records + 1, record.end, record.seq + record.rows
        if problem is None and (end, seq) != (piece.end.stop, piece.end.next_seq):
            problem = Problem(piece.file, end, seq, f"ends before byte {piece.end.stop}, where the next one continues")
    elif problem is None:
        rows = sum(len(block) for _, block in blocks(folder, piece, encoder))
        if rows != piece.end.next_seq - piece.first_seq:
            problem = Problem(piece.file, 0, piece.first_seq, f"{rows} rows do not reach {piece.end.next_seq - 1}")
        seq = piece.first_seq + rows
    return SegmentReport(piece.number, piece.file, piece.first_seq, seq, records, rows, piece.end.sealed), problem
