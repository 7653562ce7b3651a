"""Rows that a run makes, in sequence: from the compiled loop and from Python, hashed as they pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tickerml.engine.made import Made
from tickerml.tape.block import Block, concat, cut
from tickerml.tape.rows import Flag, Kind, Rows

HELD: Final = 4096  # rows that may wait in memory
DECISIONS: Final = (int(Kind.INTENT), int(Kind.PASS))
_PASS: Final = int(Kind.PASS)


def _plain(figure: object) -> object:
    """Numbers read off a strategy's own records are numpy's."""
    if isinstance(figure, np.generic):
        return figure.item()
    raise NotImplementedError(f"a figure is of the type {type(figure).__name__}")


_ENCODER: Final = msgspec.json.Encoder(order="sorted", enc_hook=_plain)
_END: Final = int(Flag.END)


def decided(rows: Rows) -> int:
    """How many decisions these INTENT and PASS rows tell of: a row of a pass may tell of many, its quantity."""
    ends = (rows["flags"] & _END) != 0
    return int(np.where(rows["kind"] == _PASS, np.maximum(rows["qty"], 1), 1)[ends].sum())


def canonical(figures: dict[str, Any]) -> bytes:
    """Canonical JSON of a made row's blob: sorted keys, decimals as strings, NaN and infinity as null."""
    return _ENCODER.encode({k: format(v, "f") if isinstance(v, Decimal) else v for k, v in figures.items()})


class ChainHash:
    """SHA-256 of a byte stream, chained over pieces of 64 KiB so that its state can be saved: h = SHA(h + piece)."""

    PIECE: Final = 1 << 16

    def __init__(self, head: bytes = b"", rest: bytes = b"") -> None:
        """`head` and `rest` are what `state` gave."""
        self._head, self._rest = head, bytearray(rest)

    def update(self, data: bytes) -> None:
        """Append bytes."""
        self._rest += data
        while len(self._rest) >= self.PIECE:
            self._head = hashlib.sha256(self._head + bytes(self._rest[: self.PIECE])).digest()
            del self._rest[: self.PIECE]

    def digest(self) -> bytes:
        """SHA-256 of the last head and what followed it."""
        return hashlib.sha256(self._head + bytes(self._rest)).digest()

    @property
    def state(self) -> tuple[bytes, bytes]:
        """What a new ChainHash needs to go on from here."""
        return self._head, bytes(self._rest)


class Outbox:
    """Collects made rows and hands them to `sink` as blocks. Sequences count from `first`, one a row."""

    def __init__(
        self, sink: Callable[[Block], None], first: int = 0, held: int = HELD, made: Made | None = None
    ) -> None:
        """`sink` gets each block once, in order; at most `held` rows wait for it, 0 = those of one act of the desk.

        `made`: where the compiled loop makes its rows; what is added stands behind them.
        """
        self.sink, self.held = sink, held
        self.decisions = 0
        self.counts: dict[int, int] = {}  # rows by kind
        self._made = Made() if made is None else made
        self._first = first  # sequence of the first row in the buffer
        self._parts: list[Block] = []  # rows that wait, before those in the buffer
        self._waiting = 0  # how many
        self._blobs: list[bytes] = []  # of the rows in the buffer
        self._known: dict[bytes, int] = {}
        self._hashes = {name: ChainHash() for name in ("rows", "blobs")}
        self._act = -1  # sequence of the first row of the act that goes on; -1 = none does
        self._failed = False  # the sink did not take what it was given: nothing may follow

    @property
    def next(self) -> int:
        """Sequence of the next row."""
        return self._first + len(self._made)

    def add(self, time: int, inst: int, kind: int, blob: bytes, *, side: int = 0, price: int = 0, qty: int = 0) -> int:
        """Append one row with a blob; returns its sequence. Equal blobs of one block are kept once."""
        if self._made.full:
            self.draw()
        ref = self._known.get(blob)
        if ref is None:
            ref = self._known[blob] = len(self._blobs)
            self._blobs.append(blob)
        self._made.add(time, inst, kind, side, price, qty, ref)
        self._flush_full()
        return self.next - 1

    def draw(self) -> None:
        """Empty the buffer; what was in it waits, or is handed over where as much waits as may."""
        self._take()
        self._flush_full()

    def begin_act(self, behind: int = 0) -> None:
        """The desk acts: from here on, or from `behind` rows before, rows are kept whole."""
        self._act = self.next - behind

    def end_act(self) -> None:
        """The desk has acted: in paper what it decided is handed over now, before the next row is looked at."""
        self._act = -1
        self._flush_full()

    def break_off(self) -> None:
        """The run ends with a fault: hand over all that waits but what the act has made that the fault came in."""
        if not self._failed:
            half = self.next - self._act if self._act >= 0 else 0
            self._act = -1
            self._take()
            self._hand_over(self._waiting - half)

    def _flush_full(self) -> None:
        """Hand over where as much waits as may; never half of an act."""
        if self._act < 0 and self._waiting + len(self._made) >= self.held:
            self.flush()

    def flush(self) -> None:
        """Hand over what was collected, as one block."""
        self._take()
        self._hand_over(self._waiting)

    def _take(self) -> None:
        """What is in the buffer waits outside."""
        block = self._made.take(tuple(self._blobs))
        self._blobs, self._known = [], {}
        if len(block):
            self._first += len(block)
            self._waiting += len(block)
            self._parts.append(block)

    def _hand_over(self, rows: int) -> None:
        """Hand over the first `rows` of those that wait; the others, of an act that broke off, are none."""
        if self._waiting:
            block = self._parts[0] if len(self._parts) == 1 else concat(self._parts)
            self._parts, self._waiting = [], 0
            self._pass_on(block if rows == len(block) else cut(block, 0, rows))

    def _pass_on(self, block: Block) -> None:
        kinds = np.ascontiguousarray(block.rows["kind"])
        for kind, count in enumerate(np.bincount(kinds).tolist()):
            if count:
                self.counts[kind] = self.counts.get(kind, 0) + count
        self._hash(block, np.flatnonzero((kinds == DECISIONS[0]) | (kinds == DECISIONS[1])))
        self._failed = True
        self.sink(block)
        self._failed = False

    def _hash(self, block: Block, chosen: NDArray[np.intp]) -> None:
        if not len(chosen):
            return
        rows: Rows = block.rows.take(chosen)
        refs = rows["ref"].copy()
        rows["ref"] = np.where(refs >= 0, 0, -1)
        self._hashes["rows"].update(rows.tobytes())
        for ref in refs[refs >= 0].tolist():
            self._hashes["blobs"].update(len(block.blobs[ref]).to_bytes(4, "little") + block.blobs[ref])
        self.decisions += decided(rows)

    def decision_hash(self) -> str:
        """SHA-256 over all decisions so far: INTENT and PASS rows with `ref` masked, and their blobs."""
        joined = hashlib.sha256()
        for name in ("rows", "blobs"):
            joined.update(self._hashes[name].digest())
        return joined.hexdigest()

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as plain values; everything collected has been handed over."""
        self.flush()
        chains = {name: [part.hex() for part in chain.state] for name, chain in self._hashes.items()}
        counts = {str(kind): count for kind, count in self.counts.items()}
        return {"next": self.next, "decisions": self.decisions, "counts": counts, "hashes": chains}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self._first, self.decisions = state["next"], state["decisions"]
        self.counts = {int(kind): count for kind, count in state["counts"].items()}
        self._hashes = {
            name: ChainHash(*(bytes.fromhex(part) for part in parts)) for name, parts in state["hashes"].items()
        }
