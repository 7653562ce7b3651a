"""Trades under way as tests write them down: orders by id, and what is to be sent as orders and cancels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tickerml.desk import setups
from tickerml.desk.legs import add, find
from tickerml.desk.order import Order
from tickerml.desk.setups import Setups
from tickerml.engine.core import CORE
from tickerml.tape.orders import Op


class Cancel(NamedTuple):
    """The cancel of an order."""

    inst: int
    id: int


def told(out):
    """Requests as what they ask for; they are taken away."""
    found = []
    for r in out["list"][: int(out["n"])]:
        op, order_id, _, _, inst, side, kind, tif, price, trigger, target, qty, *rest = r.item()
        order = Order(inst, side, kind, tif, qty, price, trigger, target, *rest)
        found.append(Cancel(inst, order_id) if op == Op.CANCEL else order)
    out["n"] = out["gone"] = 0
    return found


class Book(Setups):
    """The tables, a clock and the next id."""

    def __init__(self, now=0, next_id=101):
        super().__init__()
        self.core = np.zeros(1, CORE)
        self.core[0]["now"], self.core[0]["next_id"] = now, next_id

    @property
    def given(self):
        """What kernels are given first: the clock, both tables, what is to be sent."""
        return self.core[0], self.table, self.legs, self.requests[0]

    def rest(self, k, role, order_id, qty, *, now=0, side=0, price=0):
        """An order of setup `k` is under way."""
        add(self.legs, order_id, k, int(self.table[k]["inst"]), role, qty, now, side, price)
        if role == setups.ENTRY:
            self.table[k]["working"] += 1

    def leg(self, order_id):
        """The order of this id, or None."""
        k = find(self.legs, order_id)
        return self.legs[k] if k >= 0 else None

    def of(self, k):
        """The orders of a setup that have not ended."""
        return [leg for leg in self.legs if leg["id"] and leg["setup"] == k]

    def fill(self, order_id, contract, price, qty, now):
        """An order is executed at `price`, at no fee."""
        leg = self.leg(order_id)
        setups.fill(self.table[leg["setup"]], leg, contract, price, qty, 0, now)

    def ended(self, order_id):
        """An order has left the venue."""
        setups.ended(self.table, self.leg(order_id))

    def said(self):
        """What is to be sent, taken away."""
        return told(self.requests[0])

    def free_slots(self):
        """How many more setups find room."""
        return self.room(int(np.count_nonzero(self.table["state"])), int(np.count_nonzero(self.legs["id"])))
