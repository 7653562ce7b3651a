"""Orders that wait for the market: stop, take-profit and trailing orders, and SuperP positions.

A sell stop fires when the market is at or below its trigger, a buy stop at or above; take-profits the other way round.
The market is the last trade, or the touch at which the order would execute (the bid for sells), by RULES["trigger_by"].
The touch counts at the end of a message only, because books are crossed for a moment inside one. A fired order is in
state NEW and starts to work at the end of the step, oldest first.
"""

from __future__ import annotations

from tickerml.sim.mid import offer
from tickerml.sim.orders import TriggerBy
from tickerml.sim.slots import answer
from tickerml.sim.superp import look
from tickerml.sim.take import exists
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderState, OrderType
from tickerml.tape.rows import Record

_STOP, _STOP_LIMIT, _TRAILING = int(OrderType.STOP), int(OrderType.STOP_LIMIT), int(OrderType.TRAILING)
_TP_LIMIT, _SUPERP = int(OrderType.TAKE_PROFIT_LIMIT), int(OrderType.SUPERP)
_LIMIT, _MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
_ARMED, _NEW = int(OrderState.ARMED), int(OrderState.NEW)
_TRIGGERED, _ACK = int(AnswerKind.TRIGGERED), int(AnswerKind.ACK)
_TRADES, TOUCH = int(TriggerBy.TRADES), int(TriggerBy.TOUCH)


@kernel
def reached(o: Record, market: int) -> bool:
    """Whether the market at `market` ticks fires the waiting order `o`; a trailing order follows it first."""
    side, kind, trigger = o["side"], o["type"], o["trigger"]
    if kind == _TRAILING:
        if o["extreme"] == 0 or (market - o["extreme"]) * side < 0:
            o["extreme"] = market
        trigger = o["extreme"] + side * trigger
    elif kind != _STOP and kind != _STOP_LIMIT:
        return (market - trigger) * side <= 0
    return (market - trigger) * side >= 0


@kernel
def fire(mail: Record, v: Record, k: int) -> None:
    """The waiting order of slot `k` becomes a market or limit order, due to start."""
    o = v["orders"][k]
    answer(mail, v, k, _TRIGGERED, 0, _NEW)
    o["type"] = _LIMIT if o["type"] == _STOP_LIMIT or o["type"] == _TP_LIMIT else _MARKET
    v["due"] += 1


@kernel
def blind(rules: Record, v: Record, b: Record) -> bool:
    """Whether nothing can fire now: trading is halted, or the book unknown."""
    return v["halted"] != 0 or (b["valid"] == 0 and rules["partial"] != 0 and rules["bar_only"] == 0)


@kernel
def on_trade(mail: Record, rules: Record, v: Record, b: Record, market: int) -> None:
    """A trade at `market` ticks: fire what it reaches."""
    if rules["trigger_by"] & _TRADES == 0 or blind(rules, v, b):
        return
    for k in range(v["n"]):
        o = v["orders"][k]
        if o["state"] == _ARMED and o["type"] != _SUPERP and reached(o, market):
            fire(mail, v, k)


@kernel
def on_touch(mail: Record, rules: Record, v: Record, b: Record) -> None:
    """The end of a message: waiting orders look at the touch when it has moved, SuperP positions always (time)."""
    if blind(rules, v, b):
        return
    moved = b["best_bid"] != v["seen_bid"] or b["best_ask"] != v["seen_ask"] or rules["bar_only"] != 0
    v["seen_bid"] = b["best_bid"]
    v["seen_ask"] = b["best_ask"]
    k = 0
    while k < v["n"]:
        o = v["orders"][k]
        if o["type"] == _SUPERP:
            k += 0 if look(mail, rules, v, b, k) else 1
            continue
        market = offer(rules, v, b, o["side"])
        wanted = moved and o["state"] == _ARMED and rules["trigger_by"] & TOUCH != 0 and exists(market)
        if wanted and reached(o, market):
            fire(mail, v, k)
        k += 1


@kernel
def arm(mail: Record, rules: Record, v: Record, b: Record, k: int) -> None:
    """A trigger order arrives in slot `k`: it fires at once when the touch is there already, else it waits."""
    o = v["orders"][k]
    market = offer(rules, v, b, o["side"])
    if rules["trigger_by"] & TOUCH != 0 and not blind(rules, v, b) and exists(market):
        if reached(o, market):
            fire(mail, v, k)
            return
    elif v["last_trade"] != 0:
        o["extreme"] = v["last_trade"]
    answer(mail, v, k, _ACK, 0, _ARMED)
    v["seen_bid"] = -2  # no touch: the next end of a message examines it, moved or not
