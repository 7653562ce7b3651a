"""Rows that one tape has and another has not: counted exactly, and named by coin and span of time.

Two recorders of one market never agree on receive times, and may agree on all else: rows are compared by what they say
(instrument, kind, side, exchange time, price, size, a bar's prices, a value), as multisets. First both tapes are summed
up by coin and minute (longer where a tape is long, so that memory stays small); only where the sums differ are the rows
themselves looked at. A row's hash is 64 bits wide (splitmix64): that two different rows share one is not to be met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MINUTE, Kind
from tickerml.tape.tape import Header

CELLS: Final = 20_000  # spans of time that a tape is divided into at most
_FACTS: Final = (Kind.DEPTH, Kind.TRADE, Kind.BBO, Kind.BAR, Kind.VALUE, Kind.CLEAR, Kind.GAP, Kind.STATUS)
_COMPARED: Final = np.isin(np.arange(128), [int(kind) for kind in _FACTS])
_BARS: Final = ("open_time", "open", "high", "low", "volume")
_SHIFT: Final = 40  # bits of a cell's number within its coin

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which the tapes hold different rows of a coin. Times in ns UTC: of the first and the last such row."""

    symbol: str
    start: int
    end: int
    only_a: int  # rows
    only_b: int


@dataclass(frozen=True, slots=True)
class Apart:
    """What two tapes differ in."""

    rows_a: int  # rows that were compared
    rows_b: int
    gaps: tuple[Gap, ...] = ()  # by start, then coin
    other_times: bool = False  # rows that both have were received at different times

    @property
    def same(self) -> bool:
        """Whether both hold the same rows, whenever they were received."""
        return not self.gaps

    def only(self) -> tuple[int, int]:
        """Rows that only the first has, and only the second."""
        return sum(g.only_a for g in self.gaps), sum(g.only_b for g in self.gaps)


Side = tuple[Header, Callable[[], Iterable[Block]]]


def apart(a: Side, b: Side, span: int = 0) -> Apart:
    """What tapes a and b differ in; of each its header and what gives its blocks, which is called twice at most.

    `span`: ns that they cover, as far as it is known.
    """
    coding = _Coding(a[0], b[0])
    step = max(MINUTE, span // CELLS)
    sums = [_Sums() for _ in range(2)]
    for one, side in zip(sums, (a, b), strict=True):
        for rows in coding.rows(side, step):
            one.add(rows)
    first, second = (one.table() for one in sums)
    differing = _differing(first, second)
    found = [coding.only(side, step, differing) for side in (a, b)] if len(differing) else [_NOTHING, _NOTHING]
    counted = int(first.counts.sum()), int(second.counts.sum())
    times = first.received != second.received if not len(differing) else False
    return Apart(*counted, tuple(_gaps(coding.symbols, *_left(*found))), times)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one block, as arrays: cell, hash of what is said, hash with the receive time, first and last moment."""

    cell: Ints
    told: Hashes
    received: Hashes
    start: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class _Table:
    """Sums by cell, cells ascending; `received` over all rows."""

    cells: Ints
    sums: Hashes
    counts: Ints
    received: int


_NOTHING: Final = _Rows(*(np.zeros(0, t) for t in ("i8", "u8", "u8", "i8", "i8")))


class _Sums:
    """Rows summed by cell: sums of hashes do not depend on the order of rows, nor on how blocks are cut."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Hashes, Ints]] = []
        self._received = 0

    def add(self, rows: _Rows) -> None:
        """The rows of one more block."""
        self._parts.append(_summed(rows.cell, rows.told, np.ones(len(rows.cell), np.int64)))
        self._received = (self._received + int(rows.received.sum(dtype=np.uint64))) % (1 << 64)
        if len(self._parts) > 64:
            self._parts = [self._joined()]

    def table(self) -> _Table:
        """All of them."""
        return _Table(*self._joined(), self._received)

    def _joined(self) -> tuple[Ints, Hashes, Ints]:
        if not self._parts:
            return _NOTHING.cell, _NOTHING.told, _NOTHING.start
        cells, sums, counts = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        return _summed(cells, sums, counts)


def _summed(cells: Ints, sums: Hashes, counts: Ints) -> tuple[Ints, Hashes, Ints]:
    known, place = np.unique(cells, return_inverse=True)
    summed, counted = np.zeros(len(known), np.uint64), np.zeros(len(known), np.int64)
    np.add.at(summed, place, sums)
    np.add.at(counted, place, counts)
    return known, summed, counted


class _Coding:
    """Rows of two tapes as numbers that mean the same in both: coins by symbol, prices and sizes in common units."""

    def __init__(self, a: Header, b: Header) -> None:
        both = [i for header in (a, b) for i in header.instruments]
        self.symbols = list(dict.fromkeys(i.symbol for i in both))
        self._ticks = {s: _unit(i.tick for i in both if i.symbol == s) for s in self.symbols}
        self._lots = {s: _unit(i.lot for i in both if i.symbol == s) for s in self.symbols}
        self._names = list(dict.fromkeys((*a.names, *b.names)))

    def rows(self, side: Side, step: int) -> Iterator[_Rows]:
        """The rows of one tape, block by block."""
        header, blocks = side
        coin, tick, lot = self._columns(header.instruments)
        names = np.array([self._names.index(n) for n in header.names] or [0], np.int64)
        for block in blocks():
            chosen = block.rows[_COMPARED.take(block.rows["kind"])]
            if len(chosen):
                yield _coded(chosen, block, (coin, tick, lot, names), step)

    def only(self, side: Side, step: int, cells: Ints) -> _Rows:
        """The rows of one tape that lie in some cells."""
        parts = []
        for rows in self.rows(side, step):
            at = np.flatnonzero(np.isin(rows.cell, cells))
            parts.append(tuple(getattr(rows, name)[at] for name in _Rows.__slots__))
        return _Rows(*(np.concatenate(column) for column in zip(*parts, strict=True))) if parts else _NOTHING

    def _columns(self, instruments: Sequence[Instrument]) -> tuple[Ints, Ints, Ints]:
        """By instrument id: number of its coin, and what its tick and lot are in common units."""
        last = max((i.id for i in instruments), default=0)
        found = np.zeros((3, last + 1), np.int64)
        for i in instruments:
            told = (
                self.symbols.index(i.symbol),
                _times(i.tick, self._ticks[i.symbol]),
                _times(i.lot, self._lots[i.symbol]),
            )
            found[:, i.id] = told
        return found[0], found[1], found[2]


def _coded(rows: NDArray[np.void], block: Block, units: tuple[Ints, Ints, Ints, Ints], step: int) -> _Rows:
    coins, ticks, lots, names = units
    inst, kind = rows["inst"].astype(np.int64), rows["kind"].astype(np.int64)
    time = np.where(rows["exch"] != 0, rows["exch"], rows["recv"])
    start = time.copy()
    tick, lot = ticks[inst], lots[inst]
    told = _mixed(_whole(kind) * np.uint64(251) + _whole(rows["side"].astype(np.int64)), _whole(coins[inst]))
    for column in (rows["exch"], rows["price"] * tick, rows["qty"] * lot):
        told = _mixed(told, _whole(column))
    bar = np.flatnonzero((kind == Kind.BAR) & (rows["ref"] >= 0))
    if len(bar):
        bars = block.bars[rows["ref"][bar]]
        start[bar] = bars["open_time"]
        for name in _BARS:
            scale = lot[bar] if name == "volume" else 1 if name == "open_time" else tick[bar]
            told[bar] = _mixed(told[bar], _whole(bars[name] * scale))
    value = np.flatnonzero((kind == Kind.VALUE) & (rows["ref"] >= 0))
    if len(value):
        values = block.values[rows["ref"][value]]
        told[value] = _mixed(told[value], _whole(names[values["name"]]))
        told[value] = _mixed(told[value], np.ascontiguousarray(values["value"]).view(np.uint64))
    received = _mixed(told, _whole(rows["recv"]))
    return _Rows((coins[inst] << _SHIFT) + time // step, told, received, start, time)


def _whole(column: NDArray[np.int64]) -> Hashes:
    return np.ascontiguousarray(column, np.int64).view(np.uint64)


def _mixed(a: Hashes, b: Hashes) -> Hashes:
    """One number of two: splitmix64 of their sum with a turn (Steele, Lea, Flood 2014)."""
    x = (a ^ (a >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + b
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = x ^ (x >> np.uint64(31))
    return mixed


def _unit(sizes: Iterable[object]) -> Fraction:
    """The largest unit that all sizes are whole multiples of."""
    found = Fraction(0)
    for size in sizes:
        one = Fraction(str(size))
        over = found.denominator * one.denominator
        found = Fraction(gcd(found.numerator * one.denominator, one.numerator * found.denominator), over)
    return found or Fraction(1)


def _times(size: object, unit: Fraction) -> int:
    return int(Fraction(str(size)) / unit)


def _differing(a: _Table, b: _Table) -> Ints:
    """Cells that do not hold the same rows in both."""
    cells = np.union1d(a.cells, b.cells)
    told = []
    for one in (a, b):
        sums, counts = np.zeros(len(cells), np.uint64), np.zeros(len(cells), np.int64)
        at = np.searchsorted(cells, one.cells)
        sums[at], counts[at] = one.sums, one.counts
        told.append((sums, counts))
    return cells[(told[0][0] != told[1][0]) | (told[0][1] != told[1][1])]


def _left(a: _Rows, b: _Rows) -> tuple[_Rows, _Rows]:
    """The rows of each that the other has not; of equal rows, as many as the other lacks."""
    return _without(a, b), _without(b, a)


def _without(rows: _Rows, others: _Rows) -> _Rows:
    order = np.argsort(rows.told, kind="stable")
    told = rows.told[order]
    nth = np.arange(len(told)) - np.searchsorted(told, told, "left")  # 0, 1, ... among equal ones
    known = np.sort(others.told)
    there = np.searchsorted(known, told, "right") - np.searchsorted(known, told, "left")
    left = np.sort(order[nth >= there])
    return _Rows(*(getattr(rows, name)[left] for name in _Rows.__slots__))


def _gaps(symbols: Sequence[str], a: _Rows, b: _Rows) -> list[Gap]:
    """Cells next to each other as one span."""
    cells = np.concatenate((a.cell, b.cell))
    starts, ends = np.concatenate((a.start, b.start)), np.concatenate((a.end, b.end))
    mine = np.concatenate((np.ones(len(a.cell), bool), np.zeros(len(b.cell), bool)))
    order = np.argsort(cells, kind="stable")
    cells, starts, ends, mine = cells[order], starts[order], ends[order], mine[order]
    edges = np.flatnonzero(np.diff(cells, prepend=-2) > 1)
    found = []
    for first, last in zip(edges.tolist(), [*edges.tolist()[1:], len(cells)][: len(edges)], strict=True):
        only_a = int(mine[first:last].sum())
        symbol, span = (
            symbols[int(cells[first]) >> _SHIFT],
            (int(starts[first:last].min()), int(ends[first:last].max())),
        )
        found.append(Gap(symbol, *span, only_a, last - first - only_a))
    return sorted(found, key=lambda g: (g.start, g.symbol))


def by_coin(gaps: Iterable[Gap]) -> Mapping[str, tuple[int, int, int]]:
    """Of each coin: spans, rows that only the first tape has, rows that only the second has."""
    found: dict[str, tuple[int, int, int]] = {}
    for gap in gaps:
        n, a, b = found.get(gap.symbol, (0, 0, 0))
        found[gap.symbol] = n + 1, a + gap.only_a, b + gap.only_b
    return found
