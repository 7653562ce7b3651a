"""Rows against our resting orders: displayed levels that come through our price, and trades at or through it.

With partial fills (RULES["partial"] = 1) our executions never exceed what the row shows: lots newly displayed through
our price, or lots traded, given out by price, then time. At our own price the queue position decides. Without them the
rules are hftbacktest's NoPartialFillExchange: any such row fills the whole order at its limit.
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.sim.orders import AnswerKind, OrderState, Reject
from tickerml.sim.slots import end, fill, remove, resting
from tickerml.sim.take import reducible
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

_CANCELED_KIND, _CANCELED = int(AnswerKind.CANCELED), int(OrderState.CANCELED)
_NOT_REDUCING: Final = int(Reject.REDUCE_ONLY)
_ALMOST: Final = 1e-6  # lots: what floating point may lack of a whole lot in a queue position


@kernel
def hit(mail: Record, v: Record, k: int, lots: int) -> int:
    """Execute up to `lots` of resting slot `k` at its own price as maker; returns what was executed."""
    qty = reducible(v, k, min(lots, v["left"][k]))
    if qty > 0:
        fill(mail, v, k, v["price"][k], qty, 1)
        if v["left"][k] == 0:
            remove(v, k)
    else:
        end(mail, v, k, _CANCELED_KIND, _NOT_REDUCING, _CANCELED)
    return qty


@kernel
def foremost(v: Record, side: int, tick: int, through: int) -> int:
    """Slot of our resting order of `side` with the best price, oldest first, that `tick` reaches; -1 = none.

    `through` 1: the price must lie strictly on the far side of `tick`'s own level; 0: at it or beyond.
    """
    found = -1
    for j in range(v["n"]):
        if v["side"][j] == side and resting(v, j) and (v["price"][j] - tick) * side >= through:
            if found < 0 or (v["price"][j] - v["price"][found]) * side > 0:
                found = j
    return found


@kernel
def come_through(mail: Record, rules: Record, v: Record, side: int, tick: int, before: int, after: int) -> None:
    """Level `tick` of `side` went from `before` to `after` lots: our orders of the other side that it reaches trade."""
    lots = after - before
    if rules["partial"] == 0:
        lots = 1 if after > 0 else 0
    k = foremost(v, -side, tick, 0)
    while lots > 0 and k >= 0:
        if rules["partial"] == 0:
            hit(mail, v, k, v["left"][k])
        else:
            lots -= hit(mail, v, k, lots)
        k = foremost(v, -side, tick, 0)


@kernel
def trade_through(mail: Record, rules: Record, v: Record, side: int, tick: int, lots: int) -> int:
    """A trade at `tick` fills our orders of `side` at better prices; returns the lots that are left at `tick` itself."""
    k = foremost(v, side, tick, 1)
    while lots > 0 and k >= 0:
        if rules["partial"] == 0:
            hit(mail, v, k, v["left"][k])
        else:
            lots -= hit(mail, v, k, lots)
        k = foremost(v, side, tick, 1)
    return lots


@kernel
def reach(mail: Record, rules: Record, v: Record, k: int, lots: int) -> int:
    """Execute what the queue position of slot `k` lets a trade of `lots` at its price reach; returns the lots used up."""
    if rules["partial"] == 0:
        if v["front"][k] <= -0.5:
            hit(mail, v, k, v["left"][k])
        return 0
    qty = min(min(lots, v["left"][k]), int(math.floor(_ALMOST - v["front"][k])))
    if qty <= 0:
        return 0
    v["front"][k] += qty
    return hit(mail, v, k, qty)


@kernel
def taker_side(b: Record, row: Record) -> int:
    """The taker's side of a trade row; by the nearer touch where the venue does not tell."""
    if row["side"] != 0:
        return row["side"]
    return 1 if 2 * row["price"] >= b["best_bid"] + b["best_ask"] else -1
