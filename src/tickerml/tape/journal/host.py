"""What the journal needs from the machine it runs on. A simulation replaces all of it and owns time."""

from __future__ import annotations

import contextlib
import errno
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tickerml.tape.errors import JournalError, Where
from tickerml.tape.journal.disk import Disk, OsDisk, patiently
from tickerml.tape.journal.manifest import MANIFEST
from tickerml.tape.journal.segment import SegmentHeader, SegmentWriter, install, segment_numbers

SPARE: Final = "spare"
LOCK: Final = "lock"
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def random_salt() -> int:
    """32 random bits."""
    return secrets.randbits(32)


@dataclass(frozen=True)
class Host:
    """Disk, clocks, randomness, and whether a thread of our own does the timed work (else call `Journal.tick`)."""

    disk: Disk = field(default_factory=OsDisk)
    monotonic: Callable[[], float] = time.monotonic  # seconds; for deadlines
    wall: Callable[[], int] = time.time_ns  # ns UTC; for headers and the RECOVERED row
    salt: Callable[[], int] = random_salt
    threaded: bool = True

    def claim(self, path: Path, lock: str = LOCK) -> int:
        """Lock the journal in `path` for this writer. Raises JournalError `journal-locked` and those of `told`."""
        try:
            return self.disk.claim(path, lock)
        except BlockingIOError as error:
            holder = "another process"
            with contextlib.suppress(OSError):  # Windows lets nobody read a locked file; the name is a courtesy
                holder = f"process {self.disk.read(path / lock)[1:].decode().strip()}"
            raise JournalError(
                "journal-locked",
                f"The journal in {path} is in use by {holder}.",
                where=Where(str(path / lock)),
                means="One run has one writer. Nothing was changed.",
                try_="stop that process, or start this run in its own folder",
            ) from error
        except OSError as error:
            raise told(error, path) from error

    def make_spare(self, path: Path, size: int) -> int:
        """A file of `size` allocated zero bytes, ready to become the next segment. Raises OSError, leaving none."""
        name = path / SPARE
        with contextlib.suppress(FileNotFoundError):  # mostly there is none
            self.disk.remove(name)
        handle = patiently(lambda: self.disk.open(name, create=True))
        try:
            patiently(lambda: self.disk.resize(handle, size))
            patiently(lambda: self.disk.sync(handle))
            patiently(lambda: self.disk.sync_dir(path))
        except BaseException:  # Ctrl-C too: what was opened is closed, and the error goes on
            self.drop(handle)
            with contextlib.suppress(OSError):  # the first error is the one to tell
                self.disk.remove(name)
            raise
        return handle

    def start_segment(self, path: Path, header: SegmentHeader, fill: Callable[[SegmentWriter], None]) -> SegmentWriter:
        """A segment that appears under its name only after `fill` wrote into it and all is synced. Raises OSError."""
        handle = self.make_spare(path, header.size)
        try:
            writer = SegmentWriter(self.disk, handle, header)
            fill(writer)
            install(self.disk, writer, path / SPARE)
        except BaseException:  # Ctrl-C too: what was opened is closed, and the error goes on
            self.drop(handle)
            raise
        return writer

    @contextlib.contextmanager
    def claimed(self, path: Path, name: str = LOCK) -> Iterator[int]:
        """`claim` for the length of a start: the lock is kept when it succeeds and given back when it fails."""
        lock = self.claim(path, name)
        try:
            with telling(path):
                yield lock
        except BaseException:  # Ctrl-C too: what was opened is closed, and the error goes on
            self.drop(lock)
            raise

    def drop(self, handle: int | None) -> None:
        """Close after an error, or with nothing left to lose."""
        if handle is not None:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                self.disk.close(handle)

    def holds(self, path: Path) -> bool:
        """Whether `path` holds a journal."""
        with telling(path):
            try:
                names = self.disk.names(path)
            except (FileNotFoundError, NotADirectoryError):
                return False
        return bool(segment_numbers(names)) or MANIFEST in names


@contextlib.contextmanager
def telling(path: Path) -> Iterator[None]:
    """Errors of the operating system become JournalErrors."""
    try:
        yield
    except OSError as error:
        raise told(error, path) from error


def told(error: OSError, path: Path) -> JournalError:
    """An operating system's error outside of a running journal, in words for a person."""
    where, lost = Where(str(path)), "Nothing that was recorded is lost."
    if error.errno in _FORBIDDEN:
        text = f"The folder {path} cannot be written: {error.strerror}."
        return JournalError("journal-read-only", text, where=where, means=lost, try_=f"ls -ld {path}")
    if error.errno in NO_SPACE:
        text = f"The disk of {path} is full: there is no room for a segment and its spare."
        return JournalError("journal-disk-full", text, where=where, means=lost, try_=f"df -h {path}")
    text = f"The journal in {path} cannot be used: {error.strerror or error}."
    return JournalError("journal-io", text, where=where, means=lost, try_="check the disk, then start again")
