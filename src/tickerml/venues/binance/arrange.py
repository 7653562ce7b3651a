"""Depth messages in the order in which they make a true book: buffered diffs behind their snapshot, gaps marked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from tickerml.venues.binance.codec import Stream
from tickerml.venues.binance.columns import BREAK, GAP, HEAD, Columns, join
from tickerml.venues.binance.grid import MISSHAPEN, OFF_GRID, TOO_FAR
from tickerml.venues.binance.session import BookSync, Verdict

MOST_HELD: Final = 20_000  # diffs kept while waiting for a snapshot: minutes of the fastest stream; older ones go
_ON_BOOK: Final = (int(Stream.DIFF), int(Stream.SNAPSHOT), BREAK)
Mark = tuple[str, int, int, str, int]
"""A problem met: reason, file index, line, note, count."""


@dataclass(slots=True)
class Book:
    """One instrument's sync state and the diffs that wait for a snapshot."""

    sync: BookSync = field(default_factory=BookSync)
    held: deque[Columns] = field(default_factory=deque)  # one message each
    dropped: int = 0  # held diffs that no snapshot came for
    first_dropped: tuple[int, int] = (0, 0)  # file and line of the first of them

    def copy(self) -> Book:
        """The same state, apart; the messages themselves are shared."""
        return Book(self.sync.copy(), deque(self.held), self.dropped, self.first_dropped)

    def hold(self, message: Columns) -> None:
        """Keep a diff until a snapshot comes."""
        self.held.append(message)
        if len(self.held) > MOST_HELD:
            self.drop(self.held.popleft())

    def drop(self, message: Columns) -> None:
        """Count a diff that no snapshot came for."""
        if self.dropped == 0:
            self.first_dropped = (int(message.heads["file"][0]), int(message.heads["line"][0]))
        self.dropped += 1


class Arrangement:
    """One batch in its final order. `lose`: (file, line) of messages after which the book is known to be false."""

    def __init__(self, columns: Columns, books: list[Book], lose: Iterable[tuple[int, int]] = ()) -> None:
        self.books = [book.copy() for book in books]
        self.blobs: list[bytes] = []
        self.marks: list[Mark] = []
        self._columns = columns
        self._lose = frozenset(lose)
        self._parts: list[Columns] = []
        self._keep = np.ones(len(columns), bool)
        self._done = 0  # messages before this one are in _parts
        self._run()

    def messages(self) -> Columns:
        """All messages that become rows, in order."""
        return join(self._parts)

    def _run(self) -> None:
        heads = self._columns.heads
        book = np.flatnonzero(np.isin(heads["stream"], _ON_BOOK))
        names = ("stream", "inst", "first", "last", "prev", "exch", "bad", "file", "line")
        for i, *values in zip(book.tolist(), *(heads[name][book].tolist() for name in names), strict=True):
            stream, inst, first, last, prev, exch, bad, file, line = values
            state = self.books[inst]
            if stream == BREAK:
                self._keep[i] = False
                if state.sync.synced:
                    self._lost(i, i, state, "file-truncated")
            elif bad & ~TOO_FAR:
                self._keep[i] = False
                self._bad(i, state, bad)
            elif stream == Stream.SNAPSHOT:
                self._snapshot(i, state, last)
            else:
                verdict = state.sync.diff(first, last, prev, exch)
                if verdict != Verdict.APPLY:
                    self._keep[i] = False
                    self._not_applied(i, state, verdict)
            if self._lose and (file, line) in self._lose and state.sync.synced:
                self._lost(i + 1, i, state, "crossed-book")
        self._flush(len(heads))

    def _mark(self, i: int, reason: str, note: str = "") -> None:
        head = self._columns.heads[i]
        self.marks.append((reason, int(head["file"]), int(head["line"]), note, 1))

    def _bad(self, i: int, state: Book, bad: int) -> None:
        """A depth message with a number that cannot be true: what it changed is unknown now, and so is the book."""
        reason = "unknown-message" if bad & MISSHAPEN else "off-grid" if bad & OFF_GRID else "bad-number"
        self._mark(i, reason, "the book is unknown until the next snapshot")
        if state.sync.synced and self._columns.heads["stream"][i] == Stream.DIFF:
            self._lost(i, i, state, reason)

    def _not_applied(self, i: int, state: Book, verdict: Verdict) -> None:
        if verdict == Verdict.GAP:
            self._lost(i, i, state, "book-gap")
        if verdict in (Verdict.GAP, Verdict.HOLD):
            state.hold(self._columns.take(np.array([i])))
        elif verdict == Verdict.DUPLICATE:
            self._mark(i, "duplicate", f"depth update {self._columns.heads['last'][i]} was there before")

    def _snapshot(self, i: int, state: Book, last: int) -> None:
        """Start the book anew, then apply what was held; an unusable snapshot is left out."""
        heads = [message.heads[0] for message in state.held]
        waiting = [h for h in heads if h["last"] > last]
        before = -1
        if waiting:
            before = int(waiting[0]["prev"] if waiting[0]["prev"] >= 0 else waiting[0]["first"] - 1)
        unsynced = not state.sync.synced
        if not state.sync.snapshot(last, before):
            self._keep[i] = False
            if unsynced:
                self._mark(i, "snapshot-too-old", f"update {last}; the first diff after it starts at {before + 1}")
            return
        held, state.held = state.held, deque()
        self._flush(i + 1)
        for message in held:
            head = message.heads[0].copy()
            verdict = state.sync.diff(*(int(head[name]) for name in ("first", "last", "prev", "exch")))
            if verdict == Verdict.APPLY:
                # It was received earlier, but said nothing before the snapshot came: it is known from then on.
                message = Columns(message.heads.copy(), message.mantissa, message.decimals)
                message.heads["recv"] = self._columns.heads["recv"][i]
                self._parts.append(message)
                if (int(head["file"]), int(head["line"])) in self._lose:
                    self._lost(i + 1, i, state, "crossed-book")
            elif verdict != Verdict.STALE:
                self._not_held(i, state, message, verdict)

    def _not_held(self, i: int, state: Book, message: Columns, verdict: Verdict) -> None:
        """A diff that had been held and does not join the one before it."""
        if verdict == Verdict.GAP:
            self._lost(i + 1, i, state, "book-gap")
        if verdict in (Verdict.GAP, Verdict.HOLD):
            state.hold(message)

    def _lost(self, before: int, i: int, state: Book, reason: str) -> None:
        """The book is unknown before message `before`, because of message `i`: a GAP row, and say why."""
        self._flush(before)
        first, last = state.sync.lost
        if state.sync.synced:
            state.sync.lose()
            first, last = state.sync.last + 1, 0
        head = np.zeros(1, HEAD)
        head[0] = self._columns.heads[i]
        head["stream"], head["numbers"], head["bids"] = GAP, 0, 0
        # Futures ids count the whole venue's updates, so only spot ids tell how many of this book are missing.
        head["last"] = last - first + 1 if head["prev"][0] < 0 and last >= first else 0
        head["first"] = len(self.blobs)
        blob: dict[str, Any] = {"code": reason, "from": first}
        note = f"the book is unknown after update {first - 1}"
        if last >= first:
            blob["to"] = last
            note = f"updates {first} to {last} are missing"
        self.blobs.append(msgspec.json.encode(blob, order="sorted"))
        self._parts.append(Columns(head, self._columns.mantissa[:0], self._columns.decimals[:0]))
        if reason in ("book-gap", "crossed-book"):  # the other reasons are counted where they were seen
            self._mark(i, reason, note)

    def _flush(self, stop: int) -> None:
        """Move the messages up to `stop` that are kept to the parts."""
        kept = np.flatnonzero(self._keep[self._done : stop]) + self._done
        if len(kept) == len(self._columns):
            self._parts.append(self._columns)
        elif len(kept):
            self._parts.append(self._columns.take(kept))
        self._done = max(self._done, stop)
