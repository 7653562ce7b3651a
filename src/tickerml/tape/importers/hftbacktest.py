"""hftbacktest's event files (.npz, array `data`), read as a tape.

The format (hftbacktest's documentation, "Data"): one 64-byte event = `ev` (type in the low bits, flags above),
`exch_ts`, `local_ts` (ns), `px`, `qty`, `order_id`, `ival`, `fval`. Where the orders of exchange and receipt differ,
hftbacktest writes an event twice, once for the exchange alone and once for the receiver alone. Our tape is in receipt
order and keeps both stamps in one row, so the exchange's copies are paired with the receiver's and left out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.build import Builder
from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers.checks import DEAREST, EARLIEST, LARGEST, Judge
from tickerml.tape.importers.messages import Messages, framed
from tickerml.tape.importers.naming import instrument_of, scaled
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.scale import Scale, to_steps
from tickerml.tape.importers.source import SourceTape
from tickerml.tape.instruments import Instrument
from tickerml.tape.problems import Problems
from tickerml.tape.rows import Flag, Kind, Rows, empty
from tickerml.tape.tape import Header

EVENT: Final = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ]
)
EXCH: Final = 1 << 31  # to be processed by the exchange at exch_ts
LOCAL: Final = 1 << 30  # to be processed by the receiver at local_ts
BUY: Final = 1 << 29
SELL: Final = 1 << 28
DEPTH, TRADE, DEPTH_CLEAR, DEPTH_SNAPSHOT, DEPTH_BBO = 1, 2, 3, 4, 5
KIND_OF: Final = {
    DEPTH: Kind.DEPTH,
    TRADE: Kind.TRADE,
    DEPTH_CLEAR: Kind.CLEAR,
    DEPTH_SNAPSHOT: Kind.DEPTH,
    DEPTH_BBO: Kind.BBO,
}
_TYPE: Final = 0xFF
_PIECE: Final = 1 << 18  # events
_OPTIONS: Final = Options()
Events = NDArray[np.void]
Mask = NDArray[np.bool_]
Lines = NDArray[np.int64]


def read(path: Path, options: Options = _OPTIONS) -> SourceTape:
    """The file as a tape: DEPTH, TRADE, BBO and CLEAR rows in receipt order.

    Rows of equal stamps and kind are one message. Counted as problems: unsupported-event (order by order feeds),
    unpaired-exchange-event (never received), not-a-number, price-not-positive, negative-quantity, price-implausible,
    quantity-implausible, side-unknown, time-backwards (all refused); price-rounded, volume-rounded; clear-to-depth (a
    snapshot that replaced a book down to some price: what lay deeper is forgotten), one-sided-clear (marked GAP: the
    book is unknown until the next snapshot). Raises InputError: unknown-columns, nothing-valid, tick-unknown,
    price-too-fine, lot-too-fine, unknown-instrument, file-truncated.
    """
    prices, sizes = Scale(), Scale()
    judge = Judge(path, Problems(), 1)
    for events, _ in _local(path, judge):
        held = events[(events["ev"] & _TYPE) != DEPTH_CLEAR]
        prices.learn(held["px"])
        sizes.learn(held["qty"])
    judge.something()
    tick, lot = prices.tick(str(path), options.tick), sizes.lot(str(path), options.lot)
    instrument = scaled(instrument_of(path, options), tick, lot)
    return SourceTape(Header(path.name, (instrument,)), partial(_blocks, path, instrument))


def pieces(path: Path) -> Iterator[Events]:
    """The events as they stand in the file, streamed. Raises InputError: file-truncated, unknown-columns."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_member(archive, path)) as file:
            count = _header(file, path)
            while count > 0:
                n = min(count, _PIECE)
                data = file.read(n * EVENT.itemsize)
                if len(data) < n * EVENT.itemsize:
                    raise EOFError(f"{count} events are missing")
                yield np.frombuffer(data, EVENT)
                count -= n
    except (OSError, EOFError, zipfile.BadZipFile, ValueError) as cause:
        raise InputError(
            "file-truncated",
            f"{path.name} cannot be read to its end: {cause or type(cause).__name__}",
            where=Where(str(path)),
            means="nothing was imported from it",
            try_="fetch the file again, then repeat this command",
        ) from cause


def _member(archive: zipfile.ZipFile, path: Path) -> str:
    if "data.npy" not in archive.namelist():
        raise _not_events(path, f"holds the arrays {', '.join(archive.namelist()) or 'none'}, and no `data`")
    return "data.npy"


def _header(file: IO[bytes], path: Path) -> int:
    """Read the .npy header; the number of events."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype != EVENT or len(shape) != 1:
        raise _not_events(path, f"has `data` of {dtype}")
    return int(shape[0])


def _local(path: Path, judge: Judge) -> Iterator[tuple[Events, Lines]]:
    """Events that were received and can be true, with their numbers in the file; the rest is counted by `judge`."""
    unpaired = _Unpaired()
    for events in pieces(path):
        line = judge.line
        kind, side = events["ev"] & _TYPE, events["ev"] & (BUY | SELL)
        local = (events["ev"] & LOCAL) != 0
        unpaired.take(events[~local & ((events["ev"] & EXCH) != 0)], events[local & ((events["ev"] & EXCH) == 0)])
        level = kind != DEPTH_CLEAR
        rules = [
            ("unsupported-event", local & ~np.isin(kind, list(KIND_OF))),
            ("not-a-number", local & ~(np.isfinite(events["px"]) & np.isfinite(events["qty"])) & level),
            ("price-not-positive", local & (events["px"] <= 0) & level),
            ("negative-quantity", local & (events["qty"] < 0)),
            ("price-implausible", local & (events["px"] > DEAREST) & level),
            ("quantity-implausible", local & (events["qty"] > LARGEST)),
            ("side-unknown", local & level & (side != BUY) & (side != SELL)),
        ]
        times = events["local_ts"].copy()
        times[~local] = np.maximum.accumulate(np.where(local, times, max(judge.latest, EARLIEST)))[~local]
        good = judge.keep(times, rules)
        judge.kept -= int((good & ~local).sum())
        yield events[good & local], np.flatnonzero(good & local) + line
    judge.count("unpaired-exchange-event", unpaired.left)


class _Unpaired:
    """Counts exchange-only events without a receiver's copy; copies may be pieces apart."""

    def __init__(self) -> None:
        self._open: dict[bytes, int] = {}

    def take(self, exchange: Events, local: Events) -> None:
        """Pair off by everything but the flags of who processes the event."""
        for events, step in ((exchange, 1), (local, -1)):
            plain = events.copy()
            plain["ev"] &= np.uint64(0xFFFFFFFFFFFFFFFF ^ (EXCH | LOCAL))
            for one in plain:
                key = one.tobytes()
                count = self._open.get(key, 0) + step
                if count:
                    self._open[key] = count
                else:
                    self._open.pop(key, None)

    @property
    def left(self) -> int:
        """Exchange-only events that nobody received."""
        return sum(n for n in self._open.values() if n > 0)


def _blocks(path: Path, instrument: Instrument, problems: Problems) -> Iterator[Block]:
    judge = Judge(path, problems, 1)
    builder, messages = Builder(), Messages()
    defined = False
    for rows in _whole(path, instrument, judge, messages):
        if not defined:
            builder.instrument(int(rows["recv"][0]), instrument)
            defined = True
        builder.extend(framed(rows))
        yield builder.take()
    judge.count("one-sided-clear", messages.one_sided)
    judge.count("clear-to-depth", messages.to_depth)


def _whole(path: Path, instrument: Instrument, judge: Judge, messages: Messages) -> Iterator[Rows]:
    """Rows of whole messages."""
    for events, lines in _local(path, judge):
        if len(rows := messages.take(_rows(events, lines, instrument, judge))):
            yield rows
    if len(rest := messages.rest()):
        yield rest


def _rows(events: Events, lines: Lines, instrument: Instrument, judge: Judge) -> Rows:
    """One row an event; END and references are set later."""
    rows = empty(len(events))
    kind, flags = events["ev"] & _TYPE, events["ev"]
    rows["recv"], rows["exch"], rows["inst"] = events["local_ts"], events["exch_ts"], instrument.id
    rows["price"], off = to_steps(np.nan_to_num(events["px"]), instrument.tick)
    judge.note("price-rounded", lines[off])
    rows["qty"], off = to_steps(np.nan_to_num(events["qty"]), instrument.lot)
    judge.note("volume-rounded", lines[off])
    rows["side"] = ((flags & BUY) != 0).astype(np.int8) - ((flags & SELL) != 0).astype(np.int8)
    rows["kind"] = np.array([int(KIND_OF.get(k, 0)) for k in range(256)], np.int8)[kind]
    rows["flags"] = np.where((kind == DEPTH_SNAPSHOT) | (kind == DEPTH_CLEAR), Flag.SNAPSHOT, 0)
    return rows


def _not_events(path: Path, what: str) -> InputError:
    return InputError(
        "unknown-columns",
        f"{path.name} {what}; hftbacktest's files hold one array `data` of 64-byte events",
        where=Where(str(path)),
        means="nothing was imported from it",
        try_="tickerml data import --help     (lists the formats)",
    )
