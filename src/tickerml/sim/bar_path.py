"""Orders on a tape that has bars only: a stated, pessimistic path inside each bar.

Nothing executes at a price that was known before the order left. A market order, a SuperP position, the close of one
that was asked for, a limit order whose limit the last close has reached, and an immediate one wait for the open of the
next bar, worsened by slippage (sim/slippage.py; the close of a SuperP position is not: its cost is its own). A bar's
open counts for what arrived by then or shortly after, within a twentieth of its duration and 5 s; for what comes later
the open of the bar after it does. At the open a limit order executes or starts to rest, an immediate one executes or
ends. A bar is known when it closes: the answers come then. The rest of the bar is as follows.
- A stop is reached by the bar's worst price, and executes at its trigger, or at the open when the bar opened beyond it.
- A limit order executes at its own price, and only when the bar traded *through* it; never more than the bar's volume.
- A take-profit must be traded through too; it executes at its trigger, or at the open when the bar opened beyond it.
- Stops come before everything else. When a stop and another exit of the same side lie inside one bar, the stop is
  taken and the other waits; MAIL["ambiguous"] counts it.
- A trailing stop first meets the worst price with its old trigger, then with the trigger that the best price gives.
- An order that arrived after the bar opened does not know what came before: its limit or target counts only when the
  bar's close is through it; its stop counts in full.
- The expiry of a SuperP position, fixed when it was opened, closes it at the last close before.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.match import hit
from tickerml.sim.mid import on_mid
from tickerml.sim.orders import Cause
from tickerml.sim.requests import waits_for_trigger
from tickerml.sim.slippage import worsened
from tickerml.sim.slots import answer, end, interest, resting
from tickerml.sim.superp import close_at
from tickerml.sim.take import execute
from tickerml.sim.triggers import on_touch, reached
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderState, OrderType, Reject, TimeInForce
from tickerml.tape.rows import SECOND, Record

_LIMIT, _MARKET, _SUPERP = int(OrderType.LIMIT), int(OrderType.MARKET), int(OrderType.SUPERP)
_STOP, _STOP_LIMIT, _TRAILING = int(OrderType.STOP), int(OrderType.STOP_LIMIT), int(OrderType.TRAILING)
_TP_LIMIT: Final = int(OrderType.TAKE_PROFIT_LIMIT)
_IOC, _FOK, _GTX = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.GTX)
_ACK, _TRIGGERED = int(AnswerKind.ACK), int(AnswerKind.TRIGGERED)
_ENDED, _REJECT = int(AnswerKind.CANCELED), int(AnswerKind.REJECT)
_NEW, _WORKING = int(OrderState.NEW), int(OrderState.WORKING)
_ARMED, _OPEN = int(OrderState.ARMED), int(OrderState.OPEN)
_STATE_CANCELED, _STATE_REJECTED = int(OrderState.CANCELED), int(OrderState.REJECTED)
_IOC_REST, _POST_ONLY = int(Reject.IOC), int(Reject.POST_ONLY)
_BY_STOP, _BY_TARGET, _BY_REQUEST = int(Cause.STOP), int(Cause.TARGET), int(Cause.REQUEST)
_FRESH_SHARE: Final = 20  # of a bar's duration that is still its open
_FRESH: Final = 5 * SECOND  # ns; and no more than this


@kernel
def enter(mail: Record, v: Record, k: int) -> None:
    """An order arrives in slot `k` between bars: it rests, or waits for its trigger or for an open."""
    o = v["orders"][k]
    side, last = o["side"], v["last_trade"]
    if waits_for_trigger(o["type"]):
        if o["type"] == _TRAILING or last == 0 or not reached(o, last):
            o["extreme"] = last
            answer(mail, v, k, _ACK, 0, _ARMED)
            return
        answer(mail, v, k, _TRIGGERED, 0, _NEW)
        o["type"] = _LIMIT if o["type"] == _STOP_LIMIT or o["type"] == _TP_LIMIT else _MARKET
        return
    priced = o["type"] == _LIMIT
    if o["tif"] == _GTX and o["type"] != _SUPERP and (not priced or (o["price"] - last) * side >= 0):
        end(mail, v, k, _REJECT, _POST_ONLY, _STATE_REJECTED)
        return
    rests = priced and (o["price"] - last) * side < 0 and o["tif"] != _IOC and o["tif"] != _FOK
    answer(mail, v, k, _ACK, 0, _WORKING if rests else _NEW)


@kernel
def _start(mail: Record, v: Record, k: int, price: int) -> None:
    """The order of slot `k` has waited for an open, which it gets at `price`."""
    o = v["orders"][k]
    if o["type"] == _SUPERP:
        o["price"] = price
        answer(mail, v, k, _ACK, 0, _OPEN)
    elif o["type"] == _MARKET or (o["price"] - price) * o["side"] >= 0:
        if o["tif"] == _GTX:
            end(mail, v, k, _REJECT, _POST_ONLY, _STATE_REJECTED)
        else:
            execute(mail, v, k, price)
    elif o["tif"] == _IOC or o["tif"] == _FOK:
        end(mail, v, k, _ENDED, _IOC_REST, _STATE_CANCELED)
    else:
        answer(mail, v, k, _ACK, 0, _WORKING)


@kernel
def _at_open(mail: Record, rules: Record, v: Record, bar: Record) -> None:
    """What waits for an open and arrived before this one was over gets it, oldest first."""
    over = bar["open_time"] + min(bar["duration"] // _FRESH_SHARE, _FRESH)
    k = 0
    while k < v["n"]:
        o = v["orders"][k]
        n = v["n"]
        if o["state"] == _NEW and o["born"] <= over:
            _start(mail, v, k, worsened(rules, o["side"], bar["open"], bar["high"] - bar["low"]))
        elif o["state"] == _OPEN and 0 < o["extreme"] <= over:
            close_at(mail, rules, v, k, bar["open"], _BY_REQUEST)
        if v["n"] == n:
            k += 1


@kernel
def is_stop(order_type: int) -> bool:
    """Whether an order of this type limits a loss, and so comes first inside a bar."""
    return order_type in (_STOP, _STOP_LIMIT, _TRAILING)


@kernel
def _stop_level(o: Record, bar: Record) -> int:
    """The trigger of the waiting stop `o` inside this bar, 0 when the bar does not reach it."""
    side = o["side"]
    worst = bar["high"] if side > 0 else bar["low"]
    if o["type"] != _TRAILING:
        return o["trigger"] if (worst - o["trigger"]) * side >= 0 else 0
    level = o["extreme"] + side * o["trigger"]
    if (worst - level) * side < 0:
        reached(o, bar["low"] if side > 0 else bar["high"])  # the best price moves the trigger
        level = o["extreme"] + side * o["trigger"]
    return level if (worst - level) * side >= 0 else 0


@kernel
def _superp(mail: Record, rules: Record, v: Record, k: int, bar: Record) -> bool:
    """Stop, then target, of the open position of slot `k`; True when it closed."""
    o = v["orders"][k]
    side = o["side"]
    inside = o["born"] > bar["open_time"]
    worst = bar["low"] if side > 0 else bar["high"]
    best = bar["close"] if inside else bar["high"] if side > 0 else bar["low"]
    stopped = o["trigger"] != 0 and (worst - o["trigger"]) * side <= 0
    reaches = o["target"] != 0 and (best - o["target"]) * side > 0
    if stopped:
        mail["ambiguous"] += 1 if reaches else 0
        beyond = not inside and (bar["open"] - o["trigger"]) * side < 0
        close_at(mail, rules, v, k, bar["open"] if beyond else o["trigger"], _BY_STOP)
    elif reaches:
        close_at(mail, rules, v, k, o["target"], _BY_TARGET)
    return stopped or reaches


@kernel
def _stops(mail: Record, rules: Record, v: Record, bar: Record) -> int:
    """Fire the stops that this bar reaches; returns which sides fired: 1 buys, 2 sells, 3 both."""
    fired = 0
    k = 0
    while k < v["n"]:
        o = v["orders"][k]
        if o["state"] == _OPEN:
            k += 0 if _superp(mail, rules, v, k, bar) else 1
            continue
        known = o["extreme"] + o["side"] * o["trigger"] if o["type"] == _TRAILING else o["trigger"]  # at the open
        level = _stop_level(o, bar) if o["state"] == _ARMED and is_stop(o["type"]) else 0
        if level == 0:
            k += 1
            continue
        side = o["side"]
        beyond = o["born"] <= bar["open_time"] and level == known and (bar["open"] - level) * side > 0
        price = worsened(rules, side, bar["open"] if beyond else level, bar["high"] - bar["low"])
        fired |= 1 if side > 0 else 2
        answer(mail, v, k, _TRIGGERED, 0, _NEW)
        if o["type"] == _STOP_LIMIT and (price - o["price"]) * side > 0:
            o["type"] = _LIMIT
            o["born"] = mail["now"]  # it may not use this bar any more
            answer(mail, v, k, _ACK, 0, _WORKING)
            k += 1
        else:
            o["type"] = _MARKET
            execute(mail, v, k, price)
    return fired


@kernel
def _limits_and_targets(mail: Record, rules: Record, v: Record, bar: Record, fired: int) -> None:
    """Limit orders and take-profits that this bar trades through, unless a stop of their side fired in it."""
    volume = bar["volume"]
    k = 0
    while k < v["n"]:
        o = v["orders"][k]
        side, n = o["side"], v["n"]
        inside = o["born"] > bar["open_time"]
        waits = o["state"] == _ARMED and not is_stop(o["type"]) and o["type"] != _SUPERP
        level = o["trigger"] if waits else o["price"]
        best = bar["close"] if inside else bar["low"] if side > 0 else bar["high"]
        through = (waits or resting(o)) and (level - best) * side > 0 and o["born"] < mail["now"]
        if through and fired & (1 if side > 0 else 2) != 0:
            mail["ambiguous"] += 1
        elif through and waits:
            better = not inside and (level - bar["open"]) * side > 0
            price = worsened(rules, side, bar["open"] if better else level, bar["high"] - bar["low"])
            if o["type"] == _TP_LIMIT and (price - o["price"]) * side > 0:
                price = o["price"]  # its limit holds
            answer(mail, v, k, _TRIGGERED, 0, _NEW)
            o["type"] = _MARKET
            execute(mail, v, k, price)
        elif through and volume > 0:
            volume -= hit(mail, v, k, volume)
        if v["n"] == n:
            k += 1


@kernel
def on_bar(mail: Record, rules: Record, v: Record, b: Record, bar: Record) -> None:
    """A bar closed: take our orders through it. A bar of unknown volume (-1) or none fills no resting limit order."""
    if rules["at_mid"] != 0:
        v["last_trade"] = bar["close"]
        on_mid(mail, rules, v, b)
        on_touch(mail, rules, v, b)
        return
    if v["halted"] == 0 and v["n"] != 0:
        _at_open(mail, rules, v, bar)
        fired = _stops(mail, rules, v, bar)
        _limits_and_targets(mail, rules, v, bar, fired)
        interest(rules, v)
    v["last_trade"] = bar["close"]
