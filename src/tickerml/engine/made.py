"""The one buffer that a run's rows are made in: by compiled code, and by Python for rows that have a blob."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.working import SLOTS
from tickerml.engine.core import CORE, MADE, ROOM
from tickerml.tape.block import Block
from tickerml.tape.rows import ROW, Flag, Rows
from tickerml.tape.tables import ORDER

QUOTED: Final = SLOTS + 4  # most rows of one instrument in a wake: a cancel of each order, two wishes, two orders
_END: Final = int(Flag.END)


class Made:
    """Rows and their orders behind each other. How many there are is in the loop's record, so kernels see it, too."""

    def __init__(self, core: Rows | None = None, quoted: int = 0) -> None:
        """`core`: the record (CORE) that counts; None = one of its own, where no loop makes rows.

        `quoted`: instruments of a compiled strategy. It acts on all of them in one step, which asks for room once: what
        they can make lies behind MADE.
        """
        counts = np.zeros(1, CORE) if core is None else core
        size = MADE + quoted * QUOTED
        self.rows, self.orders = np.zeros(size, ROW), np.zeros(size, ORDER)
        self._n, self._m = counts["made"], counts["made_orders"]

    def __len__(self) -> int:
        return int(self._n.item(0))

    @property
    def full(self) -> bool:
        """Whether there is no room left for all that one step may make."""
        return self._n.item(0) >= MADE - ROOM

    def add(self, time: int, inst: int, kind: int, side: int, price: int, qty: int, blob: int) -> None:
        """Append a row that refers to a blob by its number."""
        n = self._n.item(0)
        self.rows[n] = (time, 0, qty, price, blob, inst, kind, side, _END)
        self._n[0] = n + 1

    def take(self, blobs: tuple[bytes, ...]) -> Block:
        """All of them, with the blobs that they refer to; the buffer is empty then."""
        rows, orders = _copy(self.rows, self._n.item(0)), _copy(self.orders, self._m.item(0))
        self._n[0] = self._m[0] = 0
        return Block(rows, orders=orders, blobs=blobs)


def _copy(table: Rows, n: int) -> Rows:
    """The first `n` records. As bytes: numpy copies records field by field."""
    return np.frombuffer(bytearray(table[:n].data), table.dtype)
