"""A disk in memory with a page cache: what was not synced may be lost, kept, reordered or torn when the power goes.

Files are written in units of 512 B or 4 KiB. A unit that was not synced is found after a power cut as it was at the
last sync, as it was at any time since, or, where nothing was ever synced, as stale bytes of a file long removed. Names
are lost the same way until the folder is synced: either the last changes, or any of them.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from pathlib import Path


class PowerCut(BaseException):
    """The power went; nothing in the program may catch this."""


class SimFile:
    def __init__(self) -> None:
        self.cache = bytearray()
        self.disk = bytearray()
        self.versions: dict[int, list[bytes]] = {}  # unit -> contents since the last sync


class SimDisk:
    def __init__(self, unit: int = 512, seed: int = 0, room: int = 1 << 40) -> None:
        self.unit, self.rng, self.room = unit, random.Random(seed), room
        self.names_now: dict[Path, SimFile] = {}
        self.names_disk: dict[Path, SimFile] = {}
        self.pending: list[tuple[str, Path, Path | None, SimFile]] = []
        self.folders: set[Path] = set()
        self.locked: set[Path] = set()
        self.handles: dict[int, tuple[Path, SimFile]] = {}
        self.stale = b""  # bytes of removed files
        self.next_handle = 3
        self.count = 0
        self.before: Callable[[str, Path], int | None] = lambda op, path: None  # may raise; a number shortens a write
        self.lie: Callable[[SimFile], set[int]] = lambda file: set()  # units that a sync silently forgets

    def _op(self, op: str, path: Path) -> int | None:
        self.count += 1
        return self.before(op, path)

    def _file(self, path: Path) -> SimFile:
        if path not in self.names_now:
            raise FileNotFoundError(errno.ENOENT, "No such file", str(path))
        return self.names_now[path]

    def _handle(self, path: Path, file: SimFile) -> int:
        self.next_handle += 1
        self.handles[self.next_handle] = (path, file)
        return self.next_handle

    def _touch(self, file: SimFile, start: int, stop: int) -> None:
        for at in range(start // self.unit, (stop + self.unit - 1) // self.unit):
            file.versions.setdefault(at, []).append(bytes(file.cache[at * self.unit : (at + 1) * self.unit]))

    def claim(self, directory: Path, name: str) -> int:
        self._op("claim", directory / name)
        self.folders.add(directory)
        path = directory / name
        if path in self.locked:
            raise BlockingIOError(errno.EWOULDBLOCK, "locked")
        self.locked.add(path)
        return self._handle(path, self.names_now.setdefault(path, SimFile()))

    def open(self, path: Path, *, create: bool = False) -> int:
        self._op("open", path)
        if not create:
            return self._handle(path, self._file(path))
        if path in self.names_now:
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        file = self.names_now[path] = SimFile()
        self.pending.append(("link", path, None, file))
        return self._handle(path, file)

    def close(self, handle: int) -> None:
        path, _ = self.handles.pop(handle)
        if path.name.endswith("lock"):
            self.locked.discard(path)
        self._op("close", path)

    def write(self, handle: int, data: bytes, offset: int) -> int:
        path, file = self.handles[handle]
        limit = self._op("write", path)
        data = data if limit is None else data[:limit]
        if len(file.cache) < offset + len(data):
            file.cache.extend(bytes(offset + len(data) - len(file.cache)))
        file.cache[offset : offset + len(data)] = data
        self._touch(file, offset, offset + len(data))
        return len(data)

    def read(self, path: Path, count: int = -1) -> bytes:
        self._op("read", path)
        data = self._file(path).cache
        return bytes(data if count < 0 else data[:count])

    def resize(self, handle: int, size: int) -> None:
        path, file = self.handles[handle]
        self._op("resize", path)
        was = len(file.cache)
        if size - was > self.room - self.used():
            raise OSError(errno.ENOSPC, "No space left on device")
        if size < was:
            del file.cache[size:]
        else:
            file.cache.extend(bytes(size - was))
            self._touch(file, was, size)

    def used(self) -> int:
        return sum(len(file.cache) for file in self.names_now.values())

    def sync(self, handle: int) -> None:
        path, file = self.handles[handle]
        try:
            self._op("sync", path)
        except InterruptedError:
            raise
        except OSError:  # as Linux does: some pages reached the disk, all count as clean from now on
            for at in list(file.versions):
                if self.rng.random() < 0.5:
                    self._store(file, at, bytes(file.cache[at * self.unit : (at + 1) * self.unit]))
            file.versions.clear()
            raise
        forgotten = self.lie(file)
        for at in set(file.versions) - forgotten:
            self._store(file, at, bytes(file.cache[at * self.unit : (at + 1) * self.unit]))
        file.versions.clear()
        self._fit(file, len(file.cache))

    def _store(self, file: SimFile, at: int, data: bytes) -> None:
        start = at * self.unit
        if len(file.disk) < start + len(data):
            file.disk.extend(bytes(start + len(data) - len(file.disk)))
        file.disk[start : start + len(data)] = data

    @staticmethod
    def _fit(file: SimFile, size: int) -> None:
        del file.disk[size:]
        file.disk.extend(bytes(size - len(file.disk)))

    def rename(self, old: Path, new: Path) -> None:
        self._op("rename", old)
        file = self._file(old)
        del self.names_now[old]
        self.names_now[new] = file
        self.pending.append(("rename", old, new, file))

    def remove(self, path: Path) -> None:
        self._op("remove", path)
        file = self._file(path)
        del self.names_now[path]
        self.stale = bytes(file.cache)[-65536:] or self.stale
        self.pending.append(("unlink", path, None, file))

    def sync_dir(self, directory: Path) -> None:
        self._op("sync_dir", directory)
        self.names_disk = dict(self.names_now)
        self.pending.clear()

    def names(self, directory: Path) -> list[str]:
        self._op("names", directory)
        if directory not in self.folders:
            raise FileNotFoundError(errno.ENOENT, "No such folder", str(directory))
        return sorted(path.name for path in self.names_now if path.parent == directory)

    def free(self, directory: Path) -> int:
        self._op("free", directory)
        return self.room - self.used()

    def kill(self) -> None:
        """The process ends: locks and handles go, the page cache stays."""
        self.locked.clear()
        self.handles.clear()

    def after_power_cut(self, seed: int) -> SimDisk:
        """A disk as it may be found after the power went now; this one is not changed, so ask again for another."""
        rng = random.Random(seed)
        found = SimDisk(self.unit, seed, self.room)
        found.folders = set(self.folders)
        fates: dict[int, SimFile] = {}
        for path, file in self._names_left(rng).items():
            if id(file) not in fates:
                fates[id(file)] = self._left(file, rng)
            found.names_now[path] = fates[id(file)]
        found.names_disk = dict(found.names_now)
        found.stale = self.stale
        return found

    def _names_left(self, rng: random.Random) -> dict[Path, SimFile]:
        names = dict(self.names_disk)
        ordered = rng.random() < 0.5
        kept = rng.randint(0, len(self.pending))
        for i, (op, path, new, file) in enumerate(self.pending):
            if i >= kept if ordered else rng.random() < 0.5:
                continue
            if op != "link":
                names.pop(path, None)
            if op != "unlink":
                names[new or path] = file
        return names

    def _left(self, file: SimFile, rng: random.Random) -> SimFile:
        left = SimFile()
        left.disk = bytearray(file.disk)
        luck = rng.random()  # of this file: from nothing reached the disk to all did
        if len(file.cache) != len(file.disk) and rng.random() < 0.5:
            self._fit(left, len(file.cache))
        for at, versions in file.versions.items():
            start = at * self.unit
            if start >= len(left.disk):
                continue
            choice = rng.random()
            if choice < luck:
                data = versions[-1] if rng.random() < 0.7 else rng.choice(versions)
            elif start >= len(file.disk) and self.stale and choice < 0.5 + luck / 2:
                data = (self.stale * 2)[at * 8 % len(self.stale) :][: self.unit]
            else:
                continue
            data = data[: len(left.disk) - start]
            left.disk[start : start + len(data)] = data
        left.cache = bytearray(left.disk)
        return left
