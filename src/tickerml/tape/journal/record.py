"""The record: 32 bytes of header and one block. docs/journal.md has the layout."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from tickerml.tape.block import Block

HEAD_BYTES: Final = 32
MAX_RECORD: Final = 1 << 20  # bytes, header and padding included
_HEAD: Final = struct.Struct("<IIQQHHI")  # crc, length, seq, durable, kind, flags, rows
_BODY: Final = struct.Struct("<IQQHHI")  # the same without the crc
_CRC: Final = struct.Struct("<I")
_CRC_LENGTH: Final = struct.Struct("<II")
COPIED: Final = 1  # flag: recovery copied this record from the segment before


class Sync(IntEnum):
    """How soon a record must survive power loss. The number is the record's `kind` on disk."""

    MARKET = 1  # book, trades, timers: within `fsync_interval`
    FACT = 2  # acks, fills, balances: within 10 ms, and `sync` before anybody is shown it
    ORDER = 3  # intents, cancels, limits, commands, kill: `sync` before the effect


MARK: Final = 4  # kind: no rows; only tells `durable`
SEAL: Final = 5  # kind: no rows; the segment ends here, payload = Seal


class Record(NamedTuple):
    """One valid record's header and where it lies in its segment."""

    offset: int
    length: int  # bytes, header and padding included
    seq: int  # sequence of its first row; of the next row to come when it has none
    durable: int  # highest sequence known to be synced when this was written
    kind: int
    flags: int
    rows: int

    @property
    def end(self) -> int:
        """Offset of the record after this one."""
        return self.offset + self.length


def padded(payload: int) -> int:
    """Bytes on disk of a record whose payload has `payload` bytes."""
    return (HEAD_BYTES + payload + 7) & ~7


def encode(kind: int, seq: int, durable: int, rows: int, payload: bytes, salt: int, flags: int = 0) -> bytes:
    """The record's bytes. The checksum covers all that follows it, padding included, and starts from `salt`."""
    length = (HEAD_BYTES + len(payload) + 7) & ~7
    body = _BODY.pack(length, seq, durable, kind, flags, rows) + payload + bytes(length - HEAD_BYTES - len(payload))
    return _CRC.pack(zlib.crc32(body, salt)) + body


def decode(data: bytes, offset: int, salt: int) -> Record | None:
    """The record at `offset`, or None when no valid one lies there (zeros, torn, damaged, of another file)."""
    if offset + HEAD_BYTES > len(data):
        return None
    crc, length, seq, durable, kind, flags, rows = _HEAD.unpack_from(data, offset)
    if not HEAD_BYTES <= length <= MAX_RECORD or length & 7 or offset + length > len(data):
        return None
    if not 0 < kind <= SEAL or (rows == 0) != (kind >= MARK) or durable >= seq:
        return None
    if zlib.crc32(memoryview(data)[offset + 4 : offset + length], salt) != crc:
        return None
    return Record(offset, length, seq, durable, kind, flags, rows)


def record_salt(data: bytes, offset: int) -> int:
    """The salt with which the bytes at `offset` are a record; what they are is for `decode` to say. 0 = with none.

    crc(body, salt) = crc(body, 0) xor L(salt), L linear over GF(2): its 32 columns are read off and L is solved.
    """
    crc, length = _CRC_LENGTH.unpack_from(data, offset)
    body = memoryview(data)[offset + 4 : offset + length]
    base = zlib.crc32(body, 0)
    wanted, salt = crc ^ base, 0
    rows: list[tuple[int, int]] = []  # (column, salt that gives it), reduced so that leading bits differ
    for bit in range(32):
        column, gives = zlib.crc32(body, 1 << bit) ^ base, 1 << bit
        for known, made in rows:
            if column ^ known < column:
                column, gives = column ^ known, gives ^ made
        rows.append((column, gives))
        rows.sort(reverse=True)
    for column, gives in rows:
        if wanted ^ column < wanted:
            wanted, salt = wanted ^ column, salt ^ gives
    return salt


def walk(data: bytes, offset: int, stop: int, seq: int, salt: int) -> Iterator[Record]:
    """Valid records from `offset` on that continue sequence `seq`; ends at `stop`, after a SEAL, or at a bad one."""
    while offset < stop:
        record = decode(data, offset, salt)
        if record is None or record.seq != seq or record.end > stop:
            return
        yield record
        if record.kind == SEAL:
            return
        offset, seq = record.end, seq + record.rows


def block_of(data: bytes, record: Record) -> Block:
    """The record's rows. Raises ValueError when its payload is no block of that many rows (a writer's bug)."""
    try:
        block = Block.from_bytes(data[record.offset + HEAD_BYTES : record.end])
    except struct.error as error:
        raise ValueError(f"the payload at offset {record.offset} is no block: {error}") from error
    if len(block) != record.rows:
        raise ValueError(f"the record at offset {record.offset} announces {record.rows} rows and holds {len(block)}")
    return block


class Seal(NamedTuple):
    """Payload of the SEAL record."""

    records: int  # before the SEAL, marks included
    last_seq: int  # sequence of the last row
    sha256: bytes  # of all bytes of the file before the SEAL record

    def to_bytes(self) -> bytes:
        """48 bytes."""
        return _SEAL.pack(*self)

    @classmethod
    def of(cls, data: bytes, record: Record) -> Seal:
        """The payload of a SEAL record."""
        return cls._make(_SEAL.unpack_from(data, record.offset + HEAD_BYTES))


_SEAL: Final = struct.Struct("<QQ32s")
SEAL_BYTES: Final = padded(_SEAL.size)
