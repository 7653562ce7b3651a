"""Our orders under way that belong to a trade: which setup, which role, and the sibling that one fill cancels."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.approved import Cancel
from tickerml.tape.rows import Record

LEGS: Final = 512
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
    ]
)


class Legs:
    """The table of orders under way. All memory is one array, so that a snapshot is bytes."""

    def __init__(self) -> None:
        """No orders under way."""
        self.table = np.zeros(LEGS, LEG)

    def room(self) -> bool:
        """Whether the orders of another setup find slots."""
        return bool((self.table["id"] == 0).sum() > 16)

    def add(self, order_id: int, setup: int, inst: int, role: int, qty: int) -> None:
        """An order of a setup left under this id."""
        leg = self.table[int(np.flatnonzero(self.table["id"] == 0)[0])]
        leg["id"], leg["setup"], leg["inst"], leg["role"], leg["left"] = order_id, setup, inst, role, qty
        leg["pair"] = leg["leaving"] = 0

    def find(self, order_id: int) -> Record | None:
        """The order of this id, or None when it is not ours or has ended."""
        found = np.flatnonzero(self.table["id"] == order_id)
        return self.table[int(found[0])] if len(found) and order_id else None

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


def cancels(legs: list[Record]) -> list[Cancel]:
    """A cancel for each of `legs` that has none under way."""
    out = []
    for leg in legs:
        if not leg["leaving"]:
            leg["leaving"] = 1
            out.append(Cancel(int(leg["inst"]), int(leg["id"])))
    return out
