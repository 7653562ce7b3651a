"""Our orders under way that belong to a trade: which setup, which role, and the sibling that one fill cancels."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.order import Cancel
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record, Rows

LEGS: Final = 512
EACH: Final = 16  # slots that a setup may come to need: entries, stops, targets, closes
ENTRY, STOP, TARGET, CLOSE = 1, 2, 3, 4  # roles

LEG: Final = np.dtype(
    [
        ("id", "i8"),  # 0 = free slot
        ("setup", "i8"),
        ("inst", "i8"),
        ("role", "i8"),
        ("pair", "i8"),  # id of the sibling that is cancelled when this one fills, 0 = none
        ("left", "i8"),
        ("leaving", "i8"),  # 1 = a cancel was sent
        ("sent", "i8"),  # ns; 0 = not kept
        ("known", "i8"),  # 1 = the venue has answered
        ("side", "i8"),
        ("price", "i8"),  # ticks where it rests or waits; 0 = none
    ]
)


class Legs:
    """The table of orders under way. All memory is one array, so that a snapshot is bytes."""

    def __init__(self) -> None:
        """No orders under way."""
        self.table = np.zeros(LEGS, LEG)

    def free(self) -> int:
        """Slots without an order."""
        return int(np.count_nonzero(self.table["id"] == 0))

    def add(
        self, order_id: int, setup: int, inst: int, role: int, qty: int, *, now: int = 0, side: int = 0, price: int = 0
    ) -> None:
        """An order of a setup left under this id at `now`, ns (0: whether it is answered in time is not watched)."""
        k = _find(self.table, 0)
        if k < 0:
            raise IndexError("no slot is free for an order: free_slots() was not asked")
        leg = self.table[k]
        leg["id"], leg["setup"], leg["inst"], leg["role"], leg["left"] = order_id, setup, inst, role, qty
        leg["pair"] = leg["leaving"] = leg["known"] = 0
        leg["sent"], leg["side"], leg["price"] = now, side, price

    def find(self, order_id: int) -> Record | None:
        """The order of this id, or None when it is not ours or has ended."""
        k = _find(self.table, order_id)
        return self.table[k] if k >= 0 and order_id else None

    def of(self, setup: int) -> list[Record]:
        """The orders of a setup that have not ended."""
        return [self.table[k] for k in np.flatnonzero((self.table["id"] != 0) & (self.table["setup"] == setup))]

    def pair(self, one: int, other: int) -> None:
        """Two orders of which the fill of one cancels the other."""
        self.table["pair"][self.table["id"] == one] = other
        self.table["pair"][self.table["id"] == other] = one

    def siblings(self, leg: Record) -> list[Cancel]:
        """The cancel of the order that must not outlive `leg`."""
        other = self.find(int(leg["pair"]))
        return [] if other is None else cancels([other])


@kernel
def _find(table: Rows, order_id: int) -> int:
    """The first place with this id, 0 = a free one; -1 without any."""
    for k in range(len(table)):
        if table[k]["id"] == order_id:
            return k
    return -1


def cancels(legs: list[Record]) -> list[Cancel]:
    """A cancel for each of `legs` that has none under way."""
    out = []
    for leg in legs:
        if not leg["leaving"]:
            leg["leaving"] = 1
            out.append(Cancel(int(leg["inst"]), int(leg["id"])))
    return out
