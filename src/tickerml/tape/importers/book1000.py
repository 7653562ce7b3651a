"""Recordings of whole books (some hundred levels a side, some ten a second), with the trades of the same recorder.

The first book and each one after a reconnect becomes a snapshot; every other becomes one DEPTH message of the levels
that changed. A level that has left the recorded depth is gone on the tape too: the book is what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.build import Builder
from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers.checks import DEAREST, LARGEST, Judge, no_number
from tickerml.tape.importers.frames import first_rows, pick, pieces, times_ns
from tickerml.tape.importers.naming import instrument_of, scaled, told_by
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.scale import Scale, to_steps
from tickerml.tape.importers.source import SourceTape
from tickerml.tape.importers.trades import TradeFile
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import kernel
from tickerml.tape.merge import merge_blocks
from tickerml.tape.problems import Problems
from tickerml.tape.rows import ROW, Flag, Kind, Rows
from tickerml.tape.tables import MESSAGE
from tickerml.tape.tape import Header

_SIDES: Final = (("bids_px", "bids_qty"), ("asks_px", "asks_qty"))
_PIECE: Final = 512  # books; 1,000 levels a side are 16 MB of floats
_OPTIONS: Final = Options()
Ints = NDArray[np.int64]


def is_book(columns: list[str]) -> bool:
    """Whether a table has these columns of whole books."""
    return all(c in columns for side in _SIDES for c in side) and pick(columns, ("tsms", "recv")) is not None


@dataclass(frozen=True, slots=True)
class _Books:
    """A piece of the file: book i has the levels `starts[side][i]` to `starts[side][i + 1]`, best first."""

    recv: Ints
    exch: Ints
    ids: Ints
    reconnect: NDArray[np.bool_]
    starts: tuple[Ints, Ints]
    prices: tuple[NDArray[np.float64], NDArray[np.float64]]
    sizes: tuple[NDArray[np.float64], NDArray[np.float64]]

    def judge(self, judge: Judge) -> NDArray[np.bool_]:
        """Books that can be true."""
        sides = list(zip(self.prices, self.sizes, self.starts, (-1.0, 1.0), strict=True))
        broken = {
            "not-a-number": [_any(no_number(p) | no_number(q), s) for p, q, s, _ in sides],
            "price-not-positive": [_any(p <= 0, s) for p, _, s, _ in sides],
            "negative-quantity": [_any(q < 0, s) for _, q, s, _ in sides],
            "price-implausible": [_any(p > DEAREST, s) for p, _, s, _ in sides],
            "quantity-implausible": [_any(q > LARGEST, s) for _, q, s, _ in sides],
            "levels-unsorted": [_any(_steps_back(p, way), s, between=True) for p, _, s, way in sides],
        }
        rules = [(k, np.logical_or(*parts)) for k, parts in broken.items()]
        return judge.keep(self.recv, [*rules, ("empty-book", self._empty()), ("crossed-book", self._crossed())])

    def _empty(self) -> NDArray[np.bool_]:
        return np.logical_or(*(np.diff(s) == 0 for s in self.starts))

    def _crossed(self) -> NDArray[np.bool_]:
        best = [v[np.minimum(s[:-1], max(len(v) - 1, 0))] for v, s in zip(self.prices, self.starts, strict=True)]
        return np.asarray(best[0] >= best[1])


def _steps_back(prices: NDArray[np.float64], way: float) -> NDArray[np.bool_]:
    """Levels that are not beyond the level before them; `way` +1: prices rise."""
    return np.asarray(np.diff(prices, prepend=prices[:1] - way) * way <= 0)


def _any(flags: NDArray[np.bool_], starts: Ints, between: bool = False) -> NDArray[np.bool_]:
    """For each book whether any of its levels is flagged; `between`: flags compare a level with the one before it."""
    counted = flags.copy()
    if between:
        counted[starts[:-1][starts[:-1] < len(flags)]] = False
    total = np.concatenate([[0], np.cumsum(counted)])
    return np.asarray(total[starts[1:]] > total[starts[:-1]])


def _pieces(path: Path) -> Iterator[_Books]:
    for frame in pieces(path, _PIECE):
        names = frame.columns
        recv = times_ns(frame[pick(names, ("tsms", "recv")) or ""])
        exch, ids, flag = (pick(names, n) for n in (("exchtsms", "exch"), ("seq", "lastupdateid"), ("reconnectflag",)))
        zeros = np.zeros(len(frame), np.int64)
        levels = [[_flat(frame, column) for column in side] for side in _SIDES]
        yield _Books(
            recv,
            times_ns(frame[exch]) if exch else zeros,
            frame[ids].cast(pl.Int64).fill_null(0).to_numpy() if ids else zeros,
            frame[flag].cast(pl.Int64).fill_null(0).to_numpy() != 0 if flag else zeros != 0,
            (_starts(frame, "bids_px"), _starts(frame, "asks_px")),
            (levels[0][0], levels[1][0]),
            (levels[0][1], levels[1][1]),
        )


def _flat(frame: pl.DataFrame, column: str) -> NDArray[np.float64]:
    lists = frame[column].fill_null([])
    return lists.filter(lists.list.len() > 0).explode().cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _starts(frame: pl.DataFrame, column: str) -> Ints:
    return np.concatenate([[0], np.cumsum(frame[column].list.len().fill_null(0).to_numpy(), dtype=np.int64)])


def trades_beside(path: Path) -> Path | None:
    """The trades file of the same recording: lobdeep_btc_fut_x.parquet has trades_btc_fut_x.parquet beside it."""
    _, _, rest = path.name.partition("_")
    beside = path.with_name(f"trades_{rest}")
    return beside if rest and beside != path and beside.is_file() else None


def read(path: Path, options: Options = _OPTIONS) -> SourceTape:
    """The books, joined by receive time with the trades file beside them where there is one.

    Counted as problems: time-missing, time-backwards, not-a-number, price-not-positive, negative-quantity,
    price-implausible, quantity-implausible, levels-unsorted, empty-book, crossed-book (the book is refused; the next
    one is compared with the last good one), reconnect (GAP, then a snapshot), and those of `trades.read`. Raises
    InputError as `candles.read` does.
    """
    frame = first_rows(path, 1)
    if not is_book(frame.columns) or not all(isinstance(frame.schema[c], pl.List) for s in _SIDES for c in s):
        raise _not_books(path, frame.columns)
    options = told_by(frame, options)
    beside = trades_beside(path)
    trades = TradeFile(beside, options) if beside else None
    prices, sizes, deepest = Scale(), Scale(), 0
    judge = Judge(path, Problems(), 1)
    for books in _pieces(path):
        good = books.judge(judge)
        for side in (0, 1):
            kept = np.repeat(good, np.diff(books.starts[side]))
            prices.learn(books.prices[side][kept])
            sizes.learn(books.sizes[side][kept])
            deepest = max(deepest, int(np.diff(books.starts[side]).max(initial=0)))
    judge.something()
    if trades:
        trades.learn(prices, sizes)
    tick, lot = prices.tick(str(path), options.tick), sizes.lot(str(path), options.lot)
    instrument = scaled(instrument_of(path, options), tick, lot)
    instrument = replace(instrument, max_levels=deepest)
    notes = (f"books are {deepest} levels deep as recorded; a level beyond that depth counts as empty",)
    return SourceTape(Header(path.name, (instrument,), notes=notes), partial(_joined, path, trades, instrument))


def _joined(path: Path, trades: TradeFile | None, instrument: Instrument, problems: Problems) -> Iterator[Block]:
    """Books and trades by receive time, after the instrument's definition."""
    sources = [_blocks(path, instrument, problems)] + ([trades.blocks(instrument, problems)] if trades else [])
    builder = Builder()
    for i, block in enumerate(merge_blocks(sources)):
        if i == 0:
            builder.instrument(int(block.rows["recv"][0]), instrument)
        builder.extend(block)
        yield builder.take()


def _blocks(path: Path, instrument: Instrument, problems: Problems) -> Iterator[Block]:
    judge = Judge(path, problems, 1)
    differ = _Differ(instrument)
    for books in _pieces(path):
        line = judge.line
        good = np.flatnonzero(books.judge(judge))
        again = books.reconnect & (np.arange(len(books.recv)) > 0) | (books.reconnect & differ.started)
        judge.note("reconnect", np.flatnonzero(again) + line)
        block = differ.block(books, good, again)
        if len(block):
            yield block


class _Differ:
    """Turns books into messages, remembering the last one."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        none = np.zeros(0, np.int64)
        self._last = [(none, none), (none, none)]
        self._last_id = 0
        self._lost = False
        self.started = False

    def block(self, books: _Books, good: NDArray[np.intp], again: NDArray[np.bool_]) -> Block:
        """Messages of the good books; a reconnect, on a refused book too, makes the next one a snapshot."""
        tick, lot = self._instrument.tick, self._instrument.lot
        ticks = [to_steps(_fitting(p, tick), tick)[0] for p in books.prices]
        lots = [to_steps(_fitting(q, lot), lot)[0] for q in books.sizes]
        builder = Builder()
        at = 0
        for i in good.tolist():
            self._lost |= bool(again[at : i + 1].any())
            at = i + 1
            recv, exch = int(books.recv[i]), int(books.exch[i])
            if self._lost:
                builder.row(recv, exch, self._instrument.id, Kind.GAP)
            sides = []
            for side in (0, 1):
                span = slice(books.starts[side][i], books.starts[side][i + 1])
                sides.append((ticks[side][span], lots[side][span]))
            self._message(builder, recv, exch, sides, int(books.ids[i]))
        return builder.take()

    def _message(self, builder: Builder, recv: int, exch: int, sides: list[tuple[Ints, Ints]], last_id: int) -> None:
        snapshot = self._lost or not self.started
        changes = []
        for side, ((ticks, lots), (old_ticks, old_lots)) in enumerate(zip(sides, self._last, strict=True)):
            way = -1 if side == 0 else 1
            none = old_ticks[:0]
            changes.append(
                level_changes(none if snapshot else old_ticks, none if snapshot else old_lots, ticks, lots, way)
            )
        rows = _rows(changes, snapshot)
        rows["recv"], rows["exch"], rows["inst"] = recv, exch, self._instrument.id
        if len(rows):
            previous = 0 if snapshot else self._last_id
            first = min(previous + 1, last_id) if previous else 0
            builder.extend(Block(rows, np.array([(first, last_id, previous)], MESSAGE)))
        self._last, self._last_id, self._lost, self.started = sides, last_id, False, True


def _fitting(values: NDArray[np.float64], step: Decimal) -> NDArray[np.float64]:
    """Numbers that are none, or too large for whole steps, belong to books that are refused."""
    return np.where(np.abs(values) < 2.0**62 * float(step), values, 0.0)


def _rows(changes: list[Ints], snapshot: bool) -> Rows:
    """One DEPTH message of [ticks, lots] changes a side, behind a CLEAR if it is a snapshot."""
    head = 1 if snapshot else 0
    rows = np.zeros(head + sum(len(c) for c in changes), ROW)
    at = head
    for side, change in zip((1, -1), changes, strict=True):
        part = rows[at : at + len(change)]
        part["price"], part["qty"], part["side"] = change[:, 0], change[:, 1], side
        at += len(change)
    rows["kind"], rows["flags"] = Kind.DEPTH, Flag.SNAPSHOT if snapshot else 0
    rows["kind"][:head] = Kind.CLEAR
    rows["flags"][-1:] |= Flag.END
    return rows


def level_changes(old: Ints, old_size: Ints, new: Ints, new_size: Ints, way: int) -> Ints:
    """[tick, size] of each level that differs, best first; size 0 = gone. `way`: +1 ticks rise (asks), -1 they fall."""
    out = np.empty((len(old) + len(new), 2), np.int64)
    return out[: _level_changes(old, old_size, new, new_size, way, out)]


@kernel
def _level_changes(old: Ints, old_size: Ints, new: Ints, new_size: Ints, way: int, out: Ints) -> int:
    i, j, n = 0, 0, 0
    while i < len(old) or j < len(new):
        if j == len(new) or (i < len(old) and (old[i] - new[j]) * way < 0):
            out[n, 0], out[n, 1] = old[i], 0
            i += 1
            n += 1
        elif i == len(old) or old[i] != new[j]:
            out[n, 0], out[n, 1] = new[j], new_size[j]
            j += 1
            n += 1
        else:
            if old_size[i] != new_size[j]:
                out[n, 0], out[n, 1] = new[j], new_size[j]
                n += 1
            i += 1
            j += 1
    return n


def _not_books(path: Path, columns: list[str]) -> InputError:
    return InputError(
        "unknown-columns",
        f"{path.name} has the columns {', '.join(columns) or 'none'}; whole books need ts_ms and the lists "
        "bids_px, bids_qty, asks_px, asks_qty",
        where=Where(str(path), 1),
        means="nothing was imported from it",
        try_="tickerml data import --help     (lists the formats)",
    )
