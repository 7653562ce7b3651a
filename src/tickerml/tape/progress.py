"""What long work tells whoever watches it. The command line draws it, a notebook may, a test records it."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
"""DEBUG is shown only to those who ask for more."""


class Progress(Protocol):
    """Passed as `progress=` (None = nobody watches). Call it as often as you like: the watcher keeps the pace.

    Work that can end early looks at `stop` between blocks and, once it is true, ends cleanly with what it has.
    """

    @property
    def stop(self) -> bool:
        """True once the user asked to end (Ctrl-C)."""
        ...

    @property
    def due(self) -> bool:
        """True when a state given to `show` now would be drawn: a snapshot need not be taken otherwise."""
        ...

    def __call__(self, done: int, total: int | None = None, what: str = "", unit: str = "rows") -> None:
        """`done` of `total` (None = not known) `unit`s of `what` ("compiling kernels", "nexousdt_20240724.dat.gz")."""
        ...

    def note(self, text: str, level: Level = "INFO", source: str = "", at: int | None = None) -> None:
        """An event that deserves a line of its own: a gap, a fallback, a resync; `at` ns UTC, None = now."""
        ...

    def show(self, state: Any) -> None:
        """The state of a running market (views.live.LiveState): drawn at most 4 times a second."""
        ...
