"""What is to be sent: orders and cancels, in the order in which they leave; and the count of messages.

Kernels write requests here while they book what happened; the engine lets them leave at once. Nothing in it is state.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.legs import LEGS
from tickerml.desk.order import Order
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import Op, OrderType
from tickerml.tape.rows import DAY, Record, Rows

MOST: Final = 2 * LEGS  # of one act: each order under way may be cancelled, and each place take a new one

REQUEST: Final = np.dtype(
    [
        ("op", "i8"),  # tape.orders.Op
        ("id", "i8"),
        ("parent", "i8"),  # sequence of the intent that it serves, -1 = none
        ("of", "i8"),  # side of the position that it belongs to: the leg, in hedge mode
        ("inst", "i8"),
        ("side", "i8"),
        ("type", "i8"),
        ("tif", "i8"),
        ("price", "i8"),
        ("trigger", "i8"),
        ("target", "i8"),
        ("qty", "i8"),
        ("expiry", "i8"),
        ("flags", "i8"),
        ("leverage", "f8"),
    ]
)
REQUESTS: Final = np.dtype(
    [
        ("n", "i8"),
        ("gone", "i8"),  # how many of them have left
        ("list", REQUEST, (MOST,)),
    ]
)

_NEW, _CANCEL, _LIMIT = int(Op.NEW), int(Op.CANCEL), int(OrderType.LIMIT)


def requests() -> Rows:
    """Room for what one act sends."""
    return np.zeros(1, REQUESTS)


@kernel
def new(out: Record, order_id: int, parent: int, of: int) -> Record:
    """Append a new order; its caller says in the record that this returns which one."""
    r = out["list"][out["n"]]
    out["n"] += 1
    _blank(r)
    r["op"] = _NEW
    r["id"] = order_id
    r["parent"] = parent
    r["of"] = of
    return r


@kernel
def cancel(out: Record, inst: int, order_id: int) -> None:
    """Append the cancel of an order."""
    r = out["list"][out["n"]]
    out["n"] += 1
    _blank(r)
    r["op"] = _CANCEL
    r["id"] = order_id
    r["parent"] = -1
    r["of"] = 1
    r["inst"] = inst
    r["side"] = 1
    r["type"] = _LIMIT
    r["tif"] = 1


@kernel
def _blank(r: Record) -> None:
    r["inst"] = r["side"] = r["type"] = r["tif"] = r["price"] = r["trigger"] = r["target"] = 0
    r["qty"] = r["expiry"] = r["flags"] = 0
    r["leverage"] = 0.0


def put(out: Record, order: Order, order_id: int, parent: int, of: int) -> None:
    """Append an order that Python has made."""
    told = order.inst, order.side, order.type, order.tif, order.price, order.trigger, order.target, order.qty
    out["list"][int(out["n"])] = (_NEW, order_id, parent, of, *told, order.expiry, order.flags, order.leverage)
    out["n"] += 1


@kernel
def count(latch: Record, coin: Record, now: int) -> None:
    """A message (order, change or cancel) leaves for the venue at `now`, ns: one more of the day and of its coin."""
    _stamp(latch, coin, now)
    latch["messages"] += 1


@kernel
def count_quote(latch: Record, coin: Record, now: int) -> None:
    """The same of a compiled strategy's quote or cancel, of which a day may have more (limits.quotes_day)."""
    _stamp(latch, coin, now)
    latch["quotes"] += 1


@kernel
def _stamp(latch: Record, coin: Record, now: int) -> None:
    if latch["day"] != now // DAY:
        latch["day"] = now // DAY
        latch["messages"] = 0
        latch["quotes"] = 0
    latch["stamps"][latch["n"] % len(latch["stamps"])] = now
    latch["n"] += 1
    coin["stamps"][coin["n"] % len(coin["stamps"])] = now
    coin["n"] += 1
