"""Writing a tape as hftbacktest's event file (.npz, array `data`): for its engine, and for comparing ours with it.

Depth, trade, best bid and ask, and clear rows of one instrument are written; update ids and all other rows have no
place there. A gap is written as a clear: from there on the book is unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.errors import InputError
from tickerml.tape.importers.hftbacktest import (
    BUY,
    DEPTH,
    DEPTH_BBO,
    DEPTH_CLEAR,
    DEPTH_SNAPSHOT,
    EVENT,
    EXCH,
    LOCAL,
    SELL,
    TRADE,
    Events,
)
from tickerml.tape.importers.scale import from_steps
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Flag, Kind
from tickerml.tape.tape import Tape

_TYPE_OF: Final = {
    Kind.DEPTH: DEPTH,
    Kind.TRADE: TRADE,
    Kind.BBO: DEPTH_BBO,
    Kind.CLEAR: DEPTH_CLEAR,
    Kind.GAP: DEPTH_CLEAR,
}
_TYPES: Final = np.array([_TYPE_OF.get(Kind(k), 0) if k in list(Kind) else 0 for k in range(128)], np.uint64)


def write(tape: Tape, path: Path, symbol: str = "", *, bbo: bool = False) -> int:
    """Write one instrument of the tape; the number of events. The whole file is in memory, as it is in hftbacktest.

    `symbol` (unified or the venue's) may be empty where the tape has one instrument. `bbo`: write best bid and ask rows
    too, which repeat what depth says. Stamps are those of the rows; a row without exchange time happened when it was
    received. Raises InputError unknown-instrument.
    """
    instrument = _instrument(tape, symbol)
    parts = [to_events(block, instrument, bbo=bbo) for block in tape.blocks()]
    events = in_both_orders(np.concatenate([np.zeros(0, EVENT), *parts]))
    np.savez_compressed(path, data=events)
    return len(events)


def to_events(
    block: Block, instrument: Instrument, *, exch: NDArray[np.int64] | None = None, bbo: bool = False
) -> Events:
    """Events of the instrument's rows, in receipt order; `exch` gives other (corrected) exchange stamps, by row."""
    rows = block.rows
    kinds = _TYPES[rows["kind"]]
    chosen = (kinds != 0) & (rows["inst"] == instrument.id) & (bbo | (kinds != DEPTH_BBO))
    stamps = rows["exch"] if exch is None else exch
    rows, kinds, stamps = rows[chosen], kinds[chosen], stamps[chosen]
    snapshot = (kinds == DEPTH) & ((rows["flags"] & Flag.SNAPSHOT) != 0)
    kinds[snapshot] = DEPTH_SNAPSHOT
    clear = kinds == DEPTH_CLEAR
    events = np.zeros(len(rows), EVENT)
    sides = np.where(rows["side"] > 0, BUY, np.where(rows["side"] < 0, SELL, 0)).astype(np.uint64)
    events["ev"] = kinds | sides | np.uint64(EXCH | LOCAL)
    events["exch_ts"] = np.where(stamps == 0, rows["recv"], stamps)
    events["local_ts"] = rows["recv"]
    events["px"] = np.where(clear, 0.0, from_steps(rows["price"].astype(np.int64), instrument.tick))
    events["qty"] = np.where(clear, 0.0, from_steps(rows["qty"], instrument.lot))
    return events


def in_both_orders(events: Events) -> Events:
    """Events such that the exchange's are in exchange order and the receiver's in receipt order.

    `events` come in receipt order and are for both. Where the orders differ an event is given twice, for the exchange
    and for the receiver alone. As few are split as one pass can: an event is whole when both orders reach it at once.
    """
    by_exchange = np.argsort(events["exch_ts"], kind="stable")
    n = len(by_exchange)
    index, who = np.empty(2 * n, np.int64), np.zeros(2 * n, np.int8)
    used = _interleave(by_exchange, index, who, np.zeros(n, np.int8))
    index, who = index[:used], who[:used]
    out = events[index]
    out["ev"] &= ~np.uint64(EXCH | LOCAL)
    out["ev"] |= np.array([EXCH | LOCAL, EXCH, LOCAL], np.uint64)[who]
    return out


@kernel
def _interleave(
    by_exchange: NDArray[np.int64], index: NDArray[np.int64], who: NDArray[np.int8], done: NDArray[np.int8]
) -> int:
    """Event numbers, and who processes each: 0 both, 1 the exchange, 2 the receiver. Returns how many there are."""
    n = len(by_exchange)
    i, j, k = 0, 0, 0  # receipt, exchange, output
    while i < n:
        if done[i]:
            index[k], who[k] = i, 2
            i += 1
        elif by_exchange[j] == i:
            index[k] = i
            i += 1
            j += 1
        else:
            index[k], who[k] = by_exchange[j], 1
            done[by_exchange[j]] = 1
            j += 1
        k += 1
    return k


def _instrument(tape: Tape, symbol: str) -> Instrument:
    held = tape.header.instruments
    found = [i for i in held if symbol in (i.symbol, i.raw)] if symbol else list(held)
    if len(found) == 1:
        return found[0]
    names = ", ".join(i.symbol for i in held) or "none"
    raise InputError(
        "unknown-instrument",
        f"{symbol or 'no symbol'} does not name one instrument; the tape has {names}",
        key="--pairs",
        means="nothing was written",
        try_=f"name one of them: -p {held[0].symbol}" if held else "",
    )
