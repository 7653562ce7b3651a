"""Finding wire messages in a feed that does not mark them: rows of equal stamps and stream are one message."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.rows import Flag, Kind, Rows, empty
from tickerml.tape.tables import MESSAGE

_SNAPSHOT, _DEPTH, _TRADE, _BBO = range(4)


class Messages:
    """Sets END; the last message, which may go on in the next piece, is held back. Sided clears become whole ones."""

    def __init__(self) -> None:
        self._held: Rows = empty(0)
        self.to_depth = 0  # snapshots that named a depth; beyond it the book is forgotten, too
        self.one_sided = 0  # snapshots of one side: a GAP follows, since the other side is lost to us

    def take(self, rows: Rows) -> Rows:
        """Whole messages."""
        rows = np.concatenate([self._held, rows])
        ends = np.flatnonzero(_ends(rows))
        whole = int(ends[-1]) + 1 if len(ends) else 0
        rows["flags"][ends] |= Flag.END
        self._held = rows[whole:]
        return self._cleared(rows[:whole])

    def rest(self) -> Rows:
        """What was held back, ended."""
        self._held["flags"][-1:] |= Flag.END
        return self._cleared(self._held)

    def _cleared(self, rows: Rows) -> Rows:
        """Messages with clears of one side rewritten: one CLEAR first, then all levels."""
        sided = np.flatnonzero((rows["kind"] == Kind.CLEAR) & (rows["side"] != 0))
        if not len(sided):
            return rows
        ends = np.flatnonzero(rows["flags"] & Flag.END)
        numbers = np.unique(np.searchsorted(ends, sided))
        out, at = [], 0
        for number in numbers.tolist():
            start, stop = int(ends[number - 1]) + 1 if number else 0, int(ends[number]) + 1
            out += [rows[at:start], self._whole_clear(rows[start:stop])]
            at = stop
        return np.concatenate([*out, rows[at:]])

    def _whole_clear(self, message: Rows) -> Rows:
        clears, levels = (message[(message["kind"] == Kind.CLEAR) == is_clear] for is_clear in (True, False))
        clear = clears[:1].copy()
        clear["side"], clear["price"], clear["qty"], clear["flags"] = 0, 0, 0, Flag.SNAPSHOT
        out = np.concatenate([clear, levels])
        out["flags"][-1] |= Flag.END
        if len(np.unique(clears["side"])) > 1:
            self.to_depth += 1
            return out
        self.one_sided += 1
        gap = clear.copy()
        gap["kind"], gap["flags"] = Kind.GAP, Flag.END
        return np.concatenate([out, gap])


def _ends(rows: Rows) -> NDArray[np.bool_]:
    """Rows after which another message begins: other stamps, another stream, each trade, the ask of a BBO."""
    stream = np.select(
        [rows["kind"] == Kind.TRADE, rows["kind"] == Kind.BBO, (rows["flags"] & Flag.SNAPSHOT) != 0],
        [_TRADE, _BBO, _SNAPSHOT],
        _DEPTH,
    )
    here, after = rows[:-1], rows[1:]
    ends = np.zeros(len(rows), bool)
    ends[:-1] = (here["recv"] != after["recv"]) | (here["exch"] != after["exch"]) | (stream[:-1] != stream[1:])
    ends[:-1] |= (after["kind"] == Kind.CLEAR) & (after["side"] == 0)
    ends[:-1] |= (stream[:-1] == _BBO) & (here["side"] == -1)
    return ends | (stream == _TRADE)


def framed(rows: Rows) -> Block:
    """The rows with references into a table of messages without ids."""
    mine = np.isin(rows["kind"], (Kind.DEPTH, Kind.BBO, Kind.CLEAR))
    ended = (rows["flags"] & Flag.END) != 0
    used, rows["ref"][mine] = np.unique((np.cumsum(ended) - ended)[mine], return_inverse=True)
    return Block(rows, np.zeros(len(used), MESSAGE))
