"""Says so while kernels are compiled: that happens at their first call, and nothing may be silent for a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from numba.core import event

from tickerml.tape.progress import Progress

WHAT: Final = "compiling kernels (once)"


class Compiled(event.Listener):
    """Counts the functions that are compiled and how long that takes; those found in the cache make no event."""

    def __init__(self, progress: Progress | None) -> None:
        """`progress` is told at each function."""
        self.progress, self.n, self.seconds = progress, 0, 0.0
        self._depth, self._began = 0, 0.0

    def on_start(self, event: Any) -> None:
        """A function's compilation begins; those it calls follow inside."""
        if self._depth == 0:
            self._began = time.monotonic()
        self._depth += 1
        self.n += 1
        if self.progress is not None:
            self.progress(self.n, None, WHAT, "functions")

    def on_end(self, event: Any) -> None:
        """It has ended."""
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.monotonic() - self._began


@contextmanager
def compiling(progress: Progress | None) -> Iterator[Compiled]:
    """Inside, each function that numba compiles is told to `progress`, and the time it takes is counted."""
    heard = Compiled(progress)
    with event.install_listener("numba:compile", heard):
        yield heard
