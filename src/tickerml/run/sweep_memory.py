"""The memory of a sweep: what it will take, the ceiling that it keeps, and what it came to."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

from tickerml.run.sweep_ways import Exact, Fast
from tickerml.tape.errors import RunError
from tickerml.tape.progress import Progress

MB: Final = 1 << 20


def peak_mb() -> int:
    """Most memory that this process has held so far, MB; 0 where the system does not say (Windows)."""
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // (MB if sys.platform == "darwin" else 1024)


def held_mb() -> int:
    """Memory that this process holds now, MB; the most so far where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // MB
    except OSError:
        return peak_mb()


def most_since(peak: int) -> int:
    """Most memory since `peak_mb` was `peak`, MB; what is held now, where the process has held more before."""
    now = peak_mb()
    return now if now > peak else held_mb()


def give_back() -> None:
    """Hand memory that is free, but kept by the C library, to the system: what reading a tape took beside the tape.

    Whether the library does so by itself depends on what lies behind the free part. Elsewhere than on glibc: nothing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def check_room(way: Fast | Exact, workers: int, count: int, ceiling_mb: int, progress: Progress | None) -> None:
    """Say what will be needed. RunError `sweep-memory` before anything is run, where that is above the ceiling."""
    wanted = -(-way.memory(count, workers) // MB)
    need = held_mb() + wanted
    if need > ceiling_mb:
        raise RunError(
            "sweep-memory",
            f"the sweep needs about {need} MB; its ceiling is {ceiling_mb} MB",
            means="nothing was run",
            try_=f"--memory {wanted + wanted // 4}   (MB), fewer --workers, or a shorter --timerange",
        )
    if progress is not None:
        progress.note(f"memory: about {need} MB of a ceiling of {ceiling_mb} MB")
