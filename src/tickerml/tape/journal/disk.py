"""The one door to the operating system. Nothing else in this package calls `os`, so faults are injected here."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

T = TypeVar("T")
PATIENCE: Final = 100  # interrupted calls in a row before the interruption counts as an error
_BINARY: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_ZEROS: Final = bytes(1 << 20)


class Disk(Protocol):
    """What the journal asks of a file system. Every method may raise OSError; handles are opaque numbers."""

    def claim(self, directory: Path, name: str) -> int:
        """Make `directory` if it is missing and lock the file `name` in it; BlockingIOError when another holds it."""
        ...

    def open(self, path: Path, *, create: bool = False) -> int:
        """Open for reading and writing; with `create` the file must not exist."""
        ...

    def close(self, handle: int) -> None:
        """Give the handle (and the lock on it) back."""
        ...

    def write(self, handle: int, data: bytes, offset: int) -> int:
        """Write at `offset`; returns the number of bytes taken, which may be fewer than given."""
        ...

    def read(self, path: Path, count: int = -1) -> bytes:
        """The first `count` bytes of a file, or all of them."""
        ...

    def resize(self, handle: int, size: int) -> None:
        """Grow with space that is really allocated and reads as zeros, or cut off."""
        ...

    def sync(self, handle: int) -> None:
        """Return when the file's bytes and size survive power loss."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Rename, replacing `new`."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file."""
        ...

    def sync_dir(self, directory: Path) -> None:
        """Return when names created, renamed and removed in `directory` survive power loss."""
        ...

    def names(self, directory: Path) -> list[str]:
        """File names in `directory`, sorted."""
        ...

    def free(self, directory: Path) -> int:
        """Bytes that this user can still write on the file system of `directory`."""
        ...


if sys.platform == "win32":  # pragma: no cover - measured on Linux; the same tests run on Windows
    import msvcrt

    def _lock(handle: int) -> None:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:  # what Windows calls a lock that another process holds
            raise BlockingIOError(errno.EWOULDBLOCK, "the file is locked") from error

    def _write(handle: int, data: bytes, offset: int) -> int:
        os.lseek(handle, offset, os.SEEK_SET)  # the journal's own lock keeps seek and write together
        return os.write(handle, data)

    def _flush(handle: int) -> None:
        os.fsync(handle)

    def _flush_dir(directory: Path) -> None:
        directory.stat()  # NTFS journals names by itself, and Windows opens no folder for a flush

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    _write = os.pwrite

    if sys.platform == "darwin":  # pragma: no cover - fsync on macOS stops at the drive's cache

        def _flush(handle: int) -> None:
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)

    else:
        _flush = os.fdatasync  # the size is fixed ahead; fdatasync still writes what is needed to read the data back

    def _flush_dir(directory: Path) -> None:
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def zero_fill(handle: int, start: int, size: int) -> None:
    """Allocate by writing zeros: for systems that have no call for it."""
    while start < size:
        start += _write(handle, _ZEROS[: size - start], start)


_reserve: Final[Callable[[int, int, int], None]] = getattr(
    os, "posix_fallocate", lambda handle, start, count: zero_fill(handle, start, start + count)
)


class OsDisk:
    """The real file system. See `Disk` for what each method promises."""

    def claim(self, directory: Path, name: str) -> int:
        """Lock `directory`/`name`, and leave our process id in it for the message that the other process prints."""
        if not directory.is_dir():
            directory.mkdir(parents=True, exist_ok=True)
            _flush_dir(directory.parent)
        handle = os.open(directory / name, os.O_RDWR | os.O_CREAT | _BINARY, 0o644)
        try:
            _lock(handle)
            _write(handle, f"{os.getpid():<12}\n".encode(), 1)  # byte 0 is what Windows locks
        except BaseException:  # Ctrl-C too: what was opened is closed, and the error goes on
            os.close(handle)
            raise
        return handle

    def open(self, path: Path, *, create: bool = False) -> int:
        """Open unbuffered; see `Disk.open`."""
        flags = os.O_RDWR | _BINARY | (os.O_CREAT | os.O_EXCL if create else 0)
        return os.open(path, flags, 0o644)

    def close(self, handle: int) -> None:
        """Close."""
        os.close(handle)

    def write(self, handle: int, data: bytes, offset: int) -> int:
        """`pwrite`."""
        return _write(handle, data, offset)

    def read(self, path: Path, count: int = -1) -> bytes:
        """Read from the start."""
        with path.open("rb") as file:
            return file.read(count)

    def resize(self, handle: int, size: int) -> None:
        """`posix_fallocate` to grow (zeros written where there is none), `ftruncate` to cut."""
        now = os.fstat(handle).st_size
        if size > now:
            _reserve(handle, now, size - now)
        else:
            os.ftruncate(handle, size)

    def sync(self, handle: int) -> None:
        """`fdatasync`; F_FULLFSYNC on macOS; `_commit` on Windows."""
        _flush(handle)

    def rename(self, old: Path, new: Path) -> None:
        """`os.replace`: atomic within a folder."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """`unlink`."""
        path.unlink()

    def sync_dir(self, directory: Path) -> None:
        """Flush the folder itself (POSIX)."""
        _flush_dir(directory)

    def names(self, directory: Path) -> list[str]:
        """Sorted file names."""
        return sorted(entry.name for entry in directory.iterdir())

    def free(self, directory: Path) -> int:
        """Free bytes for this user."""
        return shutil.disk_usage(directory).free


def patiently(call: Callable[[], T]) -> T:
    """Call again when a signal interrupted the call; other errors, and endless interruption, are the caller's."""
    for _ in range(PATIENCE - 1):
        with contextlib.suppress(InterruptedError):  # EINTR: nothing was done and nothing is lost, so ask again
            return call()
    return call()


def write_all(disk: Disk, handle: int, data: bytes, offset: int) -> None:
    """Write every byte, however often the system takes only a part of them or is interrupted. Raises OSError."""
    done = interrupted = 0
    while done < len(data):
        try:
            taken = disk.write(handle, data[done:] if done else data, offset + done)
        except InterruptedError:
            interrupted += 1
            if interrupted == PATIENCE:
                raise
            continue
        if taken <= 0:
            raise OSError(errno.EIO, "the disk took no byte of a write")
        done += taken


def put_file(disk: Disk, path: Path, data: bytes, check: Callable[[bytes], None] | None = None) -> None:
    """Replace `path` by `data` so that a crash leaves the old or the new file, whole. Raises OSError.

    The order is the point: temporary name, write, sync, read back, compare, rename, sync the folder. `check` gets what
    was read back and raises when it is not what it should be.
    """
    temporary = path.with_name(path.name + ".tmp")
    with contextlib.suppress(FileNotFoundError):  # left by a crash
        disk.remove(temporary)
    handle = patiently(lambda: disk.open(temporary, create=True))
    try:
        write_all(disk, handle, data, 0)
        patiently(lambda: disk.sync(handle))
    finally:
        disk.close(handle)
    back = disk.read(temporary)
    if back != data:
        raise OSError(errno.EIO, f"{temporary.name} does not read back as it was written")
    if check is not None:
        check(back)
    patiently(lambda: disk.rename(temporary, path))
    patiently(lambda: disk.sync_dir(path.parent))
