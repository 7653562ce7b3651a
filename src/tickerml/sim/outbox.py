"""The way to the venue: requests enter its ring with their arrival time; of lost ones a notice is kept for us.

Nothing here may depend on how far the venue has run: its draws, its clock and its answers are its own.
"""

from __future__ import annotations

from tickerml.sim.orders import ANSWERS, LOST, REQUESTS
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, Op, OrderState, Reject
from tickerml.tape.rows import FOREVER, Record

_NEW, _GATEWAY, _REJECTED = int(Op.NEW), int(Reject.GATEWAY), int(OrderState.REJECTED)
_REJECT, _CANCEL_REJECT = int(AnswerKind.REJECT), int(AnswerKind.CANCEL_REJECT)
_AMEND, _AMEND_REJECT = int(Op.AMEND), int(AnswerKind.AMEND_REJECT)


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
def our_draws(mail: Record) -> None:
    """Exchange the draws of the venue and ours: called before and after the latency of a request is drawn."""
    for k in range(6):
        word = mail["rng"][k]
        mail["rng"][k] = mail["our_rng"][k]
        mail["our_rng"][k] = word
    spare, has_spare = mail["spare"], mail["has_spare"]
    mail["spare"], mail["has_spare"] = mail["our_spare"], mail["our_has_spare"]
    mail["our_spare"], mail["our_has_spare"] = spare, has_spare


@kernel
def next_notice(mail: Record) -> int:
    """When we learn of the next lost request, FOREVER when there is none."""
    if mail["lost_head"] == mail["lost_tail"]:
        return FOREVER
    return mail["lost"][mail["lost_head"] & (LOST - 1)]["visible"]


@kernel
def deliver_notice(mail: Record) -> None:
    """The oldest notice of a lost request becomes the next answer to be collected."""
    mail["ans_head"] -= 1
    mail["answers"][mail["ans_head"] & (ANSWERS - 1)] = mail["lost"][mail["lost_head"] & (LOST - 1)]
    mail["lost_head"] += 1


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
    """A request is lost on the way: we learn it at `known` (reason GATEWAY), which is returned; -1: no room."""
    if mail["lost_tail"] - mail["lost_head"] >= LOST:
        return -1
    if mail["lost_tail"] != mail["lost_head"]:
        known = max(known, mail["lost"][(mail["lost_tail"] - 1) & (LOST - 1)]["visible"])
    a = mail["lost"][mail["lost_tail"] & (LOST - 1)]
    mail["lost_tail"] += 1
    a["at"] = a["visible"] = known
    a["id"] = order_id
    a["inst"] = inst
    a["kind"] = _REJECT if op == _NEW else _AMEND_REJECT if op == _AMEND else _CANCEL_REJECT
    a["reason"] = _GATEWAY
    a["state"] = _REJECTED if op == _NEW else 0
    a["type"] = order_type
    a["tif"] = tif
    a["side"] = side
    a["price"] = price
    a["left"] = qty if op == _NEW else 0
    return known
