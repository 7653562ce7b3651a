"""Follows trades from approval to settlement: sends orders, books answers, protects, closes, settles.

What becomes of a trade is decided by kernels (engine/following.py); here it leaves, and what is over is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from tickerml.account.contract import value
from tickerml.desk import legs as roles
from tickerml.desk import setups as book
from tickerml.desk.approved import Approved
from tickerml.desk.beginning import fields_of, more_of
from tickerml.desk.case import lost
from tickerml.desk.desk import Desk
from tickerml.desk.exits import Move, at_price, tighten
from tickerml.desk.leaving import REACH
from tickerml.desk.protections import Change
from tickerml.desk.setups import Setups
from tickerml.engine import ending, following, together
from tickerml.engine.aiming import Aim, aim, counted
from tickerml.engine.at_end import close_at_touch
from tickerml.engine.books import Books
from tickerml.engine.loop import Loop
from tickerml.engine.outbox import Outbox, canonical
from tickerml.engine.sending import Sending
from tickerml.engine.settle import settled_blob
from tickerml.sim.orders import ANSWERS
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Setup, Target
from tickerml.tape.rows import SECOND, Kind, Record, Rows

_BLOB: Final = 4096
_FIELDS: Final = book.SETUP.names or ()
_NONE: Final[Mapping[int, int]] = {}


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
        self.setups: Setups = books.setups
        self.desk, self.sending = desk, Sending(loop, outbox, desk, self.setups.requests)
        keep = loop.states.add
        keep("setups", self.setups.table)
        keep("legs", self.setups.legs)
        self._blobs = keep("intents", np.zeros(book.SLOTS, f"S{_BLOB}"))
        self._trades = loop.core, self.setups.table, self.setups.legs, self.setups.requests
        self._market = loop.venue.rules, loop.marks, loop.books, _reach(desk)

    def open(self, owner: int, seq: int, blob: bytes, parts: Sequence[tuple[Setup, Instrument, Approved]]) -> None:
        """Send the entry orders of an approved intent: of its setup, or of all its legs at once."""
        if len(blob) > _BLOB:
            raise ConfigError("intent", f"an intent's figures take {len(blob)} bytes; at most {_BLOB} are kept")
        group, setups = seq + 1 if len(parts) > 1 else 0, self.setups
        slots = []
        for setup, inst, approved in parts:
            slots.append(setups.begin(fields_of(seq, owner, inst, setup, approved, self.books.now, group)))
            self._blobs[slots[-1]] = blob
        for k, (_, _, approved) in zip(slots, parts, strict=True):
            for order in approved.orders:
                self.sending.tell(order, order.side, seq)
                setups.sent(k, roles.ENTRY, self.books.now)
        self.sending.leave()
        self._set_deadline()

    def aim(self, owner: int, inst: Instrument, target: Target) -> Aim:
        """What a wished exposure of strategy `owner` means beside what is held."""
        return aim(self.books, self.desk.limits, owner, inst, target)

    def more(self, k: int, seq: int, approved: Approved) -> None:
        """Send the further entry of setup `k` that was approved: it counts with what is left, and this."""
        s = self.setups.table[k]
        for name, field in more_of(counted(s), int(book.held(s)), approved).items():
            s[name] = field
        for order in approved.orders:
            self.sending.tell(order, order.side, seq)
            self.setups.sent(k, roles.ENTRY, self.books.now)
        self.sending.leave()

    def adjust(self, one: Aim) -> None:
        """Do what needs no approval: close all or some of it, or tighten its stop."""
        k = one.slot
        if one.close:
            self._done(following.left(*self._trades, *self._market, k, book.BY_HAND))
            return
        if one.stop:
            move_to = tighten(self.setups.table[k], one.stop, self.books.prices.mark(int(self.setups.table[k]["inst"])))
            if move_to is not None:
                self._lower_risk(k)
                self._move(k, move_to)
        if one.lots:
            self._done(following.lessened(*self._trades, *self._market, k, one.lots))

    def _lower_risk(self, k: int) -> None:
        """The stop of setup `k` is tighter: less of what it counts with may be lost."""
        s = self.setups.table[k]
        inverse, worth = bool(self.loop.venue.rules[int(s["inst"])]["inverse"]), int(s["notional"])
        share = lost(float(s["stop"]), inverse, int(s["side"]))
        if s["risk"] and share < 1:
            s["risk"] = min(int(s["risk"]), math.ceil(worth * share))

    def answer(self) -> None:
        """Book what the venue has just said about an order of ours, or that it liquidated what we held."""
        said = following.answered(*self._trades, self.loop.mail, *self._market)
        if said == following.LIQUIDATED:
            mail = self.loop.mail[0]
            self._liquidated(mail["answers"][(int(mail["ans_head"]) - 1) % ANSWERS])
        else:
            self._done(said)

    def deadlines(self) -> None:
        """Close what has reached its horizon, stands without its stop, or lacks a leg."""
        said = following.overdue(*self._trades, *self._market, 0)
        while said >= 0:
            self._done(said)
            said = following.overdue(*self._trades, *self._market, (said >> following.BITS) + 1)
        self._set_deadline()

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
            for price, close in ((best, False), (self.books.prices.mark(inst), True)):
                move_to = at_price(s, price, agree=agree, close=close) if s["state"] == book.OPEN else None
                if move_to is not None:
                    self._move(k, move_to)
        self._arm(inst)

    def _move(self, k: int, move_to: Move) -> None:
        """Send new levels of setup `k`, or close it."""
        if move_to.close:
            said = following.left(*self._trades, *self._market, k, book.REASONS.index(move_to.close))
        else:
            said = following.moved(*self._trades, *self._market, k, move_to.stop, move_to.target)
        self._done(said)

    def retreat(self, *, close: bool) -> None:
        """Withdraw every entry that has not filled; with `close`, close what is held as well."""
        for k in np.flatnonzero(self.setups.table["state"]).tolist():
            self._done(following.retreated(*self._trades, *self._market, k, close))
        self._set_deadline()

    def finish(self) -> None:
        """The tape has ended: what is open is settled at the touch, without pretending that a close was sent."""
        table, left = self.setups.table, {}
        for k in np.flatnonzero(table["state"]).tolist():
            if not (table[k]["group"] and book.is_over(table[k])):  # a leg that is over waits for the others
                left[k] = close_at_touch(self.books, table[k])
        for k in range(book.SLOTS):
            if table[k]["state"]:
                self._settle(k, left)

    def _liquidated(self, a: Record) -> None:
        """The venue closed what the setups on an instrument held; they end with their last order.

        Fees and what insurance bore of the loss are shared by lots.
        """
        inst, side, left = int(a["inst"]), int(a["side"]), int(a["qty"])
        fee, borne = int(a["fee"]), int(a["amount"])
        contract = self.books.wallets.contracts[inst]
        for k in range(book.SLOTS):
            s = self.setups.table[k]
            held = min(book.held(s), left)
            if not s["state"] or s["superp"] or s["inst"] != inst or s["side"] == side or held <= 0:
                continue
            fees, bears = fee * held // left, borne * held // left
            left, fee, borne = left - held, fee - fees, borne - bears
            s["exited"] += held
            s["exit_ticks"] += int(a["price"]) * held
            s["received"] += int(value(contract, int(a["price"]), held))
            s["fees"] += fees
            s["amount"] += bears
            s["closed"], s["naked"], s["reason"] = self.books.now, 0, book.LIQUIDATED
            self._done(following.liquidated(*self._trades, *self._market, k))
        self._set_deadline()

    def _done(self, said: int) -> None:
        """A kernel has followed a setup: let leave what it wishes to send, and do what it leaves to Python."""
        if said & following.SEND:
            self.sending.leave()
        if said & following.TELL:
            self._tell_refused(said >> following.BITS)
        if said & ending.OVER:
            self._settle(said >> following.BITS)

    def _tell_refused(self, k: int) -> None:
        """The venue has refused to close setup `k` again and again: a DESK row, once until it takes one."""
        s = self.setups.table[k]
        wait = int(s["wait"]) // SECOND
        figures = {"strategy": int(s["strategy"]), "inst": int(s["inst"]), "lots": book.held(s), "again_s": wait}
        self.desk.tell([Change("close refused", figures)])

    def _settle(self, k: int, left: Mapping[int, int] = _NONE) -> None:
        """Setup `k` is over, and all that it stands or falls with: tell its trade.

        `left`: lots that the tape's end found held, by slot. No row tells of their sale, so the trade does, signed.
        """
        books, mine = self.books, together.mates(self.setups.table, k)
        ended = [self._ended_leg(n) for n in mine]
        lead = together.lead_of([s for s, _ in ended])
        s, figures = ended[lead]
        insts = [int(one["inst"]) for one, _ in ended]
        if len(mine) > 1:
            figures = together.as_one(ended, [books.instruments[i] for i in insts], books.wallets, lead)
        open_lots = [int(one["side"]) * left.get(n, 0) for n, (one, _) in zip(mine, ended, strict=True)]
        if any(open_lots):
            figures["left"] = [[inst, lots] for inst, lots in zip(insts, open_lots, strict=True) if lots]
        blob = bytes(self._blobs[k])
        for n in mine:
            following.settled(*self._trades, self.loop.marks, n)
            self.setups.table[n] = book.NO_SETUP
        self.sending.leave()
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
        """The fields of setup `k`, which is over, as plain numbers, and its figures."""
        s, books = dict(zip(_FIELDS, self.setups.table[k].item(), strict=True)), self.books
        if s["entered"] == 0 and s["reason"] in (0, book.BY_TIMER, book.UNWOUND, book.BY_LEG):
            s["reason"] = book.UNFILLED
        elif s["reason"] == 0:  # the fee took all that was bought
            s["reason"], s["closed"] = book.BY_HAND, books.now
        inst, name = s["inst"], self.names[s["strategy"]]
        mark, blob = self.loop.marks[inst], bytes(self._blobs[k])
        return s, settled_blob(s, name, books.instruments[inst], books.wallets, mark, blob)

    def _arm(self, inst: int) -> None:
        """Name the nearest prices at which an exit of this instrument is to be looked at."""
        following.armed(self.loop.core, self.setups.table, self.loop.marks, inst)

    def _set_deadline(self) -> None:
        self.loop.core[0]["deadline"] = book.deadline(self.setups.table)


def _reach(desk: Desk) -> Rows:
    """The limits that exits are sent by."""
    limits = desk.limits
    found = np.zeros(1, REACH)
    found["through"], found["again"] = limits.through_stop, limits.through_stop_again
    found["close"] = limits.through_close
    found["naked_ns"], found["legs_ns"] = round(limits.naked_s * SECOND), round(limits.legs_s * SECOND)
    return found
