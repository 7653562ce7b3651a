"""Our orders under way that belong to a trade: which setup, which role, and the sibling that one fill cancels."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record, Rows

LEGS: Final = 512
EACH: Final = 16  # slots that a setup may come to need: entries, stops, targets, closes
ENTRY, STOP, TARGET, CLOSE, PART = 1, 2, 3, 4, 5  # roles; PART closes only so many lots
AWAITED: Final = -1  # in the place of an heir
NOBODY: Final = -1  # in the place of a setup: it was settled before the venue had said that this order has ended

LEG: Final = np.dtype(
    [
        ("id", "i8"),  # 0 = free slot
        ("setup", "i8"),
        ("inst", "i8"),
        ("role", "i8"),
        ("pair", "i8"),  # id of the sibling that is cancelled when this one fills, 0 = none
        ("left", "i8"),
        ("leaving", "i8"),  # 1 = a cancel was sent
        ("heir", "i8"),  # id of the order that takes over, which withdraws it once it stands; AWAITED = not sent yet
        ("sent", "i8"),  # ns; 0 = not kept
        ("known", "i8"),  # 1 = the venue has answered
        ("side", "i8"),
        ("price", "i8"),  # ticks where it rests or waits; 0 = none
    ]
)


def legs() -> Rows:
    """The table of orders under way, empty."""
    return np.zeros(LEGS, LEG)


@kernel
def add(
    table: Rows, order_id: int, setup: int, inst: int, role: int, qty: int, now: int, side: int, price: int
) -> None:
    """An order of a setup left under this id at `now`, ns. IndexError where no slot is free."""
    k = _at(table, 0)
    if k < 0:
        raise IndexError("no slot is free for an order: room() was not asked")
    leg = table[k]
    leg["id"] = order_id
    leg["setup"] = setup
    leg["inst"] = inst
    leg["role"] = role
    leg["left"] = qty
    leg["pair"] = leg["leaving"] = leg["known"] = leg["heir"] = 0
    leg["sent"] = now
    leg["side"] = side
    leg["price"] = price


@kernel
def find(table: Rows, order_id: int) -> int:
    """The slot of the order of this id, or -1 when it is not ours or has ended."""
    return _at(table, order_id) if order_id != 0 else -1


@kernel
def _at(table: Rows, order_id: int) -> int:
    """The first slot with this id, 0 = a free one; -1 without any."""
    for k in range(len(table)):
        if table[k]["id"] == order_id:
            return k
    return -1


@kernel
def pair(table: Rows, one: int, other: int) -> None:
    """Two orders, by id, of which the fill of one cancels the other."""
    for k in range(len(table)):
        if table[k]["id"] == one:
            table[k]["pair"] = other
        elif table[k]["id"] == other:
            table[k]["pair"] = one


@kernel
def belongs(leg: Record, setup: int) -> bool:
    """Whether it is an order of this setup that has not ended."""
    return leg["id"] != 0 and leg["setup"] == setup
