"""Trades under way: one record a setup, one an order of ours, and what each execution does to them.

All memory is two arrays, so that a snapshot is bytes, and kernels keep them. How a trade is protected and closed:
desk/leaving.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from tickerml.account.contract import value
from tickerml.desk.exits import EXIT_FIELDS
from tickerml.desk.legs import EACH, ENTRY, LEGS, NOBODY, STOP, TARGET, add, belongs, legs
from tickerml.desk.requests import cancel, new, requests
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
        ("stake", "i8"),  # money: the stake of a SuperP position; 0 of any other
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
        ("pause", "i8"),  # ns; before then no part is closed: the venue has refused one, or a close
        ("pressed", "i8"),  # 1 = a limit did not close it: the next close is at the market
        ("going", "i8"),  # 1 = it was told to close: what is left is only closed again
        ("paid", "i8"),  # value of all entry fills, money
        ("received", "i8"),  # value of all exit fills, money
        ("entry_ticks", "i8"),  # sum of ticks x lots of entries
        ("exit_ticks", "i8"),
        ("amount", "i8"),  # money: SuperP payoff; else what the venue's insurance bore of a loss beyond its margin
        ("fees", "i8"),
        ("funding", "i8"),
        ("opened", "i8"),  # ns of the first entry fill
        ("closed", "i8"),
        ("reason", "i8"),  # index into REASONS: why most of its lots left
        ("agreed", "i8"),  # lots that left for this reason, less those that left for others
        ("leaves", "i8"),  # index into REASONS: why it was told to close; 0 = it was not
        ("working", "i8"),  # entry orders that may still fill
        ("group", "i8"),  # legs of one intent share a number above 0
        ("fill_by", "i8"),  # ns by which all legs must have filled; 0 = none has, or all have
        *EXIT_FIELDS,
    ]
)


NO_SETUP: Final = np.zeros((), SETUP)[()]


class Plain:
    """Where kernels write what lives in the two tables as plain numbers (desk/exposure.py); nothing in it is state."""

    def __init__(self) -> None:
        """Room for all setups and orders."""
        self.orders, self.trades = np.zeros((LEGS, 8), np.int64), np.zeros((SLOTS, 12), np.int64)
        self.stops = np.zeros(SLOTS)


class Setups:
    """The two tables, what is to be sent, and how much room there is."""

    def __init__(self) -> None:
        """No trades under way."""
        self.table = np.zeros(SLOTS, SETUP)
        self.legs = legs()
        self.requests = requests()
        self.plain = Plain()

    def open(self) -> Iterator[Record]:
        """Records of all setups that live."""
        return (self.table[k] for k in np.flatnonzero(self.table["state"]))

    def on_instrument(self, inst: int) -> Record | None:
        """The setup on an instrument, or None."""
        k = on_instrument(self.table, inst)
        return self.table[k] if k >= 0 else None

    def room(self, setups: int, legs: int) -> int:
        """How many more setups the tables take, with all the orders that each may need, beside so many under way."""
        return min(SLOTS - setups, max(0, (LEGS - legs - 1) // EACH))

    def begin(self, fields: dict[str, float]) -> int:
        """A new setup with these fields; returns its slot. IndexError where none is free."""
        k: int = free_slot(self.table)
        if k < 0:
            raise IndexError("no slot is free for a setup: room() was not asked")
        s = self.table[k]
        s["state"] = ENTERING
        for name, field in fields.items():
            s[name] = field
        return k

    def sent(self, k: int, role: int, now: int) -> None:
        """The newest of what is to be sent is an order of setup `k` in this role; `now`, ns."""
        out = self.requests[0]
        sent(self.table, self.legs, k, role, out["list"][int(out["n"]) - 1], now)


@kernel
def on_instrument(table: Rows, inst: int) -> int:
    """The slot of the first setup on an instrument, -1 without any."""
    for k in range(len(table)):
        if table[k]["state"] != 0 and table[k]["inst"] == inst:
            return k
    return -1


@kernel
def free_slot(table: Rows) -> int:
    """The first free slot, -1 without any."""
    for k in range(len(table)):
        if table[k]["state"] == 0:
            return k
    return -1


@kernel
def held(s: Record) -> int:
    """Lots that a setup holds and can sell (SuperP: 1)."""
    return s["entered"] - s["taken"] - s["exited"]


@kernel
def is_over(s: Record) -> bool:
    """Whether nothing of a setup is held or may still fill."""
    return s["state"] != 0 and s["working"] == 0 and held(s) == 0


@kernel
def fill(s: Record, leg: Record, contract: Record, price: int, qty: int, fee: int, now: int) -> None:
    """Book one execution of `leg`, an order of setup `s`."""
    worth = value(contract, price, qty)
    s["fees"] += fee
    leg["left"] -= qty
    if leg["role"] == ENTRY:
        s["entered"] += qty
        s["naked"] += qty
        s["paid"] += worth
        s["entry_ticks"] += price * qty
        if s["opened"] == 0:
            s["opened"] = now
        if s["state"] == ENTERING:
            s["state"] = OPEN
        return
    s["exited"] += qty
    s["received"] += worth
    s["exit_ticks"] += price * qty
    s["closed"] = now
    _vote(s, BY_STOP if leg["role"] == STOP else BY_TARGET if leg["role"] == TARGET else _told(s), qty)


@kernel
def _told(s: Record) -> int:
    return s["leaves"] if s["leaves"] != 0 else BY_HAND


@kernel
def _vote(s: Record, reason: int, qty: int) -> None:
    """`qty` lots left for this reason: the trade's is that of most of them (Boyer and Moore's majority vote, 1981)."""
    if s["reason"] == reason:
        s["agreed"] += qty
    elif s["agreed"] >= qty:
        s["agreed"] -= qty
    else:
        s["reason"] = reason
        s["agreed"] = qty - s["agreed"]


@kernel
def take_fee(s: Record, units: int, lot_units: int) -> None:
    """The fee of an entry's execution was `units` of what it bought: whole lots of the rest can be sold."""
    s["fee_units"] += units
    taken = -(-s["fee_units"] // lot_units)
    s["naked"] -= taken - s["taken"]
    s["taken"] = taken


@kernel
def order(c: Record, s: Record, out: Record) -> Record:
    """A new order of setup `s`, under the next id of `c`: its caller says in the request which, and then `sent`."""
    order_id = c["next_id"]
    c["next_id"] = order_id + 1
    r = new(out, order_id, s["intent"], s["side"])
    r["inst"] = s["inst"]
    return r


@kernel
def sent(table: Rows, legs: Rows, k: int, role: int, r: Record, now: int) -> None:
    """The order of request `r` leaves for setup `k` in this role at `now`, ns."""
    s = table[k]
    price = r["trigger"] if r["trigger"] != 0 else r["price"]
    add(legs, r["id"], k, r["inst"], role, r["qty"] if s["superp"] == 0 else 1, now, r["side"], price)
    if role == ENTRY:
        s["working"] += 1


@kernel
def withdraw(leg: Record, out: Record) -> None:
    """Cancel an order of ours, unless that is under way."""
    if leg["leaving"] == 0:
        leg["leaving"] = 1
        cancel(out, leg["inst"], leg["id"])


@kernel
def ended(table: Rows, leg: Record) -> None:
    """The order has left the venue: filled, cancelled, expired or rejected."""
    if leg["role"] == ENTRY and leg["setup"] != NOBODY:
        table[leg["setup"]]["working"] -= 1
    leg["id"] = 0


@kernel
def drop(legs: Rows, out: Record, k: int, now: int, tell: bool) -> None:
    """Setup `k` is over at `now`, ns; with `tell` its orders are cancelled, and stay ours until they have ended.

    A cancel may be lost: what it left would sell what the next setup on the instrument buys. Each counts as an order
    without an answer from now on.
    """
    for n in range(len(legs)):
        leg = legs[n]
        if belongs(leg, k):
            if tell:
                withdraw(leg, out)
                leg["setup"] = NOBODY
                leg["sent"] = now
                leg["pair"] = leg["known"] = 0
            else:
                leg["id"] = 0


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


@kernel
def due(s: Record, now: int) -> int:
    """Why a setup must be closed at `now`, ns; 0 = it need not, or is closing already."""
    if s["state"] != ENTERING and s["state"] != OPEN:
        return 0
    if s["horizon"] <= now:
        return BY_TIMER
    if 0 < s["cover_by"] <= now:
        return NAKED
    return UNWOUND if 0 < s["fill_by"] <= now else 0
