"""How a trade ends: closed within its reach of the touch, with all that it stands or falls with. Kernels."""

from __future__ import annotations

from typing import Final

from tickerml.desk import leaving
from tickerml.desk.legs import belongs
from tickerml.desk.setups import BY_STOP, CLOSING, UNWOUND, deadline, is_over, withdraw
from tickerml.engine import together
from tickerml.engine.marks import is_bar_only, patience
from tickerml.engine.worth import mark_of
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record, Rows

OVER: Final = 1  # the setup and all that it stands or falls with are to be settled
NOTHING: Final = 0


@kernel
def stand_or_fall(
    c: Record, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, far: Record, k: int
) -> int:
    """After an answer about leg `k`: what becomes of it and the others."""
    s, wait = table[k], 0
    for n in range(len(table)):
        if together.is_mate(table, n, k):
            wait = max(wait, patience(books[table[n]["inst"]], marks[table[n]["inst"]]))
    if together.look(table, k, c["now"] + far["legs_ns"] + wait):
        return leave(c, table, legs, out, rules, marks, books, far, k, UNWOUND, 0)
    if s["exited"] != 0 and s["going"] == 0 and s["reason"] != BY_STOP:
        return leave(c, table, legs, out, rules, marks, books, far, k, s["reason"], 0)
    if s["exited"] != 0:
        _fall(c, table, legs, out, rules, marks, books, far, k)
    return NOTHING


@kernel
def leave(
    c: Record, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, far: Record, k: int,
    reason: int, limit: int,
) -> int:  # fmt: skip
    """Close setup `k` up to `limit` ticks, 0 = as `_within` says, with all the legs that it stands or falls with."""
    near = _within(table[k], rules, marks, books, far)
    leaving.close(c, table, legs, out, k, reason, limit if limit != 0 else near)
    _fall(c, table, legs, out, rules, marks, books, far, k)
    c["deadline"] = deadline(table)
    return settles(table, legs, out, k) if is_over(table[k]) and table[k]["superp"] == 0 else NOTHING


@kernel
def sell(
    c: Record, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, far: Record, k: int,
    lots: int,
) -> None:  # fmt: skip
    """Close `lots` of what setup `k` holds, as far as a close of all of it would reach."""
    leaving.part(c, table, legs, out, k, lots, _within(table[k], rules, marks, books, far))


@kernel
def _within(s: Record, rules: Rows, marks: Rows, books: Rows, far: Record) -> int:
    """How far a close of `s` may reach, ticks; 0 = at the market: on bars, without a touch, or where a limit failed."""
    inst = s["inst"]
    if rules[inst]["bar_only"] != 0 or s["pressed"] != 0:
        return 0
    touch = touch_of(books[inst], marks[inst], s["side"])
    return leaving.reach(touch, -s["side"], far["close"]) if touch != 0 else 0


@kernel
def _fall(
    c: Record, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, far: Record, k: int
) -> None:
    """Setup `k` leaves: so do the other legs of its intent that were not told to. What is over waits for `k`."""
    for n in range(len(table)):
        if n != k and together.is_mate(table, n, k) and table[n]["going"] == 0:
            near = _within(table[n], rules, marks, books, far)
            leaving.close(c, table, legs, out, n, together.why(table[k]), near)
            if is_over(table[n]):
                settles(table, legs, out, n)


@kernel
def settles(table: Rows, legs: Rows, out: Record, k: int) -> int:
    """Setup `k` is over: OVER where all that it stands or falls with are, else it waits for them."""
    for n in range(len(table)):
        if together.is_mate(table, n, k) and not is_over(table[n]):
            table[k]["state"] = CLOSING
            table[k]["going"] = 1
            for m in range(len(legs)):
                if belongs(legs[m], k):
                    withdraw(legs[m], out)
            return NOTHING
    return OVER


@kernel
def touch_of(b: Record, m: Record, side: int) -> int:
    """What closing a position of `side` could get, ticks; 0 = unknown."""
    price = m["bid"] if side > 0 else m["ask"]
    return price if price != 0 or not is_bar_only(b, m) else mark_of(b, m)
