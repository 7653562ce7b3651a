"""Made rows as facts that can be compared one by one, however they were cut into blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tickerml.tape.block import TABLE_OF, Block, cut
from tickerml.tape.errors import RunError
from tickerml.tape.rows import Flag, Kind

_PIECE = 4096  # rows of one journal record: at most 1 MiB with their tables


def facts(block: Block) -> Iterator[bytes]:
    """Each row with its `ref` masked, followed by the bytes of the table row or blob that it refers to."""
    rows = block.rows.copy()
    refs = rows["ref"].tolist()
    rows["ref"] = -1
    kinds = rows["kind"].tolist()
    for n, (kind, ref) in enumerate(zip(kinds, refs, strict=True)):
        table = TABLE_OF.get(kind)
        if ref < 0 or table is None:
            yield rows[n].tobytes()
        elif table == "blobs":
            yield rows[n].tobytes() + block.blobs[ref]
        else:
            yield rows[n].tobytes() + getattr(block, table)[ref].tobytes()


def bounded(block: Block) -> Iterator[Block]:
    """The block in pieces of whole messages that fit a journal record."""
    if len(block) <= _PIECE and sum(map(len, block.blobs)) < 400_000:
        yield block
        return
    step = _PIECE if sum(map(len, block.blobs)) < 400_000 else max(1, _PIECE // 32)
    ends = np.flatnonzero(block.rows["flags"] & Flag.END) + 1
    start = 0
    while start < len(block):
        within = ends[(ends > start) & (ends <= start + step)]
        stop = int(within[-1]) if len(within) else min(start + step, len(block))
        yield cut(block, start, stop)
        start = stop


class Pending:
    """What a broken run had written: recomputed rows must equal it before anything new is written."""

    def __init__(self, known: Iterable[Block], advice: str = "") -> None:
        """`known` in sequence, from its first row (or from where a snapshot goes on); `advice`: what to try."""
        self._advice = advice
        self._known = (fact for block in known for fact in facts(block))
        self._next = next(self._known, None)

    @property
    def left(self) -> bool:
        """Whether some of it was not computed again yet."""
        return self._next is not None

    def match(self, block: Block) -> Block | None:
        """The part of `block` that is new; None when all of it was known. RunError `run-differs`."""
        if not self.left:
            return block
        for n, fact in enumerate(facts(block)):
            if self._next is None:
                return cut(block, n, len(block))
            if self._next != fact:
                kind = Kind(int(block.rows["kind"][n])).name
                raise RunError(
                    "run-differs",
                    f"the run goes on with another {kind} row than its journal holds",
                    means="nothing was written; the rows of its source or some code have changed since it was started",
                    try_=self._advice,
                )
            self._next = next(self._known, None)
        return None
