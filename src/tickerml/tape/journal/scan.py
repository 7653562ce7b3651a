"""Where the last segment ends, and whether what lies behind is torn or damaged: by proof, not by guess."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tickerml.tape.journal.record import HEAD_BYTES, MAX_RECORD, SEAL, Record, Seal, decode, record_salt, walk
from tickerml.tape.journal.segment import HEADER_BYTES, SegmentHeader


class Verdict(IntEnum):
    """How a journal fares. Higher is worse."""

    SOUND = 0  # every byte that counts is as it was written
    TORN = 1  # the last write was cut short by a crash; nothing that was synced is missing
    DAMAGED = 2  # synced rows are lost or changed: refused


@dataclass(frozen=True, slots=True)
class Problem:
    """One named damage."""

    file: str
    offset: int  # byte in the file
    seq: int  # sequence of the first row that cannot be read; 0 where that is not known
    what: str

    def __str__(self) -> str:
        return f"{self.file} at byte {self.offset}, sequence {self.seq}: {self.what}"


@dataclass(frozen=True, slots=True)
class End:
    """How far a segment counts."""

    stop: int = 0  # offset behind the last good record
    next_seq: int = 0  # sequence of the row after its last one; 0 when unknown
    proven: int = 0  # highest sequence that this segment, or its successor, says is synced
    proven_stop: int = 0  # offset behind the last record whose rows are all proven
    sha256: str = ""  # hex, of the bytes before `proven_stop`
    sealed: bool = True  # complete by a SEAL, or by what the next segment says
    torn: int = 0  # bytes behind `stop`, up to the last one that is not zero


def scan(data: bytes, header: SegmentHeader, file: str) -> tuple[End, Problem | None]:
    """Read the last segment to its first bad record, then look for proof that this record was synced once."""
    stop, seq = HEADER_BYTES, header.first_seq
    proven, proven_stop = header.first_seq - 1, HEADER_BYTES
    waiting: list[tuple[int, int]] = []  # (last sequence, end) of records with rows that are not proven yet
    last: Record | None = None
    for record in walk(data, stop, len(data), seq, header.salt):
        stop, seq, last = record.end, seq + record.rows, record
        if record.rows:
            waiting.append((seq - 1, stop))
        if record.durable > proven:
            proven = record.durable
            known = [end for highest, end in waiting if highest <= proven]
            waiting = waiting[len(known) :]
            proven_stop = known[-1] if known else proven_stop
    torn = max(0, len(data.rstrip(b"\0")) - stop)
    problem = _problem(data, header, file, seq, last, stop, torn)
    sealed = last is not None and last.kind == SEAL
    if last is not None and sealed:
        proven_stop = last.offset
    sha256 = hashlib.sha256(memoryview(data)[:proven_stop]).hexdigest()
    return End(stop, seq, proven, proven_stop, sha256, sealed, torn), problem


def _problem(
    data: bytes, header: SegmentHeader, file: str, seq: int, last: Record | None, stop: int, torn: int
) -> Problem | None:
    proof = next(valid_records(data, stop, torn, header.salt, seq), None)
    if proof is not None:
        what = f"not readable, and the record at byte {proof.offset} says that sequence {proof.durable} was synced"
        return Problem(file, stop, seq, what)
    sealed = last is not None and last.kind == SEAL
    if len(data) != header.size and not (sealed and len(data) == stop):
        return Problem(file, stop, seq, f"the file has {len(data)} bytes, its header says {header.size}")
    if last is not None and sealed:
        seal = Seal.of(data, last)
        if seal.last_seq != seq - 1 or hashlib.sha256(memoryview(data)[: last.offset]).digest() != seal.sha256:
            return Problem(file, last.offset, seq, "the SEAL does not match what lies before it")
    return None


def valid_records(data: bytes, start: int, count: int, salt: int, durable: int = 0) -> Iterator[Record]:
    """Valid records that start in the `count` bytes from `start` and say that sequence `durable` was synced."""
    for at in _likely(data, start, count, durable):
        record = decode(data, at, salt)
        if record is not None:
            yield record


def salt_of(data: bytes) -> int | None:
    """The salt that a segment's records were written with, found without its header; None where no two are whole.

    A checksum is an affine map of its salt, so one whole record tells it; the record behind it must agree.
    """
    for at in _likely(data, HEADER_BYTES, len(data) - HEADER_BYTES, 0):
        salt = record_salt(data, at)
        one = decode(data, at, salt)
        two = decode(data, one.end, salt) if one is not None else None
        if one is not None and two is not None and two.seq == one.seq + one.rows:
            return salt
    return None


def _likely(data: bytes, start: int, count: int, durable: int) -> Iterator[int]:
    """Offsets at which a record may start.

    After a bad record nothing tells where the next one starts, but all start on multiples of 8: the headers at all
    such places are tested as columns, and the few that could be one are checked in full.
    """
    places = min((count + 7) // 8, (len(data) - start) // 8 - 3)
    if places <= 0:
        return
    words = np.frombuffer(data, "<u8", places + 3, start)
    length, kind = words[:-3] >> np.uint64(32), words[3:] & np.uint64(0xFFFF)
    could = (length >= HEAD_BYTES) & (length <= MAX_RECORD) & (kind > 0) & (kind <= SEAL) & (words[2:-1] >= durable)
    for at in np.flatnonzero(could):
        yield start + int(at) * 8
