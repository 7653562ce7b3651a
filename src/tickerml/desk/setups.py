"""Trades under way: one record a setup, one an order of ours, and what each answer of the venue does to them.

All memory is two arrays, so that a snapshot is bytes. How a trade is protected and closed: desk/leaving.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from tickerml.account.contract import value
from tickerml.desk.exits import EXIT_FIELDS
from tickerml.desk.legs import EACH, ENTRY, LEGS, STOP, TARGET, Legs, cancels
from tickerml.desk.order import Cancel, Order
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import FOREVER, Record, Rows

SLOTS: Final = 64
ENTERING, OPEN, CLOSING = 1, 2, 3
REASONS: Final = (
    *("", "stop", "target", "timer", "closed", "not filled", "end of data", "liquidated", "range break"),
    *("no stop", "unwound", "other leg"),
)
BY_STOP, BY_TARGET, BY_TIMER, BY_HAND, UNFILLED, AT_END, LIQUIDATED, BY_RANGE, NAKED, UNWOUND, BY_LEG = range(1, 12)

SETUP: Final = np.dtype(
    [
        ("state", "i8"),  # 0 = free slot
        ("intent", "i8"),  # sequence of the intent
        ("strategy", "i8"),
        ("inst", "i8"),
        ("side", "i8"),
        ("superp", "i8"),
        ("stake", "i8"),  # money: stake, or what the position may lose at its stop
        ("in_use", "i8"),  # money that counts as used while the setup lives whole
        ("notional", "i8"),  # money of all its lots at the worst price that they may fill at; 0 = as in_use
        ("risk", "i8"),  # money lost at the stop with all its lots; 0 = notional x stop
        ("lots", "i8"),  # approved; 0 = not kept
        ("leverage", "f8"),
        ("stop", "f8"),  # fraction of the entry price, 0 = none
        ("target", "f8"),
        ("horizon", "i8"),  # ns; closed then at the latest
        ("entered", "i8"),  # lots (SuperP: 1)
        ("exited", "i8"),
        ("taken", "i8"),  # lots bought that fees in the coin itself made unsellable: what they took, and the dust
        ("fee_units", "i8"),  # what such fees took, units of the coin's wallet
        ("naked", "i8"),  # lots filled for which no stop was sent yet
        ("cover_by", "i8"),  # ns by which the venue must have told of a stop for all that is held; 0 = it has
        ("refused", "i8"),  # stops that the venue has refused since the last one that stood
        ("wait", "i8"),  # ns until a close that the venue has refused is sent again; 0 = it did not refuse the last one
        ("going", "i8"),  # 1 = it was told to close: what is left is only closed again
        ("paid", "i8"),  # value of all entry fills, money
        ("received", "i8"),  # value of all exit fills, money
        ("entry_ticks", "i8"),  # sum of ticks x lots of entries
        ("exit_ticks", "i8"),
        ("amount", "i8"),  # SuperP payoff, money
        ("fees", "i8"),
        ("funding", "i8"),
        ("opened", "i8"),  # ns of the first entry fill
        ("closed", "i8"),
        ("reason", "i8"),  # index into REASONS
        ("working", "i8"),  # entry orders that may still fill
        ("group", "i8"),  # legs of one intent share a number above 0
        ("fill_by", "i8"),  # ns by which all legs must have filled; 0 = none has, or all have
        *EXIT_FIELDS,
    ]
)


class Plain:
    """Where kernels write what lives in the two tables as plain numbers (desk/exposure.py); nothing in it is state."""

    def __init__(self) -> None:
        """Room for all setups and orders."""
        self.orders, self.trades = np.zeros((LEGS, 8), np.int64), np.zeros((SLOTS, 12), np.int64)
        self.stops = np.zeros(SLOTS)


class Setups:
    """The two tables and what may be done with them. Methods that return orders expect them to be sent at once."""

    def __init__(self) -> None:
        """No trades under way."""
        self.table = np.zeros(SLOTS, SETUP)
        self.legs = Legs()
        self.plain = Plain()

    def open(self) -> Iterator[Record]:
        """Records of all setups that live."""
        return (self.table[k] for k in np.flatnonzero(self.table["state"]))

    def on_instrument(self, inst: int) -> Record | None:
        """The setup on an instrument, or None."""
        return next((s for s in self.open() if s["inst"] == inst), None)

    def free_slots(self) -> int:
        """How many more setups the two tables take, with all the orders that each may come to need."""
        return self.room(int(np.count_nonzero(self.table["state"])), LEGS - self.legs.free())

    def room(self, setups: int, legs: int) -> int:
        """The same where so many setups and orders are under way."""
        return min(SLOTS - setups, max(0, (LEGS - legs - 1) // EACH))

    def begin(self, fields: dict[str, float]) -> int:
        """A new setup with these fields; returns its slot."""
        k = int(np.flatnonzero(self.table["state"] == 0)[0])
        self.table[k] = np.zeros(1, SETUP)[0]
        self.table[k]["state"] = ENTERING
        for name, field in fields.items():
            self.table[k][name] = field
        return k

    def fill(self, leg: Record, contract: Record, price: int, qty: int, fee: int, now: int) -> None:
        """Book one execution of `leg`."""
        s = self.table[leg["setup"]]
        worth = int(value(contract, price, qty))
        s["fees"] += fee
        leg["left"] -= qty
        if leg["role"] == ENTRY:
            s["entered"] += qty
            s["naked"] += qty
            s["paid"] += worth
            s["entry_ticks"] += price * qty
            s["opened"] = s["opened"] or now
            if s["state"] == ENTERING:
                s["state"] = OPEN
            return
        s["exited"] += qty
        s["received"] += worth
        s["exit_ticks"] += price * qty
        s["closed"] = now
        if s["reason"] == 0:
            s["reason"] = {STOP: BY_STOP, TARGET: BY_TARGET}.get(int(leg["role"]), BY_HAND)

    def take_fee(self, leg: Record, units: int, lot_units: int) -> None:
        """The fee of an entry's execution was `units` of what it bought: whole lots of the rest can be sold."""
        s = self.table[leg["setup"]]
        s["fee_units"] += units
        taken = -(-int(s["fee_units"]) // lot_units)
        s["naked"] -= taken - int(s["taken"])
        s["taken"] = taken

    def sent(self, k: int, role: int, order_id: int, qty: int, *, now: int = 0, order: Order | None = None) -> None:
        """An order of setup `k` left under this id at `now`, ns; `order` says where it rests."""
        side, price = (order.side, order.trigger or order.price) if order is not None else (0, 0)
        self.legs.add(order_id, k, int(self.table[k]["inst"]), role, qty, now=now, side=side, price=price)
        if role == ENTRY:
            self.table[k]["working"] += 1

    def ended(self, leg: Record) -> None:
        """The order has left the venue: filled, cancelled, expired or rejected."""
        if leg["role"] == ENTRY:
            self.table[leg["setup"]]["working"] -= 1
        leg["id"] = 0

    def free(self, k: int) -> list[Cancel]:
        """Forget a settled setup; the orders that remain of it are cancelled and no longer ours to follow."""
        mine = self.legs.of(k)
        left_over = cancels(mine)
        for leg in mine:
            leg["id"] = 0
        self.table[k] = np.zeros(1, SETUP)[0]
        return left_over


@kernel
def deadline(table: Rows) -> int:
    """When the first setup that is not closing yet must be looked at, ns; FOREVER without any."""
    first = FOREVER
    for k in range(len(table)):
        s = table[k]
        if s["state"] == ENTERING or s["state"] == OPEN:
            first = min(first, s["horizon"])
            if s["cover_by"] > 0:
                first = min(first, s["cover_by"])
            if s["fill_by"] > 0:
                first = min(first, s["fill_by"])
    return first


def due(s: Record, now: int) -> int:
    """Why a setup must be closed at `now`, ns; 0 = it need not, or is closing already."""
    if s["state"] not in (ENTERING, OPEN):
        return 0
    if s["horizon"] <= now:
        return BY_TIMER
    if 0 < s["cover_by"] <= now:
        return NAKED
    return UNWOUND if 0 < s["fill_by"] <= now else 0


def held(s: Record) -> int:
    """Lots that a setup holds and can sell (SuperP: 1)."""
    return int(s["entered"] - s["taken"] - s["exited"])


def is_over(s: Record) -> bool:
    """Whether nothing of a setup is held or may still fill."""
    return bool(s["state"] and s["working"] == 0 and held(s) == 0)
