"""The bars of a tape as moves: what travels when time is told in another order, and how moves become bars again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.series import Floats, Times
from tickerml.lab.shuffle import Places
from tickerml.tape.block import Block, cut
from tickerml.tape.errors import InputError
from tickerml.tape.rows import Kind, Rows, empty
from tickerml.tape.tables import BAR
from tickerml.tape.tape import Tape

_BOOK = (Kind.DEPTH, Kind.BBO, Kind.CLEAR, Kind.TRADE)


@dataclass(frozen=True, eq=False, slots=True)
class Moves:
    """The bars of one instrument in order of time; moves are logarithms, one entry each per array.

    `gap` is the open over the close before (0 for the first bar); `up` (>= 0), `down` (<= 0) and `body` are high, low
    and close over the open.
    """

    inst: int
    start: float  # log of the first open in ticks
    slot: Places  # of each bar on the common time grid
    gap: Floats
    up: Floats
    down: Floats
    body: Floats
    bars: NDArray[np.void]  # BAR, as on the tape
    row: Rows  # one row (1,): flags and how long after its close a bar is known

    @property
    def returns(self) -> Floats:
        """Log return of each bar: close over the close before."""
        return self.gap + self.body

    @property
    def delay(self) -> int:
        """How long, in ns, from a bar's close until it is known."""
        return int(self.row["recv"][0] - self.row["exch"][0])


@dataclass(frozen=True, eq=False, slots=True)
class BarTape:
    """A tape of bars taken apart."""

    opens: Times  # ns: the time grid, open time of every bar of any instrument
    duration: int  # ns, of every bar
    moves: tuple[Moves, ...]  # by instrument id
    others: tuple[Block, ...]  # all rows that are no bars, as they came

    def edges(self) -> list[int]:
        """Slots at which an instrument's first bar comes, or its last has gone: bars do not move across them."""
        ends = {int(m.slot[0]) for m in self.moves} | {int(m.slot[-1]) + 1 for m in self.moves}
        return sorted(ends | {0, len(self.opens)})


def take_apart(tape: Tape) -> BarTape:
    """Read all bars of `tape` into memory. A bar that restates another replaces it.

    Raises InputError `twin-bars` where the tape has none, has bars of several lengths, or has an order book or trades,
    which bars told in another order would contradict.
    """
    rows, bars, others = [], [], []
    for block in tape.blocks():
        kinds = block.rows["kind"]
        if np.isin(kinds, _BOOK).any():
            raise _unfit(tape, "has an order book or trades")
        is_bar = kinds == Kind.BAR
        rows.append(block.rows[is_bar])
        bars.append(block.bars[block.rows["ref"][is_bar]])
        others += [cut(block, low, high) for low, high in _runs(~is_bar)]
    if not sum(map(len, rows)):
        raise _unfit(tape, "has no bars")
    every, table = np.concatenate(rows), np.concatenate(bars, dtype=BAR)
    durations = np.unique(table["duration"])
    if len(durations) > 1:
        raise _unfit(tape, f"has bars of {len(durations)} lengths")
    opens = np.unique(table["open_time"])
    moves = tuple(_moves(inst, every, table, opens) for inst in np.unique(every["inst"]).tolist())
    return BarTape(opens, int(durations[0]), moves, tuple(others))


def _moves(inst: int, rows: Rows, table: NDArray[np.void], opens: Times) -> Moves:
    mine = np.flatnonzero(rows["inst"] == inst)
    _, latest = np.unique(table["open_time"][mine][::-1], return_index=True)
    mine = mine[::-1][latest]
    bars = table[mine]
    start, high, low, close = (np.log(bars[name].astype(np.float64)) for name in ("open", "high", "low", "close"))
    gap = np.concatenate(([0.0], start[1:] - close[:-1]))
    slot = np.searchsorted(opens, bars["open_time"])
    row = empty(1)
    row[0] = rows[mine[0]]
    return Moves(inst, float(start[0]), slot, gap, high - start, low - start, close - start, bars, row)


def put_together(log_open: Floats, log_high: Floats, log_low: Floats, log_close: Floats) -> tuple[Times, ...]:
    """Open, high, low and close in whole ticks, at least 1, with low <= open, close <= high."""
    opened, high, low, closed = (
        np.maximum(np.rint(np.exp(log)), 1.0).astype(np.int64) for log in (log_open, log_high, log_low, log_close)
    )
    return opened, np.maximum(high, np.maximum(opened, closed)), np.minimum(low, np.minimum(opened, closed)), closed


def _runs(chosen: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """Where `chosen` is True without a break: [low, high)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], chosen.astype(np.int8), [0]))))
    return [(int(low), int(high)) for low, high in zip(edges[::2], edges[1::2], strict=True)]


def _unfit(tape: Tape, why: str) -> InputError:
    return InputError(
        "twin-bars",
        f"{tape.header.title} {why}; null twins are made of tapes that hold bars of one length and nothing else",
        means="no twin was made; the run is as it was",
        try_="tickerml explain twin-bars",
    )
