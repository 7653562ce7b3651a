"""Rows against our resting orders: displayed levels that come through our price, and trades at or through it.

With partial fills (RULES["partial"] = 1) our executions never exceed what the row shows: lots newly displayed through
our price, or lots traded, given out by price, then time. At our own price the queue position decides. Without them the
rules are hftbacktest's NoPartialFillExchange: any such row fills the whole order at its limit.
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.sim.slots import end, fill, resting
from tickerml.sim.take import reducible
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderState, Reject
from tickerml.tape.rows import Record

_ENDED, _CANCELED, _NOT_REDUCING = int(AnswerKind.CANCELED), int(OrderState.CANCELED), int(Reject.REDUCE_ONLY)
_ALMOST: Final = 1e-6  # lots: what floating point may lack of a whole lot in a queue position


@kernel
def hit(mail: Record, v: Record, k: int, lots: int) -> int:
    """Execute up to `lots` of resting slot `k` at its own price as maker; returns what was executed."""
    o = v["orders"][k]
    qty = reducible(v, o, min(lots, o["left"]))
    if qty > 0:
        fill(mail, v, k, o["price"], qty, 1)
    else:
        end(mail, v, k, _ENDED, _NOT_REDUCING, _CANCELED)
    return qty


@kernel
def give(mail: Record, rules: Record, v: Record, side: int, tick: int, lots: int) -> int:
    """Fill our orders of `side` at `tick` and better, best price first, then oldest; returns the lots not used up."""
    while lots > 0:
        found = -1
        best = tick
        for j in range(v["n"]):
            o = v["orders"][j]
            beats = (o["price"] - best) * side
            if o["side"] == side and resting(o) and (beats > 0 or (beats == 0 and found < 0)):
                found = j
                best = o["price"]
        if found < 0:
            return lots
        if rules["partial"] == 0:
            hit(mail, v, found, v["orders"][found]["left"])
        else:
            lots -= hit(mail, v, found, lots)
    return 0


@kernel
def reach(mail: Record, rules: Record, v: Record, k: int, lots: int) -> int:
    """Execute what the queue position of slot `k` lets a trade of `lots` at its price reach; returns lots used up."""
    o = v["orders"][k]
    if rules["partial"] == 0:
        if o["front"] <= -0.5:
            hit(mail, v, k, o["left"])
        return 0
    qty = min(min(lots, o["left"]), math.floor(_ALMOST - o["front"]))
    if qty <= 0:
        return 0
    o["front"] += qty
    return hit(mail, v, k, qty)


@kernel
def taker_side(b: Record, row: Record) -> int:
    """The taker's side of a trade row; by the nearer touch where the venue does not tell."""
    if row["side"] != 0:
        return int(row["side"])
    return 1 if 2 * row["price"] >= b["best_bid"] + b["best_ask"] else -1
