"""Null twins: a tape of bars told anew without what could be foreseen, as tapes that a backtest takes.

Blocks of time are put in random order, the same for all instruments, so that what moved together still does; with
`flip` each bar is also mirrored or not by a coin's toss, the same toss for all instruments at that time. Blocks alone
keep whatever could be foreseen within a block; the toss leaves nothing to foresee in direction at any distance (a wild
resampling: Wu 1986) and keeps volatility and its clusters within a block. Bars travel whole: gap, shape, volume. A
constant in every bar brings each instrument back to its own end, so that holding it earns in every twin what it earned.
Compare single bars in random order: Masters, "Permutation and Randomization Tests for Trading System Development",
2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tickerml.lab.bars import BarTape, Moves, put_together, take_apart
from tickerml.lab.series import Floats, Times, generator
from tickerml.lab.shuffle import Places, shuffled_within, signs
from tickerml.tape.block import Block, concat, cut
from tickerml.tape.errors import InputError
from tickerml.tape.rows import DAY, MAX_TICKS, SECOND, Kind, empty
from tickerml.tape.tables import BAR
from tickerml.tape.tape import Header, MemoryTape, Tape

BLOCK: Final = DAY
_PRICES: Final = ("mark", "index")  # values that follow their instrument's price
_ROWS: Final = 1 << 16  # of one block
_OPAQUE: Final = np.dtype(f"V{BAR.itemsize}")  # records are copied field by field, bytes at once


@dataclass(frozen=True, slots=True)
class _Way:
    """How twins of one source are made."""

    title: str
    seed: int
    block: int  # ns
    flip: bool

    def said(self) -> str:
        """How the bars were shuffled, in words."""
        how = "bars mirrored by a coin's toss" if self.flip else "bars not mirrored"
        return f"blocks of {self.block / SECOND:g} s on average in random order, {how}"


class Twins:
    """All twins of one tape: number k is the same tape whenever it is made. The source's bars are held in memory."""

    def __init__(self, tape: Tape, *, seed: int = 0, block: int = BLOCK, flip: bool = True) -> None:
        """`block` is the mean length of what stays together, ns. Raises InputError as `take_apart`, and `seed`."""
        if seed < 0 or block <= 0:
            raise InputError("seed", f"seed {seed} with blocks of {block} ns: at least 0 and more than 0")
        self._header, self._source = tape.header, take_apart(tape)
        self._way = _Way(tape.header.title, seed, block, flip)

    def twin(self, number: int) -> MemoryTape:
        """Twin `number`, from 0 on. Raises InputError `price-too-far` where a price leaves the range of ticks."""
        source = self._source
        rng = generator(self._way.seed, number)
        bars = max(1, round(self._way.block / source.duration))
        order = shuffled_within(source.edges(), bars, rng)
        toss = signs(len(order), rng) if self._way.flip else np.ones(len(order))
        told = [_retold(moves, order, toss, source) for moves in source.moves]
        blocks = [*source.others, *(_block(source, one) for one in told)]
        return MemoryTape(_header(self._header, self._way, number), _in_order(blocks, told, self._header.names))

    def first(self, count: int) -> Iterator[MemoryTape]:
        """The first `count` twins, each made when it is asked for, so that one is held at a time."""
        return (self.twin(number) for number in range(count))


@dataclass(frozen=True, eq=False, slots=True)
class _Retold:
    """One instrument's bars in a twin."""

    moves: Moves
    slot: Places
    bars: np.typing.NDArray[np.void]
    log_close: Floats
    was: tuple[Times, Floats]  # when bars closed on the source's tape, and at which log price


def _retold(moves: Moves, order: Places, toss: Floats, source: BarTape) -> _Retold:
    at = np.full(len(order), -1, np.int64)
    at[moves.slot] = np.arange(len(moves.slot))
    taken = at[order]
    slot = np.flatnonzero(taken >= 0)
    taken, sign = taken[slot], toss[slot]
    returns = moves.returns[taken] * sign
    returns += (moves.returns.sum() - returns.sum()) / len(returns)
    log_close = moves.start + np.cumsum(returns)
    log_open = log_close - moves.body[taken] * sign
    up, down = moves.up[taken], moves.down[taken]
    high, low = np.where(sign > 0, up, -down), np.where(sign > 0, down, -up)
    bars = np.zeros(len(taken), BAR)
    bars[:] = moves.bars[taken]
    bars["open_time"], bars["corrects"] = source.opens[slot], -1
    if log_close.max() + high.max() > np.log(MAX_TICKS):
        raise InputError("price-too-far", "a twin's price does not fit into ticks", means="no twin was made")
    told = (sign < 0) & (bars["buy_volume"] >= 0)
    bars["buy_volume"][told] = bars["volume"][told] - bars["buy_volume"][told]
    prices = put_together(log_open, log_open + high, log_open + low, log_close)
    for name, ticks in zip(("open", "high", "low", "close"), prices, strict=True):
        bars[name] = ticks
    was = source.opens[moves.slot] + source.duration, moves.start + np.cumsum(moves.returns)
    return _Retold(moves, slot, bars, log_close, was)


def _block(source: BarTape, told: _Retold) -> Block:
    """An instrument's bars as rows."""
    rows = empty(len(told.bars))
    rows["exch"] = source.opens[told.slot] + source.duration
    rows["recv"] = rows["exch"] + told.moves.delay
    rows["inst"], rows["kind"], rows["flags"] = told.moves.inst, Kind.BAR, told.moves.row["flags"][0]
    rows["price"], rows["qty"], rows["ref"] = told.bars["close"], told.bars["volume"], np.arange(len(rows))
    return Block(rows, bars=told.bars)


def _in_order(blocks: list[Block], told: list[_Retold], names: tuple[str, ...]) -> tuple[Block, ...]:
    """All rows by receive time; among equal ones what is no bar comes first, in its order, then bars by instrument.

    The table of bars is in the order of their rows: a piece of the tape needs a piece of it.
    """
    whole = concat(blocks)
    order = np.argsort(whole.rows["recv"], kind="stable")
    rows = whole.rows[order]
    is_bar = rows["kind"] == Kind.BAR
    bars = whole.bars.view(_OPAQUE).take(rows["ref"][is_bar]).view(BAR)
    rows["ref"][is_bar] = np.arange(len(bars))
    values = _repriced(Block(rows, values=whole.values), told, names)
    found = Block(rows, whole.messages, whole.orders, bars, values, whole.blobs)
    return tuple(cut(found, low, min(low + _ROWS, len(rows))) for low in range(0, len(rows), _ROWS))


def _repriced(block: Block, told: list[_Retold], names: tuple[str, ...]) -> np.typing.NDArray[np.void]:
    """Values; mark and index prices moved as far as the twin's price has moved from the source's."""
    values = block.values.copy()
    wanted = [number for number, name in enumerate(names) if name in _PRICES]
    rows = block.rows[block.rows["kind"] == Kind.VALUE]
    rows = rows[np.isin(values["name"][rows["ref"]], wanted)]
    for one in told:
        mine = rows[rows["inst"] == one.moves.inst]
        now = _at(mine["exch"], one.bars["open_time"] + one.bars["duration"], one.log_close, one.moves.start)
        values["value"][mine["ref"]] *= np.exp(now - _at(mine["exch"], *one.was, one.moves.start))
    return values


def _at(time: Times, known: Times, value: Floats, before: float) -> Floats:
    """The latest value known at each time; `before` where there is none yet."""
    return np.concatenate(([before], value))[np.searchsorted(known, time, "right")]


def _header(source: Header, way: _Way, number: int) -> Header:
    said = f"null twin {number} of {way.title}, seed {way.seed}"
    notes = (*source.notes, f"a null twin: {way.said()}; what could be foreseen is gone, holding earns the same")
    return replace(source, title=said, synthetic=said, notes=notes, bar_only=True)
