"""Orders that start to work: they are refused, take from the displayed book, rest in it, or take and then rest.

A taking order walks the other side level by level as far as its limit, and so takes each displayed lot once.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.orders import SelfTrade
from tickerml.sim.slots import answer, closable, end, fill, find, resting
from tickerml.sim.taken import note_taken, taken
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import NO_ASK, NO_BID, level, next_level
from tickerml.tape.orders import AnswerKind, OrderFlag, OrderState, OrderType, Reject, TimeInForce
from tickerml.tape.rows import MAX_TICKS, Record

_MARKET, _LIMIT = int(OrderType.MARKET), int(OrderType.LIMIT)
_IOC, _FOK, _GTX = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.GTX)
_ACK, _ENDED, _REJECT = int(AnswerKind.ACK), int(AnswerKind.CANCELED), int(AnswerKind.REJECT)
_NEW, _CANCELED, _REJECTED = int(OrderState.NEW), int(OrderState.CANCELED), int(OrderState.REJECTED)
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
def reducible(v: Record, o: Record, qty: int) -> int:
    """`qty`, or for a reduce-only order no more than the position that it can close."""
    if o["flags"] & _REDUCE == 0:
        return qty
    return min(qty, closable(v, o["side"], o["flags"]))


@kernel
def execute(mail: Record, v: Record, k: int, price: int) -> None:
    """Execute the whole order of slot `k` at `price` as taker, or what of it may reduce the position."""
    o = v["orders"][k]
    qty = reducible(v, o, o["left"])
    if qty == 0 or not fill(mail, v, k, price, qty, 0):
        end(mail, v, k, _ENDED, _NOT_REDUCING, _CANCELED)


@kernel
def own_in_the_way(v: Record, side: int, tick: int) -> int:
    """Slot of our best resting order of the other side that an order of `side` at `tick` would meet; -1 = none."""
    found = -1
    best = tick
    for j in range(v["n"]):
        o = v["orders"][j]
        beats = (best - o["price"]) * side
        if o["side"] == -side and resting(o) and (beats > 0 or (beats == 0 and found < 0)):
            found = j
            best = o["price"]
    return found


@kernel
def meets_itself(mail: Record, v: Record, rule: int, order_id: int, side: int, tick: int) -> bool:
    """Apply the self-trade rule up to `tick`; True when the taking order `order_id` ended by it."""
    if rule == _IGNORE:
        return False
    other = own_in_the_way(v, side, tick)
    while other >= 0:
        if rule != _NEWEST:
            end(mail, v, other, _ENDED, _SELF, _CANCELED)
        if rule != _OLDEST:
            end(mail, v, find(v, order_id), _ENDED, _SELF, _CANCELED)
            return True
        other = own_in_the_way(v, side, tick)
    return False


@kernel
def fillable(v: Record, b: Record, rules: Record, o: Record, limit: int) -> bool:
    """Whether the book holds all of `o` within `limit`, before any own order that the self-trade rule keeps."""
    side, missing = o["side"], o["left"]
    if reducible(v, o, missing) < missing:
        return False
    keeps = rules["self_trade"] != _IGNORE and rules["self_trade"] != _OLDEST
    tick = touch(b, side)
    while exists(tick) and (limit - tick) * side >= 0 and not (keeps and own_in_the_way(v, side, tick) >= 0):
        missing -= level(b, -side, tick) - taken(v, -side, tick)
        if missing <= 0:
            return True
        tick = next_level(b, -side, tick)
    return False


@kernel
def walk(mail: Record, rules: Record, v: Record, b: Record, order_id: int, side: int, limit: int) -> bool:
    """Fill the order from the book up to `limit`. True when some of it is left and it is still alive.

    It meets at most MOST_LEVELS levels; what is left then counts as not there.
    """
    tick = touch(b, side)
    for _ in range(MOST_LEVELS):
        if not exists(tick) or (limit - tick) * side < 0:
            return True
        if meets_itself(mail, v, rules["self_trade"], order_id, side, tick):
            return False
        k = find(v, order_id)
        o = v["orders"][k]
        shown = level(b, -side, tick) - taken(v, -side, tick)
        lots = reducible(v, o, min(o["left"], shown))
        if lots <= 0 < shown:
            end(mail, v, k, _ENDED, _NOT_REDUCING, _CANCELED)
            return False
        if lots > 0:
            if rules["remember_taken"] != 0:
                note_taken(v, -side, tick, lots)
            if fill(mail, v, k, tick, lots, 0):
                return False
        tick = next_level(b, -side, tick)
    return True


@kernel
def start_next(mail: Record, rules: Record, v: Record, b: Record) -> None:
    """The oldest order in state NEW, limit or market, starts to work."""
    v["due"] -= 1
    k = 0
    while k < v["n"] and v["orders"][k]["state"] != _NEW:
        k += 1
    if k == v["n"]:
        return  # ended by an order that started before it
    o = v["orders"][k]
    order_id, side, tif, price = o["id"], o["side"], o["tif"], o["price"]
    market = o["type"] == _MARKET
    if market:
        price = MAX_TICKS if side > 0 else 0
    crossing = price >= b["best_ask"] if side > 0 else price <= b["best_bid"]
    rule = rules["self_trade"] if rules["partial"] != 0 else _IGNORE
    if tif == _GTX and (crossing or (rule != _IGNORE and own_in_the_way(v, side, price) >= 0)):
        end(mail, v, k, _REJECT, _POST_ONLY, _REJECTED)
        return
    if rules["partial"] == 0:  # as hftbacktest: whole, at the touch, whatever is displayed there
        if crossing and exists(touch(b, side)):
            fill(mail, v, k, touch(b, side), o["left"], 0)
            return
    elif tif == _FOK and not fillable(v, b, rules, o, price):
        end(mail, v, k, _ENDED, _UNFILLABLE, _CANCELED)
        return
    elif crossing and not walk(mail, rules, v, b, order_id, side, price):
        return
    k = find(v, order_id)
    if market or tif in (_IOC, _FOK):
        end(mail, v, k, _ENDED, _NO_LIQUIDITY if market else _IOC_REST, _CANCELED)
    elif not meets_itself(mail, v, rule, order_id, side, price):
        rest(mail, v, find(v, order_id))


@kernel
def start_post_only(mail: Record, rules: Record, v: Record, b: Record) -> None:
    """As `start_next` where all orders are post-only limit orders: the oldest in state NEW is refused or rests."""
    v["due"] -= 1
    k = 0
    while k < v["n"] and v["orders"][k]["state"] != _NEW:
        k += 1
    if k == v["n"]:
        return
    side, price = v["orders"][k]["side"], v["orders"][k]["price"]
    crossing = price >= b["best_ask"] if side > 0 else price <= b["best_bid"]
    alone = rules["partial"] == 0 or rules["self_trade"] == _IGNORE
    if crossing or (not alone and own_in_the_way(v, side, price) >= 0):
        end(mail, v, k, _REJECT, _POST_ONLY, _REJECTED)
    else:
        rest(mail, v, k)


@kernel
def rest(mail: Record, v: Record, k: int) -> None:
    """What is left of the order goes into the book; the pass gives it its queue position at the end of the step."""
    o = v["orders"][k]
    answer(mail, v, k, _ACK, 0, _WORKING if o["left"] == o["qty"] else _PARTIAL)
    o["passed"] = -1.0  # marks it as new in the queue
