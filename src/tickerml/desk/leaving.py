"""How a trade leaves the market: its stop and target, new levels for them, withdrawing and closing.

Every fill of an entry is protected by its own stop (and target) of the same size; when one of the two ends the
position, its sibling is cancelled. Exits are reduce-only, so a stop can never turn a position round. Many small fills
are gathered under one stop. What could not be closed is closed again: a second later, and while the venue refuses it
after twice the time each time, up to a minute. Orders that are returned are to be sent at once.

Where there is a book, a stop reaches only so far: it becomes a limit `limits.through_stop` beyond its trigger, which
fills at once or not. What it could not fill is closed by a limit `limits.through_stop_again` beyond the touch, and what
that leaves at the market: a position that two limits could not close is worth more sold than kept without a stop.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from tickerml.desk.exits import Move, place
from tickerml.desk.legs import CLOSE, ENTRY, STOP, TARGET, cancels
from tickerml.desk.order import Cancel, Order
from tickerml.desk.setups import CLOSING, OPEN, Setups, held
from tickerml.tape.orders import OrderFlag, OrderType, TimeInForce
from tickerml.tape.rows import MAX_TICKS, MINUTE, SECOND, Record

MOST_LEGS: Final = 6  # stops and targets of one setup; more are replaced by one pair for all that is held
NEAR: Final = 0.0005  # fraction; average entry prices so near each other keep their levels
RETRY_NS: Final = SECOND  # until a close that the venue could not fill, or refused once, is sent again
LONGEST_NS: Final = MINUTE  # until one that it refuses again and again is

_GTC, _IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
_REDUCE = int(OrderFlag.REDUCE_ONLY)


def reach(price: int, side: int, share: float) -> int:
    """The farthest tick that an order of `side` may take when it may go `share` through `price`."""
    far = price * (1 + side * share)
    return min(MAX_TICKS, int(far)) if side > 0 else max(1, ceil(far))


def stop_of(s: Record, qty: int, through: float | None) -> Order:
    """The stop for `qty` lots of setup `s`; None `through`: at the market, where there is no touch to reach through."""
    inst, side, trigger = int(s["inst"]), -int(s["side"]), int(s["stop_at"])
    if through is None:
        return Order(inst, side, int(OrderType.STOP), _GTC, qty, trigger=trigger, flags=_REDUCE)
    limit = reach(trigger, side, through)
    return Order(inst, side, int(OrderType.STOP_LIMIT), _IOC, qty, price=limit, trigger=trigger, flags=_REDUCE)


def protection(s: Record, through: float | None = None) -> list[tuple[int, Order]]:
    """Stop and target for the lots that have none yet: (role, order)."""
    qty, side = int(s["naked"]), int(s["side"])
    if qty == 0 or s["state"] == CLOSING:
        return []
    s["naked"] = 0
    entry = int(s["entry_ticks"]) / int(s["entered"])
    if entry != s["entry_at"]:
        place(s, entry)
    inst, stop, target = int(s["inst"]), int(s["stop_at"]), int(s["target_at"])
    orders = []
    if stop:
        orders.append((STOP, stop_of(s, qty, through)))
    if target and not s["zones"]:  # else it is watched: at the target the trade may go on
        orders.append((TARGET, Order(inst, -side, int(OrderType.LIMIT), _GTC, qty, price=target, flags=_REDUCE)))
    return orders


def move(setups: Setups, k: int, move: Move) -> list[Cancel]:
    """New levels for setup `k`: withdraw its stop and target; `protection` then gives those that take over.

    For a moment both stand; both are reduce-only, so the position cannot turn.
    """
    s = setups.table[k]
    if s["state"] != OPEN:
        return []
    s["stop_at"], s["target_at"] = move.stop, move.target
    s["naked"] = held(s)
    return cancels([leg for leg in setups.legs.of(k) if leg["role"] in (STOP, TARGET)])


def gather(setups: Setups, k: int) -> list[Cancel]:
    """Before more lots of setup `k` are protected: withdraw its orders, so that one pair takes over.

    Where they are many, or the average entry price has moved by more than NEAR: levels are of the average.
    """
    mine = [leg for leg in setups.legs.of(k) if leg["role"] in (STOP, TARGET) and not leg["leaving"]]
    s = setups.table[k]
    moved = abs(int(s["entry_ticks"]) / max(1, int(s["entered"])) - s["entry_at"]) > NEAR * s["entry_at"] > 0
    if s["state"] == CLOSING or not (len(mine) >= MOST_LEGS or (moved and mine)):
        return []
    s["naked"] = held(s)
    return cancels(mine)


def withdraw(setups: Setups, k: int) -> list[Cancel]:
    """Cancel the entries of setup `k` that may still fill; its stop and target stay. An open SuperP position stays."""
    if setups.table[k]["superp"] and setups.table[k]["state"] == OPEN:
        return []  # its one order is the position
    return cancels([leg for leg in setups.legs.of(k) if leg["role"] == ENTRY])


def close(setups: Setups, k: int, reason: int, limit: int = 0) -> list[Order | Cancel]:
    """Withdraw all orders of setup `k` and close what it holds: up to `limit` ticks, or at the market."""
    s = setups.table[k]
    mine = setups.legs.of(k)
    closing = any(leg["role"] == CLOSE for leg in mine)
    s["going"], s["cover_by"], s["fill_by"] = 1, 0, 0
    if s["superp"]:
        s["state"], s["reason"] = CLOSING, reason
        return list(cancels(mine))
    out: list[Order | Cancel] = list(cancels([leg for leg in mine if leg["role"] != CLOSE]))
    lots = held(s)
    if lots > 0 and not closing:
        kind = OrderType.LIMIT if limit else OrderType.MARKET
        out.append(Order(int(s["inst"]), -int(s["side"]), int(kind), _IOC, lots, price=limit, flags=_REDUCE))
    s["state"] = CLOSING
    s["reason"] = s["reason"] or reason
    return out


def reopen(setups: Setups, k: int, at: int) -> None:
    """Setup `k` is closing, holds lots and has no order under way that closes them: close again at `at`, ns."""
    s = setups.table[k]
    closing = any(leg["role"] == CLOSE for leg in setups.legs.of(k))
    if s["state"] == CLOSING and not s["superp"] and held(s) > 0 and not closing:
        s["state"], s["horizon"], s["naked"] = OPEN, at, 0


def refused(s: Record) -> bool:
    """The venue has refused a close of `s`: the next waits twice as long. True when that has become the longest."""
    before = int(s["wait"])
    s["wait"] = min(max(RETRY_NS, 2 * before), LONGEST_NS)
    return before < LONGEST_NS <= int(s["wait"])


def again(s: Record, now: int) -> int:
    """When what an order has left of `s` is closed again, ns."""
    return now + max(RETRY_NS, int(s["wait"]))


def guard(setups: Setups, k: int, by: int) -> None:
    """Setup `k` must have a stop for all that it holds: the venue has told of one, or it must do so by `by`, ns."""
    s = setups.table[k]
    lots = held(s)
    wanted = s["state"] == OPEN and not s["going"] and not s["superp"] and s["stop"] > 0 and lots > 0
    if not wanted or sum(int(leg["left"]) for leg in setups.legs.of(k) if leg["role"] == STOP and leg["known"]) >= lots:
        s["cover_by"] = s["refused"] = 0
    elif not s["cover_by"]:
        s["cover_by"] = by


def is_legal(s: Record, touch: int) -> bool:
    """Whether a stop that the venue refused may be asked for once more: it lies behind `touch` (ticks, 0 = unknown).

    One that the market has passed is not moved away from it: a stop only ever tightens.
    """
    return s["stop_at"] > 0 and (not touch or int(s["side"]) * (touch - int(s["stop_at"])) > 0)
