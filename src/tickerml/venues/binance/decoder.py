"""Recorder lines to columns: one pass over a file, or one line of a live socket, through the codec."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tickerml.tape.rows import MICROSECOND
from tickerml.venues.binance.codec import (
    Event,
    Stream,
    Wire,
    decode,
    decode_event,
    decode_force,
    decode_kline,
    market_of,
    stream_of,
)
from tickerml.venues.binance.columns import BREAK, HEAD, Columns, Refused, join
from tickerml.venues.binance.instruments import is_known
from tickerml.venues.binance.numbers import COUNT, read_numbers
from tickerml.venues.binance.streams import LEVELS, READERS, fill
from tickerml.venues.recorder import Lines

_EARLIEST: Final = 10**15  # receive times: us since 1970, from 2001 on
_NANOSECONDS: Final = 10**17  # from here on they are ns
_LATEST: Final = 4 * 10**18
_EXPECTED: Final = np.array([READERS[s].numbers if s in READERS else 0 for s in range(128)])
Route = int
"""Stream and symbol of a message in one number: (symbol index + 1) * 128 + Stream."""


@dataclass(slots=True)
class Symbols:
    """The symbols of one file in the order met, and the market whose messages each has shown ("" = not yet seen)."""

    markets: dict[str, str] = field(default_factory=dict)
    mixed: set[str] = field(default_factory=set)  # symbols whose messages come from two markets

    def index(self, raw: str, market: str) -> int:
        """Index of `raw`; `market` is empty where the message does not tell."""
        known = self.markets.setdefault(raw, market)
        if not known:
            self.markets[raw] = market
        elif market and market != known:
            self.mixed.add(raw)
        return list(self.markets).index(raw)


@dataclass(slots=True)
class _Met:
    """The messages of a batch while it is read, in parallel lists."""

    recv: list[int] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    route: list[Route] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def put(self, recv: int, line: int, route: Route, event: Any) -> None:
        """One more message."""
        self.recv.append(recv)
        self.line.append(line)
        self.route.append(route)
        self.events.append(event)


class Decoder:
    """Lines of one recorder file, or one connection, to Columns; `symbols` grows as they are met."""

    def __init__(self, file: int = 0, symbols: Symbols | None = None) -> None:
        """`file` is written to every head; `symbols` of an earlier pass over the same file keep their indices."""
        self.symbols = symbols or Symbols()
        self.file = file
        self._newest = 0  # last receive time, ns
        self._routes: dict[str, Route] = {}  # by stream name
        self._room = 0
        self._grow(1 << 15)

    def columns(self, batch: Lines) -> Columns:
        """Decode a batch. What cannot be used is in `refused`; a damaged end leaves a BREAK for each symbol."""
        met = _Met()
        routes = self._routes
        put_recv, put_line, put_route, put_event = met.recv.append, met.line.append, met.route.append, met.events.append
        for number, line in enumerate(batch.lines, batch.first):
            try:
                stamp, payload = line.split(b" ", 1)
                wire = decode(payload)
                recv = int(stamp)
            except ValueError as error:
                self._refuse(met, batch, number, line, error)
                continue
            route = routes.get(wire.stream)
            if route is not None and type(wire.data) is Event and _EARLIEST <= recv < _LATEST:
                put_recv(recv)
                put_line(number)
                put_route(route)
                put_event(wire.data)
            else:
                self._other(met, recv, number, wire, payload)
        made = self._assemble(met)
        return self._broken(made, batch) if batch.cut else made

    def _refuse(self, met: _Met, batch: Lines, number: int, line: bytes, error: ValueError) -> None:
        """Say why a line is of no use; a blank one is passed over."""
        last = number == batch.first + len(batch.lines) - 1
        if not line.strip():
            return
        if isinstance(error, UnicodeDecodeError):
            reason = "not-utf8"
        elif isinstance(error, msgspec.ValidationError):
            reason = "unknown-message"
        elif batch.open_end and last:
            reason = "file-truncated"  # the last line, broken off
        else:
            message = b"{" in line and not isinstance(error, msgspec.DecodeError)
            reason = "no-receive-time" if message else "not-json"
        met.refused.append(Refused(reason, number, str(error)))

    def _other(self, met: _Met, recv: int, number: int, wire: Wire, payload: bytes) -> None:
        """All that is not an event of a stream met before."""
        if not _EARLIEST <= recv < _LATEST:
            met.refused.append(Refused("no-receive-time", number, f"{recv} is no time in ns or us since 1970"))
        elif wire.snapshot_id >= 0:
            inst = self.symbols.index(wire.symbol, "") if wire.symbol and is_known(wire.symbol) else -1
            met.put(recv, number, _route(Stream.SNAPSHOT, inst), wire)
        elif wire.data is not None:
            for event in [wire.data] if isinstance(wire.data, Event) else wire.data:
                self._event(met, recv, number, wire.stream, event)
        elif not wire.stream:
            self._bare(met, recv, number, payload)

    def _bare(self, met: _Met, recv: int, number: int, payload: bytes) -> None:
        """An event without the combined stream's envelope; an answer to a subscription is none and says nothing."""
        try:
            event = decode_event(payload)
        except msgspec.ValidationError as error:
            met.refused.append(Refused("unknown-message", number, str(error)))
            return
        if event.s or event.e:
            self._event(met, recv, number, "", event)

    def _event(self, met: _Met, recv: int, number: int, name: str, event: Event) -> None:
        """An event by its own words, not by its route; learns the route for the next one."""
        stream = stream_of(name, event)
        if stream is None:
            met.refused.append(Refused("unknown-stream", number, name or event.e))
            return
        found: Any = event
        raw = event.s
        try:
            if stream == Stream.KLINE:
                found = decode_kline(event.k)
            elif stream == Stream.LIQUIDATION:
                found = decode_force(event.o)
                raw = found.s
        except ValueError as error:
            met.refused.append(Refused("unknown-message", number, str(error)))
            return
        if not is_known(raw):
            met.refused.append(Refused("unknown-instrument", number, f"{raw} is no pair of known coins"))
            return
        if stream == Stream.KLINE and not found.x:
            return  # a bar that still changes is no fact
        inst = self.symbols.index(raw, market_of(stream, raw, event))
        met.put(recv, number, _route(stream, inst), found)
        if name and not name.startswith("!") and found is event:
            self._routes[name] = _route(stream, inst)

    def _assemble(self, met: _Met) -> Columns:
        """The lists as columns: stream by stream, because each has its own keys."""
        heads = np.zeros(len(met.recv), HEAD)
        heads["recv"] = met.recv
        heads["recv"][heads["recv"] < _NANOSECONDS] *= MICROSECOND
        heads["line"], heads["file"] = met.line, self.file
        routes = np.array(met.route, np.int64)
        heads["stream"], heads["inst"] = routes % 128, routes // 128 - 1
        texts, order = [b""], [np.zeros(0, np.intp)]
        for stream in np.unique(heads["stream"]).tolist():
            index = np.flatnonzero(heads["stream"] == stream)
            part = heads[index]
            texts.append(fill(part, [met.events[i] for i in index.tolist()], stream))
            heads[index] = part
            order.append(index)
        mantissa, decimals = self._numbers(heads, np.concatenate(order), b"".join(texts))
        if len(heads):
            self._newest = int(heads["recv"][-1])
        return Columns(heads, mantissa, decimals, tuple(met.refused))

    def _broken(self, made: Columns, batch: Lines) -> Columns:
        """The file ends here although it should not: books are unknown from here on."""
        line = batch.first + len(batch.lines) - 1
        heads = np.zeros(len(self.symbols.markets), HEAD)
        heads["recv"], heads["line"], heads["file"] = self._newest, line, self.file
        heads["stream"], heads["inst"] = BREAK, np.arange(len(heads))
        end = Columns(heads, made.mantissa[:0], made.decimals[:0], (Refused("file-truncated", line, batch.cut),))
        return join([made, end])

    def _numbers(
        self, heads: NDArray[np.void], order: NDArray[np.intp], text: bytes
    ) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Read the numbers of all messages, whose texts stand in `order`, and point the heads at them."""
        self._grow(len(text) // 2 + 1)  # a number is a digit and what parts it from the next, at least
        counts = np.zeros(len(heads), COUNT)
        n = read_numbers(np.frombuffer(text, np.int8), self._mantissa, self._decimals, counts)
        numbers = counts["numbers"]
        heads["numbers"][order] = numbers
        heads["at"][order] = np.cumsum(numbers, dtype=np.int64) - numbers
        heads["bids"][order] = counts["first"]
        expected = _EXPECTED[heads["stream"][order]]
        whole = np.where(expected == LEVELS, counts["arrays"] == 2, numbers == expected)
        heads["bad"][order] = ~whole | (counts["misshapen"] > 0)
        return self._mantissa[:n].copy(), self._decimals[:n].copy()

    def _grow(self, room: int) -> None:
        """Make room for so many numbers; the room is used again and again, because new memory is dear."""
        if room > self._room:
            self._room = room
            self._mantissa, self._decimals = np.empty(room, np.int64), np.empty(room, np.int8)


def _route(stream: int, inst: int) -> Route:
    return (inst + 1) * 128 + stream
