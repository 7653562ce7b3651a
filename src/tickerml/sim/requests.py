"""Requests as they arrive at the venue: checked in a fixed order, then carried out or refused with a reason."""

from __future__ import annotations

from typing import Final

from tickerml.account.contract import value
from tickerml.sim.balance import affordable
from tickerml.sim.bar_path import enter_bar_order
from tickerml.sim.orders import REQUESTS, AnswerKind, Cause, Op, OrderFlag, OrderState, OrderType, Reject, TimeInForce
from tickerml.sim.slots import answer, end, find, insert, interest, new_answer, room
from tickerml.sim.superp import close_at, due, look
from tickerml.sim.take import activate, exists, touch
from tickerml.sim.triggers import arm, is_trigger_type
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import NO_BID
from tickerml.tape.rows import FOREVER, Record

_NEW, _CANCEL, _CANCEL_ALL = int(Op.NEW), int(Op.CANCEL), int(Op.CANCEL_ALL)
_LIMIT, _SUPERP = int(OrderType.LIMIT), int(OrderType.SUPERP)
_STOP_LIMIT, _TP_LIMIT = int(OrderType.STOP_LIMIT), int(OrderType.TAKE_PROFIT_LIMIT)
_GTD, _GTC = int(TimeInForce.GTD), int(TimeInForce.GTC)
_CANCELED, _EXPIRED, _REJECT = int(AnswerKind.CANCELED), int(AnswerKind.EXPIRED), int(AnswerKind.REJECT)
_CANCEL_REJECT, _ACK = int(AnswerKind.CANCEL_REJECT), int(AnswerKind.ACK)
_STATE_CANCELED, _STATE_EXPIRED = int(OrderState.CANCELED), int(OrderState.EXPIRED)
_STATE_REJECTED, _ARMED, _OPEN = int(OrderState.REJECTED), int(OrderState.ARMED), int(OrderState.OPEN)
_TICK, _LOT, _MIN_NOTIONAL = int(Reject.TICK), int(Reject.LOT), int(Reject.MIN_NOTIONAL)
_INVALID, _HALTED, _TOO_MANY = int(Reject.BOOK_INVALID), int(Reject.HALTED), int(Reject.TOO_MANY_ORDERS)
_NO_POSITION, _TRIGGER, _UNKNOWN = int(Reject.REDUCE_ONLY), int(Reject.TRIGGER), int(Reject.UNKNOWN)
_SIM_ONLY, _NO_SUCH, _EXPIRY = int(Reject.SUPERP_ONLY_IN_SIMULATION), int(Reject.NO_SUCH_ORDER), int(Reject.EXPIRY)
_BY_REQUEST: Final = int(Cause.REQUEST)
_BALANCE: Final = int(Reject.BALANCE)
_REDUCE: Final = int(OrderFlag.REDUCE_ONLY)


@kernel
def refuse(mail: Record, req: Record, kind: int, reason: int) -> None:
    """Answer a request with a refusal."""
    i = new_answer(mail, kind, reason)
    a = mail["answers"][i]
    a["id"] = req["id"]
    a["inst"] = req["inst"]
    a["state"] = _STATE_REJECTED if kind == _REJECT else 0
    a["type"] = req["type"]
    a["tif"] = req["tif"]
    a["side"] = req["side"]
    a["price"] = req["price"]
    a["left"] = req["qty"] if kind == _REJECT else 0


@kernel
def has_price(order_type: int) -> bool:
    """Whether orders of this type carry a limit price."""
    return order_type == _LIMIT or order_type == _STOP_LIMIT or order_type == _TP_LIMIT


@kernel
def refusal(mail: Record, rules: Record, v: Record, b: Record, req: Record) -> int:
    """The first reason to refuse a NEW request, in the order of this function; 0 = none (the balance comes after)."""
    kind, side, tif = req["type"], req["side"], req["tif"]
    if kind < _LIMIT or kind > _SUPERP or (side != 1 and side != -1) or tif < _GTC or tif > _GTD:
        return _UNKNOWN
    if v["halted"] != 0:
        return _HALTED
    if rules["partial"] == 0:
        return 0 if room(v) else _TOO_MANY  # as hftbacktest: nothing else is checked
    if rules["bar_only"] != 0:
        if v["last_trade"] == 0:
            return _INVALID
    elif b["valid"] == 0 and not is_trigger_type(kind) and kind != _SUPERP:
        return _INVALID
    if kind == _SUPERP:
        if rules["superp"] == 0:
            return _SIM_ONLY
        return _TRIGGER if req["qty"] <= 0 or not req["leverage"] > 0.0 else 0 if room(v) else _TOO_MANY
    reason = _wrong_number(rules, req)
    if reason != 0:
        return reason
    if tif == _GTD and req["expiry"] <= mail["now"]:
        return _EXPIRY
    price = req["price"] if has_price(kind) else req["trigger"]
    if price <= 0 or not has_price(kind):
        price = v["last_trade"] if rules["bar_only"] != 0 else touch(b, side)
    if exists(price) and price > 0 and value(rules, price, req["qty"]) < rules["min_notional"]:
        return _MIN_NOTIONAL
    if req["flags"] & _REDUCE != 0 and v["net"] * side >= 0:
        return _NO_POSITION
    return 0 if room(v) else _TOO_MANY


@kernel
def _wrong_number(rules: Record, req: Record) -> int:
    """Price, quantity and trigger against the venue's steps and limits."""
    kind, qty = req["type"], req["qty"]
    if qty <= 0 or qty % rules["lot_step"] != 0 or qty < rules["min_lots"]:
        return _LOT
    if rules["max_lots"] != 0 and qty > rules["max_lots"]:
        return _LOT
    if has_price(kind) and (req["price"] <= 0 or req["price"] % rules["tick_step"] != 0):
        return _TICK
    return _TRIGGER if is_trigger_type(kind) and req["trigger"] <= 0 else 0


@kernel
def place(mail: Record, rules: Record, v: Record, b: Record, req: Record) -> None:
    """Carry out a NEW request that was not refused."""
    k = insert(v, req, mail["now"])
    if req["expiry"] != 0:
        mail["next_expiry"] = min(mail["next_expiry"], req["expiry"])
    if req["flags"] & _REDUCE != 0:
        v["qty"][k] = v["left"][k] = min(req["qty"], abs(v["net"]))
    if rules["bar_only"] != 0:
        enter_bar_order(mail, rules, v, k)
    elif req["type"] == _SUPERP:
        v["state"][k] = _ARMED
        if b["valid"] != 0:
            look(mail, rules, v, b, k)
        if v["state"][k] == _ARMED:
            answer(mail, v, k, _ACK, 0, _ARMED)
            interest(v)
    elif is_trigger_type(req["type"]):
        arm(mail, rules, v, b, k)
    else:
        activate(mail, rules, v, b, req["id"])


@kernel
def cancel(mail: Record, rules: Record, v: Record, b: Record, req: Record) -> None:
    """Carry out a CANCEL request: the order ends, a SuperP position closes at the touch."""
    k = find(v, req["id"])
    if k < 0:
        refuse(mail, req, _CANCEL_REJECT, _NO_SUCH)
    elif v["state"][k] == _OPEN:
        price = _exit_price(rules, v, b, k)
        if not exists(price):
            refuse(mail, req, _CANCEL_REJECT, _INVALID)
        else:
            close_at(mail, rules, v, k, price, _BY_REQUEST)
    else:
        end(mail, v, k, _CANCELED, 0, _STATE_CANCELED)


@kernel
def cancel_all(mail: Record, v: Record) -> None:
    """Cancel all orders of one instrument; SuperP positions stay."""
    k = 0
    while k < v["n"]:
        if v["state"][k] == _OPEN:
            k += 1
        else:
            end(mail, v, k, _CANCELED, 0, _STATE_CANCELED)


@kernel
def expire(mail: Record, rules: Record, v: Record, b: Record) -> int:
    """End what has expired at one instrument; returns the earliest expiry that remains there (FOREVER = none)."""
    earliest = FOREVER
    k = 0
    while k < v["n"]:
        expiry = v["expiry"][k]
        if expiry == 0 or expiry > mail["now"]:
            if expiry != 0:
                earliest = min(earliest, expiry)
            k += 1
        elif v["state"][k] != _OPEN:
            end(mail, v, k, _EXPIRED, 0, _STATE_EXPIRED)
        else:
            price = _exit_price(rules, v, b, k)
            if exists(price):
                close_at(mail, rules, v, k, price, due(v, k, price, mail["now"]))
            else:
                k += 1  # at the first touch after the gap (sim/superp.py)
    return earliest


@kernel
def _exit_price(rules: Record, v: Record, b: Record, k: int) -> int:
    """Where the open position of slot `k` can be closed now, ticks; NO_BID when nowhere."""
    if v["halted"] != 0 or (b["valid"] == 0 and rules["bar_only"] == 0):
        return NO_BID
    return v["last_trade"] if rules["bar_only"] != 0 else touch(b, -v["side"][k])


@kernel
def next_arrival(mail: Record) -> int:
    """When the oldest request under way arrives, FOREVER when there is none."""
    if mail["req_head"] == mail["req_tail"]:
        return FOREVER
    return mail["requests"][mail["req_head"] & (REQUESTS - 1)]["arrival"]


@kernel
def next_request(mail, rules, venues, books):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take the oldest request and carry it out. Arrays of all instruments: the balance may need them."""
    req = mail["requests"][mail["req_head"] & (REQUESTS - 1)]
    mail["req_head"] += 1
    n = req["inst"]
    if req["op"] == _CANCEL:
        cancel(mail, rules[n], venues[n], books[n], req)
    elif req["op"] == _CANCEL_ALL:
        cancel_all(mail, venues[n])
    else:
        reason = _UNKNOWN if req["op"] != _NEW else refusal(mail, rules[n], venues[n], books[n], req)
        if reason == 0 and not affordable(mail, rules, venues, books, req):
            reason = _BALANCE
        if reason != 0:
            refuse(mail, req, _REJECT, reason)
        else:
            place(mail, rules[n], venues[n], books[n], req)


@kernel
def expire_all(mail, rules, venues, books):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """End whatever has expired at any instrument, and note the next expiry."""
    earliest = FOREVER
    for n in range(len(venues)):
        earliest = min(earliest, expire(mail, rules[n], venues[n], books[n]))
    mail["next_expiry"] = earliest
