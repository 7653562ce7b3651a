"""How requests leave: a row on the tape, a message to the venue, a place among the messages of the day."""

from __future__ import annotations

from tickerml.desk.desk import Desk
from tickerml.desk.order import Order
from tickerml.desk.requests import put
from tickerml.engine.loop import Loop
from tickerml.engine.outbox import Outbox
from tickerml.tape.rows import Rows


class Sending:
    """The only way out for what Python and the desk's kernels decide. Keeps nothing: what is told leaves at once."""

    def __init__(self, loop: Loop, outbox: Outbox, desk: Desk, requests: Rows) -> None:
        """Rows go through `outbox` where the loop's buffer is full; `desk` counts messages; `requests`: what leaves."""
        self.loop, self.outbox, self._requests = loop, outbox, requests
        self._latch, self._coins = desk.memory.latch, desk.memory.coins

    def order(self, order: Order, side: int) -> int:
        """Send an order of a position of `side`, which serves no intent; returns its id."""
        order_id = self.tell(order, side, -1)
        self.leave()
        return order_id

    def tell(self, order: Order, side: int, parent: int) -> int:
        """An order is to leave, for the intent `parent`; returns its id."""
        c = self.loop.core[0]
        order_id = int(c["next_id"])
        c["next_id"] = order_id + 1
        put(self._requests[0], order, order_id, parent, side)
        return order_id

    def leave(self) -> None:
        """Let all leave that was told."""
        while not self.loop.leave(self._requests, self._latch, self._coins):
            self.outbox.draw()
