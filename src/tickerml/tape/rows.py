"""The row: one fact in 40 bytes, the atom of the whole program. docs/tape.md is its specification."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

ROW: Final = np.dtype(
    [
        ("recv", "i8"),  # receive time, ns since 1970 UTC, the recorder's clock
        ("exch", "i8"),  # exchange time, ns since 1970 UTC, the venue's clock; 0 where the venue gives none
        ("qty", "i8"),  # lots; in depth the new size of the level, 0 = level gone
        ("price", "i4"),  # ticks
        ("ref", "i4"),  # row number in the side table of this kind, within the same block; -1 = none
        ("inst", "i4"),  # instrument id
        ("kind", "i1"),  # Kind
        ("side", "i1"),  # +1 bid / taker bought, -1 ask / taker sold, 0 none
        ("flags", "i2"),  # Flag bits
    ]
)
Rows: TypeAlias = NDArray[np.void]
Record: TypeAlias = Any  # one element of a structured array: np.void in Python, a numba Record in kernels

NS: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
FOREVER: Final = (1 << 63) - 1  # later than any time stamp (1 << 60 is not: it lies in 2006)

MAX_TICKS: Final = (1 << 31) - 1
BUY: Final = 1
SELL: Final = -1


class Kind(IntEnum):
    """What a row says. Below 32: facts from outside; from 32: rows that a run makes."""

    DEPTH = 1  # level `price` on `side` now holds `qty`
    TRADE = 2  # a print of `qty` at `price`; `side` is the taker's
    BBO = 3  # best bid (+1) or ask (-1) as the venue states it; checked against depth, never applied to the book
    CLEAR = 4  # the book is forgotten; a snapshot follows as DEPTH rows with Flag.SNAPSHOT
    BAR = 5  # a bar closed: `price` close, `qty` volume, ref -> BAR; exch = close time
    VALUE = 6  # a named number (funding, mark price, open interest, ...), ref -> VALUE
    CLOCK = 7  # exchange clock of (inst, stream kind in `side`): add `qty` ns to exch to get receiver time
    GAP = 8  # updates were lost: the book is unknown until the next CLEAR + snapshot; qty = how many, where known
    INSTRUMENT = 9  # definition of id `inst`, ref -> blob
    STATUS = 10  # trading status: qty 0 = halted, 1 = trading
    TIMER = 11  # nothing but the passing of time up to `recv`
    PARAMS = 12  # a parameter or model changed, ref -> blob
    COMMAND = 13  # an operator's command, ref -> blob

    INTENT = 32  # a strategy wants something, ref -> blob
    PASS = 33  # a strategy wants nothing: ref -> reason name
    REFUSAL = 34  # the desk refused an intent: ref -> blob
    SUBMIT = 35  # an approved order leaves, ref -> ORDER
    CANCEL = 36  # a cancel leaves, ref -> ORDER
    ACK = 37  # the venue accepted an order, ref -> ORDER
    REJECT = 38  # the venue refused an order, ref -> ORDER
    FILL = 39  # an execution of our order, ref -> ORDER
    CANCELED = 40  # an order ended without (further) fill, ref -> ORDER
    BALANCE = 41  # what the account is worth: three rows, see tape/balances.py
    SETTLED = 42  # a position or a signal's window ended and its outcome is known, ref -> blob
    SNAPSHOT = 43  # states were saved, ref -> blob (hash, file)
    SOURCE = 44  # the run consumed source rows up to qty, ref -> blob
    FUNDING = 46  # funding was exchanged, ref -> ORDER (amount)
    RECOVERED = 45  # the journal was recovered here, ref -> blob
    AMEND = 47  # a change of an order leaves, ref -> ORDER with the terms asked for, 0 = as they are
    AMENDED = 48  # the venue changed the order, ref -> ORDER with the terms that hold now
    APPROVED = 49  # the desk allows an intent: every gate, every size and the rule that bound, ref -> blob
    DESK = 50  # a latch, pause, regime or list of the desk changed, ref -> blob


class Flag(IntFlag):
    """Bits of `flags`."""

    END = 1  # last row of its wire message: books are whole, features may emit
    SNAPSHOT = 2  # part of a full book
    ASSUMED = 4  # receive time was not recorded: close or settlement plus a configured delay
    LATE = 8  # belongs to a bar or a venue time that was already closed
    CORRECTION = 16  # restates the row whose sequence the side table names
    RECONCILED = 32  # learned by asking the venue, not from its stream
    MAKER = 64  # our fill rested in the book
    ESTIMATED = 128  # fitted on the whole file, not on the past alone (offline clock)
    HELD = 256  # of before a range of time, repeated at its start: it still holds, and is no news


def empty(n: int) -> Rows:
    """`n` zeroed rows with no side-table reference."""
    rows = np.zeros(n, ROW)
    rows["ref"] = -1
    return rows
