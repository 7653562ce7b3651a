"""How an order or a cancel leaves: its row on the tape, its request to the venue, its place among the messages."""

from __future__ import annotations

from tickerml.desk.desk import Desk
from tickerml.desk.order import Cancel, Order, of_leg
from tickerml.engine.core import MADE
from tickerml.engine.loop import Loop
from tickerml.engine.outbox import Outbox
from tickerml.tape.orders import Op, OrderType
from tickerml.tape.rows import Kind


class Sending:
    """The only way out for what Python decides. Keeps nothing."""

    def __init__(self, loop: Loop, outbox: Outbox, desk: Desk) -> None:
        """Rows go through `outbox` where the loop's buffer is nearly full; `desk` counts messages."""
        self.loop, self.outbox, self.desk = loop, outbox, desk

    def order(self, order: Order, side: int, parent: int = -1) -> int:
        """Send an order of a position of `side`, for the intent `parent`; returns its id."""
        c = self.loop.core[0]
        if self.loop.venue.rules[order.inst]["hedge"]:
            order = of_leg(order, side)
        order_id = int(c["next_id"])
        c["next_id"] += 1
        self._leave(Kind.SUBMIT, Op.NEW, order_id, parent, order)
        return order_id

    def cancel(self, one: Cancel) -> None:
        """Ask for the end of an order."""
        self._leave(Kind.CANCEL, Op.CANCEL, one.id, -1, Order(one.inst, 1, int(OrderType.LIMIT), 1, 0))

    def _leave(self, kind: Kind, op: Op, order_id: int, parent: int, order: Order) -> None:
        c = self.loop.core[0]
        if c["made"] >= MADE - 256:  # one act may send many
            self.outbox.draw()
        self.loop.make_order(kind, order_id, parent, order)
        self.loop.send(op, order_id, order)
        self.desk.protections.on_sent(int(c["now"]), order.inst)
