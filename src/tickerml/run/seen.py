"""What is learned of a source while its rows pass: its hash, its span, and the counts that say how healthy it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.rows import MINUTE, Kind
from tickerml.tape.tape import ContentHash

LEAST_BREAK: Final = 5 * MINUTE  # ns without any row, from which on a chart's line is broken
MOST_BREAKS: Final = 1000
_PRICED: Final = np.isin(np.arange(128), (Kind.DEPTH, Kind.TRADE, Kind.BBO, Kind.BAR))
_STREAMS: Final = {0: "all streams", int(Kind.DEPTH): "depth", int(Kind.TRADE): "trades", int(Kind.BBO): "best prices"}


class Seen:
    """Blocks go through `blocks`; `counts` is what the manifest keeps of them."""

    def __init__(self, traded: Iterable[int]) -> None:
        """Nothing has passed yet. The span is that of the `traded` instruments; others only help to decide."""
        ids = sorted(traded)
        self._mine = np.zeros(max(ids, default=-1) + 2, np.bool_)  # by instrument id; the last is all others
        self._mine[ids] = True
        self.newest = np.zeros(len(self._mine), np.int64)  # when each was last received, ns, of the rows that passed
        self.rows = self.resyncs = self.lost = 0
        self.start = self.end = 0
        self.digest = ContentHash()
        self._clocks: dict[str, int] = {}
        self._breaks: list[tuple[int, int]] = []
        self._snapshots: set[int] = set()  # instruments that had a first book
        self._spacing = self._last = 0

    def blocks(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Pass the blocks on."""
        for block in blocks:
            self.digest.update(block)
            if len(block):
                self._look(block)
            yield block

    def _look(self, block: Block) -> None:
        rows = block.rows
        self.rows += len(rows)
        kinds, times = np.ascontiguousarray(rows["kind"]), np.ascontiguousarray(rows["recv"])
        for inst in rows["inst"][kinds == Kind.CLEAR].tolist():
            self.resyncs += inst in self._snapshots
            self._snapshots.add(inst)
        self.lost += int(np.maximum(rows["qty"][kinds == Kind.GAP], 0).sum())
        for clock in rows[kinds == Kind.CLOCK]:
            self._clocks[_STREAMS.get(int(clock["side"]), str(int(clock["side"])))] = int(clock["qty"])
        others = len(self._mine) - 1
        self.newest[np.minimum(rows["inst"], others)] = times  # of several rows the last
        mine = times[_PRICED.take(kinds) & self._mine.take(np.minimum(rows["inst"], others))]
        if len(mine):
            self.start, self.end = self.start or int(mine[0]), int(mine[-1])
        steps = np.diff(times, prepend=self._last or times[0])
        self._spacing = self._spacing or (int(np.median(steps[steps > 0])) if (steps > 0).any() else 0)
        for at in np.flatnonzero(steps > max(LEAST_BREAK, 3 * self._spacing))[:MOST_BREAKS].tolist():
            self._breaks.append((int(times[at] - steps[at]), int(times[at])))
        del self._breaks[MOST_BREAKS:]
        self._last = int(times[-1])

    def counts(self) -> dict[str, Any]:
        """Rows, span in ns, hash, resyncs behind the first book, updates lost, clocks and breaks."""
        return {
            "rows": self.rows,
            "start": self.start,
            "end": self.end,
            "content_hash": self.digest.hexdigest(),
            "resyncs": self.resyncs,
            "lost": self.lost,
            "clocks": dict(sorted(self._clocks.items())),
            "breaks": [list(one) for one in self._breaks],
        }
