"""The store's files: Parquet tables written atomically and read with their checksum; one writer at a time."""

from __future__ import annotations

import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import polars as pl

from tickerml.tape.errors import InputError, RunError, Where
from tickerml.tape.store_columns import Columns
from tickerml.tape.store_manifest import File

LEVEL: Final = 3  # zstd: level 9 saves 2 % and writes at half the speed, level 19 saves 4 % at a tenth
WORTH: Final = (
    0.8  # of lz4's size: where zstd saves less than a fifth, columns are noise, and lz4 reads 1.6 times faster
)
_UNTOUCHED: Final = "what the store held before is untouched; nothing of this import is in it yet"
_GROUP: Final = 1 << 21  # one row group a file, since a chunk is read whole


def write_table(root: Path, path: str, columns: Columns) -> File:
    """Write columns as Parquet: to a temporary name, synced, renamed. Returns its manifest entry.

    The folder is left to `sync_folders`, which the writer calls once before the manifest names its files.
    """
    frame = pl.DataFrame(columns)
    data, quick = _parquet(frame, "zstd", LEVEL), _parquet(frame, "lz4", None)
    if len(data) >= WORTH * len(quick):
        data = quick
    write_file(root / path, data)
    return File(path, len(data), zlib.crc32(data))


def _parquet(frame: pl.DataFrame, codec: Literal["zstd", "lz4"], level: int | None) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression=codec, compression_level=level, statistics=False, row_group_size=_GROUP)
    return buffer.getvalue()


def write_blobs(root: Path, path: str, blobs: tuple[bytes, ...]) -> File:
    """Write blobs as one binary column."""
    return write_table(root, path, {"blob": pl.Series(blobs, dtype=pl.Binary)})  # type: ignore[dict-item]


def write_file(path: Path, data: bytes) -> None:
    """Atomic: the file is either the old one or whole and on the disk. Its folder is left to `sync_folders`."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as cause:
        with suppress(OSError):  # the disk failed already; what is left has a name that nobody reads
            temporary.unlink(missing_ok=True)
        raise _unwritten(path, cause, _UNTOUCHED) from cause


def sync_folders(root: Path, paths: Iterable[str], means: str = _UNTOUCHED) -> None:
    """Make the names of files durable, and those of the folders that they lie in, up to the store itself.

    `means`: what an error says about the state of the store.
    """
    folders = {parent for path in paths for parent in Path(path).parents}
    for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):
        try:
            _sync_folder(root / folder)
        except OSError as cause:
            raise _unwritten(root / folder, cause, means) from cause


def _sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable, where the platform can (Windows does it by itself)."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unwritten(path: Path, cause: OSError, means: str) -> InputError:
    return InputError(
        "store-write",
        f"cannot write {path.name}: {cause.strerror}",
        where=Where(str(path)),
        means=means,
        try_=f"df -h {path.parent}     (then repeat the command)",
    )


def read_table(root: Path, entry: File) -> pl.DataFrame:
    """Read a table and check its size and checksum. Raises InputError store-corrupt."""
    path = root / entry.path
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise corrupt(path, f"is missing or cannot be read ({cause.strerror})") from cause
    if len(data) != entry.size:
        raise corrupt(path, f"has {len(data)} bytes; the manifest says {entry.size}")
    if zlib.crc32(data) != entry.crc:
        raise corrupt(path, "has the right size but other content than was written (CRC-32 differs)")
    try:
        return pl.read_parquet(io.BytesIO(data), use_statistics=False).rechunk()
    except pl.exceptions.PolarsError as cause:
        raise corrupt(path, f"is not a Parquet file that can be read ({cause})") from cause


def read_columns(root: Path, entry: File) -> Columns:
    """A table's columns as numpy arrays."""
    return {column.name: column.to_numpy() for column in read_table(root, entry)}


def read_blobs(root: Path, entry: File) -> tuple[bytes, ...]:
    """Inverse of `write_blobs`."""
    return tuple(read_table(root, entry)["blob"].to_list())


def corrupt(path: Path, what: str) -> InputError:
    """The error of a file that is not what was written; `what` goes on from its name."""
    return InputError(
        "store-corrupt",
        f"{path.name} {what}",
        where=Where(str(path)),
        means="no row of this file was used; the other files of the store were not touched",
        try_="tickerml data import PATH --store NEW     (import the source again)",
    )


@contextmanager
def lock(root: Path) -> Iterator[None]:
    """One writer at a time; the lock dies with its process. Raises RunError store-locked, InputError store-write."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as cause:
        raise _unwritten(root, cause, _UNTOUCHED) from cause
    try:
        try:
            _lock(handle)
        except OSError as cause:
            raise RunError(
                "store-locked",
                f"another import is writing to {root}",
                where=Where(str(root)),
                means="nothing was written",
                try_="wait for it to end, then repeat this command",
            ) from cause
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def clean_name(name: str) -> str:
    """A symbol as a folder name on any file system: BTC/USDT:USDT is BTC-USDT-USDT."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    return kept.strip(".") or "none"
