"""Candles of any timeframe from Parquet, feather or CSV files, with the header variants of freqtrade, ccxt and Binance.

A file gives no receive times: a bar is taken to be known `Options.delay` after its close, and is flagged ASSUMED.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.build import Builder
from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers.checks import DEAREST, LARGEST, Judge, Rules, no_number
from tickerml.tape.importers.frames import first_rows, floats, order, pick, pieces, times_ns
from tickerml.tape.importers.naming import GUESSED_SPOT, guessed_spot, instrument_of, scaled
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.scale import Scale, to_steps
from tickerml.tape.importers.source import SourceTape
from tickerml.tape.instruments import Instrument
from tickerml.tape.problems import Problems
from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND, Flag, Kind, empty
from tickerml.tape.tables import BAR
from tickerml.tape.tape import Header

TIME_NAMES: Final = ("date", "timestamp", "time", "datetime", "opentime", "ts", "tsms", "unix", "startat", "start")
_PRICES: Final = {"open": ("open", "o"), "high": ("high", "h"), "low": ("low", "l"), "close": ("close", "c")}
_VOLUME: Final = ("volume", "v", "vol", "basevolume", "volumebase", "amount")
_BOUGHT: Final = ("takerbuyvolume", "takerbuybasevolume", "takerbuybaseassetvolume", "buyvolume")
_TRADES: Final = ("count", "trades", "numberoftrades", "numtrades")
_KLINE: Final = (
    "opentime",
    *_PRICES,
    "volume",
    "closetime",
    "quotevolume",
    "count",
    "takerbuyvolume",
    "quote",
    "ignore",
)
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def columns_of(frame: pl.DataFrame) -> dict[str, str] | None:
    """Which column is what, or None where these are no candles. A file without header is read as Binance's klines."""
    names = frame.columns
    if names and all(re.fullmatch(r"column_\d+", n) for n in names):
        return dict(zip(("time", *_KLINE[1:]), names, strict=False)) if len(names) in (6, 12) else None
    wanted = {"time": TIME_NAMES, **_PRICES, "volume": _VOLUME, "takerbuyvolume": _BOUGHT, "count": _TRADES}
    found = {key: name for key, options in wanted.items() if (name := pick(names, options))}
    return found if {"time", *_PRICES} <= found.keys() else None


@dataclass(frozen=True, slots=True)
class _Bars:
    """A piece of the file, row by row as it stands there."""

    time: NDArray[np.int64]
    prices: NDArray[np.float64]  # [open, high, low, close] x n
    volume: NDArray[np.float64]
    bought: NDArray[np.float64] | None
    trades: NDArray[np.float64] | None

    def rules(self) -> Rules:
        """What no bar may break."""
        o, h, low, c = self.prices
        return [
            ("not-a-number", no_number(self.prices).any(axis=0) | no_number(self.volume)),
            ("price-not-positive", (self.prices <= 0).any(axis=0)),
            ("negative-quantity", self.volume < 0),
            ("price-implausible", (self.prices > DEAREST).any(axis=0)),
            ("quantity-implausible", self.volume > LARGEST),
            ("high-below-low", h < low),
            ("price-outside-bar", (np.maximum(o, c) > h) | (np.minimum(o, c) < low)),
        ]


class _File:
    """One candle file: its columns, and how its numbers become ticks and lots."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path, self.options = path, options
        frame = first_rows(path)
        columns = columns_of(frame)
        if columns is None:
            raise _not_candles(path, frame.columns)
        self.columns, (self.line, self.step) = columns, order(path, frame, columns["time"])
        self.instrument, self.timeframe = self._learn()

    def pieces(self) -> Iterator[_Bars]:
        """The whole file."""
        column = self.columns.get
        for frame in pieces(self.path, step=self.step):
            yield _Bars(
                times_ns(frame[self.columns["time"]]),
                np.stack([floats(frame[self.columns[name]]) for name in _PRICES]),
                floats(frame[self.columns["volume"]]) if column("volume") else np.zeros(len(frame)),
                floats(frame[self.columns["takerbuyvolume"]]) if column("takerbuyvolume") else None,
                floats(frame[self.columns["count"]]) if column("count") else None,
            )

    def _learn(self) -> tuple[Instrument, int]:
        """First pass: tick, lot and timeframe of the bars that can be used."""
        prices, volumes, problems = Scale(), Scale(), Problems()
        judge = Judge(self.path, problems, self.line, self.step)
        times: list[NDArray[np.int64]] = []
        for bars in self.pieces():
            good = judge.keep(bars.time, bars.rules(), repeats="duplicate-bar")
            prices.learn(bars.prices[:, good].ravel())
            volumes.learn(bars.volume[good])
            times.append(bars.time[good])
        judge.something()
        instrument = instrument_of(self.path, self.options)
        tick = prices.tick(str(self.path), self.options.tick)
        lot = volumes.lot(str(self.path), self.options.lot)
        return scaled(instrument, tick, lot), self._timeframe(np.concatenate(times))

    def _timeframe(self, times: NDArray[np.int64]) -> int:
        """Given, else the commonest distance of bars, else what the name says."""
        if self.options.timeframe:
            return self.options.timeframe
        if len(times) > 1:
            values, counts = np.unique(times[1:] - times[:-1], return_counts=True)
            return int(values[np.argmax(counts)])
        named = re.search(
            r"(?<![A-Za-z0-9])(\d+)([smhdw])(?![A-Za-z0-9])", "/".join(self.path.parts[-2:]).replace("_", "-")
        )
        if named:
            return int(named.group(1)) * _UNITS[named.group(2)]
        raise InputError(
            "timeframe-unknown",
            f"{self.path.name} has one bar and a name that does not say how long it is",
            where=Where(str(self.path)),
            key="--timeframe",
            means="nothing was imported from it",
            try_=f"tickerml data import {self.path} --timeframe 5m",
        )


def read(path: Path, options: Options = Options()) -> SourceTape:  # noqa: B008  # frozen, so one default serves all
    """The file as a tape of BAR rows.

    Counted as problems: time-missing, time-implausible, time-backwards, duplicate-bar, not-a-number,
    price-not-positive, negative-quantity, price-implausible, quantity-implausible, high-below-low, price-outside-bar
    (refused); missing-bar, price-rounded, volume-rounded (kept); reversed-file (newest row first, so read from its
    end). Raises InputError: unknown-columns, nothing-valid, tick-unknown, price-too-fine, lot-too-fine,
    timeframe-unknown, unknown-instrument, file-empty, file-truncated.
    """
    file = _File(path, options)
    guessed = (f"{file.instrument.symbol}: {GUESSED_SPOT}",) if guessed_spot(path, options) else ()
    header = Header(
        title=path.name,
        instruments=(file.instrument,),
        assumed_clock=True,
        bar_only=True,
        notes=(*guessed, f"Bars are taken to be known {options.delay / SECOND:g} s after their close"),
    )
    return SourceTape(header, lambda problems: _blocks(file, problems))


def _blocks(file: _File, problems: Problems) -> Iterator[Block]:
    judge = Judge(file.path, problems, file.line, file.step)
    builder = Builder()
    latest = None
    for bars in file.pieces():
        good = judge.keep(bars.time, bars.rules(), repeats="duplicate-bar")
        lines = judge.lines(good)
        times = bars.time[good]
        if not len(times):
            continue
        if latest is None:
            builder.instrument(int(times[0]) + file.timeframe + file.options.delay, file.instrument)
        holes = np.diff(times, prepend=times[0] - file.timeframe if latest is None else latest) // file.timeframe - 1
        judge.note("missing-bar", lines, holes)
        latest = int(times[-1])
        builder.extend(_block(file, bars, good, lines, judge))
        yield builder.take()


def _block(file: _File, bars: _Bars, good: NDArray[np.bool_], lines: NDArray[np.int64], judge: Judge) -> Block:
    """The rows of the bars that are kept."""
    times, instrument = bars.time[good], file.instrument
    table = np.zeros(len(times), BAR)
    table["open_time"], table["duration"], table["corrects"] = times, file.timeframe, -1
    rounded = np.zeros(len(times), bool)
    for name, prices in zip(_PRICES, bars.prices, strict=True):
        table[name], off = to_steps(prices[good], instrument.tick)
        rounded[off] = True
    judge.note("price-rounded", lines, rounded.astype(np.int64))
    table["volume"], off = to_steps(bars.volume[good], instrument.lot)
    judge.note("volume-rounded", lines[off])
    table["buy_volume"] = table["trades"] = -1  # not told, or cannot be true
    if bars.bought is not None:
        told = (bars.bought[good] >= 0) & (bars.bought[good] <= bars.volume[good] * (1 + 1e-9))
        table["buy_volume"][told] = to_steps(bars.bought[good][told], instrument.lot)[0]
    if bars.trades is not None:
        told = (bars.trades[good] >= 0) & (bars.trades[good] < 2**53)
        table["trades"][told] = bars.trades[good][told]
    rows = empty(len(times))
    rows["exch"] = times + file.timeframe
    rows["recv"] = rows["exch"] + file.options.delay
    rows["price"], rows["qty"], rows["ref"] = table["close"], table["volume"], np.arange(len(times))
    rows["kind"], rows["flags"] = Kind.BAR, Flag.END | Flag.ASSUMED
    return Block(rows, bars=table)


def _not_candles(path: Path, columns: list[str]) -> InputError:
    return InputError(
        "unknown-columns",
        f"{path.name} has the columns {', '.join(columns) or 'none'}; candles need a time, open, high, low and close",
        where=Where(str(path), 1),
        means="nothing was imported from it",
        try_="tickerml data import --help     (lists the formats)",
    )
