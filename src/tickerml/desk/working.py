"""Our own orders and position as we know them: what was sent, what was answered. Row-speed orders only."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

SLOTS: Final = 64  # own orders under way or working, per instrument
SENT, RESTING, LEAVING = 1, 2, 3  # not answered; in the book; a cancel is under way

WORKING: Final = np.dtype(  # one record per instrument
    [
        ("n", "i8"),  # orders in slots 0..n-1, oldest first
        ("position", "i8"),  # lots, from the fills that we have been told of
        ("buying", "i8"),  # lots of our buy orders that may still fill
        ("selling", "i8"),
        ("sent", "i8"),  # orders sent so far
        ("refused", "i8"),  # quotes that the envelope did not let pass,
        ("late", "i8"),  # of them those that the rate alone did not let pass,
        ("passed_over", "i8", (5,)),  # and by the limit of the account that held them back (desk/shared.py)
        ("id", "i8", (SLOTS,)),
        ("side", "i8", (SLOTS,)),
        ("price", "i8", (SLOTS,)),
        ("left", "i8", (SLOTS,)),
        ("state", "i8", (SLOTS,)),
        ("since", "i8", (SLOTS,)),  # when it was sent, ns
    ]
)


@kernel
def add(w: Record, id_: int, side: int, price: int, qty: int, now: int) -> None:
    """An order was sent."""
    k = w["n"]
    w["id"][k] = id_
    w["side"][k] = side
    w["price"][k] = price
    w["left"][k] = qty
    w["state"][k] = SENT
    w["since"][k] = now
    w["n"] = k + 1
    w["sent"] += 1
    if side > 0:
        w["buying"] += qty
    else:
        w["selling"] += qty


@kernel
def find(w: Record, id_: int) -> int:
    """Slot of an order, or -1."""
    for k in range(w["n"]):
        if w["id"][k] == id_:
            return k
    return -1


@kernel
def unanswered(w: Record, before: int) -> int:
    """Orders that were sent before this moment and have no answer yet."""
    n = 0
    for k in range(w["n"]):
        if w["state"][k] == SENT and w["since"][k] < before:
            n += 1
    return n


@kernel
def most(w: Record) -> int:
    """Lots of the position, worst case: all own orders of a side that may still fill have filled."""
    return max(w["position"] + w["buying"], w["selling"] - w["position"])


@kernel
def on_fill(w: Record, k: int, qty: int) -> None:
    """`qty` lots of the order in slot `k` were executed; it leaves when nothing is left."""
    side = w["side"][k]
    w["position"] += side * qty
    _shrink(w, k, qty)
    if w["left"][k] <= 0:
        remove(w, k)


@kernel
def remove(w: Record, k: int) -> None:
    """The order in slot `k` has ended; the others keep their age."""
    _shrink(w, k, w["left"][k])
    n = w["n"] - 1
    for j in range(k, n):
        w["id"][j] = w["id"][j + 1]
        w["side"][j] = w["side"][j + 1]
        w["price"][j] = w["price"][j + 1]
        w["left"][j] = w["left"][j + 1]
        w["state"][j] = w["state"][j + 1]
        w["since"][j] = w["since"][j + 1]
    w["n"] = n


@kernel
def _shrink(w: Record, k: int, qty: int) -> None:
    w["left"][k] -= qty
    if w["side"][k] > 0:
        w["buying"] -= qty
    else:
        w["selling"] -= qty
