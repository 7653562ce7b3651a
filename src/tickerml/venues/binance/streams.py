"""How the messages of each stream become columns: which keys are ids and times, and which numbers, in what order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.rows import BUY, MILLISECOND, SELL
from tickerml.venues.binance.codec import Event, Force, Kline, Stream, Wire

LEVELS: Final = -1
"""Instead of a count of numbers: any number of (price, size) pairs, in two arrays."""
_END: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Reader:
    """`keys` hold the numbers of a message; `fill` writes ids, side and exchange time (ms) of its head."""

    keys: tuple[str, ...]
    fill: Callable[[NDArray[np.void], list[Any]], None]
    numbers: int


def _ints(events: list[Any], key: str) -> NDArray[np.int64]:
    return np.fromiter(map(attrgetter(key), events), np.int64, len(events))


def _matched(events: list[Any]) -> NDArray[np.int64]:
    """When the venue matched (T), else when it sent (E), in ms; 0 where it tells neither."""
    matched = _ints(events, "T")
    return matched if matched.all() else np.where(matched == 0, _ints(events, "E"), matched)


def _diff(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = _matched(events)
    heads["first"] = _ints(events, "U")
    heads["last"] = _ints(events, "u")
    heads["prev"] = _ints(events, "pu")


def _snapshot(heads: NDArray[np.void], events: list[Wire]) -> None:
    heads["exch"] = _matched(events)
    heads["last"] = _ints(events, "snapshot_id")
    heads["prev"] = -1


def _ticker(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = _matched(events)
    heads["last"] = _ints(events, "u")


def _trade(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = _matched(events)
    heads["last"] = _ints(events, "t")
    # m: the buyer rested, so the taker sold. Prints of the insurance fund and of deleveraging (X) are off the book.
    heads["side"] = [0 if e.X not in ("", "MARKET") else SELL if e.m else BUY for e in events]


def _agg_trade(heads: NDArray[np.void], events: list[Event]) -> None:
    _trade(heads, events)
    heads["last"] = [int(bytes(e.a)) if bytes(e.a).isdigit() else 0 for e in events]


def _mark(heads: NDArray[np.void], events: list[Event]) -> None:
    heads["exch"] = _ints(events, "E")
    heads["last"] = _ints(events, "T")


def _force(heads: NDArray[np.void], events: list[Force]) -> None:
    heads["exch"] = _ints(events, "T")
    heads["side"] = [SELL if e.S == "SELL" else BUY for e in events]


def _kline(heads: NDArray[np.void], events: list[Kline]) -> None:
    heads["first"] = _ints(events, "t")
    heads["last"] = _ints(events, "T")  # the last millisecond of the bar
    heads["exch"] = heads["last"] + 1
    heads["prev"] = _ints(events, "n")


READERS: Final = {
    int(Stream.DIFF): Reader(("b", "a"), _diff, LEVELS),
    int(Stream.SNAPSHOT): Reader(("bids", "asks"), _snapshot, LEVELS),
    int(Stream.TICKER): Reader(("b", "B", "a", "A"), _ticker, 4),
    int(Stream.TRADE): Reader(("p", "q"), _trade, 2),
    int(Stream.AGG_TRADE): Reader(("p", "q"), _agg_trade, 2),
    int(Stream.MARK): Reader(("p", "i", "r"), _mark, 3),
    int(Stream.LIQUIDATION): Reader(("p", "z", "ap"), _force, 3),
    int(Stream.KLINE): Reader(("o", "h", "low", "c", "v", "V"), _kline, 6),
}


def fill(heads: NDArray[np.void], events: list[Any], stream: int) -> bytes:
    """Fill the heads of one stream's messages (times in ns) and return their numbers' text, a line a message."""
    reader = READERS[stream]
    reader.fill(heads, events)
    heads["exch"] *= MILLISECOND
    width = len(reader.keys) + 1
    texts: list[Any] = [_END] * (width * len(events))
    for k, key in enumerate(reader.keys):
        texts[k::width] = map(attrgetter(key), events)
    return b"".join(texts)
