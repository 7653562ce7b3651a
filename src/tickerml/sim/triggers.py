"""Orders that wait for the market: stop, take-profit and trailing orders, and SuperP positions.

A sell stop fires when the market is at or below its trigger, a buy stop at or above; take-profits the other way round.
The market is the last trade, or the touch at which the order would execute (the bid for sells), by RULES["trigger_by"].
The touch counts at the end of a message only, because books are crossed for a moment inside one.
"""

from __future__ import annotations

from tickerml.sim.orders import AnswerKind, OrderState, OrderType, TriggerBy
from tickerml.sim.slots import answer, interest
from tickerml.sim.superp import look
from tickerml.sim.take import activate, exists, touch
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

_STOP, _STOP_LIMIT, _TRAILING = int(OrderType.STOP), int(OrderType.STOP_LIMIT), int(OrderType.TRAILING)
_TP, _TP_LIMIT, _SUPERP = int(OrderType.TAKE_PROFIT), int(OrderType.TAKE_PROFIT_LIMIT), int(OrderType.SUPERP)
_LIMIT, _MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
_ARMED, _NEW = int(OrderState.ARMED), int(OrderState.NEW)
_TRIGGERED, _ACK = int(AnswerKind.TRIGGERED), int(AnswerKind.ACK)
_TRADES, _TOUCH = int(TriggerBy.TRADES), int(TriggerBy.TOUCH)


@kernel
def is_trigger_type(order_type: int) -> bool:
    """Whether orders of this type wait for a trigger."""
    return _STOP <= order_type <= _TRAILING


@kernel
def reached(v: Record, k: int, market: int) -> bool:
    """Whether the market at `market` ticks fires the armed order of slot `k`; a trailing order follows it first."""
    side, kind = v["side"][k], v["type"][k]
    trigger = v["trigger"][k]
    if kind == _TRAILING:
        if v["extreme"][k] == 0 or (market - v["extreme"][k]) * side < 0:
            v["extreme"][k] = market
        trigger = v["extreme"][k] + side * trigger
        return (market - trigger) * side >= 0
    if kind == _STOP or kind == _STOP_LIMIT:
        return (market - trigger) * side >= 0
    return (market - trigger) * side <= 0


@kernel
def fire(mail: Record, rules: Record, v: Record, b: Record, k: int) -> None:
    """The armed order of slot `k` becomes a market or limit order and starts to work."""
    answer(mail, v, k, _TRIGGERED, 0, _NEW)
    v["type"][k] = _LIMIT if v["type"][k] == _STOP_LIMIT or v["type"][k] == _TP_LIMIT else _MARKET
    interest(v)
    activate(mail, rules, v, b, v["id"][k])


@kernel
def on_trade(mail: Record, rules: Record, v: Record, b: Record, market: int) -> None:
    """A trade at `market` ticks: fire what it reaches. Waits while the book is unknown or trading is halted."""
    if rules["trigger_by"] & _TRADES == 0 or v["halted"] != 0 or (b["valid"] == 0 and rules["partial"] != 0):
        return
    k = 0
    while k < v["n"]:
        if v["state"][k] == _ARMED and v["type"][k] != _SUPERP and reached(v, k, market):
            fire(mail, rules, v, b, k)
            k = 0  # slots have moved; one armed order less
        else:
            k += 1


@kernel
def on_touch(mail: Record, rules: Record, v: Record, b: Record) -> None:
    """The end of a message: examine all waiting orders when the touch has moved or time may close a position."""
    if v["halted"] != 0 or (b["valid"] == 0 and rules["partial"] != 0):
        return
    moved = b["best_bid"] != v["seen_bid"] or b["best_ask"] != v["seen_ask"]
    v["seen_bid"] = b["best_bid"]
    v["seen_ask"] = b["best_ask"]
    k = 0
    while k < v["n"]:
        if v["type"][k] == _SUPERP:
            k = 0 if look(mail, rules, v, b, k) else k + 1  # slots have moved when it is True
            continue
        market = touch(b, v["side"][k])
        wanted = moved and v["state"][k] == _ARMED and rules["trigger_by"] & _TOUCH != 0 and exists(market)
        if wanted and reached(v, k, market):
            fire(mail, rules, v, b, k)
            k = 0
        else:
            k += 1


@kernel
def arm(mail: Record, rules: Record, v: Record, b: Record, k: int) -> None:
    """A trigger order arrives: it fires at once when the touch is there already, else it waits."""
    if rules["trigger_by"] & _TOUCH != 0 and b["valid"] != 0:
        market = touch(b, v["side"][k])
        if exists(market) and reached(v, k, market):
            fire(mail, rules, v, b, k)
            return
    elif v["type"][k] == _TRAILING and v["last_trade"] != 0:
        v["extreme"][k] = v["last_trade"]
    answer(mail, v, k, _ACK, 0, _ARMED)
    v["seen_bid"] = -2  # no touch: the next end of a message examines it, moved or not
    interest(v)
