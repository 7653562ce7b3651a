"""Messages in their final order to rows of the tape. Sizes are lots, prices ticks already; nothing is judged here."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import apply
from tickerml.tape.rows import MILLISECOND, Flag, Kind, Rows, empty
from tickerml.tape.tables import BAR, MESSAGE, VALUE
from tickerml.venues.binance.codec import Stream
from tickerml.venues.binance.columns import FUNDING, GAP, Columns
from tickerml.venues.binance.grid import FAR

NAMES: Final = ("mark", "index", "funding_predicted", "funding", "liquidation")
"""Names of VALUE rows. mark, index: prices in quote. funding_predicted: the rate that would be settled next, as a
fraction; funding: the rate that was settled, at its settlement time. liquidation: average fill price of a liquidation
order, whose row has its limit price, filled size and taker side."""

_DIFF, _SNAPSHOT, _TICKER, _TRADE = int(Stream.DIFF), int(Stream.SNAPSHOT), int(Stream.TICKER), int(Stream.TRADE)
_AGG, _MARK, _LIQUIDATION, _KLINE = (
    int(Stream.AGG_TRADE),
    int(Stream.MARK),
    int(Stream.LIQUIDATION),
    int(Stream.KLINE),
)
_GAP, _FUNDING = GAP, FUNDING
_K_DEPTH, _K_TRADE, _K_BBO, _K_CLEAR = int(Kind.DEPTH), int(Kind.TRADE), int(Kind.BBO), int(Kind.CLEAR)
_K_BAR, _K_VALUE, _K_GAP = int(Kind.BAR), int(Kind.VALUE), int(Kind.GAP)
_MORE_ROWS: Final = np.array(  # rows of a message beyond half its numbers
    [{_SNAPSHOT: 1, _MARK: 2, _GAP: 1, _FUNDING: 1}.get(stream, 0) for stream in range(128)]
)
_END, _F_SNAPSHOT = int(Flag.END), int(Flag.SNAPSHOT)


# One long kernel that reads straight down, a paragraph a stream: helpers called per message with arrays would be slow.
@kernel
def _assemble(
    heads: Rows,
    whole: NDArray[np.int64],
    decimals: NDArray[np.int8],
    rows: Rows,
    messages: Rows,
    bars: Rows,
    values: Rows,
    ends: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """Fill the tables; ends[m] = rows up to the end of message m. Returns the lengths of the four tables."""
    r, n_messages, n_bars, n_values = 0, 0, 0, 0
    for m in range(len(heads)):
        head = heads[m]
        stream, at, start, flags = head["stream"], head["at"], r, 0
        if stream in (_DIFF, _SNAPSHOT):
            if stream == _SNAPSHOT:
                flags = _F_SNAPSHOT
                rows[r]["kind"] = _K_CLEAR
                rows[r]["ref"] = n_messages
                r += 1
            for k in range(0, head["numbers"], 2):
                if whole[at + k] != FAR:
                    rows[r]["kind"] = _K_DEPTH
                    rows[r]["side"] = 1 if k < head["bids"] else -1
                    rows[r]["price"] = whole[at + k]
                    rows[r]["qty"] = whole[at + k + 1]
                    rows[r]["ref"] = n_messages
                    r += 1
        elif stream == _TICKER:
            for k in range(0, 4, 2):
                rows[r]["kind"] = _K_BBO
                rows[r]["side"] = 1 - k
                rows[r]["price"] = whole[at + k]
                rows[r]["qty"] = whole[at + k + 1]
                rows[r]["ref"] = n_messages
                r += 1
        elif stream in (_TRADE, _AGG):
            rows[r]["kind"] = _K_TRADE
            rows[r]["side"] = head["side"]
            rows[r]["price"] = whole[at]
            rows[r]["qty"] = whole[at + 1]
            r += 1
        elif stream == _MARK:
            for k in range(3):
                if decimals[at + k] >= 0:  # index and funding are empty texts on delivery contracts
                    values[n_values]["name"] = k
                    values[n_values]["value"] = whole[at + k] / 10.0 ** decimals[at + k]
                    rows[r]["kind"] = _K_VALUE
                    rows[r]["ref"] = n_values
                    n_values += 1
                    r += 1
        elif stream == _FUNDING:
            values[n_values]["name"] = 3
            values[n_values]["value"] = head["first"] / 10.0 ** head["last"]
            rows[r]["kind"] = _K_VALUE
            rows[r]["ref"] = n_values
            n_values += 1
            r += 1
        elif stream == _LIQUIDATION:
            values[n_values]["name"] = 4
            values[n_values]["value"] = whole[at + 2] / 10.0 ** max(decimals[at + 2], 0)
            rows[r]["kind"] = _K_VALUE
            rows[r]["side"] = head["side"]
            rows[r]["price"] = whole[at]
            rows[r]["qty"] = whole[at + 1]
            rows[r]["ref"] = n_values
            n_values += 1
            r += 1
        elif stream == _KLINE:
            bar = bars[n_bars]
            bar["open_time"] = head["first"] * MILLISECOND
            bar["duration"] = (head["last"] + 1 - head["first"]) * MILLISECOND
            bar["open"] = whole[at]
            bar["high"] = whole[at + 1]
            bar["low"] = whole[at + 2]
            bar["close"] = whole[at + 3]
            bar["volume"] = whole[at + 4]
            bar["buy_volume"] = whole[at + 5]
            bar["trades"] = head["prev"]
            bar["corrects"] = -1
            rows[r]["kind"] = _K_BAR
            rows[r]["price"] = whole[at + 3]
            rows[r]["qty"] = whole[at + 4]
            rows[r]["ref"] = n_bars
            n_bars += 1
            r += 1
        elif stream == _GAP:
            rows[r]["kind"] = _K_GAP
            rows[r]["qty"] = head["last"]
            rows[r]["ref"] = head["first"]
            r += 1
        if r > start and stream <= _TICKER:
            messages[n_messages]["first_id"] = head["first"]
            messages[n_messages]["last_id"] = head["last"]
            messages[n_messages]["prev_id"] = max(head["prev"], 0)
            n_messages += 1
        for i in range(start, r):
            rows[i]["recv"] = head["recv"]
            rows[i]["exch"] = head["exch"]
            rows[i]["inst"] = head["inst"]
            rows[i]["flags"] = flags | _END if i == r - 1 else flags
        ends[m] = r
    return r, n_messages, n_bars, n_values


@kernel
def first_crossed(books: Rows, rows: Rows, start: int) -> int:
    """Fold rows from `start` on into the ladders; index of the first row that ends a message crossed, -1 if none."""
    for i in range(start, len(rows)):
        row = rows[i]
        b = books[row["inst"]]
        before = b["crossed"]
        apply(b, row)
        if b["crossed"] != before:
            return i
    return -1


def assemble(columns: Columns, blobs: tuple[bytes, ...]) -> tuple[Block, NDArray[np.int64]]:
    """The block of these messages, and for each message the number of rows up to its end."""
    heads = columns.heads
    stream = heads["stream"]
    room = int((heads["numbers"] // 2 + _MORE_ROWS[stream]).sum())
    rows = empty(room)
    messages = np.zeros(len(heads), MESSAGE)
    bars = np.zeros(np.count_nonzero(stream == _KLINE), BAR)
    values = np.zeros(3 * np.count_nonzero(np.isin(stream, (_MARK, _FUNDING, _LIQUIDATION))), VALUE)
    ends = np.zeros(len(heads), np.int64)
    counts = _assemble(heads, columns.mantissa, columns.decimals, rows, messages, bars, values, ends)
    n_rows, n_messages, n_bars, n_values = (int(n) for n in counts)
    return Block(rows[:n_rows], messages[:n_messages], bars=bars[:n_bars], values=values[:n_values], blobs=blobs), ends
