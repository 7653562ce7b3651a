"""The segment file: names, the 4 KiB header page, and the one that is being written."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tickerml.tape.journal.disk import Disk, patiently, write_all
from tickerml.tape.journal.record import MAX_RECORD, SEAL, SEAL_BYTES, Seal, encode, padded

HEADER_BYTES: Final = 4096
MAGIC: Final = b"TMLJRN\r\n"  # the line end shows a copy that was made in text mode
VERSION: Final = 1
CRC32_ZLIB: Final = 1  # checksum kind
RUN_ID_BYTES: Final = 128
SMALLEST: Final = 8192  # bytes of a segment
_PAGE: Final = struct.Struct(f"<8sHBBIQQQQ32s32sqH{RUN_ID_BYTES}s")
_CRC: Final = struct.Struct("<I")
_NAME: Final = re.compile(r"(\d{8})\.seg")


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What the first page of a segment says."""

    run_id: str
    number: int  # 1, 2, ...
    first_seq: int  # sequence of the first row; all rows before it are synced in the segments before
    salt: int  # random 32 bits that start each record's checksum
    size: int  # bytes allocated for the file
    previous_sha256: bytes  # of the first `previous_bytes` of the segment before; zeros for the first segment
    previous_bytes: int  # so much of the segment before counts; what lies behind was copied here, or was torn
    kernel: bytes  # hash of the program's compiled sources, 32 bytes
    created: int  # ns UTC; for people only

    def to_bytes(self) -> bytes:
        """The page, its own CRC in the last four bytes."""
        run = self.run_id.encode()
        page = _PAGE.pack(
            *(MAGIC, VERSION, CRC32_ZLIB, 0, self.salt, self.number, self.first_seq, self.size, self.previous_bytes),
            *(self.previous_sha256, self.kernel, self.created, len(run), run),
        ).ljust(HEADER_BYTES - 4, b"\0")
        return page + _CRC.pack(zlib.crc32(page))

    @classmethod
    def from_bytes(cls, page: bytes) -> SegmentHeader:
        """Inverse of `to_bytes`. Raises ValueError, in words for a person."""
        if len(page) < HEADER_BYTES:
            raise ValueError(f"the header page has {len(page)} of {HEADER_BYTES} bytes")
        if _CRC.unpack_from(page, HEADER_BYTES - 4)[0] != zlib.crc32(page[: HEADER_BYTES - 4]):
            raise ValueError("the header page fails its checksum")
        magic, version, checksum, _, salt, number, first, size, previous, sha, kernel, created, length, run = (
            _PAGE.unpack_from(page)
        )
        if magic != MAGIC or version != VERSION or checksum != CRC32_ZLIB:
            raise ValueError(f"format {magic!r} version {version} checksum {checksum} is not one this program reads")
        return cls(run[:length].decode(), number, first, salt, size, sha, previous, kernel, created)


def segment_name(number: int) -> str:
    """File name of a segment: `00000001.seg`."""
    return f"{number:08d}.seg"


def parquet_name(number: int) -> str:
    """File name of a sealed segment's Parquet: `00000001.parquet`."""
    return f"{number:08d}.parquet"


def segment_numbers(names: list[str]) -> list[int]:
    """Numbers of the segment files among `names`, ascending."""
    return sorted(int(found[1]) for found in map(_NAME.fullmatch, names) if found)


class SegmentWriter:
    """Appends records to one segment file at a kept offset. Knows nothing of threads, syncs or other segments."""

    def __init__(self, disk: Disk, handle: int, header: SegmentHeader) -> None:
        """Write the header page into a file that is already `header.size` bytes long. Raises OSError."""
        self.disk, self.handle, self.header = disk, handle, header
        self.offset, self.records = HEADER_BYTES, 0
        page = header.to_bytes()
        write_all(disk, handle, page, 0)
        self._sha256 = hashlib.sha256(page)
        self._unhashed: list[bytes] = []
        self.end = (bytes(32), 0)  # SHA-256 and offset of what the SEAL covers

    def fits(self, payload: int) -> bool:
        """Whether a record of `payload` bytes fits before the space that the SEAL needs."""
        return self.offset + padded(payload) + SEAL_BYTES <= self.header.size

    def put(self, kind: int, seq: int, durable: int, rows: int, payload: bytes, flags: int = 0) -> None:
        """Write one record. Raises OSError, after which the file must not be written again."""
        data = encode(kind, seq, durable, rows, payload, self.header.salt, flags)
        write_all(self.disk, self.handle, data, self.offset)
        self._unhashed.append(data)
        self.offset += len(data)
        self.records += 1

    def unhashed(self) -> list[bytes]:
        """What was written since the last call; goes to `hash`. The caller holds whatever lock guards `put`."""
        pieces, self._unhashed = self._unhashed, []
        return pieces

    def hash(self, pieces: list[bytes]) -> None:
        """Hash after each sync and off the writer's path, so that a full segment has little left to hash."""
        self._sha256.update(b"".join(pieces))

    def digest(self) -> bytes:
        """SHA-256 of the file up to here."""
        self.hash(self.unhashed())
        return self._sha256.digest()

    def seal(self, next_seq: int) -> None:
        """Write the SEAL record; everything before it must be synced already, because it says so."""
        self.end = (self.digest(), self.offset)
        self.put(SEAL, next_seq, next_seq - 1, 0, Seal(self.records, next_seq - 1, self.end[0]).to_bytes())

    def successor(self, first_seq: int, salt: int, size: int, created: int) -> SegmentHeader:
        """Header of the segment after this sealed one. The chain hash ends before the SEAL, as the SEAL's own does."""
        sha256, stop = self.end
        was = self.header
        return SegmentHeader(was.run_id, was.number + 1, first_seq, salt, size, sha256, stop, was.kernel, created)


def largest_payload(segment_bytes: int) -> int:
    """Bytes of the largest block that a segment of this size takes."""
    return min(MAX_RECORD, segment_bytes - HEADER_BYTES - SEAL_BYTES) - padded(0)


def install(disk: Disk, writer: SegmentWriter, spare: Path) -> None:
    """Make a written spare the segment of its number: sync, rename, sync the folder. Raises OSError."""
    patiently(lambda: disk.sync(writer.handle))
    patiently(lambda: disk.rename(spare, spare.with_name(segment_name(writer.header.number))))
    patiently(lambda: disk.sync_dir(spare.parent))
