"""A tape as its readers see it: instruments, names, and blocks in sequence. Where the blocks lie is its own affair."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

import numpy as np

from tickerml.tape.block import TABLES, Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import ROW

_OPAQUE: Final = np.dtype(f"V{ROW.itemsize}")


@dataclass(frozen=True, slots=True)
class Header:
    """What is true of the whole tape, known before its first row."""

    title: str  # "nexousdt_20240724.dat.gz", "synthetic:calm:7"
    instruments: tuple[Instrument, ...]
    names: tuple[str, ...] = ()  # of VALUE rows, currencies and streams
    synthetic: str = ""  # "calm, seed 7" for a made-up market, else empty
    assumed_clock: bool = False  # receive times were not recorded
    bar_only: bool = False  # no order book: the simulated venue walks bars
    notes: tuple[str, ...] = ()  # assumptions that reports must repeat
    problems: tuple[tuple[str, int], ...] = ()  # (reason, count) of what was refused or marked at import


@runtime_checkable
class Tape(Protocol):
    """Anything that yields blocks in sequence. Blocks end on whole messages; memory stays bounded."""

    @property
    def header(self) -> Header:
        """What is true of the whole tape."""
        ...

    def blocks(self) -> Iterator[Block]:
        """All blocks from the first row on; may be called again for a fresh pass."""
        ...

    def content_hash(self) -> str:
        """SHA-256 over header-free content: every block's rows and side tables, joined as if one block."""
        ...


@dataclass(frozen=True)
class MemoryTape:
    """A tape held in memory: importers of small files, tests, the synthetic market."""

    header: Header
    held: tuple[Block, ...]
    _hash: list[str] = field(default_factory=list, repr=False, compare=False)

    def blocks(self) -> Iterator[Block]:
        """The blocks, in sequence."""
        return iter(self.held)

    def content_hash(self) -> str:
        """SHA-256 of the content, computed once; see `content_hash`."""
        if not self._hash:
            self._hash.append(content_hash(self.held))
        return self._hash[0]

    def __len__(self) -> int:
        return sum(len(b) for b in self.held)


class ContentHash:
    """SHA-256 that does not depend on how the rows are cut into blocks (docs/tape.md, "Hashes").

    Covers each row with `ref` reduced to "has one", and for each table the rows referred to, in row order: a message
    once, at its END row; every other table's row at each row that refers to it.
    """

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._digests = {name: hashlib.sha256() for name in ("rows", *TABLES)}

    def update(self, block: Block) -> None:
        """Take the next rows."""
        rows = block.rows.view(_OPAQUE).copy().view(ROW)  # records of one field are copied at once
        rows["ref"] = np.clip(rows["ref"], -1, 0)
        self._digests["rows"].update(rows.view(np.uint8).data)
        for name in TABLES:
            table = getattr(block, name)
            if not len(table):
                continue
            refs = block.refs(name)
            if name == "blobs":
                for ref in refs:
                    self._digests[name].update(len(table[ref]).to_bytes(4, "little") + table[ref])
            elif len(refs):
                chosen = np.ascontiguousarray(table).view(f"V{table.itemsize}")[refs]
                self._digests[name].update(chosen.view(np.uint8).data)

    def hexdigest(self) -> str:
        """The hash of all rows so far."""
        joined = hashlib.sha256()
        for name in sorted(self._digests):
            joined.update(name.encode() + self._digests[name].digest())
        return joined.hexdigest()


def content_hash(blocks: Iterable[Block]) -> str:
    """The `ContentHash` of all `blocks`."""
    digest = ContentHash()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
