"""The memory of a sweep: what it will take, the ceiling that it keeps, and what it came to."""

from __future__ import annotations

import sys
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


def check_room(way: Fast | Exact, workers: int, count: int, ceiling_mb: int, progress: Progress | None) -> None:
    """Say what will be needed. RunError `sweep-memory` before anything is run, where that is above the ceiling."""
    need = peak_mb() + way.memory(count, workers) // MB
    if need > ceiling_mb:
        raise RunError(
            "sweep-memory",
            f"the sweep needs about {need} MB; its ceiling is {ceiling_mb} MB",
            means="nothing was run",
            try_=f"--memory {need + need // 4}   (MB), fewer --workers, or a shorter --timerange",
        )
    if progress is not None:
        progress.note(f"memory: about {need} MB of a ceiling of {ceiling_mb} MB")
