"""Python's collector of garbage, kept away from what lives on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """While numba is imported or compiles, no garbage is collected; what was made is out of the collector's sight.

    Both make many objects that nearly all live as long as the process: to look for garbage among them, then and at
    every full collection after, cost a tenth of a start.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting or _later:
            gc.freeze()
        if collecting:
            gc.enable()


_later = 0  # how many `later` there are around what runs now


@contextmanager
def later() -> Iterator[None]:
    """Garbage is looked for when what runs now, which is short, has ended: until then none of it goes.

    A verdict makes hundreds of tuples that go by themselves; to look among them every few verdicts is what the slowest
    of a hundred waited for.
    """
    global _later
    collecting = gc.isenabled()
    gc.disable()
    _later += 1
    try:
        yield
    finally:
        _later -= 1
        if collecting:
            gc.enable()


_within = 0  # how many `apart` there are around what runs now


@contextmanager
def apart() -> Iterator[None]:
    """What there is already is out of the collector's sight: who collects often looks at what came since alone.

    Forked workers do not copy its pages either. Within another one nothing more is put aside: it may become garbage.
    """
    global _within
    if not _within:
        gc.freeze()
    _within += 1
    try:
        yield
    finally:
        _within -= 1
        if not _within:
            gc.unfreeze()
