"""An order that takes: it walks the other side of the displayed book, level by level, as far as its limit.

The recorded book is not changed by what we take. One order takes a displayed lot once, because it walks each level once;
with `remember_taken` later orders do not get it again either, until the display shrinks.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.orders import TAKEN, AnswerKind, OrderFlag, OrderState, OrderType, Reject, SelfTrade, TimeInForce
from tickerml.sim.slots import answer, end, fill, find, interest, remove, resting
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import NO_ASK, NO_BID, level, next_level
from tickerml.tape.rows import MAX_TICKS, Record

_MARKET, _LIMIT = int(OrderType.MARKET), int(OrderType.LIMIT)
_IOC, _FOK, _GTX = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.GTX)
_ACK, _CANCELED_, _REJECT = int(AnswerKind.ACK), int(AnswerKind.CANCELED), int(AnswerKind.REJECT)
_CANCELED, _REJECTED = int(OrderState.CANCELED), int(OrderState.REJECTED)
_WORKING, _PARTIAL = int(OrderState.WORKING), int(OrderState.PARTIAL)
_NO_LIQUIDITY, _IOC_REST, _UNFILLABLE = int(Reject.NO_LIQUIDITY), int(Reject.IOC), int(Reject.UNFILLABLE)
_POST_ONLY, _SELF, _NOT_REDUCING = int(Reject.POST_ONLY), int(Reject.SELF_TRADE), int(Reject.REDUCE_ONLY)
_NEWEST, _OLDEST, _IGNORE = int(SelfTrade.CANCEL_NEWEST), int(SelfTrade.CANCEL_OLDEST), int(SelfTrade.IGNORE)
_REDUCE: Final = int(OrderFlag.REDUCE_ONLY)
MOST_LEVELS: Final = 256  # that one order walks at once


@kernel
def touch(b: Record, side: int) -> int:
    """Best price that an order of `side` can take: the ask for buys, the bid for sells; NO_ASK / NO_BID when none."""
    return b["best_ask"] if side > 0 else b["best_bid"]


@kernel
def exists(tick: int) -> bool:
    """Whether a touch is a price at all."""
    return NO_BID < tick < NO_ASK


@kernel
def takes(b: Record, side: int, price: int) -> bool:
    """Whether a limit order of `side` at `price` would trade at once."""
    return price >= b["best_ask"] if side > 0 else price <= b["best_bid"]


@kernel
def limit_of(v: Record, k: int) -> int:
    """The worst price that slot `k` accepts; a market order accepts any."""
    if v["type"][k] != _MARKET:
        return v["price"][k]
    return MAX_TICKS if v["side"][k] > 0 else 0


@kernel
def reducible(v: Record, k: int, qty: int) -> int:
    """`qty`, or for a reduce-only order no more than the position that it can close."""
    if v["flags"][k] & _REDUCE == 0:
        return qty
    return max(0, min(qty, -v["side"][k] * v["net"]))


@kernel
def taken(v: Record, side: int, tick: int) -> int:
    """Lots of the displayed level that our own orders have taken already."""
    for j in range(v["n_taken"]):
        if v["taken_tick"][j] == tick and v["taken_side"][j] == side:
            return v["taken_lots"][j]
    return 0


@kernel
def note_taken(v: Record, side: int, tick: int, lots: int) -> None:
    """Remember that we took `lots` of a level; beyond TAKEN levels the oldest memory goes."""
    for j in range(v["n_taken"]):
        if v["taken_tick"][j] == tick and v["taken_side"][j] == side:
            v["taken_lots"][j] += lots
            return
    if v["n_taken"] == TAKEN:
        _forget(v, 0)
    j = v["n_taken"]
    v["n_taken"] = j + 1
    v["taken_tick"][j] = tick
    v["taken_side"][j] = side
    v["taken_lots"][j] = lots


@kernel
def shrink_taken(v: Record, side: int, tick: int, before: int, after: int) -> None:
    """A displayed level changed: what left it is taken to be what we took, first."""
    for j in range(v["n_taken"]):
        if v["taken_tick"][j] == tick and v["taken_side"][j] == side:
            v["taken_lots"][j] = min(v["taken_lots"][j] - max(0, before - after), after)
            if v["taken_lots"][j] <= 0:
                _forget(v, j)
            return


@kernel
def _forget(v: Record, j: int) -> None:
    v["n_taken"] -= 1
    for i in range(j, v["n_taken"]):
        v["taken_tick"][i] = v["taken_tick"][i + 1]
        v["taken_side"][i] = v["taken_side"][i + 1]
        v["taken_lots"][i] = v["taken_lots"][i + 1]


@kernel
def own_in_the_way(v: Record, side: int, tick: int) -> int:
    """Slot of our best resting order of the other side that an order of `side` at `tick` would meet; -1 = none."""
    found = -1
    for j in range(v["n"]):
        if resting(v, j) and v["side"][j] == -side and (tick - v["price"][j]) * side >= 0:
            if found < 0 or (v["price"][found] - v["price"][j]) * side > 0:
                found = j
    return found


@kernel
def meets_itself(mail: Record, v: Record, rule: int, order_id: int, tick: int) -> bool:
    """Apply the self-trade rule up to `tick`; True when the taking order `order_id` ended by it."""
    if rule == _IGNORE:
        return False
    k = find(v, order_id)
    other = own_in_the_way(v, v["side"][k], tick)
    while other >= 0:
        if rule != _NEWEST:
            end(mail, v, other, _CANCELED_, _SELF, _CANCELED)
            k = find(v, order_id)
        if rule != _OLDEST:
            end(mail, v, k, _CANCELED_, _SELF, _CANCELED)
            return True
        other = own_in_the_way(v, v["side"][k], tick)
    return False


@kernel
def fillable(v: Record, b: Record, rules: Record, k: int) -> bool:
    """Whether the book holds all of slot `k` within its limit (and before our own orders, where they count)."""
    side, limit, missing = v["side"][k], limit_of(v, k), reducible(v, k, v["left"][k])
    if missing < v["left"][k]:
        return False
    tick = touch(b, side)
    while exists(tick) and (limit - tick) * side >= 0:
        if rules["self_trade"] != _IGNORE and own_in_the_way(v, side, tick) >= 0:
            return rules["self_trade"] == _OLDEST and _rest_is_there(v, b, side, limit, tick, missing)
        missing -= level(b, -side, tick) - taken(v, -side, tick)
        if missing <= 0:
            return True
        tick = next_level(b, -side, tick)
    return False


@kernel
def _rest_is_there(v: Record, b: Record, side: int, limit: int, tick: int, missing: int) -> bool:
    """As `fillable`, from `tick` on, when our own orders in the way will be cancelled."""
    while exists(tick) and (limit - tick) * side >= 0:
        missing -= level(b, -side, tick) - taken(v, -side, tick)
        if missing <= 0:
            return True
        tick = next_level(b, -side, tick)
    return False


@kernel
def walk(mail: Record, rules: Record, v: Record, b: Record, order_id: int) -> bool:
    """Fill the order from the book up to its limit. True when it is still alive (and not yet resting).

    It meets at most MOST_LEVELS levels; what is left then counts as not there.
    """
    k = find(v, order_id)
    side, limit = v["side"][k], limit_of(v, k)
    tick = touch(b, side)
    levels = 0
    while v["left"][k] > 0 and exists(tick) and (limit - tick) * side >= 0 and levels < MOST_LEVELS:
        levels += 1
        if meets_itself(mail, v, rules["self_trade"], order_id, tick):
            return False
        k = find(v, order_id)
        lots = min(v["left"][k], level(b, -side, tick) - taken(v, -side, tick))
        if lots > 0:
            lots = reducible(v, k, lots)
            if lots == 0:
                end(mail, v, k, _CANCELED_, _NOT_REDUCING, _CANCELED)
                return False
            fill(mail, v, k, tick, lots, 0)
            if rules["remember_taken"] != 0:
                note_taken(v, -side, tick, lots)
        tick = next_level(b, -side, tick)
    if v["left"][k] == 0:
        remove(v, k)
        return False
    return True


@kernel
def activate(mail: Record, rules: Record, v: Record, b: Record, order_id: int) -> None:
    """A limit or market order starts to work now: it is refused, takes, rests, or any of the last two in turn."""
    k = find(v, order_id)
    side, tif = v["side"][k], v["tif"][k]
    crossing = v["type"][k] == _MARKET or takes(b, side, v["price"][k])
    own = own_in_the_way(v, side, v["price"][k]) if rules["self_trade"] != _IGNORE and tif == _GTX else -1
    if tif == _GTX and (crossing or own >= 0):
        end(mail, v, k, _REJECT, _POST_ONLY, _REJECTED)
        return
    if rules["partial"] == 0:
        _activate_whole(mail, v, b, k, crossing)
        return
    if tif == _FOK and not fillable(v, b, rules, k):
        end(mail, v, k, _CANCELED_, _UNFILLABLE, _CANCELED)
        return
    if crossing and not walk(mail, rules, v, b, order_id):
        return
    k = find(v, order_id)
    if v["type"][k] == _MARKET:
        end(mail, v, k, _CANCELED_, _NO_LIQUIDITY, _CANCELED)
    elif tif == _IOC:
        end(mail, v, k, _CANCELED_, _IOC_REST, _CANCELED)
    elif not meets_itself(mail, v, rules["self_trade"], order_id, v["price"][k]):
        _rest(mail, v, find(v, order_id))


@kernel
def _activate_whole(mail: Record, v: Record, b: Record, k: int, crossing: bool) -> None:
    """As hftbacktest without partial fills: what takes is filled whole at the touch, whatever is displayed there."""
    price = touch(b, v["side"][k])
    if crossing and exists(price):
        fill(mail, v, k, price, v["left"][k], 0)
        remove(v, k)
    elif crossing:
        end(mail, v, k, _CANCELED_, _NO_LIQUIDITY, _CANCELED)
    elif v["tif"][k] == _IOC or v["tif"][k] == _FOK:
        end(mail, v, k, _CANCELED_, _IOC_REST, _CANCELED)
    else:
        _rest(mail, v, k)


@kernel
def _rest(mail: Record, v: Record, k: int) -> None:
    """The order (or what is left of it) goes into the book; the pass gives it its queue position after this step."""
    v["type"][k] = _LIMIT
    answer(mail, v, k, _ACK, 0, _WORKING if v["left"][k] == v["qty"][k] else _PARTIAL)
    v["front"][k] = -1.0
    v["passed"][k] = -1.0  # marks it as fresh
    v["fresh"] += 1
    interest(v)
