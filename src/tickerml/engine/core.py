"""The loop's own record, its timers, and how it writes the rows that a run makes. Kernels; wire.py calls them."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import FOREVER, Flag, Kind, Record, Rows

TIMERS: Final = 16
WALLETS: Final = 16
MADE: Final = 1 << 13  # rows that the compiled loop may make before it must hand them over
ROOM: Final = 256  # of them what is kept free for one step; a compiled strategy's wake has more (engine/made.py)

# why the loop returned
NEED_ROWS, WAKE, ANSWER, DEADLINE, STRUCK, HAND_OVER, DONE, ALARM, UNSENT = 1, 2, 3, 4, 5, 6, 7, 8, 9

# what became of requests that were to leave
LEFT, FULL, TOO_MANY = 0, 1, 2  # FULL: rows that were made must be taken first; TOO_MANY: more than the venue can hold

GRANTED, REVOKED = 1, 2

_END: Final = int(Flag.END)
_INTENT: Final = int(Kind.INTENT)
_BALANCE: Final = int(Kind.BALANCE)

CORE: Final = np.dtype(
    [
        ("now", "i8"),  # time of the strategy's side, ns; never goes back
        ("rows_time", "i8"),  # receive time of the newest row in hand
        ("final", "i8"),  # venue time up to which the venue's rows in hand are complete
        ("venue_time", "i8"),  # venue time up to which everything was processed
        ("ended", "i8"),  # 1: no more rows will come
        ("least_entry", "i8"),  # ns; no request reaches the venue sooner after it was sent
        ("least_answer", "i8"),  # ns; no answer is visible sooner after its event (response latency or watermark)
        ("watermark", "i8"),  # ns; bound of the feed latency, 0 = oracle
        ("by_rows", "i8"),  # 1: something may act at any row
        ("by_answers", "i8"),  # 1: something may act when told of an answer
        ("deadline", "i8"),  # earliest time at which the desk must be woken; FOREVER = none
        ("shown", "i8"),  # visible time of the last answer shown
        ("owner", "i8"),  # whose timer woke: number of the strategy
        ("next_id", "i8"),  # next order id
        ("large_trade", "f8"),  # a print worth at least this, in quote, wakes the desk; inf = none does
        ("struck", "i8"),  # 1 + the instrument whose print did
        ("alarms", "i8"),  # instruments that have prices at which the desk must be called (engine/marks.py)
        ("alarmed", "i8"),  # 1 + the instrument that has reached one
        ("granted", "i8"),  # what was told last of a compiled strategy's envelope: nothing, GRANTED or REVOKED
        ("off", "i8"),  # 1: entries are off (engine/purse.py); a compiled strategy has no quotes then
        ("closing", "i8"),  # 1: what a compiled strategy holds is to go, until it has gone or entries are on again
        ("cash", "i8", (WALLETS,)),  # money by wallet, as we know it
        ("made", "i8"),  # rows in the made buffer
        ("made_orders", "i8"),  # and in its order table
        ("rows", "i8"),  # tape rows folded by the strategy's side
        ("wakes", "i8"),
        ("quotes", "i8"),  # intents of the compiled strategy
        ("n_timers", "i8"),
        ("timer_next", "i8", (TIMERS,)),
        ("timer_step", "i8", (TIMERS,)),
        ("timer_offset", "i8", (TIMERS,)),  # wakes at multiples of step + offset
        ("timer_owner", "i8", (TIMERS,)),
    ]
)


CURSOR: Final = np.dtype(  # where the loop stands in the arrays it was handed; no part of a run's state
    [
        ("row", "i8"),
        ("rows", "i8"),
        ("venue_row", "i8"),
        ("venue_rows", "i8"),
    ]
)


@kernel
def next_timer(c: Record) -> int:
    """Time of the earliest timer, FOREVER without any."""
    first = FOREVER
    for k in range(c["n_timers"]):
        first = min(first, c["timer_next"][k])
    return first


@kernel
def due_timer(c: Record, time: int) -> int:
    """Number of the first timer due at `time`, or -1."""
    for k in range(c["n_timers"]):
        if c["timer_next"][k] == time:
            return k
    return -1


@kernel
def multiple(c: Record, k: int, time: int) -> int:
    """The first moment at or after `time` at which timer `k` may fire."""
    step, offset = c["timer_step"][k], c["timer_offset"][k]
    return (time - offset + step - 1) // step * step + offset


@kernel
def soonest(c: Record, time: int) -> int:
    """When a timer may fire at the soonest if an answer is shown at `time`, FOREVER without timers."""
    first = FOREVER
    for k in range(c["n_timers"]):
        first = min(first, multiple(c, k, time))
    return first


@kernel
def heard(c: Record, time: int) -> int:
    """When we may act at the soonest on an answer that is shown at `time`: at once, or only at a timer."""
    return time if c["by_answers"] != 0 or time == FOREVER else soonest(c, time)


@kernel
def skip_empty(c: Record, k: int, next_row: int) -> None:
    """After timer `k` fired: its next multiple, or the first at or after the next row when nothing happens before."""
    following = c["timer_next"][k] + c["timer_step"][k]
    c["timer_next"][k] = max(following, multiple(c, k, next_row))


@kernel
def answer_is_news(c: Record, time: int) -> None:
    """An answer was shown at `time`: timers that had skipped ahead look again at their first multiple after it."""
    for k in range(c["n_timers"]):
        c["timer_next"][k] = min(c["timer_next"][k], multiple(c, k, time))


@kernel
def make(
    c: Record, rows: Rows, orders: Rows, kind: int, inst: int, side: int, price: int, qty: int, flags: int
) -> Record:
    """Append a made row at the present time; returns its order record, zero, to be filled by the caller."""
    n = c["made"]
    _put(c, rows[n], kind, inst, side, price, qty, flags | _END)
    m = c["made_orders"]
    rows[n]["ref"] = m
    c["made"] = n + 1
    c["made_orders"] = m + 1
    _blank(orders[m])
    return orders[m]


@kernel
def _blank(o: Record) -> None:
    o["id"] = o["parent"] = o["price"] = o["trigger"] = o["qty"] = o["left"] = 0
    o["fee"] = o["amount"] = o["at"] = 0
    o["currency"] = o["type"] = o["tif"] = o["state"] = o["reason"] = o["flags"] = 0


@kernel
def make_intent(c: Record, rows: Rows, inst: int, side: int, price: int, qty: int, flags: int) -> None:
    """Append one side of a compiled strategy's intent: what it wishes to have in the book."""
    n = c["made"]
    _put(c, rows[n], _INTENT, inst, side, price, qty, flags)
    rows[n]["ref"] = -1
    c["made"] = n + 1


@kernel
def make_balance(c: Record, rows: Rows, inst: int, decimals: int, equity: int, cash: int, exposure: int) -> None:
    """Append the three rows of one balance: its figures in the order of tape/balances.py."""
    n = c["made"]
    _put(c, rows[n], _BALANCE, inst, 0, decimals, equity, 0)
    _put(c, rows[n + 1], _BALANCE, inst, 1, decimals, cash, 0)
    _put(c, rows[n + 2], _BALANCE, inst, -1, decimals, exposure, _END)
    rows[n]["ref"] = rows[n + 1]["ref"] = rows[n + 2]["ref"] = -1
    c["made"] = n + 3


@kernel
def _put(c: Record, row: Record, kind: int, inst: int, side: int, price: int, qty: int, flags: int) -> None:
    row["recv"] = c["now"]
    row["exch"] = 0
    row["qty"] = qty
    row["price"] = price
    row["inst"] = inst
    row["kind"] = kind
    row["side"] = side
    row["flags"] = flags
