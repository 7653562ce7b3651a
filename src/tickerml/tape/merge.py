"""Merging tapes: a new observer, whose order is (receive time, source rank, source sequence).

Within a source the sequence stays as it is: where its receive times run backwards, a message counts as received when
the latest before it was. Messages stay whole. Memory holds one block of each source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import TABLES, Block, concat
from tickerml.tape.build import cut
from tickerml.tape.problems import Problems
from tickerml.tape.renumber import Union
from tickerml.tape.rows import FOREVER, Flag
from tickerml.tape.tape import Header, Tape, content_hash

_FILL: Final = 1 << 13  # rows that a source holds at least, so that tiny blocks do not make tiny steps
_STEP: Final = 1 << 18  # rows of all sources in one step, about, so that huge blocks do not make huge steps


class MergedTape:
    """Several tapes as one; rank = place in `tapes`. Equal instruments become one, names are joined."""

    def __init__(
        self,
        tapes: Sequence[Tape],
        title: str | None = None,
        notes: tuple[str, ...] = (),
        problems: Problems | None = None,
    ) -> None:
        """`problems`: those of files that gave no tape."""
        self._tapes = tuple(tapes)
        self._title, self._notes, self._problems = title, notes, problems or Problems()

    @property
    def problems(self) -> Problems:
        """Those of all sources, with their first places."""
        found = Problems()
        found.merge(self._problems)
        for tape in self._tapes:
            found.merge(getattr(tape, "problems", Problems()))
        return found

    @property
    def header(self) -> Header:
        """What is true of any source is said of the whole."""
        union = Union()
        headers = [t.header for t in self._tapes]
        for header in headers:
            union.adopt(header)
        problems = self._problems.counts
        for reason, n in (pair for h in headers for pair in h.problems):
            problems[reason] = problems.get(reason, 0) + n
        return Header(
            title=self._title or " + ".join(dict.fromkeys(h.title for h in headers)),
            instruments=union.instruments,
            names=union.names,
            synthetic="; ".join(dict.fromkeys(h.synthetic for h in headers if h.synthetic)),
            assumed_clock=any(h.assumed_clock for h in headers),
            bar_only=all(h.bar_only for h in headers),
            notes=tuple(dict.fromkeys([*self._notes, *(note for h in headers for note in h.notes)])),
            problems=tuple(sorted(problems.items())),
        )

    def blocks(self) -> Iterator[Block]:
        """The merged sequence."""
        union = Union()
        for tape in self._tapes:  # all first, so that ids do not depend on who is read first
            union.adopt(tape.header)
        return merge_blocks([_renumbered(tape, union) for tape in self._tapes])

    def content_hash(self) -> str:
        """SHA-256 of the merged content, computed by a pass."""
        return content_hash(self.blocks())


def merge(tapes: Sequence[Tape], title: str | None = None) -> Tape:
    """One tape of several; a single one is returned as it is."""
    return tapes[0] if len(tapes) == 1 and title is None else MergedTape(tapes, title)


def _renumbered(tape: Tape, union: Union) -> Iterator[Block]:
    for block in tape.blocks():
        yield union.adopt(tape.header).apply(block)


def merge_blocks(sources: Sequence[Iterable[Block]]) -> Iterator[Block]:
    """Merge block sequences that share instrument ids and names."""
    piece = max(_FILL, _STEP // max(1, len(sources)))
    open_sources = [_Source(iter(s), piece) for s in sources]
    while True:
        for source in open_sources:
            source.fill()
        alive = [(source.last, rank) for rank, source in enumerate(open_sources) if not source.ended]
        horizon, at_rank = min(alive, default=(FOREVER, len(open_sources)))
        taken = [s.take(horizon, inclusive=rank <= at_rank) for rank, s in enumerate(open_sources)]
        block = _interleave([t for t in taken if len(t[0])])
        if len(block):
            yield block
        elif not alive:
            return


def _interleave(taken: list[tuple[Block, NDArray[np.int64]]]) -> Block:
    """Rows of all by (time, place in the list, sequence)."""
    joined = concat([block for block, _ in taken])
    if len(taken) < 2:
        return joined
    order = np.argsort(np.concatenate([times for _, times in taken]), kind="stable")
    tables = {name: getattr(joined, name) for name in TABLES}
    return Block(joined.rows[order], **tables)


class _Source:
    """A block sequence with the rows that were read from it and not yet handed out."""

    def __init__(self, blocks: Iterator[Block], piece: int) -> None:
        self._blocks = _pieces(blocks, piece)
        self._held: list[Block] = []
        self._times: list[NDArray[np.int64]] = []
        self._floor = -FOREVER
        self.ended = False

    @property
    def last(self) -> int:
        """Time of the last row held: everything before it is here."""
        return int(self._times[-1][-1]) if self._times else self._floor

    def fill(self) -> None:
        """Read until enough rows are held."""
        while not self.ended and sum(map(len, self._times)) < _FILL:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
            elif len(block):
                times = message_times(block, self._floor)
                self._floor = int(times[-1])
                self._held.append(block)
                self._times.append(times)

    def take(self, horizon: int, *, inclusive: bool) -> tuple[Block, NDArray[np.int64]]:
        """Rows up to `horizon`; those at it only if `inclusive`."""
        if not self._held:
            return concat([]), np.zeros(0, np.int64)
        times = np.concatenate(self._times)
        block = self._held[0] if len(self._held) == 1 else concat(self._held)
        n = int(np.searchsorted(times, horizon, "right" if inclusive else "left"))
        self._held, self._times = ([], []) if n == len(times) else ([cut(block, n, len(times))], [times[n:]])
        return (block if n == len(times) else cut(block, 0, n)), times[:n]


def _pieces(blocks: Iterator[Block], size: int) -> Iterator[Block]:
    """The same sequence in blocks of at most `size` rows or one message."""
    for block in blocks:
        at = 0
        ends = np.flatnonzero(block.rows["flags"] & Flag.END) + 1
        while len(block) - at > size:
            fits = int(np.searchsorted(ends, at + size, "right"))
            first = int(np.searchsorted(ends, at, "right"))
            stop = int(ends[max(fits - 1, first)]) if first < len(ends) else len(block)
            yield cut(block, at, stop)
            at = stop
        if at == 0:
            yield block
        elif at < len(block):
            yield cut(block, at, len(block))


def message_times(block: Block, floor: int = 0) -> NDArray[np.int64]:
    """For each row, when its message is taken to be received: its first row's time, never before an earlier one's."""
    rows = block.rows
    ends = (rows["flags"] & Flag.END) != 0
    number = np.cumsum(ends) - ends
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    times = np.maximum.accumulate(np.maximum(rows["recv"][starts], floor))
    return np.asarray(times[number - number[0]], np.int64) if len(rows) else np.zeros(0, np.int64)
