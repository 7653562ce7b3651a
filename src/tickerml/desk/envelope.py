"""The envelope inside which a strategy may act at row speed: the desk grants, shrinks and revokes it."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.working import SLOTS
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import FOREVER, MAX_TICKS, Record

ENVELOPE: Final = np.dtype(  # one record per instrument; all zero = nothing is allowed
    [
        ("max_position", "i8"),  # lots, either way: position before the order, as the strategy knows it
        ("max_order", "i8"),  # lots of one order
        ("max_orders", "i8"),  # own orders under way or working
        ("band", "i8"),  # ticks from the touch; further prices are refused, and all where that side is empty
        ("until", "i8"),  # ns; nothing is allowed from then on
    ]
)


@kernel
def allows(e: Record, w: Record, side: int, price: int, qty: int, bid: int, ask: int, now: int) -> bool:
    """Whether this order may leave now: a pure function of the grant, our orders and the touch.

    The position counts as it is known, not as it may become: one order a side keeps the excess to one order's size.
    """
    if now >= e["until"] or qty <= 0 or qty > e["max_order"] or price <= 0:
        return False
    if w["n"] >= e["max_orders"] or w["n"] >= SLOTS:
        return False
    if side * w["position"] >= e["max_position"]:
        return False
    if side > 0:
        return bid > 0 and price >= bid - e["band"]
    return ask <= MAX_TICKS and price <= ask + e["band"]  # where a side is empty nothing says how far a price is


def grant(max_position: int, max_order: int, *, max_orders: int = 16, band: int = 1000, until: int = FOREVER) -> Record:
    """An ENVELOPE record, lots and ticks."""
    record = np.zeros(1, ENVELOPE)[0]
    record["max_position"], record["max_order"], record["max_orders"] = max_position, max_order, max_orders
    record["band"], record["until"] = band, until
    return record
