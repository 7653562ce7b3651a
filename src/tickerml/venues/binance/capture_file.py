"""One recorder file: scanned once for its symbols, grid and clock, then read as often as is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from tickerml.tape.clock_fit import Envelope
from tickerml.tape.problems import Problems
from tickerml.tape.rows import Kind
from tickerml.venues.binance.codec import Stream
from tickerml.venues.binance.columns import Columns, Refused, join
from tickerml.venues.binance.decoder import Decoder, Symbols
from tickerml.venues.binance.grid import Finest
from tickerml.venues.recorder import read_lines

_UNIT: Final = 1 << 18  # bytes of text decoded at once: what lies in the processor's cache
_UNITS: Final = 16  # of these make one batch
_CLOCKS: Final = {
    int(Stream.DIFF): int(Kind.DEPTH),
    int(Stream.TRADE): int(Kind.TRADE),
    int(Stream.AGG_TRADE): int(Kind.TRADE),
    int(Stream.TICKER): int(Kind.BBO),
    int(Stream.MARK): int(Kind.VALUE),
}


@dataclass(slots=True)
class Budget:
    """Bytes of decoded columns that may be kept so that small files need not be read twice."""

    left: int

    def grant(self, size: int) -> bool:
        """Take `size` bytes if they are left."""
        if size > self.left:
            return False
        self.left -= size
        return True


@dataclass(slots=True)
class CaptureFile:
    """What a scan found. Symbols have indices of this file; `ids` maps them to the tape's instrument ids."""

    path: Path
    index: int
    symbols: Symbols = field(default_factory=Symbols)
    finest: Finest = field(default_factory=Finest)
    clock: Envelope = field(default_factory=Envelope)  # by symbol index
    streams: set[tuple[int, int]] = field(default_factory=set)  # symbol index, Stream
    first: int = 0  # receive time of the first and last message, ns
    last: int = 0
    refused: Refused | None = None  # the first line that could not be used
    ids: tuple[int, ...] = ()
    problems: Problems | None = None  # where the next pass reports
    _kept: list[Columns] | None = None

    def scan(self, budget: Budget) -> None:
        """Read the file once. Raises InputError when it cannot be read or is empty."""
        kept: list[Columns] | None = []
        for columns in self._decoded():
            self._look(columns)
            if kept is not None:
                if budget.grant(columns.size):
                    kept.append(columns)
                else:
                    budget.left += sum(c.size for c in kept)
                    kept = None
        self._kept = kept

    def _look(self, columns: Columns) -> None:
        heads = columns.heads
        self.refused = self.refused or next(iter(columns.refused), None)
        if not len(heads):
            return
        self.finest.add(columns)
        self.first = self.first or int(heads["recv"][0])
        self.last = max(self.last, int(heads["recv"].max()))
        keys = heads["inst"].astype(np.int64) * 128 + heads["stream"]
        for key in np.unique(keys).tolist():
            inst, stream = divmod(key, 128)
            self.streams.add((inst, stream))
            if stream in _CLOCKS:
                index = keys == key
                self.clock.add((inst, _CLOCKS[stream]), heads["recv"][index], heads["exch"][index])

    def batches(self) -> Iterator[Columns]:
        """All messages with the tape's instrument ids; problems of this pass go to `problems`."""
        newest = 0
        for columns in self._decoded() if self._kept is None else self._kept:
            named = self._named(columns) if self._kept is None else columns
            self._report(named, newest)
            newest = int(named.heads["recv"][-1]) if len(named) else newest
            yield named

    def _report(self, columns: Columns, newest: int) -> None:
        """Count what was refused, and receive times that run backwards."""
        if self.problems is None:
            return
        for refused in columns.refused:
            self.problems.add(refused.reason, str(self.path), refused.line, refused.note)
        recv = columns.heads["recv"]
        back = np.diff(recv, prepend=newest) if len(recv) else recv
        for i in np.flatnonzero(back < 0).tolist():
            note = f"received {-back[i] / 1e9:.6f} s before the line before it"
            self.problems.add("time-backwards", str(self.path), int(columns.heads["line"][i]), note)

    def name(self, ids: tuple[int, ...]) -> None:
        """Give the file's symbols their instrument ids."""
        self.ids = ids
        if self._kept is not None:
            self._kept = [self._named(columns) for columns in self._kept]

    def _named(self, columns: Columns) -> Columns:
        """Ids for symbols, in place. A snapshot without a symbol is of the file's only one, or cannot be placed."""
        heads = columns.heads
        if len(self.ids) == 1:
            heads["inst"] = self.ids[0]
            return columns
        unplaced = (heads["inst"] < 0) | (heads["inst"] >= len(self.ids))
        heads["inst"] = np.array((*self.ids, -1))[np.where(unplaced, -1, heads["inst"])]
        if not unplaced.any():
            return columns
        lost = [Refused("snapshot-unassigned", line, "it names no symbol") for line in heads["line"][unplaced].tolist()]
        placed = columns.take(np.flatnonzero(~unplaced))
        return Columns(placed.heads, placed.mantissa, placed.decimals, (*columns.refused, *lost))

    def _decoded(self) -> Iterator[Columns]:
        decoder = Decoder(self.index, self.symbols)
        units: list[Columns] = []
        for lines in read_lines(self.path, _UNIT):
            units.append(decoder.columns(lines))
            if len(units) == _UNITS:
                yield join(units)
                units = []
        if units:
            yield join(units)
