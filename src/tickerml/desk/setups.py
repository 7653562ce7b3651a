"""Trades under way: one record a setup, one an order of ours, and what each answer of the venue does to them.

All memory is two arrays, so that a snapshot is bytes. Every fill of an entry is protected by its own stop (and target)
of the same size; when one of the two ends the position, its sibling is cancelled. Exits are reduce-only, so a stop can
never turn a position round. Many small fills are gathered under one stop. What could not be closed is closed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from tickerml.account.contract import value
from tickerml.desk.exits import EXIT_FIELDS, Move, place
from tickerml.desk.legs import CLOSE, EACH, ENTRY, STOP, TARGET, Legs, cancels
from tickerml.desk.order import Cancel, Order
from tickerml.tape.orders import OrderFlag, OrderType, TimeInForce
from tickerml.tape.rows import FOREVER, SECOND, Record, Rows

SLOTS: Final = 64
MOST_LEGS: Final = 6  # stops and targets of one setup; more are replaced by one pair for all that is held
ENTERING, OPEN, CLOSING = 1, 2, 3
REASONS: Final = ("", "stop", "target", "timer", "closed", "not filled", "end of data", "liquidated", "range break")
BY_STOP, BY_TARGET, BY_TIMER, BY_HAND, UNFILLED, AT_END, LIQUIDATED, BY_RANGE = range(1, 9)

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
        ("naked", "i8"),  # lots filled and not yet protected
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
        *EXIT_FIELDS,
    ]
)

NEAR: Final = 0.0005  # fraction; average entry prices so near each other keep their levels
RETRY_NS: Final = SECOND  # until a close that the venue refused, or could not fill, is sent again

_GTC, _IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
_REDUCE = int(OrderFlag.REDUCE_ONLY)


class Setups:
    """The two tables and what may be done with them. Methods that return orders expect them to be sent at once."""

    def __init__(self) -> None:
        """No trades under way."""
        self.table = np.zeros(SLOTS, SETUP)
        self.legs = Legs()

    def open(self) -> Iterator[Record]:
        """Records of all setups that live."""
        return (self.table[k] for k in np.flatnonzero(self.table["state"]))

    def on_instrument(self, inst: int) -> Record | None:
        """The setup on an instrument, or None."""
        return next((s for s in self.open() if s["inst"] == inst), None)

    def room(self) -> bool:
        """Whether another setup finds a slot."""
        return self.free_slots() > 0

    def free_slots(self) -> int:
        """How many more setups the two tables take, with all the orders that each may come to need."""
        setups = int(np.count_nonzero(self.table["state"] == 0))
        return min(setups, max(0, (self.legs.free() - 1) // EACH))

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

    def sent(self, k: int, role: int, order_id: int, qty: int, *, now: int = 0, order: Order | None = None) -> None:
        """An order of setup `k` left under this id at `now`, ns; `order` says where it rests."""
        side, price = (order.side, order.price or order.trigger) if order is not None else (0, 0)
        self.legs.add(order_id, k, int(self.table[k]["inst"]), role, qty, now=now, side=side, price=price)
        if role == ENTRY:
            self.table[k]["working"] += 1

    def ended(self, leg: Record) -> None:
        """The order has left the venue: filled, cancelled, expired or rejected."""
        if leg["role"] == ENTRY:
            self.table[leg["setup"]]["working"] -= 1
        leg["id"] = 0

    def protection(self, s: Record) -> list[tuple[int, Order]]:
        """Stop and target for the lots that have none yet: (role, order)."""
        qty, side = int(s["naked"]), int(s["side"])
        if qty == 0 or s["state"] == CLOSING:
            return []
        s["naked"] = 0
        entry = int(s["entry_ticks"]) / int(s["entered"])
        if entry != s["entry_at"]:
            place(s, entry)
        inst, stop, target = int(s["inst"]), int(s["stop_at"]), int(s["target_at"])
        orders = []
        if stop:
            orders.append((STOP, Order(inst, -side, int(OrderType.STOP), _GTC, qty, trigger=stop, flags=_REDUCE)))
        if target and not s["zones"]:  # else it is watched: at the target the trade may go on
            orders.append((TARGET, Order(inst, -side, int(OrderType.LIMIT), _GTC, qty, price=target, flags=_REDUCE)))
        return orders

    def move(self, k: int, move: Move) -> list[Cancel]:
        """New levels for setup `k`: withdraw its stop and target; `protection` then gives those that take over.

        For a moment both stand; both are reduce-only, so the position cannot turn.
        """
        s = self.table[k]
        if s["state"] != OPEN:
            return []
        s["stop_at"], s["target_at"] = move.stop, move.target
        s["naked"] = s["entered"] - s["exited"]
        return cancels([leg for leg in self.legs.of(k) if leg["role"] in (STOP, TARGET)])

    def gather(self, k: int) -> list[Cancel]:
        """Before more lots of setup `k` are protected: withdraw its orders, so that one pair takes over.

        Where they are many, or the average entry price has moved by more than NEAR: levels are of the average.
        """
        mine = [leg for leg in self.legs.of(k) if leg["role"] in (STOP, TARGET) and not leg["leaving"]]
        s = self.table[k]
        moved = abs(int(s["entry_ticks"]) / max(1, int(s["entered"])) - s["entry_at"]) > NEAR * s["entry_at"] > 0
        if s["state"] == CLOSING or not (len(mine) >= MOST_LEGS or (moved and mine)):
            return []
        s["naked"] = s["entered"] - s["exited"]
        return cancels(mine)

    def withdraw(self, k: int) -> list[Cancel]:
        """Cancel the entries of setup `k` that may still fill; its stop and target stay."""
        return cancels([leg for leg in self.legs.of(k) if leg["role"] == ENTRY])

    def close(self, s: Record, reason: int) -> list[Order | Cancel]:
        """Withdraw all orders of a setup and close what it holds at the market."""
        k = next(n for n in range(SLOTS) if self.table[n]["intent"] == s["intent"] and self.table[n]["state"])
        mine = self.legs.of(k)
        closing = any(leg["role"] == CLOSE for leg in mine)
        if s["superp"]:
            s["state"], s["reason"] = CLOSING, reason
            return list(cancels(mine))
        out: list[Order | Cancel] = list(cancels([leg for leg in mine if leg["role"] != CLOSE]))
        held = int(s["entered"] - s["exited"])
        if held > 0 and not closing:
            out.append(Order(int(s["inst"]), -int(s["side"]), int(OrderType.MARKET), _IOC, held, flags=_REDUCE))
        s["state"] = CLOSING
        s["reason"] = s["reason"] or reason
        return out

    def reopen(self, k: int, at: int) -> None:
        """Setup `k` is closing, holds lots and has no order under way that closes them: close again at `at`, ns."""
        s = self.table[k]
        closing = any(leg["role"] == CLOSE for leg in self.legs.of(k))
        if s["state"] == CLOSING and not s["superp"] and s["entered"] > s["exited"] and not closing:
            s["state"], s["horizon"], s["naked"] = OPEN, at, 0

    def free(self, k: int) -> list[Cancel]:
        """Forget a settled setup; the orders that remain of it are cancelled and no longer ours to follow."""
        mine = self.legs.of(k)
        left_over = cancels(mine)
        for leg in mine:
            leg["id"] = 0
        self.table[k] = np.zeros(1, SETUP)[0]
        return left_over


def deadline(table: Rows) -> int:
    """Earliest horizon of a setup that is not closing yet, ns; FOREVER without any."""
    waiting = table[(table["state"] == ENTERING) | (table["state"] == OPEN)]
    return int(waiting["horizon"].min()) if len(waiting) else FOREVER


def is_over(s: Record) -> bool:
    """Whether nothing of a setup is held or may still fill."""
    return bool(s["state"] and s["working"] == 0 and s["entered"] == s["exited"])
