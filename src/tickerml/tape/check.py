"""Health of a tape: gaps, crossed books, duplicates, times that run backwards, clocks, and whether its books are true.

A book is true when the venue's own best bid and ask agree with it. Venues that number their updates say so: a BBO
message with the id of a depth update shows the same instant, so prices and sizes of both sides must be equal. Most BBO
messages come before the depth update of their id, because depth is sent in batches; the few late ones count apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tickerml.tape.clock_fit import Envelope, streams
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import apply, new_ladders
from tickerml.tape.rows import Flag, Kind, Record, Rows
from tickerml.tape.tape import Tape

_TOPS: Final = 256  # tops of the newest depth updates that a late BBO message can still be compared with
_WAITING: Final = 8192  # BBO messages that can wait for their depth update
_KINDS: Final = 32
_TOP: Final = np.dtype([("id", "i8"), ("bid", "i8"), ("bid_qty", "i8"), ("ask", "i8"), ("ask_qty", "i8")])
_STATE: Final = np.dtype(
    [
        ("rows", "i8"),
        ("start", "i8"),  # receive time of the first row, ns
        ("end", "i8"),  # and of the last
        ("duplicates", "i8"),
        ("backwards", "i8"),
        ("compared", "i8"),
        ("matched", "i8"),
        ("late_compared", "i8"),
        ("late_matched", "i8"),
        ("recv", "i8"),  # of the row before
        ("exch", "i8", (_KINDS,)),  # newest of each stream
        ("depth_id", "i8"),  # newest depth update
        ("bbo_id", "i8"),
        ("bid", "i8"),  # first half of the BBO message at hand
        ("bid_qty", "i8"),
        ("tops", "i8"),  # how many were ever written to the ring of that name
        ("waiting_from", "i8"),  # oldest and newest + 1 of the BBO messages that wait
        ("waiting_to", "i8"),
        ("top", _TOP, (_TOPS,)),
        ("waiting", _TOP, (_WAITING,)),
    ]
)
_DEPTH, _BBO, _CLEAR, _GAP, _CLOCK = int(Kind.DEPTH), int(Kind.BBO), int(Kind.CLEAR), int(Kind.GAP), int(Kind.CLOCK)
_END, _SNAPSHOT = int(Flag.END), int(Flag.SNAPSHOT)


@dataclass(frozen=True, slots=True)
class Health:
    """One instrument of a tape."""

    symbol: str
    venue: str
    rows: int
    start: int  # receive time of its first row, ns UTC; 0 when it has none
    end: int  # and of its last
    gaps: int  # places where the book is unknown until the next snapshot
    crossed: int  # messages at whose end the book was crossed
    duplicates: int  # depth or BBO messages whose update id was there before
    backwards: int  # rows received before the row before them, or stamped before their stream's newest
    clock_offset_ns: int  # median ns to add to exchange time for receiver time
    compared: int  # BBO messages with the id of a depth update that came after them
    matched: int  # of those, where best prices and sizes are equal
    late_compared: int  # the same for BBO messages that came after the depth update
    late_matched: int

    def as_json(self) -> dict[str, Any]:
        """The object that `data check --json` prints for this instrument."""
        return {
            "symbol": self.symbol,
            "venue": self.venue,
            "rows": self.rows,
            "start": _iso(self.start),
            "end": _iso(self.end),
            "gaps": self.gaps,
            "crossed": self.crossed,
            "duplicates": self.duplicates,
            "backwards": self.backwards,
            "clock_offset_ns": self.clock_offset_ns,
            "top_of_book": {"compared": self.compared, "matched": self.matched},
            "top_of_book_late": {"compared": self.late_compared, "matched": self.late_matched},
        }


def check(tape: Tape) -> list[Health]:
    """Walk a tape once and say how each of its instruments is."""
    instruments = tape.header.instruments
    size = max((i.id for i in instruments), default=-1) + 1
    states, books = np.zeros(size, _STATE), new_ladders(size)
    clocks = [Envelope() for _ in range(size)]
    for block in tape.blocks():
        _walk(block.rows, block.messages, states, books)
        for (inst, kind), index in streams(block.rows):
            clocks[inst].add((inst, kind), block.rows["recv"][index], block.rows["exch"][index])
    return [
        Health(
            symbol=i.symbol,
            venue=i.venue,
            gaps=int(books[i.id]["gaps"]),
            crossed=int(books[i.id]["crossed"]),
            clock_offset_ns=clocks[i.id].offset(),
            **{name: int(states[i.id][name]) for name in _COUNTED},
        )
        for i in instruments
    ]


_COUNTED: Final = (
    "rows",
    "start",
    "end",
    "duplicates",
    "backwards",
    "compared",
    "matched",
    "late_compared",
    "late_matched",
)


@kernel
def _walk(rows: Rows, messages: Rows, states: Rows, books: Rows) -> None:
    """Fold rows into the states; `messages` is the rows' side table."""
    for n in range(len(rows)):
        row = rows[n]
        s = states[row["inst"]]
        b = books[row["inst"]]
        kind = row["kind"]
        _times(s, row)
        apply(b, row)
        if kind == _BBO and row["side"] > 0:
            s["bid"] = row["price"]
            s["bid_qty"] = row["qty"]
        if row["flags"] & _END == 0 or row["ref"] < 0:
            continue
        if kind in (_DEPTH, _CLEAR):
            last = messages[row["ref"]]["last_id"]
            if last > 0 and row["flags"] & _SNAPSHOT == 0:
                if last <= s["depth_id"]:
                    s["duplicates"] += 1
                elif b["valid"] != 0:
                    _new_top(s, b, last)
            s["depth_id"] = last
        elif kind == _BBO:
            last = messages[row["ref"]]["last_id"]
            if last > 0:
                if last == s["bbo_id"]:
                    s["duplicates"] += 1
                else:
                    _new_bbo(s, row, last)
                s["bbo_id"] = last


@kernel
def _times(s: Record, row: Record) -> None:
    """Count the row and what runs backwards."""
    recv, exch, kind = row["recv"], row["exch"], row["kind"]
    if s["rows"] == 0:
        s["start"] = recv
    s["rows"] += 1
    s["end"] = max(s["end"], recv)
    if recv < s["recv"]:
        s["backwards"] += 1
    s["recv"] = recv
    if exch != 0 and 0 < kind < _KINDS and row["flags"] & _SNAPSHOT == 0:
        if exch < s["exch"][kind]:
            s["backwards"] += 1
        else:
            s["exch"][kind] = exch


@kernel
def _new_top(s: Record, b: Record, last: int) -> None:
    """A depth update is whole: remember its top, and compare the BBO message that waited for it."""
    top = s["top"][s["tops"] % _TOPS]
    top["id"] = last
    top["bid"] = b["best_bid"]
    top["bid_qty"] = b["bid_qty"]
    top["ask"] = b["best_ask"]
    top["ask_qty"] = b["ask_qty"]
    s["tops"] += 1
    while s["waiting_from"] < s["waiting_to"]:
        bbo = s["waiting"][s["waiting_from"] % _WAITING]
        if bbo["id"] > last:
            break
        if bbo["id"] == last:
            s["compared"] += 1
            s["matched"] += _same(top, bbo["bid"], bbo["bid_qty"], bbo["ask"], bbo["ask_qty"])
        s["waiting_from"] += 1


@kernel
def _new_bbo(s: Record, row: Record, last: int) -> None:
    """A BBO message is whole: compare it with the depth update of its id, or wait for that."""
    if last > s["depth_id"]:
        bbo = s["waiting"][s["waiting_to"] % _WAITING]
        bbo["id"] = last
        bbo["bid"] = s["bid"]
        bbo["bid_qty"] = s["bid_qty"]
        bbo["ask"] = row["price"]
        bbo["ask_qty"] = row["qty"]
        s["waiting_to"] += 1
        s["waiting_from"] = max(s["waiting_from"], s["waiting_to"] - _WAITING)
        return
    for back in range(1, min(_TOPS, s["tops"]) + 1):
        top = s["top"][(s["tops"] - back) % _TOPS]
        if top["id"] <= last:
            if top["id"] == last:
                s["late_compared"] += 1
                s["late_matched"] += _same(top, s["bid"], s["bid_qty"], row["price"], row["qty"])
            return


@kernel
def _same(top: Record, bid: int, bid_qty: int, ask: int, ask_qty: int) -> int:
    equal = top["bid"] == bid and top["bid_qty"] == bid_qty and top["ask"] == ask and top["ask_qty"] == ask_qty
    return 1 if equal else 0


def _iso(time: int) -> str | None:
    """Time in ns UTC as ISO 8601 with nine decimals; None for 0."""
    return f"{np.datetime64(time, 'ns')}Z" if time else None
