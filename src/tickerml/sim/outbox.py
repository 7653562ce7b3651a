"""The way to the venue: requests enter its ring with their arrival time; lost ones are answered at once."""

from __future__ import annotations

from tickerml.sim.orders import REQUESTS
from tickerml.sim.slots import new_answer
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, Op, OrderState, Reject
from tickerml.tape.rows import Record

_NEW, _GATEWAY, _REJECTED = int(Op.NEW), int(Reject.GATEWAY), int(OrderState.REJECTED)
_REJECT, _CANCEL_REJECT = int(AnswerKind.REJECT), int(AnswerKind.CANCEL_REJECT)


@kernel
def push(
    mail: Record,
    now: int,
    arrival: int,
    op: int,
    order_id: int,
    inst: int,
    side: int,
    order_type: int,
    tif: int,
    price: int,
    trigger: int,
    target: int,
    qty: int,
    expiry: int,
    flags: int,
    leverage: float,
) -> int:
    """Put a request on its way, behind those already under way; returns its arrival, -1 when the ring is full."""
    if mail["req_tail"] - mail["req_head"] >= REQUESTS:
        return -1
    arrival = max(arrival, mail["last_arrival"])
    mail["last_arrival"] = arrival
    req = mail["requests"][mail["req_tail"] & (REQUESTS - 1)]
    mail["req_tail"] += 1
    req["arrival"] = arrival
    req["sent"] = now
    req["id"] = order_id
    req["inst"] = inst
    req["op"] = op
    req["side"] = side
    req["type"] = order_type
    req["tif"] = tif
    req["price"] = price
    req["trigger"] = trigger
    req["target"] = target
    req["qty"] = qty
    req["expiry"] = expiry
    req["flags"] = flags
    req["leverage"] = leverage
    return arrival


@kernel
def lose(
    mail: Record,
    known: int,
    op: int,
    order_id: int,
    inst: int,
    side: int,
    order_type: int,
    tif: int,
    price: int,
    qty: int,
) -> int:
    """A request is lost on the way: it is answered with reason GATEWAY, visible at `known`, which is returned."""
    i = new_answer(mail, inst, _REJECT if op == _NEW else _CANCEL_REJECT, _GATEWAY)
    a = mail["answers"][i]
    a["id"] = order_id
    a["state"] = _REJECTED if op == _NEW else 0
    a["type"] = order_type
    a["tif"] = tif
    a["side"] = side
    a["price"] = price
    a["left"] = qty if op == _NEW else 0
    mail["last_visible"] = max(mail["last_visible"], known)
    a["visible"] = mail["last_visible"]
    return known
