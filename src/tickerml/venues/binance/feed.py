"""Messages to blocks: the one path that recorded files and live sockets share, whatever the size of the pieces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.build import Builder
from tickerml.tape.instruments import Instrument
from tickerml.tape.ladder import new_ladders
from tickerml.tape.problems import Problems
from tickerml.tape.rows import Kind
from tickerml.venues.binance.arrange import Arrangement, Book
from tickerml.venues.binance.assemble import assemble, first_crossed
from tickerml.venues.binance.codec import Stream
from tickerml.venues.binance.columns import FUNDING, Columns
from tickerml.venues.binance.grid import BAD_NUMBER, MISSHAPEN, OFF_GRID, TOO_FAR, Scale

_BOOK: Final = (int(Stream.DIFF), int(Stream.SNAPSHOT))
_WITH_IDS: Final = (int(Stream.TICKER), int(Stream.TRADE), int(Stream.AGG_TRADE))
_TRADES: Final = (int(Stream.TRADE), int(Stream.AGG_TRADE))
_LAST_SENT: Final = 100  # streams from here on are not of the wire
_ANEW: Final = 1 << 32  # ids that fall by more than this are counted anew by the venue, not sent twice
_REASONS: Final = (
    (MISSHAPEN, "unknown-message"),
    (BAD_NUMBER, "bad-number"),
    (OFF_GRID, "off-grid"),
    (TOO_FAR, "price-too-far"),
)


class Feed:
    """Takes messages in the order received, gives blocks that end on whole messages; nothing in them is unchecked.

    `files` are the names that problems are reported with, by the index in the heads; `ignored` are (instrument id,
    Stream) pairs to leave out: the aggregate trades of an instrument whose single trades are there too.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        problems: Problems,
        files: Sequence[str] = ("",),
        ignored: Collection[tuple[int, int]] = (),
    ) -> None:
        self.problems = problems
        self._files = files
        self._ignored = ignored
        self._scale = Scale(instruments)
        self._books = [Book() for _ in instruments]
        self._ladders = new_ladders(len(instruments))
        self._ids: dict[tuple[int, int], int] = {}  # newest id by instrument and stream
        self._times: dict[tuple[int, int], int] = {}  # newest exchange time
        self._funding: dict[int, tuple[int, int, int]] = {}  # next settlement (ms), rate as mantissa and decimals

    @property
    def waiting(self) -> tuple[int, ...]:
        """Instruments whose diffs wait for a snapshot: a live session must fetch one for each."""
        return tuple(i for i, book in enumerate(self._books) if book.held and not book.sync.synced)

    def push(self, columns: Columns) -> Block:
        """The rows of these messages; diffs that wait for a snapshot come with it."""
        scaled = self._scale.apply(columns)
        wanted = self._wanted(scaled.heads)
        chosen = scaled if wanted.all() else scaled.take(np.flatnonzero(wanted))
        return self._arranged(self._with_funding(chosen))

    def close(self, recv: int) -> Block:
        """What is left at the end: diffs for which no snapshot came are counted and the gap is marked."""
        builder = Builder()
        for inst, book in enumerate(self._books):
            while book.held:
                book.drop(book.held.popleft())
            if book.dropped:
                file, line = book.first_dropped
                self.problems.add("no-snapshot", self._files[file], line, "no book to apply it to", n=book.dropped)
                if book.sync.last < 0:  # the gap was not marked yet: there never was a book
                    blob = msgspec.json.encode({"code": "no-snapshot", "from": 0}, order="sorted")
                    builder.blob(recv, inst, Kind.GAP, blob)
        return builder.take()

    def _arranged(self, columns: Columns) -> Block:
        """Rows with the books checked: after a message that leaves its book crossed, the book is unknown."""
        lose: list[tuple[int, int]] = []
        start = 0
        while True:
            arrangement = Arrangement(columns, self._books, lose)
            messages = arrangement.messages()
            block, ends = assemble(messages, tuple(arrangement.blobs))
            row = int(first_crossed(self._ladders, block.rows, start))
            if row < 0:
                break
            head = messages.heads[int(np.searchsorted(ends, row, side="right"))]
            lose.append((int(head["file"]), int(head["line"])))
            start = row + 1
        self._books = arrangement.books
        for reason, file, line, note, n in arrangement.marks:
            self.problems.add(reason, self._files[file], line, note, n=n)
        return block

    def _wanted(self, heads: NDArray[np.void]) -> NDArray[np.bool_]:
        """Which messages are to become rows; the others are counted. Book messages are judged later."""
        wanted = np.ones(len(heads), bool)
        keys = heads["inst"].astype(np.int64) * 128 + heads["stream"]
        for key in np.unique(keys).tolist():
            inst, stream = divmod(key, 128)
            index = np.flatnonzero(keys == key)
            if (inst, stream) in self._ignored:
                wanted[index] = False
            elif stream < _LAST_SENT:
                self._check_times(heads, index, (inst, stream))
                if stream in _WITH_IDS:
                    wanted[index] = self._new_ids(heads, index, (inst, stream))
                if stream in _TRADES:
                    wanted[index] &= heads["side"][index] != 0  # liquidation fund and ADL prints are off the book
        bad = wanted & (heads["bad"] != 0)
        book = np.isin(heads["stream"], _BOOK)
        for i in np.flatnonzero(bad & ~book).tolist():
            self._problem(heads, i, next(name for bit, name in _REASONS if heads["bad"][i] & bit))
        for i in np.flatnonzero(bad & book & (heads["bad"] == TOO_FAR)).tolist():
            self._problem(heads, i, "price-too-far", "a level is left out of the book")
        return wanted & ~(bad & ~book)

    def _problem(self, heads: NDArray[np.void], i: int, reason: str, note: str = "", n: int = 1) -> None:
        head = heads[i]
        self.problems.add(reason, self._files[head["file"]], int(head["line"]), note, n=n)

    def _check_times(self, heads: NDArray[np.void], index: NDArray[np.intp], key: tuple[int, int]) -> None:
        """Count exchange times that run backwards within one stream; the stamps stay as they are."""
        times = heads["exch"][index]
        before = np.maximum.accumulate(np.concatenate(([self._times.get(key, 0)], times)))
        for i in np.flatnonzero(times < before[:-1]).tolist():
            note = f"{(before[i] - times[i]) / 1e6:.0f} ms before the message before it"
            self._problem(heads, int(index[i]), "exchange-time-backwards", note)
        self._times[key] = int(before[-1])

    def _new_ids(self, heads: NDArray[np.void], index: NDArray[np.intp], key: tuple[int, int]) -> NDArray[np.bool_]:
        """Which of these messages were not there before; trades that are missing are counted."""
        ids = heads["last"][index]
        before = self._ids.get(key, -1)
        steps = np.diff(ids, prepend=before if before >= 0 else ids[0] - 1)
        self._ids[key] = int(ids[-1])
        if key[1] in _TRADES:
            for i in np.flatnonzero((steps > 1) & (ids != 0)).tolist():
                note = f"{steps[i] - 1} trades before id {ids[i]} are missing"
                self._problem(heads, int(index[i]), "trades-lost", note, int(steps[i]) - 1)
        new = np.ones(len(ids), bool)
        if (steps > 0).all():
            return new
        for i, value in enumerate(ids.tolist()):
            if 0 < value <= before and before - value < _ANEW:
                new[i] = False
                self._problem(heads, int(index[i]), "duplicate", f"id {value} was there before")
            else:
                before = value
        self._ids[key] = before
        return new

    def _with_funding(self, columns: Columns) -> Columns:
        """Add a settlement before each mark message that names a new settlement time: the last rate was paid then."""
        heads = columns.heads
        places, settled = [], []
        for i in np.flatnonzero(heads["stream"] == Stream.MARK).tolist():
            head = heads[i]
            inst, at = int(head["inst"]), int(head["at"]) + 2
            known = self._funding.get(inst)
            if known is not None and known[0] != head["last"] and 0 < known[0] * 1_000_000 <= head["exch"]:
                row = head.copy()
                row["stream"], row["numbers"], row["exch"] = FUNDING, 0, known[0] * 1_000_000
                row["first"], row["last"] = known[1], known[2]
                places.append(i)
                settled.append(row)
            if columns.decimals[at] >= 0:
                self._funding[inst] = (int(head["last"]), int(columns.mantissa[at]), int(columns.decimals[at]))
        if not places:
            return columns
        return Columns(np.insert(heads, places, np.array(settled, heads.dtype)), columns.mantissa, columns.decimals)
