"""When a book is true: the rules by which Binance's diffs continue a snapshot. Pure: update ids in, verdicts out.

A diff carries the ids U..u of the updates that it sums up, and on futures also pu, the u of the diff before. So it
changes what lies after `prev`, where prev = pu on futures and U - 1 on spot, and the venue's three published rules
("How to manage a local order book correctly": spot U <= last + 1 <= u, then U = previous u + 1; futures U <= last <= u,
then pu = previous u) are one:

    prev <= last < u   the diff continues the book           u <= last   it says nothing new
    last < prev        updates were lost: the book is unknown until the next snapshot
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """What to do with a diff."""

    APPLY = 0  # it continues the book
    HOLD = 1  # the book is unknown: keep it until a snapshot comes
    STALE = 2  # the snapshot holds it already
    DUPLICATE = 3  # it was applied before
    GAP = 4  # updates were lost before it: mark the book unknown, then keep it as HOLD


@dataclass(slots=True)
class BookSync:
    """The state of one instrument's book. `lost` holds the first and last id that the newest GAP is about."""

    last: int = -1  # id up to which the book is true
    newest: int = 0  # exchange time of the newest diff applied, ns
    synced: bool = False
    base: int = -1  # id of the snapshot that the book started from
    lost: tuple[int, int] = (0, 0)

    def diff(self, first: int, last: int, prev: int, exch: int) -> Verdict:
        """The verdict on one diff; `prev` < 0 where the venue sends none (spot). APPLY moves the book to `last`."""
        if not self.synced:
            return Verdict.HOLD
        before = prev if prev >= 0 else first - 1
        if last <= self.last:
            if last <= self.base:
                return Verdict.STALE
            if exch <= self.newest:
                return Verdict.DUPLICATE
            before = -1  # old ids at a newer time: the venue counts anew, nothing joins the old ids
        if before < 0 or before > self.last:
            self.lost = (self.last + 1, max(first - 1, self.last))
            self.synced = False
            return Verdict.GAP
        self.last, self.newest = last, max(exch, self.newest)
        return Verdict.APPLY

    def snapshot(self, last: int, held: int = -1) -> bool:
        """Whether a snapshot up to id `last` starts the book anew; if so it is in sync from now on.

        `held`: the `prev` of the first diff kept by HOLD that ends after `last`, -1 if there is none. A snapshot is
        not used when the book is in sync and already beyond it, or when it is too old to join the diffs that are held.
        """
        if (self.synced and last <= self.last) or held > last:
            return False
        self.last = self.base = last
        self.newest = 0
        self.synced = True
        return True

    def lose(self) -> None:
        """The book is unknown from here on, for a reason outside the ids (a bad level, a crossed book, a cut file)."""
        self.synced = False
        self.lost = (self.last + 1, 0)

    def copy(self) -> BookSync:
        """The same state, apart."""
        return BookSync(self.last, self.newest, self.synced, self.base, self.lost)
