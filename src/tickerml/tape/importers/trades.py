"""Trades from feather, Parquet or CSV files: freqtrade, ccxt, Binance archives (trades, aggTrades), recorders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
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
from tickerml.tape.importers.naming import instrument_of, scaled, told_by
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.scale import Scale, to_steps
from tickerml.tape.importers.source import SourceTape
from tickerml.tape.instruments import Instrument
from tickerml.tape.problems import Problems
from tickerml.tape.rows import SECOND, Flag, Kind, empty
from tickerml.tape.tape import Header

_NAMES: Final = {
    "exch": ("exchtsms", "timestamp", "transacttime", "time", "date", "datetime"),
    "recv": ("tsms", "localtimestamp", "recvtime"),
    "price": ("price", "p"),
    "qty": ("qty", "quantity", "amount", "size", "q"),
    "side": ("side", "takerside"),
    "maker": ("isbuyermaker", "m"),
}
_HEADERLESS: Final = {  # Binance download archives; 6 columns are USD-M trades, 7 spot trades or aggTrades
    6: (None, "price", "qty", None, "exch", "maker"),
    7: (None, "price", "qty", None, "exch", "maker", None),
}
_AGGREGATED: Final = (None, "price", "qty", None, None, "exch", "maker")
_OPTIONS: Final = Options()


def columns_of(frame: pl.DataFrame) -> dict[str, str] | None:
    """Which column is what, or None where these are no trades."""
    names = frame.columns
    if names and all(re.fullmatch(r"column_\d+", n) for n in names):
        layout = _HEADERLESS.get(len(names), ())
        if len(names) == 7 and frame.dtypes[5].is_integer():
            layout = _AGGREGATED
        return {key: name for key, name in zip(layout, names, strict=False) if key} or None
    found = {key: name for key, options in _NAMES.items() if (name := pick(names, options))}
    needed = {"exch", "price", "qty"} <= found.keys() and found.keys() & {"side", "maker"}
    other = pick(names, ("open", "updatetype", "firstupdateid", "action"))  # candles, depth updates, order events
    return found if needed and other is None else None


@dataclass(frozen=True, slots=True)
class Prints:
    """A piece of the file, row by row as it stands there."""

    exch: NDArray[np.int64]
    recv: NDArray[np.int64] | None
    price: NDArray[np.float64]
    qty: NDArray[np.float64]
    side: NDArray[np.int8]  # of the taker; 0 = not said

    def rules(self) -> Rules:
        """What no trade may break."""
        return [
            ("not-a-number", no_number(self.price) | no_number(self.qty)),
            ("price-not-positive", self.price <= 0),
            ("negative-quantity", self.qty < 0),
            ("price-implausible", self.price > DEAREST),
            ("quantity-implausible", self.qty > LARGEST),
            ("empty-trade", self.qty == 0),
            ("side-unknown", self.side == 0),
        ]


class TradeFile:
    """One file of trades: its columns, and how its numbers become ticks and lots."""

    def __init__(self, path: Path, options: Options = _OPTIONS) -> None:
        frame = first_rows(path)
        columns = columns_of(frame)
        if columns is None:
            raise _not_trades(path, frame.columns)
        self.path, self.options = path, told_by(frame, options)
        self.columns = columns
        self.line, self.step = order(path, frame, columns["recv" if self.received else "exch"])

    @property
    def received(self) -> bool:
        """Whether the file has receive times."""
        return "recv" in self.columns

    def pieces(self) -> Iterator[Prints]:
        """The whole file."""
        for frame in pieces(self.path, step=self.step):
            yield Prints(
                times_ns(frame[self.columns["exch"]]),
                times_ns(frame[self.columns["recv"]]) if self.received else None,
                floats(frame[self.columns["price"]]),
                floats(frame[self.columns["qty"]]),
                _sides(frame, self.columns),
            )

    def learn(self, prices: Scale, sizes: Scale) -> None:
        """Teach the scales every trade that can be used. Raises InputError nothing-valid."""
        judge = Judge(self.path, Problems(), self.line, self.step)
        for prints in self.pieces():
            good = judge.keep(self.times(prints), prints.rules())
            prices.learn(prints.price[good])
            sizes.learn(prints.qty[good])
        judge.something()

    def times(self, prints: Prints) -> NDArray[np.int64]:
        """The times that order the file."""
        return prints.exch if prints.recv is None else prints.recv

    def blocks(self, instrument: Instrument, problems: Problems) -> Iterator[Block]:
        """TRADE rows, a block a piece."""
        judge = Judge(self.path, problems, self.line, self.step)
        for prints in self.pieces():
            good = judge.keep(self.times(prints), prints.rules())
            lines = judge.lines(good)
            rows = empty(len(lines))
            rows["price"], off = to_steps(prints.price[good], instrument.tick)
            judge.note("price-rounded", lines[off])
            rows["qty"], off = to_steps(prints.qty[good], instrument.lot)
            judge.note("volume-rounded", lines[off])
            rows["exch"], rows["side"] = prints.exch[good], prints.side[good]
            rows["recv"] = rows["exch"] + self.options.delay if prints.recv is None else prints.recv[good]
            rows["inst"], rows["kind"] = instrument.id, Kind.TRADE
            rows["flags"] = Flag.END if self.received else Flag.END | Flag.ASSUMED
            if len(rows):
                yield Block(rows)


def read(path: Path, options: Options = _OPTIONS) -> SourceTape:
    """The file as a tape of TRADE rows with the taker's side.

    Counted as problems: time-missing, time-implausible, time-backwards, not-a-number, price-not-positive,
    negative-quantity, price-implausible, quantity-implausible, empty-trade, side-unknown (refused); price-rounded,
    volume-rounded (kept); reversed-file (newest row first, so read from its end). Raises InputError as
    `candles.read` does.
    """
    file = TradeFile(path, options)
    prices, sizes = Scale(), Scale()
    file.learn(prices, sizes)
    tick, lot = prices.tick(str(path), options.tick), sizes.lot(str(path), options.lot)
    instrument = scaled(instrument_of(path, file.options), tick, lot)
    notes = () if file.received else (f"trades are taken to be known {options.delay / SECOND:g} s after they happened",)
    header = Header(path.name, (instrument,), assumed_clock=not file.received, bar_only=True, notes=notes)
    return SourceTape(header, partial(_blocks, file, instrument))


def _blocks(file: TradeFile, instrument: Instrument, problems: Problems) -> Iterator[Block]:
    builder = Builder()
    for i, block in enumerate(file.blocks(instrument, problems)):
        if i == 0:
            builder.instrument(int(block.rows["recv"][0]), instrument)
        builder.extend(block)
        yield builder.take()


def _sides(frame: pl.DataFrame, columns: dict[str, str]) -> NDArray[np.int8]:
    """+1 where the taker bought, -1 where it sold."""
    if "side" in columns:
        text = frame[columns["side"]].cast(pl.String).str.to_lowercase()
        bought, sold = text.is_in(["buy", "bid", "b", "1"]), text.is_in(["sell", "ask", "s", "a", "-1"])
        return (bought.fill_null(False).to_numpy().astype(np.int8) - sold.fill_null(False).to_numpy()).astype(np.int8)
    maker = frame[columns["maker"]].cast(pl.String).str.to_lowercase().is_in(["true", "1"]).fill_null(False).to_numpy()
    return np.where(maker, -1, 1).astype(np.int8)


def _not_trades(path: Path, columns: list[str]) -> InputError:
    return InputError(
        "unknown-columns",
        f"{path.name} has the columns {', '.join(columns) or 'none'}; trades need a time, price, size and side",
        where=Where(str(path), 1),
        means="nothing was imported from it",
        try_="tickerml data import --help     (lists the formats)",
    )
