"""The mark of each instrument: its newest price, and how far that went while a position was open. Always wired."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.kernel import fold, kernel
from tickerml.tape.ladder import NO_ASK, NO_BID
from tickerml.tape.rows import Flag, Kind, Record, Rows

MARK: Final = np.dtype(
    [
        (
            "price2",
            "i8",
        ),  # twice the mark in ticks: bid + ask of a valid book, else twice the last trade or close; 0 = none
        ("high2", "i8"),  # highest price2 since `watch` was called; of a bar, its high
        ("low2", "i8"),
        ("time", "i8"),  # receive time of the newest row, ns; of one that is no news (Flag.HELD) its exchange time
        ("bid", "i8"),  # touch in ticks where the book is valid, else 0
        ("ask", "i8"),
        ("exch", "i8"),  # exchange time of the newest message of depth or trades, in the receiver's clock; 0 = none
        ("exch_recv", "i8"),  # its receive time
        ("offset", "i8", (16,)),  # ns to add to exch, by stream kind (CLOCK rows)
        ("rows", "i8"),  # market rows seen
        ("bars", "i8"),  # bars seen
        ("bar_ns", "i8"),  # length of the newest bar
        ("gaps", "i8"),
        ("crossed", "i8"),  # ENDs with a crossed book
        ("below", "i8"),  # ticks; Python is called when the market is there or lower; 0 = never
        ("above", "i8"),  # ticks; or there or higher
        ("taker", "i8"),  # the taker's fee as we have been told, 1e-8: the venue's own may have changed since
        ("charged", "i8"),  # 1 = the run charges fees at all
        ("alarm", "i8"),  # BELOW and ABOVE bits: which was reached and not heard of yet
    ]
)

BELOW: Final = 1
ABOVE: Final = 2

_END, _HELD = int(Flag.END), int(Flag.HELD)
_DEPTH, _TRADE, _CLOCK, _GAP = int(Kind.DEPTH), int(Kind.TRADE), int(Kind.CLOCK), int(Kind.GAP)
_TIMER, _VALUE, _STATUS, _PARAMS = int(Kind.TIMER), int(Kind.VALUE), int(Kind.STATUS), int(Kind.PARAMS)


@fold
def on_row(m: Record, b: Record, row: Record) -> None:
    """Fold one market row into mark `m`; `b` is the book after the row."""
    kind = row["kind"]
    if kind not in (_CLOCK, _TIMER, _VALUE, _STATUS):  # none of them says that prices still come
        m["time"] = row["recv"] if row["flags"] & _HELD == 0 else row["exch"]
    m["rows"] += 1
    if kind == _DEPTH:
        if row["flags"] & _END == 0:
            return
        _stamp(m, row, kind)
        m["crossed"] = b["crossed"]
        m["bid"] = 0
        m["ask"] = 0
        if b["valid"] != 0 and b["best_bid"] != NO_BID and b["best_ask"] != NO_ASK and b["best_bid"] < b["best_ask"]:
            m["bid"] = b["best_bid"]
            m["ask"] = b["best_ask"]
            _see(m, b["best_bid"] + b["best_ask"])
    elif kind == _TRADE:
        _stamp(m, row, kind)
        if b["valid"] == 0:
            _see(m, 2 * row["price"])
    elif kind == _CLOCK:
        for k in range(16):
            if row["side"] == 0 or row["side"] == k:
                m["offset"][k] = row["qty"]
    elif kind == _GAP:
        m["gaps"] += 1
        m["bid"] = 0
        m["ask"] = 0
    elif kind == _PARAMS and m["charged"] != 0 and (row["price"] != 0 or row["qty"] != 0):
        m["taker"] = row["qty"]


@fold
def on_bar(m: Record, bar: Record) -> None:
    """Fold a closed bar into mark `m`: its close is the mark, its extremes count for excursions."""
    m["bars"] += 1
    m["bar_ns"] = bar["duration"]
    m["price2"] = 2 * bar["close"]
    m["high2"] = max(m["high2"], 2 * bar["high"])
    m["low2"] = min(m["low2"], 2 * bar["low"])
    _reach(m, 2 * bar["low"], 2 * bar["high"])


@fold
def _stamp(m: Record, row: Record, kind: int) -> None:
    if row["exch"] != 0 and row["flags"] & _HELD == 0:
        m["exch"] = row["exch"] + m["offset"][kind]
        m["exch_recv"] = row["recv"]


@fold
def feed_ns(m: Record, bound: int) -> int:
    """Feed latency of the newest message, ns, between 0 and `bound`."""
    if m["exch"] == 0:
        return 0
    return max(0, min(m["exch_recv"] - m["exch"], bound))


@fold
def _see(m: Record, price2: int) -> None:
    m["price2"] = price2
    if price2 > m["high2"]:
        m["high2"] = price2
    if price2 < m["low2"]:
        m["low2"] = price2
    _reach(m, price2, price2)


@fold
def _reach(m: Record, low2: int, high2: int) -> None:
    """Raise the alarm of a price that the market has reached; each is raised once and then taken away."""
    if m["below"] != 0 and low2 <= 2 * m["below"]:
        m["alarm"] |= BELOW
        m["below"] = 0
    if m["above"] != 0 and high2 >= 2 * m["above"]:
        m["alarm"] |= ABOVE
        m["above"] = 0


@kernel
def is_bar_only(b: Record, m: Record) -> bool:
    """True where bars were seen for an instrument, and no whole order book `b`."""
    return b["valid"] == 0 and m["bars"] > 0


@kernel
def patience(b: Record, m: Record) -> int:
    """How much longer than an order book an instrument may be silent, ns: two bars where there are only bars."""
    return 2 * m["bar_ns"] if is_bar_only(b, m) else 0


@kernel
def arm(marks: Rows, inst: int, below: int, above: int) -> int:
    """Python is to be called when instrument `inst` is at `below` or lower, or `above` or higher, ticks; 0 = never.

    Returns how many instruments have such prices.
    """
    marks[inst]["below"] = below
    marks[inst]["above"] = above
    armed = 0
    for k in range(len(marks)):
        armed += marks[k]["below"] != 0 or marks[k]["above"] != 0
    return armed


@kernel
def watch(m: Record) -> None:
    """Start a new excursion at the present mark."""
    m["high2"] = m["price2"]
    m["low2"] = m["price2"]
