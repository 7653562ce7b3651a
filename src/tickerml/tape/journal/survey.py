"""All segments of a journal in order, each with what counts of it and what is wrong with it. Reads only."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tickerml.tape.block import Block
from tickerml.tape.errors import JournalError, Where
from tickerml.tape.journal.disk import Disk
from tickerml.tape.journal.manifest import MANIFEST, Entry, read_manifest
from tickerml.tape.journal.parquet import Encoder
from tickerml.tape.journal.record import Record, block_of, walk
from tickerml.tape.journal.scan import End, Problem, scan
from tickerml.tape.journal.segment import HEADER_BYTES, SegmentHeader, segment_name, segment_numbers


@dataclass(frozen=True, slots=True)
class Link:
    """What a segment says of itself and of the one before: from its header, or from the manifest once it is gone."""

    run_id: str
    first_seq: int
    previous_sha256: str
    previous_bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment as found."""

    number: int
    file: str
    header: SegmentHeader | None  # None: only its Parquet is left, or the page is damaged
    link: Link | None  # None: nothing readable says where it belongs
    entry: Entry | None  # its line in the manifest
    data: bytes  # the segment file; empty when it is gone
    end: End  # how far its rows can be used
    problem: Problem | None

    @property
    def run_id(self) -> str:
        """The run it belongs to; empty when unknown."""
        return self.link.run_id if self.link else ""

    @property
    def first_seq(self) -> int:
        """Sequence of its first row; 0 when unknown."""
        return self.link.first_seq if self.link else 0

    def records(self) -> Iterator[Record]:
        """The records that count, from the segment file."""
        if self.header is None:
            return iter(())
        return walk(self.data, HEADER_BYTES, self.end.stop, self.header.first_seq, self.header.salt)


@dataclass(frozen=True)
class Folder:
    """A journal's folder, listed once."""

    disk: Disk
    path: Path
    numbers: list[int]  # of segment files
    entries: dict[int, Entry]
    problem: Problem | None  # of the manifest

    @classmethod
    def of(cls, disk: Disk, path: Path) -> Folder:
        """List `path`. Raises JournalError `journal-missing` where there is no journal."""
        try:
            names = disk.names(path)
        except (FileNotFoundError, NotADirectoryError):
            names = []
        numbers, entries, problem = segment_numbers(names), {}, None
        try:
            entries = read_manifest(disk, path, names)
        except ValueError as error:
            problem = Problem(MANIFEST, 0, 0, str(error))
        if not numbers and not entries and problem is None:
            raise missing(path)
        return cls(disk, path, numbers, entries, problem)

    def pieces(self, start: int = 1) -> Iterator[Piece]:
        """Every segment with rows from sequence `start` on; one segment's bytes are held at a time."""
        for number in range(1, max((*self.numbers, *self.entries), default=0) + 1):
            after = self.link(number + 1)
            if after is None or after.first_seq > start:
                yield self._piece(number, after)

    def header(self, number: int) -> SegmentHeader | str:
        """A segment's header, or what is wrong with it."""
        try:
            header = SegmentHeader.from_bytes(self.disk.read(self.path / segment_name(number), HEADER_BYTES))
        except ValueError as error:
            return str(error)
        return header if header.number == number else f"the header says segment {header.number}"

    def link(self, number: int) -> Link | None:
        """Where segment `number` belongs, if anything readable says so."""
        entry = self.entries.get(number)
        if number in self.numbers:
            header = self.header(number)
            if isinstance(header, SegmentHeader):
                sha256 = header.previous_sha256.hex()
                return Link(header.run_id, header.first_seq, sha256, header.previous_bytes)
        return Link(entry.run_id, entry.first_seq, entry.previous_sha256, entry.previous_bytes) if entry else None

    def _piece(self, number: int, after: Link | None) -> Piece:
        link, entry = self.link(number), self.entries.get(number)
        if number not in self.numbers:
            return self._gone(number, link, after)
        file, header = segment_name(number), self.header(number)
        data = self.disk.read(self.path / file)
        if isinstance(header, str):
            return Piece(number, file, None, link, entry, data, End(), Problem(file, 0, 0, header))
        end, problem = scan(data, header, file) if after is None else _followed(data, header, file, after)
        while problem is not None and after is None:  # a journal being written, read page by page, can look damaged
            data, before = self.disk.read(self.path / file), problem
            end, problem = scan(data, header, file)
            if problem == before:
                break
        return Piece(number, file, header, link, entry, data, end, self._misplaced(header, file) or problem)

    def _gone(self, number: int, link: Link | None, after: Link | None) -> Piece:
        """A segment of which only the Parquet, or nothing, is left."""
        entry, file = self.entries.get(number), segment_name(number)
        if entry is None:
            return Piece(number, file, None, link, None, b"", End(), Problem(file, 0, 0, "the segment is missing"))
        problem = parquet_problem(self.disk, self.path, entry)
        if after is not None and after.previous_sha256 != entry.segment_sha256:
            problem = Problem(entry.parquet, 0, entry.first_seq, "the next segment continues another file than this")
        stop = entry.segment_bytes
        end = End(stop, entry.next_seq, entry.next_seq - 1, stop, entry.segment_sha256)
        return Piece(number, entry.parquet, None, link, entry, b"", end, problem)

    def _misplaced(self, header: SegmentHeader, file: str) -> Problem | None:
        """Whether this segment belongs to another run than the one before it."""
        before = self.link(header.number - 1)
        if before is None or before.run_id == header.run_id:
            return None
        return Problem(file, 0, header.first_seq, f"belongs to run {header.run_id}, not {before.run_id}")


def _followed(data: bytes, header: SegmentHeader, file: str, after: Link) -> tuple[End, Problem | None]:
    """A segment with a successor, which says how much of it counts and what that must hash to."""
    stop, seq = after.previous_bytes, after.first_seq
    if hashlib.sha256(memoryview(data)[:stop]).hexdigest() == after.previous_sha256:
        return End(stop, seq, seq - 1, stop, after.previous_sha256), None
    end, seq = HEADER_BYTES, header.first_seq
    for record in walk(data, HEADER_BYTES, stop, seq, header.salt):
        end, seq = record.end, record.seq + record.rows
    return End(end, seq, seq - 1, end), Problem(file, end, seq, "not what the next segment's chain hash covers")


def parquet_problem(disk: Disk, path: Path, entry: Entry) -> Problem | None:
    """What is wrong with a sealed segment's Parquet file, if anything."""
    try:
        data = disk.read(path / entry.parquet)
    except FileNotFoundError:
        return Problem(entry.parquet, 0, entry.first_seq, "the file is missing")
    if hashlib.sha256(data).hexdigest() != entry.parquet_sha256:
        return Problem(entry.parquet, 0, entry.first_seq, "not the file whose hash the manifest holds")
    return None


def blocks(folder: Folder, piece: Piece, encoder: Encoder) -> Iterator[tuple[int, Block]]:
    """A piece's rows with the sequence of each block's first row, from the segment file or else its Parquet."""
    if piece.header is None and piece.entry is not None:
        yield from encoder.decode(folder.disk.read(folder.path / piece.entry.parquet))
        return
    for record in piece.records():
        if record.rows:
            yield record.seq, block_of(piece.data, record)


def refusal(path: Path, problem: Problem) -> JournalError:
    """The error that a damaged journal is refused with: file, offset, sequence; and what saves it, or its run."""
    of_run = path.name == "journal" and path.parent.name and (path.parent / "run.json").is_file()
    saved = path.parent if of_run else path  # a journal alone cannot be computed again
    out = saved.with_name(f"{saved.name}-salvaged") if saved.name else Path("salvaged")
    return JournalError(
        "journal-damaged",
        f"The journal is damaged: {problem}.",
        where=Where(str(path / problem.file), note=f"byte {problem.offset}, sequence {problem.seq}"),
        means="Nothing was changed. Rows before that sequence can be read.",
        try_=f"tickerml journal salvage {shlex.quote(str(saved))} --out {shlex.quote(str(out))}",
    )


def missing(path: Path) -> JournalError:
    """The error for a folder without a journal."""
    return JournalError("journal-missing", f"There is no journal in {path}.", where=Where(str(path)))
