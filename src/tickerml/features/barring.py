"""How bars are made: the state of k timeframes with two unfinished bars each, and the kernels that fill and show them.

Used by `bars` (one timeframe), `timeframes` (five) and `frame` (what indicators are made of). What a bar is, and when
it becomes visible: see `bars`.
"""

from __future__ import annotations

from typing import Any, Final

from tickerml.features.calendar import bar_end, bar_start
from tickerml.features.trades import taker
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import FOREVER, Flag, Kind, Record

PRINTS: Final = 1
BARS: Final = 2
_CLOCK: Final = int(Kind.CLOCK)
_BBO: Final = int(Kind.BBO)  # DEPTH, TRADE and BBO are 1, 2 and 3
_TRADE: Final = int(Kind.TRADE)
_CORRECTION: Final = int(Flag.CORRECTION)
_HELD: Final = int(Flag.HELD)


def bar_fields(k: int) -> list[Any]:
    """State fields of `k` timeframes. Two bars are unfinished at most: index 0 the older, 1 its successor."""
    prices = [(name, "i8", (k, 2)) for name in ("open", "high", "low", "close")]  # ticks
    sums = [(name, "i8", (k, 2)) for name in ("volume", "buys", "value", "trades", "late")]  # lots, lots, ticks x lots
    shown = ("open", "high", "low", "close", "volume", "buys", "value", "trades", "late", "end")
    return [
        ("due", "i8"),  # receive time at which the next bar becomes visible
        ("offset", "i8"),  # ns to add to the exchange's time to get the receiver's
        ("began", "i8"),  # exchange time at which the tape began; 0 = nothing seen
        ("made_of", "i8"),  # PRINTS or BARS; 0 = not known yet
        ("fresh", "i8"),  # 1: a bar was shown and not emitted yet
        ("last", "i8"),  # of `trades.taker`
        ("sign", "i8"),
        ("open_bars", "i8", (k,)),  # 0: none yet, 1: both bars have their times
        ("start", "i8", (k, 2)),
        ("end", "i8", (k, 2)),
        *prices,
        *sums,
        ("shown", "i8", (k,)),  # bars shown so far
        *[(f"shown_{name}", "i8", (k,)) for name in shown],
    ]


@kernel
def begin(s: Record, row: Record) -> None:
    """Learn from the first market row where the tape begins, and from CLOCK rows how the clocks differ."""
    if row["kind"] == _CLOCK and (row["side"] == 0 or row["side"] == _TRADE):
        s["offset"] = row["qty"]
    elif s["began"] == 0 and row["kind"] <= _BBO:
        stamped = row["exch"] != 0 and row["flags"] & _HELD == 0  # of what is repeated the prints are not there
        s["began"] = row["exch"] if stamped else row["recv"] - s["offset"]


@kernel
def take(s: Record, k: int, timeframe: int, row: Record) -> None:
    """Add a print to its bar; one of a bar beyond the two unfinished shows the older."""
    if s["made_of"] == BARS:
        return
    s["made_of"] = PRINTS
    time = row["exch"] if row["exch"] != 0 else row["recv"] - s["offset"]
    price, lots = int(row["price"]), row["qty"]
    open_at(s, k, timeframe, time)
    while time >= s["end"][k, 1]:
        show(s, k, timeframe)
    at = 1 if time >= s["end"][k, 0] else 0
    if time < s["start"][k, 0]:
        s["late"][k, 0] += 1
    _extend(s, k, at, price, price, price, price)
    s["volume"][k, at] += lots
    s["value"][k, at] += lots * price
    s["trades"][k, at] += 1
    if taker(s, row) > 0:
        s["buys"][k, at] += lots


@kernel
def mature(s: Record, k: int, timeframe: int, time: int) -> None:
    """Show the bars of prints that ended at or before `time` (exchange clock, grace taken off)."""
    if s["made_of"] == PRINTS and s["open_bars"][k] != 0:
        while time >= s["end"][k, 0]:
            show(s, k, timeframe)


@kernel
def due(s: Record, grace: int) -> int:
    """Receive time at which the first of the unfinished bars becomes visible; at once while nothing is known."""
    if s["began"] == 0:
        return 0
    time = FOREVER
    for k in range(len(s["open_bars"])):
        if s["open_bars"][k] != 0:
            time = min(time, s["end"][k, 0] + s["offset"] + grace)
    return time


@kernel
def merge(s: Record, k: int, timeframe: int, row: Record, bar: Record) -> bool:
    """Add a bar of the source to the longer bar it lies in; True when a bar became visible."""
    if s["made_of"] == PRINTS:
        return False
    s["made_of"] = BARS
    start, stop = bar["open_time"], bar["open_time"] + bar["duration"]
    if s["open_bars"][k] == 0:
        s["began"] = start
    open_at(s, k, timeframe, start)
    shown = s["shown"][k]
    while start >= s["end"][k, 0]:
        show(s, k, timeframe)
    if start < s["start"][k, 0] or stop > s["end"][k, 0] or row["flags"] & _CORRECTION != 0:
        s["late"][k, 0] += 1
        return s["shown"][k] != shown
    merge_into(s, k, bar)
    if stop == s["end"][k, 0]:
        show(s, k, timeframe)
    return s["shown"][k] != shown


@kernel
def merge_into(s: Record, k: int, bar: Record) -> None:
    """Add a bar of the source to the one being filled, in which it lies."""
    _extend(s, k, 0, bar["open"], bar["high"], bar["low"], bar["close"])
    s["volume"][k, 0] += bar["volume"]
    s["value"][k, 0] = -1
    s["buys"][k, 0] = -1 if s["buys"][k, 0] < 0 or bar["buy_volume"] < 0 else s["buys"][k, 0] + bar["buy_volume"]
    s["trades"][k, 0] = -1 if s["trades"][k, 0] < 0 or bar["trades"] < 0 else s["trades"][k, 0] + bar["trades"]


@kernel
def open_at(s: Record, k: int, timeframe: int, time: int) -> None:
    """Begin with the bar that `time` lies in."""
    if s["open_bars"][k] == 0:
        s["open_bars"][k] = 1
        s["start"][k, 0] = bar_start(time, timeframe)
        s["end"][k, 0] = bar_end(s["start"][k, 0], timeframe)
        s["start"][k, 1] = s["end"][k, 0]
        s["end"][k, 1] = bar_end(s["start"][k, 1], timeframe)


@kernel
def _extend(s: Record, k: int, at: int, opened: int, high: int, low: int, close: int) -> None:
    if s["open"][k, at] == 0:  # no price yet
        s["open"][k, at] = opened
        s["high"][k, at] = high
        s["low"][k, at] = low
    s["high"][k, at] = max(s["high"][k, at], high)
    s["low"][k, at] = min(s["low"][k, at], low)
    s["close"][k, at] = close


@kernel
def show(s: Record, k: int, timeframe: int) -> None:
    """The older bar becomes visible and its successor takes its place."""
    if s["open"][k, 0] == 0:  # without prints: the close before, volume 0
        close = s["shown_close"][k]
        _extend(s, k, 0, close, close, close, close)
    if s["start"][k, 0] >= s["began"] and s["close"][k, 0] != 0:
        _copy(s, k)
    else:
        s["shown_close"][k] = s["close"][k, 0]  # of a bar that is not whole: known to empty successors only
    _shift(s, k)
    s["start"][k, 1] = s["end"][k, 0]
    s["end"][k, 1] = bar_end(s["start"][k, 1], timeframe)


@kernel
def _copy(s: Record, k: int) -> None:
    s["shown"][k] += 1
    s["fresh"] = 1
    s["shown_open"][k] = s["open"][k, 0]
    s["shown_high"][k] = s["high"][k, 0]
    s["shown_low"][k] = s["low"][k, 0]
    s["shown_close"][k] = s["close"][k, 0]
    s["shown_volume"][k] = s["volume"][k, 0]
    s["shown_buys"][k] = s["buys"][k, 0]
    s["shown_value"][k] = s["value"][k, 0]
    s["shown_trades"][k] = s["trades"][k, 0]
    s["shown_late"][k] = s["late"][k, 0]
    s["shown_end"][k] = s["end"][k, 0]


@kernel
def _shift(s: Record, k: int) -> None:
    """The successor becomes the older bar; the place of the successor is empty."""
    s["start"][k, 0] = s["start"][k, 1]
    s["end"][k, 0] = s["end"][k, 1]
    s["open"][k, 0] = s["open"][k, 1]
    s["high"][k, 0] = s["high"][k, 1]
    s["low"][k, 0] = s["low"][k, 1]
    s["close"][k, 0] = s["close"][k, 1]
    s["volume"][k, 0] = s["volume"][k, 1]
    s["buys"][k, 0] = s["buys"][k, 1]
    s["value"][k, 0] = s["value"][k, 1]
    s["trades"][k, 0] = s["trades"][k, 1]
    s["late"][k, 0] = s["late"][k, 1]
    s["open"][k, 1] = 0
    s["high"][k, 1] = 0
    s["low"][k, 1] = 0
    s["close"][k, 1] = 0
    s["volume"][k, 1] = 0
    s["buys"][k, 1] = 0
    s["value"][k, 1] = 0
    s["trades"][k, 1] = 0
    s["late"][k, 1] = 0
