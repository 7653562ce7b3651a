"""The bars of one timeframe, one at a time as they become visible: what indicators are made of.

What a bar is and when it becomes visible: see `bars`. Here none is passed over: where one row makes several visible, an
indicator steps through them in order, bars without prints (price unchanged, volume 0) included. With the timeframe OWN
the bars are the source's: of the length of its first BAR row, or of one minute where bars are made of prints. So
`rsi(14)` is of 5m bars on a 5m candle tape, and `rsi(14, 1h)` of hours on both.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.features.barring import BARS, PRINTS, bar_fields, begin, due, merge_into, open_at, show, take
from tickerml.features.calendar import MONTH, bar_start
from tickerml.features.window import ends
from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, FOREVER, MILLISECOND, MINUTE, Flag, Kind, Record

OWN: Final = -1
"""The timeframe of the source's own bars."""

TIMEFRAME: Final = Range(OWN, 366 * DAY)
GRACE: Final = 250 * MILLISECOND  # wait after the close for prints that are on their way; the default of `bars`

FRAME: Final = np.dtype(
    [
        ("own", "i8"),  # length of the source's first bar; 0 = none seen
        ("merged", "i8"),  # exchange time up to which BAR rows have been taken in
        *bar_fields(1),
    ]
)

_TRADE: Final = int(Kind.TRADE)
_CLOCK: Final = int(Kind.CLOCK)
_CORRECTION: Final = int(Flag.CORRECTION)


@kernel
def wanted(c: Record, row: Record) -> bool:
    """Whether `row` may begin or show a bar of prints: then call `next_of_row` until it says False.

    A print that only adds to the bar it lies in, as nearly all do, is taken in at once. Who took is not followed: no
    indicator asks for it.
    """
    if row["recv"] >= c["due"]:
        return ends(row) or row["kind"] == _TRADE
    if row["kind"] != _TRADE:
        return row["kind"] == _CLOCK
    within = c["start"][0, 0] <= row["exch"] < c["end"][0, 0]
    if not within or c["open"][0, 0] == 0 or c["made_of"] != PRINTS:
        return True
    price, lots = int(row["price"]), row["qty"]
    c["high"][0, 0] = max(c["high"][0, 0], price)
    c["low"][0, 0] = min(c["low"][0, 0], price)
    c["close"][0, 0] = price
    c["volume"][0, 0] += lots
    c["value"][0, 0] += lots * price
    return False


@kernel
def next_of_row(c: Record, timeframe: int, row: Record) -> bool:
    """Show the next bar of prints whose time has come; False when there is no more and the row is taken in."""
    if c["made_of"] == BARS:
        c["due"] = FOREVER
        return False
    begin(c, row)
    width = MINUTE if timeframe == OWN else timeframe
    printed = row["kind"] == _TRADE
    time = row["exch"] if row["exch"] != 0 else row["recv"] - c["offset"]
    matured = row["recv"] - c["offset"] - GRACE
    shown = c["shown"][0]
    while c["made_of"] == PRINTS and (matured >= c["end"][0, 0] or (printed and time >= c["end"][0, 1])):
        show(c, 0, width)
        if c["shown"][0] != shown:
            return True
    if printed:
        take(c, 0, width, row)
    c["due"] = due(c, GRACE)
    return False


@kernel
def next_of_bar(c: Record, timeframe: int, row: Record, bar: Record) -> bool:
    """Show the next bar that a BAR row completes or proves to be over; call it until it says False."""
    if c["made_of"] == PRINTS:
        return False
    start, stop = bar["open_time"], bar["open_time"] + bar["duration"]
    if c["made_of"] == 0:
        c["made_of"] = BARS
        c["own"] = MONTH if bar["duration"] >= 28 * DAY else bar["duration"]
        c["began"] = start
    width = c["own"] if timeframe == OWN else timeframe
    open_at(c, 0, width, start)
    shown = c["shown"][0]
    while start >= c["end"][0, 0]:
        show(c, 0, width)
        if c["shown"][0] != shown:
            return True
    misfit = start < c["start"][0, 0] or stop > c["end"][0, 0] or stop <= c["merged"]
    if misfit or row["flags"] & _CORRECTION != 0:
        return False
    c["merged"] = stop
    merge_into(c, 0, bar)
    if stop == c["end"][0, 0]:
        show(c, 0, width)
    return c["shown"][0] != shown


@kernel
def bar_length(c: Record, timeframe: int) -> int:
    """Length of the newest bar in ns."""
    own = c["own"] if c["made_of"] == BARS else MINUTE
    end = c["shown_end"][0]
    return end - bar_start(end - 1, own if timeframe == OWN else timeframe)
