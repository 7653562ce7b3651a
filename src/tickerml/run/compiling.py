"""Says so while kernels are compiled: that happens at their first call, and nothing may be silent for a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from numba.core import event

from tickerml.tape.progress import Progress

WHAT: Final = "compiling kernels (once)"


class _Heard(event.Listener):
    """Counts the functions that are compiled; those found in the cache make no event."""

    def __init__(self, progress: Progress, what: str) -> None:
        self.progress, self.what, self.n = progress, what, 0

    def on_start(self, event: Any) -> None:
        """A function's compilation begins."""
        self.n += 1
        self.progress(self.n, None, self.what, "functions")

    def on_end(self, event: Any) -> None:
        """Nothing to say: the next one follows at once."""


@contextmanager
def compiling(progress: Progress | None, what: str = WHAT) -> Iterator[None]:
    """Inside, each function that numba compiles is told to `progress`."""
    if progress is None:
        yield
        return
    with event.install_listener("numba:compile", _Heard(progress, what)):
        yield
