"""One order for the messages of several files: by receive time, then by the files' rank, then as they stand.

Only a few batches are in memory: a file is opened when its first message is due. Where a recorder's clock ran backwards
its messages keep their order, as if received when the clock was last right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tickerml.venues.binance.columns import Columns, join


class Source(Protocol):
    """Messages of one file."""

    @property
    def first(self) -> int:
        """Receive time of its first message, ns."""
        ...

    def batches(self) -> Iterator[Columns]:
        """Its messages from the first one on."""
        ...


@dataclass(slots=True)
class _Open:
    """A file being read: the messages that have not been given out, and their keys (never falling)."""

    rank: int
    more: Iterator[Columns]
    columns: Columns
    key: NDArray[np.int64]

    @property
    def end(self) -> tuple[int, int]:
        """Up to here everything of this file is known."""
        return int(self.key[-1]), self.rank

    def load(self) -> bool:
        """Take the next batch; False when there is none."""
        newest = int(self.key[-1]) if len(self.key) else 0
        for columns in self.more:
            if len(columns):
                self.columns = columns
                self.key = np.maximum.accumulate(np.maximum(columns.heads["recv"], newest))
                return True
        return False

    def split(self, cut: tuple[int, int]) -> tuple[Columns, NDArray[np.int64]]:
        """Give out what comes at or before `cut` (time, rank)."""
        side = "right" if self.rank <= cut[1] else "left"
        n = int(np.searchsorted(self.key, cut[0], side=side))  # type: ignore[call-overload]
        given, key = self.columns, self.key[:n]
        if n < len(self.key):
            given = self.columns.take(np.arange(n))
            self.columns = self.columns.take(np.arange(n, len(self.key)))
        self.key = self.key[n:] if n < len(self.key) else self.key[-1:]
        return given, key


def merged(sources: Sequence[Source]) -> Iterator[Columns]:
    """All messages of all sources in one order, which does not depend on how the files were cut into batches."""
    waiting = sorted(enumerate(sources), key=lambda pair: (pair[1].first, pair[0]))
    reading: list[_Open] = []
    while waiting or reading:
        while waiting and (not reading or waiting[0][1].first <= min(o.end for o in reading)[0]):
            rank, source = waiting.pop(0)
            opened = _Open(rank, source.batches(), join([]), np.zeros(0, np.int64))
            if opened.load():
                reading.append(opened)
        if not reading:
            continue
        cut = min(o.end for o in reading)
        reading.sort(key=lambda o: o.rank)
        given = [o.split(cut) for o in reading]
        yield _ordered([g for g in given if len(g[1])])
        reading = [o for o in reading if o.end > cut or o.load()]


def _ordered(given: list[tuple[Columns, NDArray[np.int64]]]) -> Columns:
    """Join parts, which stand by rank, and order them by key; equal keys keep the order of ranks."""
    columns = join([g[0] for g in given])
    if len(given) == 1:
        return columns
    order = np.argsort(np.concatenate([g[1] for g in given]), kind="stable")
    return Columns(columns.heads[order], columns.mantissa, columns.decimals)
