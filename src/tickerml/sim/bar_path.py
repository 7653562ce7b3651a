"""Orders on a tape that has bars only: a stated, pessimistic path inside each bar.

On arrival: a market order executes at the last close, worsened by slippage (sim/slippage.py); so does a limit order that
this price reaches. The rest waits for bars:
- A stop is reached by the bar's worst price, and executes at its trigger, or at the open when the bar opened beyond it.
- A limit order executes at its own price, and only when the bar traded *through* it; never more than the bar's volume.
- A take-profit must be traded through too; it executes at its trigger, or at the open when the bar opened beyond it.
- Stops come before everything else. When a stop and another exit of the same side lie inside one bar, the stop is taken
  and the other waits; MAIL["ambiguous"] counts it.
- A trailing stop first meets the worst price with its old trigger, then with the trigger that the best price would give.
- An order that arrived after the bar opened does not know what came before: its limit or target counts only when the
  bar's close is through it; its stop counts in full.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.orders import AnswerKind, Cause, OrderState, OrderType, Reject, TimeInForce
from tickerml.sim.slippage import worsened
from tickerml.sim.slots import answer, end, fill, interest, remove, resting
from tickerml.sim.superp import close_at, open_at
from tickerml.sim.take import reducible
from tickerml.sim.triggers import is_trigger_type, reached
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

_LIMIT, _MARKET, _SUPERP = int(OrderType.LIMIT), int(OrderType.MARKET), int(OrderType.SUPERP)
_STOP, _STOP_LIMIT, _TRAILING = int(OrderType.STOP), int(OrderType.STOP_LIMIT), int(OrderType.TRAILING)
_TP_LIMIT: Final = int(OrderType.TAKE_PROFIT_LIMIT)
_IOC, _FOK, _GTX = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.GTX)
_ACK, _TRIGGERED = int(AnswerKind.ACK), int(AnswerKind.TRIGGERED)
_CANCELED, _REJECT = int(AnswerKind.CANCELED), int(AnswerKind.REJECT)
_NEW, _WORKING, _ARMED, _OPEN = 1, int(OrderState.WORKING), int(OrderState.ARMED), int(OrderState.OPEN)
_STATE_CANCELED, _STATE_REJECTED = int(OrderState.CANCELED), int(OrderState.REJECTED)
_IOC_REST, _POST_ONLY, _NOT_REDUCING = int(Reject.IOC), int(Reject.POST_ONLY), int(Reject.REDUCE_ONLY)
_BY_STOP, _BY_TARGET = int(Cause.STOP), int(Cause.TARGET)


@kernel
def execute(mail: Record, v: Record, k: int, price: int, lots: int, maker: int) -> bool:
    """Execute up to `lots` of slot `k` at `price`; True when its slot was freed."""
    qty = reducible(v, k, min(lots, v["left"][k]))
    if qty == 0:
        end(mail, v, k, _CANCELED, _NOT_REDUCING, _STATE_CANCELED)
        return True
    fill(mail, v, k, price, qty, maker)
    if v["left"][k] == 0:
        remove(v, k)
        return True
    return False


@kernel
def enter_bar_order(mail: Record, rules: Record, v: Record, k: int) -> None:
    """An order that arrives between bars: it executes at the last close, or waits."""
    side, kind, tif = v["side"][k], v["type"][k], v["tif"][k]
    if is_trigger_type(kind):
        if kind != _TRAILING and reached(v, k, v["last_trade"]):
            answer(mail, v, k, _TRIGGERED, 0, _NEW)
            v["type"][k] = kind = _LIMIT if kind == _STOP_LIMIT or kind == _TP_LIMIT else _MARKET
        else:
            v["extreme"][k] = v["last_trade"]
            answer(mail, v, k, _ACK, 0, _ARMED)
            interest(v)
            return
    price = worsened(rules, side, v["last_trade"], v["last_range"])
    if kind == _SUPERP:
        open_at(mail, v, k, price)
    elif kind == _MARKET:
        execute(mail, v, k, price, v["left"][k], 0)
    elif (v["price"][k] - v["last_trade"]) * side >= 0 and tif == _GTX:
        end(mail, v, k, _REJECT, _POST_ONLY, _STATE_REJECTED)
    elif (v["price"][k] - price) * side >= 0:
        execute(mail, v, k, price, v["left"][k], 0)
    elif tif == _IOC or tif == _FOK:
        end(mail, v, k, _CANCELED, _IOC_REST, _STATE_CANCELED)
    else:
        answer(mail, v, k, _ACK, 0, _WORKING)
        interest(v)


@kernel
def _beyond(bar: Record, side: int, level: int, inside: bool) -> int:
    """Where an order that fires at `level` in direction `side` starts: the open when it lay beyond, else the level."""
    return bar["open"] if not inside and (bar["open"] - level) * side > 0 else level


@kernel
def _stop_level(v: Record, k: int, bar: Record) -> int:
    """The trigger of the armed stop of slot `k` inside this bar, 0 when the bar does not reach it."""
    side = v["side"][k]
    worst = bar["high"] if side > 0 else bar["low"]
    level = v["trigger"][k]
    if v["type"][k] != _TRAILING:
        return level if (worst - level) * side >= 0 else 0
    level = v["extreme"][k] + side * v["trigger"][k]
    if (worst - level) * side >= 0:
        return level
    best = bar["low"] if side > 0 else bar["high"]
    if (best - v["extreme"][k]) * side < 0:
        v["extreme"][k] = best
    level = v["extreme"][k] + side * v["trigger"][k]
    return level if (worst - level) * side >= 0 else 0


@kernel
def _superp_in_bar(mail: Record, rules: Record, v: Record, k: int, bar: Record) -> bool:
    """Stop, then target, of the open position of slot `k`; True when it closed."""
    side = v["side"][k]
    inside = v["born"][k] > bar["open_time"]
    worst = bar["low"] if side > 0 else bar["high"]
    best = bar["close"] if inside else bar["high"] if side > 0 else bar["low"]
    stopped = v["trigger"][k] != 0 and (worst - v["trigger"][k]) * side <= 0
    reaches = v["target"][k] != 0 and (best - v["target"][k]) * side > 0
    if stopped:
        mail["ambiguous"] += 1 if reaches else 0
        close_at(mail, rules, v, k, _beyond(bar, -side, v["trigger"][k], inside), _BY_STOP)
    elif reaches:
        close_at(mail, rules, v, k, v["target"][k], _BY_TARGET)
    return stopped or reaches


@kernel
def _stops(mail: Record, rules: Record, v: Record, bar: Record) -> int:
    """Fire the stops that this bar reaches; returns which sides fired: 1 buys, 2 sells, 3 both."""
    fired = 0
    k = 0
    while k < v["n"]:
        side, kind = v["side"][k], v["type"][k]
        if v["state"][k] == _OPEN:
            k += 0 if _superp_in_bar(mail, rules, v, k, bar) else 1
            continue
        level = _stop_level(v, k, bar) if v["state"][k] == _ARMED and _is_stop(kind) else 0
        if level == 0:
            k += 1
            continue
        start = _beyond(bar, side, level, v["born"][k] > bar["open_time"])
        price = worsened(rules, side, start, bar["high"] - bar["low"])
        fired |= 1 if side > 0 else 2
        answer(mail, v, k, _TRIGGERED, 0, _NEW)
        if kind == _STOP_LIMIT and (price - v["price"][k]) * side > 0:
            v["type"][k] = _LIMIT
            answer(mail, v, k, _ACK, 0, _WORKING)
            v["born"][k] = mail["now"]  # it may not use this bar any more
            k += 1
        else:
            v["type"][k] = _MARKET
            execute(mail, v, k, price, v["left"][k], 0)
    return fired


@kernel
def _is_stop(kind: int) -> bool:
    return kind == _STOP or kind == _STOP_LIMIT or kind == _TRAILING


@kernel
def _limits_and_targets(mail: Record, rules: Record, v: Record, bar: Record, fired: int) -> None:
    """Limit orders and take-profits that this bar trades through, unless a stop of their side fired in it."""
    volume = bar["volume"] if bar["volume"] >= 0 else 1 << 62
    k = 0
    while k < v["n"]:
        side = v["side"][k]
        inside = v["born"][k] > bar["open_time"]
        waits = v["state"][k] == _ARMED and not _is_stop(v["type"][k]) and v["type"][k] != _SUPERP
        level = v["trigger"][k] if waits else v["price"][k]
        best = bar["close"] if inside else bar["low"] if side > 0 else bar["high"]
        if not (waits or resting(v, k)) or (level - best) * side <= 0 or v["born"][k] >= mail["now"]:
            k += 1
        elif fired & (1 if side > 0 else 2) != 0:
            mail["ambiguous"] += 1
            k += 1
        elif waits:
            start = bar["open"] if not inside and (level - bar["open"]) * side > 0 else level
            answer(mail, v, k, _TRIGGERED, 0, _NEW)
            price = worsened(rules, side, start, bar["high"] - bar["low"])
            if v["type"][k] == _TP_LIMIT:
                price = level  # its limit holds; a limit beyond the trigger fills at the trigger
            v["type"][k] = _MARKET
            k += 0 if execute(mail, v, k, price, v["left"][k], 0) else 1
        else:
            lots = min(volume, v["left"][k])
            volume -= lots
            k += 0 if lots > 0 and execute(mail, v, k, v["price"][k], lots, 1) else 1


@kernel
def on_bar(mail: Record, rules: Record, v: Record, bar: Record) -> None:
    """A bar closed: take our orders through it."""
    if v["halted"] == 0 and v["n"] != 0:
        fired = _stops(mail, rules, v, bar)
        _limits_and_targets(mail, rules, v, bar, fired)
        interest(v)
    v["last_trade"] = bar["close"]
    v["last_range"] = bar["high"] - bar["low"]
