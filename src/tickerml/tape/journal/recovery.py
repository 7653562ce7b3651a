"""Start after any end: check the chain, tell torn from damaged, copy unproven rows forward into a new segment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from tickerml.tape.block import Block
from tickerml.tape.journal.disk import patiently
from tickerml.tape.journal.host import Host
from tickerml.tape.journal.record import COPIED, HEAD_BYTES, Record, Sync, padded
from tickerml.tape.journal.scan import Verdict
from tickerml.tape.journal.segment import (
    HEADER_BYTES,
    SegmentHeader,
    SegmentWriter,
    segment_name,
)
from tickerml.tape.journal.survey import Folder, Piece, refusal
from tickerml.tape.rows import Flag, Kind, empty


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening a journal found and did."""

    verdict: Verdict  # SOUND, or TORN when the last write was cut short (damage is refused, not recovered)
    closed: bool  # its SEAL is there, from `close` or from a full segment: nothing is copied, no RECOVERED row is added
    file: str  # the segment that was last
    offset: int  # byte in it behind the last good record
    dropped: int  # bytes behind that offset, of a write that never returned or was never synced
    copied: int  # rows copied into the new segment, because nothing proves that the old file has them on disk
    proven: int  # highest sequence that the old file itself proves synced
    seq: int  # of the RECOVERED row; 0 when there is none
    next_seq: int  # of the next row to be appended


def recover(host: Host, path: Path, segment_bytes: int, kernel: bytes) -> tuple[SegmentWriter, Recovery]:
    """A new last segment that takes over, synced and named; raises JournalError `journal-damaged`, and OSError."""
    last = _examine(host, Folder.of(host.disk, path))
    copies = _unproven(last)
    found = _account(last, copies)
    payload = recovered_row(host, found) if found.seq else b""
    needed = sum(record.length for record in copies) + padded(len(payload))
    header = takeover(host, last, needed, segment_bytes, kernel)

    def fill(writer: SegmentWriter) -> None:
        """The last segment's records again, behind them what was recovered."""
        for record in copies:
            body = last.data[record.offset + HEAD_BYTES : record.end]
            writer.put(record.kind, record.seq, found.proven, record.rows, body, COPIED)
        if payload:
            writer.put(Sync.FACT, found.seq, found.proven, 1, payload)

    return host.start_segment(path, header, fill), found


def _examine(host: Host, folder: Folder) -> Piece:
    """The last segment, after all of them passed. It is synced before it is read, so that what is read stays."""
    if folder.problem is not None:
        raise refusal(folder.path, folder.problem)
    if folder.numbers and folder.numbers[-1] >= max(folder.entries, default=0):
        handle = patiently(lambda: host.disk.open(folder.path / segment_name(folder.numbers[-1])))
        try:
            patiently(lambda: host.disk.sync(handle))
        finally:
            host.disk.close(handle)
    for piece in folder.pieces():
        if piece.problem is not None:
            raise refusal(folder.path, piece.problem)
    return piece


def _unproven(last: Piece) -> list[Record]:
    """Records with rows that no record of the file says are synced: the disk may have lost them all the same."""
    return [record for record in last.records() if record.rows and record.end > last.end.proven_stop]


def _account(last: Piece, copies: list[Record]) -> Recovery:
    end, copied = last.end, sum(record.rows for record in copies)
    verdict = Verdict.TORN if end.torn else Verdict.SOUND
    seq = 0 if end.sealed else end.next_seq
    return Recovery(
        verdict, end.sealed, last.file, end.stop, end.torn, copied, end.proven, seq, end.next_seq + (seq > 0)
    )


def recovered_row(host: Host, found: Recovery) -> bytes:
    """The block with the RECOVERED row: bytes dropped in `qty`, the account of it in the blob."""
    row = empty(1)
    row["recv"], row["kind"], row["flags"], row["ref"] = host.wall(), Kind.RECOVERED, Flag.END, 0
    row["qty"], row["inst"] = found.dropped, -1
    said = {"file": found.file, "offset": found.offset, "dropped": found.dropped, "copied": found.copied}
    rest = {"proven": found.proven, "verdict": found.verdict.name.lower()}
    return Block(row, blobs=(msgspec.json.encode({**said, **rest}, order="sorted"),)).to_bytes()


def takeover(host: Host, last: Piece, needed: int, segment_bytes: int, kernel: bytes) -> SegmentHeader:
    """Header of a new segment that continues an old one behind what that one proves, with room for `needed` bytes."""
    end, size = last.end, max(segment_bytes, HEADER_BYTES + needed + HEADER_BYTES)
    return SegmentHeader(
        run_id=last.run_id,
        number=last.number + 1,
        first_seq=end.proven + 1,
        salt=host.salt(),
        size=size,
        previous_sha256=bytes.fromhex(end.sha256),
        previous_bytes=end.proven_stop,
        kernel=kernel,
        created=host.wall(),
    )
