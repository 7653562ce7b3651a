"""What was wrong with a source: every refused or marked fact by reason, with the first places. All importers use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tickerml.tape.errors import Where

KEEP: Final = 5
"""Places kept for each reason; later ones are counted only."""

OF_A_FILE: Final = frozenset(
    (
        *("file-empty", "file-truncated", "file-unreadable", "line-too-long", "mixed-markets", "no-market-data"),
        *("nothing-valid", "unknown-format", "unknown-columns", "unknown-instrument", "timeframe-unknown"),
        *("tick-unknown", "price-too-fine", "lot-too-fine"),
    )
)
"""Errors that say that one file is of no use, which is no reason to leave out the files beside it in its folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a problem was met: file, 1-based line (None where a format has none), and what was there."""

    file: str
    line: int | None = None
    note: str = ""  # "U 9120482 after u 9120444: 37 updates lost"

    def __str__(self) -> str:
        at = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{at} {self.note}" if self.note else at

    def where(self) -> Where:
        """The same place for an error message."""
        return Where(self.file, self.line, note=self.note)


class Problems:
    """Counts by reason (a kebab-case code such as `not-json`), and the first `KEEP` places of each.

    A problem is not an error: the fact was refused or marked on the tape, was counted here, and the import goes on.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[Place]] = {}

    def add(self, reason: str, file: str = "", line: int | None = None, note: str = "", *, n: int = 1) -> None:
        """Count `n` more of `reason`; `n` = 0 counts nothing."""
        if n <= 0:
            return
        self._counts[reason] = self._counts.get(reason, 0) + n
        places = self._places.setdefault(reason, [])
        if file and len(places) < KEEP:
            places.append(Place(file, line, note))

    def merge(self, other: Problems) -> None:
        """Add all of `other`: the problems of one more file."""
        for reason, n in other._counts.items():
            self.add(reason, n=n)
            room = KEEP - len(self._places[reason])
            self._places[reason] += other._places.get(reason, [])[:room]

    def clear(self) -> None:
        """Forget everything: a fresh pass over the same source starts."""
        self._counts.clear()
        self._places.clear()

    @property
    def counts(self) -> dict[str, int]:
        """Reason -> count, by reason: `data import --json` prints this."""
        return dict(sorted(self._counts.items()))

    def places(self, reason: str) -> tuple[Place, ...]:
        """The first places of `reason`, in the order met."""
        return tuple(self._places.get(reason, ()))

    def as_tuple(self) -> tuple[tuple[str, int], ...]:
        """The form that `Header.problems` holds."""
        return tuple(self.counts.items())

    def __getitem__(self, reason: str) -> int:
        return self._counts.get(reason, 0)

    def __len__(self) -> int:
        return sum(self._counts.values())

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __repr__(self) -> str:
        return f"Problems({self.counts})"
