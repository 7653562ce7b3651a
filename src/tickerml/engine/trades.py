"""Follows trades from approval to settlement: sends orders, books answers, protects, closes, settles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from tickerml.account.contract import value
from tickerml.account.wallets import RECEIVED
from tickerml.desk import leaving
from tickerml.desk import legs as roles
from tickerml.desk import setups as book
from tickerml.desk.approved import Approved, Cancel, Order
from tickerml.desk.beginning import fields_of
from tickerml.desk.desk import Desk
from tickerml.desk.exits import Move, at_price, nearest
from tickerml.desk.protections import Change
from tickerml.desk.setups import Setups
from tickerml.engine import together
from tickerml.engine.at_end import close_at_touch
from tickerml.engine.books import Books
from tickerml.engine.loop import Loop
from tickerml.engine.marks import arm, watch
from tickerml.engine.outbox import Outbox, canonical
from tickerml.engine.sending import Sending
from tickerml.engine.settle import settled_blob
from tickerml.sim.orders import Cause
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Setup
from tickerml.tape.orders import AnswerKind, OrderType, Reject
from tickerml.tape.rows import SECOND, Kind, Record

_BLOB: Final = 4096
_CAUSES: Final = {int(Cause.STOP): book.BY_STOP, int(Cause.TARGET): book.BY_TARGET, int(Cause.EXPIRY): book.BY_TIMER}
_ENDS: Final = (int(AnswerKind.CANCELED), int(AnswerKind.EXPIRED), int(AnswerKind.REJECT))
_SUPERP: Final = int(OrderType.SUPERP)


class Trades:
    """The desk's hands. `told(strategy, instruments, figures, intent blob)` is called when one is over."""

    def __init__(
        self,
        loop: Loop,
        books: Books,
        outbox: Outbox,
        desk: Desk,
        names: Sequence[str],
        told: Callable[[int, Sequence[int], dict[str, Any] | None, bytes], None],
    ) -> None:
        """`names` of the strategies, by number."""
        self.loop, self.books, self.outbox, self.names, self.told = loop, books, outbox, names, told
        self.desk, self.sending = desk, Sending(loop, outbox, desk)
        self.setups: Setups = books.setups
        keep = loop.states.add
        keep("setups", self.setups.table)
        keep("legs", self.setups.legs.table)
        self._blobs = keep("intents", np.zeros(book.SLOTS, f"S{_BLOB}"))

    def open(self, owner: int, seq: int, blob: bytes, parts: Sequence[tuple[Setup, Instrument, Approved]]) -> None:
        """Send the entry orders of an approved intent: of its setup, or of all its legs at once."""
        if len(blob) > _BLOB:
            raise ConfigError("intent", f"an intent's figures take {len(blob)} bytes; at most {_BLOB} are kept")
        group = seq + 1 if len(parts) > 1 else 0
        slots = []
        for setup, inst, approved in parts:
            slots.append(self.setups.begin(fields_of(seq, owner, inst, setup, approved, self.books.now, group)))
            self._blobs[slots[-1]] = blob
        for k, (_, _, approved) in zip(slots, parts, strict=True):
            for order in approved.orders:
                self._send(order, k, roles.ENTRY, seq)
        self._set_deadline()

    def answer(self, a: Record) -> None:
        """Book what the venue said about an order of ours, or that it liquidated what we held."""
        if int(a["kind"]) == int(AnswerKind.FILL) and int(a["cause"]) == int(Cause.LIQUIDATION):
            self._liquidated(a)
            return
        if int(a["kind"]) == int(AnswerKind.FUNDING):
            s = self.setups.on_instrument(int(a["inst"]))
            if s is not None:
                s["funding"] += a["amount"]
            return
        if int(a["kind"]) == int(AnswerKind.CANCEL_REJECT) and int(a["reason"]) == int(Reject.GATEWAY):
            self._act([Cancel(int(a["inst"]), int(a["id"]))], None)  # it never arrived: the order still stands
            return
        leg = self.setups.legs.find(int(a["id"]))
        if leg is None:
            return
        leg["known"] = 1
        if int(a["type"]) == _SUPERP:
            self._superp_answer(int(leg["setup"]), leg, a)
        else:
            self._order_answer(int(leg["setup"]), leg, a)

    def deadlines(self) -> None:
        """Close what has reached its horizon, stands without its stop, or lacks a leg."""
        for k in range(book.SLOTS):
            if why := book.due(self.setups.table[k], self.books.now):
                self._leave(k, why)
        self._set_deadline()

    def _leave(self, k: int, reason: int, limit: int = 0) -> None:
        """Close setup `k`, with all the legs that it stands or falls with; settle it when nothing is left."""
        self._act(leaving.close(self.setups, k, reason, limit), k)
        self._fall(k)
        if book.is_over(self.setups.table[k]) and not self.setups.table[k]["superp"]:
            self._settle(k)

    def _fall(self, k: int) -> None:
        """Setup `k` leaves: so do the other legs of its intent that were not told to."""
        for n in together.mates(self.setups.table, k):
            if n != k and not self.setups.table[n]["going"]:
                self._act(leaving.close(self.setups, n, together.why(self.setups.table[k])), n)
                if book.is_over(self.setups.table[n]):
                    self._settle(n)

    def _stand_or_fall(self, k: int) -> None:
        """After an answer about leg `k`: what becomes of it and the others."""
        s, rules = self.setups.table[k], self.desk.limits
        legs = self.setups.table[together.mates(self.setups.table, k)]
        wait = max(self.books.prices.patience(int(one["inst"])) for one in legs)
        if together.look(self.setups.table, k, self.books.now + round(rules.legs_s * SECOND) + wait):
            self._leave(k, book.UNWOUND)
        elif s["exited"] and not s["going"] and s["reason"] != book.BY_STOP:
            self._leave(k, int(s["reason"]))
        elif s["exited"]:
            self._fall(k)

    def close(self, owner: int, inst: int) -> bool:
        """Close at the market what strategy `owner` has under way on an instrument; False when that is nothing."""
        table = self.setups.table
        mine = np.flatnonzero((table["state"] != 0) & (table["inst"] == inst) & (table["strategy"] == owner))
        for k in mine.tolist():
            if table[k]["state"] in (book.ENTERING, book.OPEN) and not table[k]["wait"]:
                self._leave(k, book.BY_HAND)
        self._set_deadline()
        return len(mine) > 0

    def reached(self, inst: int, agrees: Callable[[int, int], bool]) -> None:
        """The market has reached a price at which an exit was to be looked at.

        `agrees(strategy, side)`: whether the strategy sees the move go on. A bar is judged by how far it went for the
        trade, then by its close: a range is broken by a close alone.
        """
        mark = self.loop.marks[inst]
        mark["alarm"] = 0
        table = self.setups.table
        stays = (table["state"] == book.OPEN) & (table["going"] == 0)
        for k in np.flatnonzero(stays & (table["inst"] == inst)).tolist():
            s = table[k]
            best = int(mark["high2"]) // 2 if s["side"] > 0 else -(-int(mark["low2"]) // 2)
            agree = bool(s["zones"]) and agrees(int(s["strategy"]), int(s["side"]))
            for price in (best, self.books.prices.mark(inst)):
                move_to = at_price(s, price, agree=agree) if s["state"] == book.OPEN else None
                if move_to is not None:
                    self._move(k, move_to)
        self._arm(inst)

    def _move(self, k: int, move_to: Move) -> None:
        """Send new levels of setup `k`, or close it."""
        if move_to.close:
            self._leave(k, book.REASONS.index(move_to.close))
            self._set_deadline()
            return
        self._act(leaving.move(self.setups, k, move_to), None)
        self._after(k)
        self._set_deadline()

    def _arm(self, inst: int) -> None:
        """Name the nearest prices at which an exit of this instrument is to be looked at."""
        self.loop.core[0]["alarms"] = arm(self.loop.marks, inst, *nearest(self.setups.table, book.OPEN, inst))

    def retreat(self, *, close: bool) -> None:
        """Withdraw every entry that has not filled; with `close`, close what is held as well."""
        for k in range(book.SLOTS):
            s = self.setups.table[k]
            if s["state"] == book.ENTERING or (close and s["state"] == book.OPEN):
                self._leave(k, book.BY_HAND)
            elif s["state"] == book.OPEN:
                self._act(leaving.withdraw(self.setups, k), k)
                if book.is_over(self.setups.table[k]) and not s["superp"]:
                    self._settle(k)
        self._set_deadline()

    def finish(self) -> None:
        """The tape has ended: what is open is settled at the touch, without pretending that a close was sent."""
        table = self.setups.table
        for k in np.flatnonzero(table["state"]).tolist():
            if not (table[k]["group"] and book.is_over(table[k])):  # a leg that is over waits for the others
                close_at_touch(self.books, table[k])
        for k in range(book.SLOTS):
            if table[k]["state"]:
                self._settle(k)

    def _liquidated(self, a: Record) -> None:
        """The venue closed what the setups on an instrument held; they end with their last order.

        Fees and what insurance bore of the loss are shared by lots.
        """
        inst, side, left = int(a["inst"]), int(a["side"]), int(a["qty"])
        rest = int(a["fee"]) - int(a["amount"])
        contract = self.books.wallets.contracts[inst]
        for k in range(book.SLOTS):
            s = self.setups.table[k]
            held = min(book.held(s), left)
            if not s["state"] or s["superp"] or s["inst"] != inst or s["side"] == side or held <= 0:
                continue
            fees = rest * held // left
            left, rest = left - held, rest - fees
            s["exited"] += held
            s["exit_ticks"] += int(a["price"]) * held
            s["received"] += int(value(contract, int(a["price"]), held))
            s["fees"] += fees
            s["closed"], s["naked"], s["reason"] = self.books.now, 0, book.LIQUIDATED
            self._after(k)
        self._set_deadline()

    def _superp_answer(self, k: int, leg: Record, a: Record) -> None:
        s, kind = self.setups.table[k], int(a["kind"])
        if kind == int(AnswerKind.ACK) and int(a["price"]) > 0 and s["opened"] == 0:
            s["state"], s["opened"], s["entered"] = book.OPEN, self.books.now, 1
            s["entry_ticks"] = a["price"]
            watch(self.loop.marks[int(s["inst"])])
        elif kind == int(AnswerKind.SETTLED):
            s["entered"] = s["exited"] = 1
            s["closed"], s["exit_ticks"] = self.books.now, a["price"]
            s["amount"] += a["amount"]
            s["fees"] += a["fee"]
            s["reason"] = _CAUSES.get(int(a["cause"]), int(s["reason"]) or book.BY_HAND)
            self.setups.ended(leg)
            self._settle(k)
        elif kind in _ENDS:
            self.setups.ended(leg)
            self._after(k)

    def _order_answer(self, k: int, leg: Record, a: Record) -> None:
        s, kind, inst = self.setups.table[k], int(a["kind"]), int(a["inst"])
        if kind == int(AnswerKind.FILL):
            if s["opened"] == 0:
                watch(self.loop.marks[inst])
            contract = self.books.wallets.contracts[inst]
            self.setups.fill(leg, contract, int(a["price"]), int(a["qty"]), int(a["fee"]), self.books.now)
            rule = self.loop.venue.rules[inst]
            if leg["role"] == roles.ENTRY and rule["fee_in"] == RECEIVED and a["wallet"] == rule["base_wallet"]:
                self.setups.take_fee(leg, int(a["paid"]), int(rule["lot_units"]))
            shrinks = leg["role"] == roles.TARGET and int(a["left"]) > 0
            cancels = [] if shrinks else self.setups.legs.siblings(leg)
            if int(a["left"]) == 0:
                self.setups.ended(leg)
            self._act(cancels, k)
            leaving.reopen(self.setups, k, self.books.now)
        if leg["role"] == roles.CLOSE and kind != int(AnswerKind.REJECT):
            s["wait"] = 0
        if kind in _ENDS:
            self._ended(k, leg, refused=kind == int(AnswerKind.REJECT))
        if leg["id"] and leg["pair"]:
            self._fit(k, leg)
        self._after(k)
        self._set_deadline()

    def _ended(self, k: int, leg: Record, *, refused: bool) -> None:
        """An order of setup `k` has left the venue with lots open: a position must not stand without its stop."""
        s, inst, now = self.setups.table[k], int(leg["inst"]), self.books.now
        gone = leg["role"] == roles.STOP and not leg["leaving"] and book.held(s) > 0 and not s["going"]
        tried = leg["role"] == roles.CLOSE and leg["price"] > 0 and not refused  # its limit, at once at the market
        shut = leg["role"] == roles.CLOSE and refused  # read now: another order may take the leg's place
        self.setups.ended(leg)
        touch = self._touch(inst, int(s["side"]))
        if gone and refused and not s["refused"] and leaving.is_legal(s, touch):
            s["refused"] += 1
            self._stop_again(k, min(int(leg["left"]), book.held(s)), int(leg["pair"]))
        elif gone:
            again = self.desk.limits.through_stop_again
            limit = leaving.reach(touch, -int(s["side"]), again) if touch and not refused else 0
            self._leave(k, book.NAKED if refused else book.BY_STOP, limit)
        if shut and leaving.refused(s):
            self._tell_refused(k)
        leaving.reopen(self.setups, k, now if tried else leaving.again(s, now))

    def _tell_refused(self, k: int) -> None:
        """The venue has refused to close setup `k` again and again: a DESK row, once until it takes one."""
        s = self.setups.table[k]
        wait = int(s["wait"]) // SECOND
        figures = {"strategy": int(s["strategy"]), "inst": int(s["inst"]), "lots": book.held(s), "again_s": wait}
        self.desk.tell([Change("close refused", figures)])

    def _stop_again(self, k: int, qty: int, pair: int) -> None:
        """Another stop for `qty` lots of setup `k`, beside the target of id `pair`, 0 = none."""
        s = self.setups.table[k]
        order_id = self._send(leaving.stop_of(s, qty, self._through(int(s["inst"]))), k, roles.STOP, int(s["intent"]))
        if self.setups.legs.find(pair) is not None:
            self.setups.legs.pair(pair, order_id)

    def _fit(self, k: int, leg: Record) -> None:
        """After executions of a target its stop is replaced by one for what is left: never for more than is held."""
        other = self.setups.legs.find(int(leg["pair"]))
        stop, target = (leg, other) if leg["role"] == roles.STOP else (other, leg)
        if stop is None or target is None or not stop["known"] or stop["leaving"] or stop["left"] <= target["left"]:
            return
        self._act(roles.cancels([stop]), None)
        self._stop_again(k, int(target["left"]), int(target["id"]))

    def _touch(self, inst: int, side: int) -> int:
        """What closing a position of `side` could get, ticks; 0 where there is no book."""
        return 0 if self.loop.venue.rules[inst]["bar_only"] else self.books.prices.touch(inst)[0 if side > 0 else 1]

    def _through(self, inst: int) -> float | None:
        """How far a stop may reach through its trigger; None on bars, which have no touch."""
        return None if self.loop.venue.rules[inst]["bar_only"] else self.desk.limits.through_stop

    def _after(self, k: int) -> None:
        """Protect what an entry has just filled; settle when nothing is left."""
        s = self.setups.table[k]
        if s["state"] and s["naked"]:
            self._act(leaving.gather(self.setups, k), None)
            orders = leaving.protection(s, self._through(int(s["inst"])))
            sent = [(role, self._send(order, k, role, int(s["intent"]))) for role, order in orders]
            if len(sent) == 2:
                self.setups.legs.pair(sent[0][1], sent[1][1])
        if s["state"]:
            patience = self.books.prices.patience(int(s["inst"]))
            leaving.guard(self.setups, k, self.books.now + round(self.desk.limits.naked_s * SECOND) + patience)
        if s["group"] and s["state"]:
            self._stand_or_fall(k)
        if book.is_over(self.setups.table[k]):
            self._settle(k)
        elif s["state"]:
            self._arm(int(s["inst"]))

    def _settle(self, k: int) -> None:
        """Setup `k` is over: tell its trade, or wait for the other legs."""
        table, books = self.setups.table, self.books
        mine = together.mates(table, k)
        if len(mine) > 1 and not all(book.is_over(table[n]) for n in mine):
            table[k]["state"], table[k]["going"] = book.CLOSING, 1
            self._act(roles.cancels(self.setups.legs.of(k)), None)
            return
        ended = [self._ended_leg(n) for n in mine]
        lead = together.lead_of([s for s, _ in ended])
        s, figures = ended[lead]
        insts = [int(one["inst"]) for one, _ in ended]
        if len(mine) > 1:
            figures = together.as_one(ended, [books.instruments[i] for i in insts], books.wallets, lead)
        left_over, blob = [one for n in mine for one in self.setups.free(n)], bytes(self._blobs[k])
        for inst in insts:
            self._arm(inst)
        if not self.loop.core[0]["ended"]:
            self._act(left_over, None)
        self._set_deadline()
        owner, inst = int(s["strategy"]), int(s["inst"])
        self.outbox.add(books.now, inst, int(Kind.SETTLED), canonical(figures), side=int(s["side"]))
        if s["entered"]:
            books.account[0]["settled"] += 1
            books.account[0]["won"] += figures["pnl"] > 0
            wallet = books.wallets.wallet_of[inst]
            self.desk.on_settled(
                books.now,
                owner,
                inst,
                pnl=books.wallets.money(wallet, figures["pnl"]),
                notional=sum(int(one["stake"]) if one["superp"] else int(one["paid"]) for one, _ in ended),
                equity=books.equity(wallet),
                stopped=figures["reason"] == book.REASONS[book.BY_STOP],
                others=[i for i in insts if i != inst],
            )
        self.told(owner, [inst, *(i for i in insts if i != inst)], figures if s["entered"] else None, blob)

    def _ended_leg(self, k: int) -> tuple[Record, dict[str, Any]]:
        """A copy of setup `k`, which is over, and its figures."""
        s, books = self.setups.table[k].copy(), self.books
        if s["entered"] == 0 and s["reason"] in (0, book.BY_TIMER, book.UNWOUND, book.BY_LEG):
            s["reason"] = book.UNFILLED
        elif s["reason"] == 0:  # the fee took all that was bought
            s["reason"], s["closed"] = book.BY_HAND, books.now
        inst, name = int(s["inst"]), self.names[int(s["strategy"])]
        mark, blob = self.loop.marks[inst], bytes(self._blobs[k])
        return s, settled_blob(s, name, books.instruments[inst], books.wallets, mark, blob)

    def _send(self, order: Order, k: int, role: int, parent: int) -> int:
        order_id = self.sending.order(order, int(self.setups.table[k]["side"]), parent)
        self.setups.sent(k, role, order_id, 1 if order.type == _SUPERP else order.qty, now=self.books.now, order=order)
        return order_id

    def _act(self, actions: Sequence[Order | Cancel], k: int | None) -> None:
        for one in actions:
            if isinstance(one, Cancel):
                self.sending.cancel(one)
            elif k is not None:
                self._send(one, k, roles.CLOSE, int(self.setups.table[k]["intent"]))

    def _set_deadline(self) -> None:
        self.loop.core[0]["deadline"] = book.deadline(self.setups.table)
