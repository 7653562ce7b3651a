"""Closes what a compiled strategy holds. It has no setups and no stops: its inventory is one position a coin."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from tickerml.desk.order import Order
from tickerml.desk.working import LEAVING, SLOTS, add
from tickerml.engine.loop import Loop
from tickerml.engine.sending import Sending
from tickerml.tape.orders import OrderFlag, OrderType, TimeInForce
from tickerml.tape.rows import FOREVER

_MARKET, _IOC, _REDUCE = int(OrderType.MARKET), int(TimeInForce.IOC), int(OrderFlag.REDUCE_ONLY)
_NO_PRICE: Final = 0  # of an order in WORKING: it closes, and is no quote


class Inventory:
    """Sells (or buys back) at the market while CORE["closing"] says so. Remembers nothing: all is in the loop's states.

    Quotes that are being withdrawn may still fill, and a market order may find too little: what is left is closed
    again each minute.
    """

    def __init__(self, loop: Loop, sending: Sending) -> None:
        """Orders leave by `sending`."""
        self.loop, self._sending = loop, sending

    def ready(self) -> None:
        """Where something is being closed the venue must know orders that take: what quotes alone leaves that out."""
        plan = self.loop.plan
        if self.loop.core[0]["closing"] and not plan.taking:
            self.loop.follow(replace(plan, taking=True))

    def begin(self) -> None:
        """From now on all that is held is to go; each minute Python looks whether it has."""
        self.loop.core[0]["closing"], self.loop.purse[0]["due"] = 1, 0
        self.close()

    def close(self) -> None:
        """Send what closes all that is held and not being closed yet; nothing once entries are on again."""
        c, working = self.loop.core[0], self.loop.working
        if not c["off"] or not (working["position"].any() or working["n"].any()):
            c["closing"] = 0
        if not c["closing"]:
            return
        self.ready()
        for n in np.flatnonzero(self.loop.envelopes["max_order"]).tolist():
            w = working[n]
            lots, orders = int(w["position"]), int(w["n"])
            if lots and orders < SLOTS and not (w["price"][:orders] == _NO_PRICE).any():
                side = 1 if lots > 0 else -1
                order = Order(n, -side, _MARKET, _IOC, abs(lots), flags=_REDUCE)
                add(w, self._sending.order(order, side), -side, _NO_PRICE, abs(lots), int(c["now"]))
                w["state"][orders] = LEAVING  # it is never withdrawn

    def due(self, now: int) -> int:
        """From when the next minute must look again, ns; FOREVER when nothing is being closed."""
        return now + 1 if self.loop.core[0]["closing"] else FOREVER
