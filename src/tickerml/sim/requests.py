"""Requests as they arrive at the venue: checked in a fixed order, then carried out or refused with a reason."""

from __future__ import annotations

from typing import Final

from tickerml.account.contract import value
from tickerml.sim.orders import REQUESTS, Cause
from tickerml.sim.slots import closable, end, find, new_answer, room
from tickerml.sim.superp import close_at, price_now
from tickerml.sim.take import exists, touch
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderFlag, OrderState, OrderType, Reject, TimeInForce
from tickerml.tape.rows import FOREVER, Record

_LIMIT, _MARKET, _SUPERP = int(OrderType.LIMIT), int(OrderType.MARKET), int(OrderType.SUPERP)
_STOP, _TRAILING = int(OrderType.STOP), int(OrderType.TRAILING)
_STOP_LIMIT, _TP_LIMIT = int(OrderType.STOP_LIMIT), int(OrderType.TAKE_PROFIT_LIMIT)
_GTD, _GTC = int(TimeInForce.GTD), int(TimeInForce.GTC)
_ENDED, _EXPIRED, _REJECT = int(AnswerKind.CANCELED), int(AnswerKind.EXPIRED), int(AnswerKind.REJECT)
_CANCEL_REJECT: Final = int(AnswerKind.CANCEL_REJECT)
_STATE_CANCELED, _STATE_EXPIRED = int(OrderState.CANCELED), int(OrderState.EXPIRED)
_STATE_REJECTED, _OPEN = int(OrderState.REJECTED), int(OrderState.OPEN)
_TICK, _LOT, _MIN_NOTIONAL = int(Reject.TICK), int(Reject.LOT), int(Reject.MIN_NOTIONAL)
_INVALID, _HALTED, _TOO_MANY = int(Reject.BOOK_INVALID), int(Reject.HALTED), int(Reject.TOO_MANY_ORDERS)
_NO_POSITION, _TRIGGER, _UNKNOWN = int(Reject.REDUCE_ONLY), int(Reject.TRIGGER), int(Reject.UNKNOWN)
_LEVERAGE: Final = int(Reject.LEVERAGE)
_SIM_ONLY, _NO_SUCH, _EXPIRY = int(Reject.SUPERP_ONLY_IN_SIMULATION), int(Reject.NO_SUCH_ORDER), int(Reject.EXPIRY)
_BY_REQUEST, _BY_EXPIRY = int(Cause.REQUEST), int(Cause.EXPIRY)
_REDUCE: Final = int(OrderFlag.REDUCE_ONLY)


@kernel
def next_arrival(mail: Record) -> int:
    """When the oldest request under way arrives, FOREVER when there is none."""
    if mail["req_head"] == mail["req_tail"]:
        return FOREVER
    return mail["requests"][mail["req_head"] & (REQUESTS - 1)]["arrival"]


@kernel
def refuse(mail: Record, req: Record, kind: int, reason: int) -> None:
    """Answer a request with a refusal."""
    i = new_answer(mail, req["inst"], kind, reason)
    a = mail["answers"][i]
    a["id"] = req["id"]
    a["state"] = _STATE_REJECTED if kind == _REJECT else 0
    a["type"] = req["type"]
    a["tif"] = req["tif"]
    a["side"] = req["side"]
    a["price"] = req["price"]
    a["left"] = req["qty"] if kind == _REJECT else 0


@kernel
def waits_for_trigger(order_type: int) -> bool:
    """Whether orders of this type wait for a trigger."""
    return _STOP <= order_type <= _TRAILING


@kernel
def refusal(rules: Record, v: Record, b: Record, req: Record, now: int) -> int:
    """The first reason to refuse a NEW request, in the order of this function; 0 = none (the balance comes after)."""
    kind, side, tif = req["type"], req["side"], req["tif"]
    if kind < _LIMIT or kind > _SUPERP or (side != 1 and side != -1) or tif < _GTC or tif > _GTD:
        return _UNKNOWN
    if v["halted"] != 0:
        return _HALTED
    if not room(v):
        return _TOO_MANY
    if tif == _GTD and req["expiry"] <= now:
        return _EXPIRY
    if rules["partial"] == 0:
        return 0  # as hftbacktest: nothing else is checked
    if kind == _SUPERP:
        if rules["superp"] == 0:
            return _SIM_ONLY
        return 0 if req["qty"] > 0 and req["leverage"] > 0.0 else _TRIGGER
    if rules["margined"] == 0 and req["leverage"] > (1.0 if rules["spot"] != 0 else 0.0):
        return _LEVERAGE  # spot has none; a derivative without legs knows the usual one alone
    if not known(rules, v, b) and not waits_for_trigger(kind):
        return _INVALID
    reason = wrong_number(rules, req)
    if reason != 0:
        return reason
    if req["flags"] & _REDUCE != 0:
        return _NO_POSITION if closable(v, side, req["flags"]) == 0 else 0
    return _MIN_NOTIONAL if too_small(rules, v, b, req) else 0


@kernel
def known(rules: Record, v: Record, b: Record) -> bool:
    """Whether the market is known well enough to start an order there."""
    return v["last_trade"] != 0 if rules["bar_only"] != 0 else b["valid"] != 0


@kernel
def too_small(rules: Record, v: Record, b: Record, req: Record) -> bool:
    """Whether an order of this price (or trigger, or at the touch) and quantity is worth less than the least."""
    price = req["price"] if req["price"] > 0 else req["trigger"]
    if price <= 0 or req["type"] == _TRAILING:
        price = v["last_trade"] if rules["bar_only"] != 0 else touch(b, req["side"])
    return exists(price) and price > 0 and value(rules, price, req["qty"]) < rules["min_notional"]


@kernel
def wrong_number(rules: Record, req: Record) -> int:
    """Price, quantity and trigger against the venue's steps and limits."""
    kind, qty = req["type"], req["qty"]
    if qty <= 0 or qty % rules["lot_step"] != 0 or qty < rules["min_lots"]:
        return _LOT
    if rules["max_lots"] != 0 and qty > rules["max_lots"]:
        return _LOT
    priced = kind in (_LIMIT, _STOP_LIMIT, _TP_LIMIT)
    if priced and (req["price"] <= 0 or req["price"] % rules["tick_step"] != 0):
        return _TICK
    return _TRIGGER if waits_for_trigger(kind) and req["trigger"] <= 0 else 0


@kernel
def cancel(mail: Record, v: Record, req: Record) -> None:
    """Carry out a CANCEL request of an order (not of an open SuperP position)."""
    k = find(v, req["id"])
    if k < 0:
        refuse(mail, req, _CANCEL_REJECT, _NO_SUCH)
    else:
        end(mail, v, k, _ENDED, 0, _STATE_CANCELED)


@kernel
def close_superp(mail: Record, rules: Record, v: Record, b: Record, req: Record) -> bool:
    """Carry out a CANCEL request when it names an open SuperP position: it closes at the touch. False: it does not.

    On bars it closes at the next open, which is after the request (sim/bar_path.py).
    """
    k = find(v, req["id"])
    if k < 0 or v["orders"][k]["state"] != _OPEN:
        return False
    o = v["orders"][k]
    if rules["bar_only"] != 0 and rules["at_mid"] == 0:
        o["extreme"] = mail["now"] if o["extreme"] == 0 else o["extreme"]
        return True
    price = price_now(rules, v, b, -o["side"])
    if exists(price):
        close_at(mail, rules, v, k, price, _BY_REQUEST)
    else:
        refuse(mail, req, _CANCEL_REJECT, _INVALID)
    return True


@kernel
def cancel_all(mail: Record, v: Record) -> None:
    """Cancel all orders of one instrument; SuperP positions stay."""
    k = 0
    while k < v["n"]:
        if v["orders"][k]["state"] == _OPEN:
            k += 1
        else:
            end(mail, v, k, _ENDED, 0, _STATE_CANCELED)


@kernel
def expire(mail: Record, rules: Record, v: Record, b: Record) -> int:
    """End what has expired at one instrument; returns the earliest expiry that remains there (FOREVER = none)."""
    earliest = FOREVER
    k = 0
    while k < v["n"]:
        o = v["orders"][k]
        if o["expiry"] == 0 or o["expiry"] > mail["now"]:
            if o["expiry"] != 0:
                earliest = min(earliest, o["expiry"])
            k += 1
        elif o["state"] != _OPEN:
            end(mail, v, k, _EXPIRED, 0, _STATE_EXPIRED)
        elif exists(price_now(rules, v, b, -o["side"])):
            close_at(mail, rules, v, k, price_now(rules, v, b, -o["side"]), _BY_EXPIRY)
        else:
            k += 1  # at the first touch after the gap (sim/superp.py)
    return earliest
