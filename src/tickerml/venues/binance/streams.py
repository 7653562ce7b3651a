"""How the messages of each stream become columns: which keys are ids and times, and which numbers, in what order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from tickerml.tape.rows import BUY, MILLISECOND, SELL
from tickerml.venues.binance.codec import Event, Force, Kline, Stream, Wire

LEVELS: Final = -1
"""Instead of a count of numbers: any number of (price, size) pairs, in two arrays."""
_END: Final = b"\n"
_ABSENT: Final = b'""'  # an empty text is no number
Text = Raw | bytes


@dataclass(frozen=True, slots=True)
class Reader:
    """`texts` gives the JSON text of a message's numbers, each message closed by a line end."""

    numbers: int
    texts: Callable[[list[Any]], Iterator[tuple[Text, ...]]]
    fill: Callable[[NDArray[np.void], list[Any]], None]


def _diff_texts(events: list[Event]) -> Iterator[tuple[Text, ...]]:
    return ((e.b, e.a, _END) for e in events)


def _diff(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = [e.T or e.E for e in events]
    heads["first"] = [e.U for e in events]
    heads["last"] = [e.u for e in events]
    heads["prev"] = [e.pu for e in events]


def _snapshot_texts(events: list[Wire]) -> Iterator[tuple[Text, ...]]:
    return ((e.bids, e.asks, _END) for e in events)


def _snapshot(heads: NDArray[np.void], events: list[Wire]) -> None:
    heads["exch"] = [e.T or e.E for e in events]
    heads["last"] = [e.snapshot_id for e in events]
    heads["prev"] = -1


def _ticker_texts(events: list[Event]) -> Iterator[tuple[Text, ...]]:
    return ((e.b, e.B, e.a, e.A, _END) for e in events)


def _ticker(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = [e.T or e.E for e in events]
    heads["last"] = [e.u for e in events]


def _trade_texts(events: list[Event]) -> Iterator[tuple[Text, ...]]:
    return ((e.p, e.q, _END) for e in events)


def _trade(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = [e.T or e.E for e in events]
    heads["last"] = [e.t for e in events]
    heads["side"] = [SELL if e.m else BUY for e in events]  # the buyer rested: the taker sold


def _agg_trade(heads: NDArray[np.void], events: list[Event]) -> None:
    _trade(heads, events)
    heads["last"] = [int(bytes(e.a)) if bytes(e.a).isdigit() else 0 for e in events]


def _mark_texts(events: list[Event]) -> Iterator[tuple[Text, ...]]:
    return ((e.p, e.i or _ABSENT, e.r or _ABSENT, _END) for e in events)


def _mark(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = [e.E for e in events]
    heads["last"] = [e.T for e in events]


def _force_texts(events: list[Force]) -> Iterator[tuple[Text, ...]]:
    return ((e.p, e.z, e.ap, _END) for e in events)


def _force(heads: NDArray[np.void], events: list[Force]) -> None:
    heads["exch"] = [e.T for e in events]
    heads["side"] = [SELL if e.S == "SELL" else BUY for e in events]


def _kline_texts(events: list[Kline]) -> Iterator[tuple[Text, ...]]:
    return ((e.o, e.h, e.low, e.c, e.v, e.V, _END) for e in events)


def _kline(heads: NDArray[np.void], events: list[Kline]) -> None:
    heads["exch"] = [e.T + 1 for e in events]  # T is the last millisecond of the bar
    heads["first"] = [e.t for e in events]
    heads["last"] = [e.T for e in events]
    heads["prev"] = [e.n for e in events]


READERS: Final = {
    int(Stream.DIFF): Reader(LEVELS, _diff_texts, _diff),
    int(Stream.SNAPSHOT): Reader(LEVELS, _snapshot_texts, _snapshot),
    int(Stream.TICKER): Reader(4, _ticker_texts, _ticker),
    int(Stream.TRADE): Reader(2, _trade_texts, _trade),
    int(Stream.AGG_TRADE): Reader(2, _trade_texts, _agg_trade),
    int(Stream.MARK): Reader(3, _mark_texts, _mark),
    int(Stream.LIQUIDATION): Reader(3, _force_texts, _force),
    int(Stream.KLINE): Reader(6, _kline_texts, _kline),
}


def fill(heads: NDArray[np.void], events: list[Any], stream: int) -> bytes:
    """Fill the heads of one stream's messages (times in ns) and return the text of their numbers."""
    reader = READERS[stream]
    reader.fill(heads, events)
    heads["exch"] *= MILLISECOND
    return b"".join([text for texts in reader.texts(events) for text in texts])
