"""Several tapes under one set of instrument ids and names: for merging, and for adding an import to a store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Header

_SAME: Final = ("values_only", "venue", "symbol", "tick", "lot", "multiplier", "contract_size", "inverse", "settle")


@dataclass(frozen=True, slots=True)
class Renumbering:
    """How one tape's instrument ids and name indices read in the union."""

    instruments: dict[int, Instrument]  # old id -> definition in the union
    names: NDArray[np.int64]  # old index -> new index

    def apply(self, block: Block) -> Block:
        """The block under the union's numbers (the block itself where nothing changes).

        Raises ValueError when a row's instrument has no definition in its tape's header.
        """
        rows, values, orders, blobs = block.rows, block.values, block.orders, block.blobs
        ids = {old: new.id for old, new in self.instruments.items() if old != new.id}
        present = np.flatnonzero(np.bincount(rows["inst"] + 1)) - 1 if len(rows) else np.zeros(0, np.int64)
        unknown = [int(i) for i in present if i >= 0 and int(i) not in self.instruments]
        if unknown:
            raise ValueError(f"rows of instrument {unknown[0]}, which the tape's header does not define")
        if ids.keys() & set(present.tolist()):
            table = np.arange(-1, max(present.max(), 0) + 1)
            for old, new in ids.items():
                if old + 1 < len(table):
                    table[old + 1] = new
            rows = rows.copy()
            rows["inst"] = table[rows["inst"] + 1]
            blobs = self._definitions(block)
        if not np.array_equal(self.names, np.arange(len(self.names))):
            values, orders = values.copy(), orders.copy()
            values["name"] = self.names[values["name"]]
            orders["currency"] = self.names[orders["currency"]] if len(self.names) else orders["currency"]
        return Block(rows, block.messages, orders, block.bars, values, blobs)

    def _definitions(self, block: Block) -> tuple[bytes, ...]:
        """Blobs with INSTRUMENT definitions under their new ids."""
        blobs = list(block.blobs)
        for row in block.rows[block.rows["kind"] == Kind.INSTRUMENT]:
            blobs[row["ref"]] = self.instruments[int(row["inst"])].to_json()
        return tuple(blobs)


class Union:
    """The instruments and names of several tapes; equal definitions become one.

    An instrument of which a tape holds only values (funding, mark price) is the one of that venue and symbol whose tick
    and lot another tape defines.
    """

    def __init__(self, instruments: tuple[Instrument, ...] = (), names: tuple[str, ...] = ()) -> None:
        self._instruments = {_key(i): i for i in instruments}
        self._names = {name: i for i, name in enumerate(names)}

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """All definitions so far, by id."""
        return tuple(sorted(self._instruments.values(), key=lambda i: i.id))

    @property
    def names(self) -> tuple[str, ...]:
        """All names so far, by index."""
        return tuple(self._names)

    def adopt(self, header: Header) -> Renumbering:
        """Take in a tape's instruments and names: known ones keep their number, new ones get the next."""
        mapped: dict[int, Instrument] = {}
        for instrument in sorted(header.instruments, key=lambda i: i.id):
            known = self._instruments.get(_key(instrument)) or self._of_same_symbol(instrument)
            if known is None or (known.values_only and not instrument.values_only):
                before = mapped.get(instrument.previous)
                number = self._free(instrument.id) if known is None else known.id
                known = replace(instrument, id=number, previous=before.id if before else instrument.previous)
                self._instruments = {k: i for k, i in self._instruments.items() if i.id != number}
                self._instruments[_key(instrument)] = known
            mapped[instrument.id] = known
        indices = [self._names.setdefault(name, len(self._names)) for name in header.names]
        return Renumbering(mapped, np.array(indices, np.int64))

    def _free(self, wanted: int) -> int:
        taken = {i.id for i in self._instruments.values()}
        return wanted if wanted not in taken else max(taken) + 1

    def _of_same_symbol(self, instrument: Instrument) -> Instrument | None:
        """The latest one of this venue and symbol, where either says nothing of tick and lot."""
        same = [i for i in self.instruments if (i.venue, i.symbol) == (instrument.venue, instrument.symbol)]
        fits = [i for i in same if i.values_only or instrument.values_only]
        return fits[-1] if fits else None


def _key(instrument: Instrument) -> tuple[object, ...]:
    return tuple(getattr(instrument, field) for field in _SAME)
