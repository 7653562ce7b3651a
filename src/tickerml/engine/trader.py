"""Our side in Python: wakes strategies, lets the desk judge their intents, follows trades to their end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from tickerml.account.contract import value
from tickerml.account.position import apply_fill, holding
from tickerml.desk import setups as book
from tickerml.desk.approved import Approved, Cancel, Order, Refusal
from tickerml.desk.desk import Desk, Situation
from tickerml.desk.limits import TEXT, Refused
from tickerml.desk.money import Wallets
from tickerml.desk.setups import Setups
from tickerml.engine import core
from tickerml.engine.loop import Loop
from tickerml.engine.marks import watch
from tickerml.engine.outbox import Outbox, canonical
from tickerml.engine.settle import outcome_of, settled_blob
from tickerml.engine.view import EngineView
from tickerml.sim.orders import ANSWERS, AnswerKind, Op, OrderType
from tickerml.sim.superp import payoff
from tickerml.strategies.intents import Pass, Setup
from tickerml.strategies.view import Position
from tickerml.strategies.wake import Bars, Every, Trade
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import FOREVER, MINUTE, Kind, Record

_BLOB = 4096
ACCOUNT = np.dtype([("peak", "i8"), ("settled", "i8"), ("won", "i8"), ("worst", "f8")])
BOOKKEEPER = 1000  # owner of the timer that asks for a BALANCE row each minute


class Trader:
    """Everything between a wake and the venue. All it remembers lies in arrays registered with the loop's states."""

    def __init__(
        self,
        loop: Loop,
        strategies: Sequence[tuple[int, str, Any]],
        traded: Sequence[Sequence[Instrument]],
        *,
        instruments: Sequence[Instrument],
        wallets: Wallets,
        purse: int,
        desk: Desk,
        outbox: Outbox,
        ton: float | int,
        bar_delay: int,
    ) -> None:
        """`strategies`: (owner number, name, object); `traded`: what each may trade; `ton`: price, or id of the instrument."""
        self.loop, self.wallets, self.desk, self.outbox = loop, wallets, desk, outbox
        self.strategies = [(name, strategy) for _, name, strategy in strategies]
        self.instruments = instruments
        self.purse = purse
        self.setups = Setups()
        keep = loop.states.add
        keep("setups", self.setups.table)
        keep("legs", self.setups.legs)
        self._blobs = keep("intents", np.zeros(book.SLOTS, f"S{_BLOB}"))
        self.account = keep("account", np.zeros(1, ACCOUNT))
        self._ton = ton
        self._views = [
            self._views_of(k, strategy, mine)
            for k, ((_, strategy), mine) in enumerate(zip(self.strategies, traded, strict=True))
        ]
        self._number = {owner: k for k, (owner, _, _) in enumerate(strategies)}
        for owner, _, strategy in strategies:
            self._set_timers(owner, strategy.wake, bar_delay)
        loop.timer(BOOKKEEPER, MINUTE)
        loop.core[0]["by_answers"] = 1 if strategies else 0

    def _views_of(self, owner: int, strategy: Any, traded: Sequence[Instrument]) -> dict[int, EngineView]:  # noqa: ANN401
        state = np.zeros(len(self.instruments), getattr(strategy, "state", np.dtype([("none", "i1")])))
        shared = np.zeros(1, getattr(strategy, "shared", np.dtype([("none", "i1")])))
        self.loop.states.add(f"strategy{owner}", state)
        self.loop.states.add(f"shared{owner}", shared)
        return {i.id: EngineView(self, owner, i, state[i.id], shared[0]) for i in traded}

    def _set_timers(self, owner: int, wake: Any, bar_delay: int) -> None:  # noqa: ANN401  Wake or a tuple of them
        for one in wake if isinstance(wake, tuple) else (wake,):
            if isinstance(one, Every):
                self.loop.timer(owner, one.ns)
            elif isinstance(one, Bars):
                self.loop.timer(owner, one.ns, bar_delay)
            elif isinstance(one, Trade):
                c = self.loop.core[0]
                c["large_trade"], c["by_rows"] = min(float(c["large_trade"]), one.min_usd), 1
            else:
                raise ConfigError(
                    "wake", f"{one!r} is not a wake", try_='wake = Every("1s"), Bars("5m") or Trade(10_000)'
                )

    # What the loop asks for

    def handle(self, reason: int) -> None:
        """Act on one return of the compiled loop."""
        self.outbox.take(self.loop.take_made())
        if reason == core.WAKE and self.loop.core[0]["owner"] == BOOKKEEPER:
            self._balance()
        elif reason == core.WAKE:
            self._wake(self._number[int(self.loop.core[0]["owner"])], None)
        elif reason == core.ANSWER:
            self._answer()
        elif reason == core.DEADLINE:
            self._deadlines()
        elif reason == core.STRUCK:
            inst = int(self.loop.core[0]["struck"]) - 1
            self.loop.core[0]["struck"] = 0
            for owner in range(len(self.strategies)):
                self._wake(owner, inst)

    def finish(self) -> None:
        """The tape has ended: what is open is settled at the touch, without pretending that a close was sent."""
        for k in range(book.SLOTS):
            s = self.setups.table[k]
            if s["state"]:
                self._settle_at_mark(k, s)
        self._balance()
        self.outbox.flush()

    # Wakes

    def _wake(self, owner: int, only: int | None) -> None:
        name, strategy = self.strategies[owner]
        for inst, view in self._views[owner].items():
            if only is not None and inst != only:
                continue
            if self.loop.marks[inst]["rows"] == 0:
                continue  # nothing is known of it yet: not even a Pass
            answer = strategy.decide(view)
            if answer.params:
                self._row(inst, Kind.PARAMS, {"strategy": name, **answer.params})
            if isinstance(answer, Pass):
                self._row(inst, Kind.PASS, {"strategy": name, "reason": answer.reason, **answer.info})
            else:
                self._intent(owner, name, view, answer)

    def _intent(self, owner: int, name: str, view: EngineView, intent: Any) -> None:  # noqa: ANN401  any Intent
        inst = view.instrument
        figures = intent_figures(name, intent, view.close)
        blob = canonical(figures)
        seq = self.outbox.add(
            view.now,
            inst.id,
            int(Kind.INTENT),
            blob,
            side=getattr(intent, "side", 0),
            price=int(self.loop.marks[inst.id]["price2"]) // 2,
        )
        if not isinstance(intent, Setup):
            verdict: Approved | Refusal = Refusal(seq, Refused.UNKNOWN_KIND, TEXT[Refused.UNKNOWN_KIND])
        else:
            wallet = self.wallets.wallet_of[inst.id]
            verdict = self.desk.judge(
                seq, self._in_money(intent, wallet), inst, self.wallets.contracts[inst.id], self._situation(inst.id)
            )
        if isinstance(verdict, Refusal):
            self._row(
                inst.id,
                Kind.REFUSAL,
                {"intent": seq, "strategy": name, "code": verdict.reason.name.lower(), "text": verdict.text},
            )
            return
        self._open(owner, seq, blob, intent, inst, verdict)

    def _in_money(self, setup: Setup, wallet: int) -> Setup:
        if setup.stake is None:
            return setup
        return replace(setup, stake=float(self.wallets.money(wallet, setup.stake)))

    def _open(self, owner: int, seq: int, blob: bytes, setup: Setup, inst: Instrument, approved: Approved) -> None:
        contract = self.wallets.contracts[inst.id]
        price = max(1, int(self.loop.marks[inst.id]["price2"]) // 2)
        lots = sum(o.qty for o in approved.orders)
        used = lots if setup.superp else int(value(contract, price, lots))
        k = self.setups.begin(
            {
                "intent": seq,
                "strategy": owner,
                "inst": inst.id,
                "side": setup.side,
                "superp": int(setup.superp),
                "stake": lots if setup.superp else 0,
                "in_use": used,
                "leverage": setup.leverage,
                "stop": setup.stop or 0.0,
                "target": setup.target or 0.0,
                "horizon": self._now() + setup.horizon_ns,
            }
        )
        if len(blob) > _BLOB:
            raise ConfigError("intent", f"an intent's figures take {len(blob)} bytes; at most {_BLOB} are kept")
        self._blobs[k] = blob
        for order in approved.orders:
            self._send(order, k, book.ENTRY, seq)
        self._set_deadline()

    # Answers

    def _answer(self) -> None:
        mail = self.loop.mail[0]
        a = mail["answers"][(int(mail["ans_head"]) - 1) % ANSWERS]
        if int(a["kind"]) == int(AnswerKind.FUNDING):
            s = self.setups.on_instrument(int(a["inst"]))
            if s is not None:
                s["funding"] += a["amount"]
            return
        leg = self.setups.leg(int(a["id"]))
        if leg is None:
            return
        k = int(leg["setup"])
        if int(a["type"]) == int(OrderType.SUPERP):
            self._superp_answer(k, leg, a)
        else:
            self._order_answer(k, leg, a)

    def _superp_answer(self, k: int, leg: Record, a: Record) -> None:
        s = self.setups.table[k]
        kind = int(a["kind"])
        if kind == int(AnswerKind.ACK) and int(a["price"]) > 0 and s["opened"] == 0:
            s["state"], s["opened"], s["entered"] = book.OPEN, self._now(), 1
            s["entry_ticks"] = a["price"]
            watch(self.loop.marks[int(s["inst"])])
        elif kind == int(AnswerKind.SETTLED):
            s["exited"], s["closed"], s["exit_ticks"] = 1, self._now(), a["price"]
            s["entered"] = 1
            s["amount"] += a["amount"]
            s["fees"] += a["fee"]
            causes = {2: book.BY_STOP, 3: book.BY_TARGET, 4: book.BY_TIMER}
            s["reason"] = causes.get(int(a["cause"]), int(s["reason"]) or book.BY_HAND)
            self.setups.ended(leg)
            self._settle(k)
        elif kind in (int(AnswerKind.REJECT), int(AnswerKind.CANCELED), int(AnswerKind.EXPIRED)):
            self.setups.ended(leg)
            self._after(k)

    def _order_answer(self, k: int, leg: Record, a: Record) -> None:
        s = self.setups.table[k]
        kind, inst = int(a["kind"]), int(a["inst"])
        if kind == int(AnswerKind.FILL):
            first = s["opened"] == 0
            self.setups.fill(
                leg, self.wallets.contracts[inst], int(a["price"]), int(a["qty"]), int(a["fee"]), self._now()
            )
            if first:
                watch(self.loop.marks[inst])
            cancels = self.setups.siblings(leg)
            if int(a["left"]) == 0:
                self.setups.ended(leg)
            self._act(cancels, k)
        elif kind in (int(AnswerKind.CANCELED), int(AnswerKind.EXPIRED), int(AnswerKind.REJECT)):
            refused_exit = kind == int(AnswerKind.REJECT) and leg["role"] in (book.STOP, book.TARGET)
            self.setups.ended(leg)
            if refused_exit and leg["role"] == book.STOP:  # a position must not stand without its stop
                self._act(self.setups.close(s, book.BY_STOP), k)
        elif kind == int(AnswerKind.LIQUIDATED):
            s["reason"] = book.BY_VENUE
        self._after(k)

    def _after(self, k: int) -> None:
        s = self.setups.table[k]
        if s["working"] == 0 or s["naked"]:
            sent = [(role, self._send(order, k, role, int(s["intent"]))) for role, order in self.setups.protection(s)]
            if len(sent) == 2:
                self.setups.pair(sent[0][1], sent[1][1])
        if self.setups.is_over(k):
            self._settle(k)

    def _deadlines(self) -> None:
        now = self._now()
        for k in range(book.SLOTS):
            s = self.setups.table[k]
            if s["state"] in (book.ENTERING, book.OPEN) and s["horizon"] <= now:
                self._act(self.setups.close(s, book.BY_TIMER), k)
                if self.setups.is_over(k) and not s["superp"]:
                    self._settle(k)
        self._set_deadline()

    # Ends

    def _settle(self, k: int) -> None:
        s = self.setups.table[k].copy()
        if s["entered"] == 0 and s["reason"] in (0, book.BY_TIMER):
            s["reason"] = book.UNFILLED
        inst, owner = int(s["inst"]), int(s["strategy"])
        intent_blob = bytes(self._blobs[k])
        figures = settled_blob(
            s, self.strategies[owner][0], self.instruments[inst], self.wallets, self.loop.marks[inst], intent_blob
        )
        left_over = self.setups.free(k)
        if not self.loop.core[0]["ended"]:
            self._act(left_over, None)
        self._set_deadline()
        self._row(inst, Kind.SETTLED, figures, side=int(s["side"]))
        if s["entered"] == 0:
            return
        account = self.account[0]
        account["settled"] += 1
        account["won"] += Decimal(figures["pnl"]) > 0
        told = getattr(self.strategies[owner][1], "on_settled", None)
        if told is not None:
            told(self._views[owner][inst], outcome_of(figures, intent_blob))

    def _settle_at_mark(self, k: int, s: Record) -> None:
        """Close what setup `k` holds at the touch it could have got, in our books only."""
        inst = int(s["inst"])
        mark, rule = self.loop.marks[inst], self.loop.venue.rules[inst]
        held = int(s["entered"] - s["exited"])
        price = int(mark["bid"] if s["side"] > 0 else mark["ask"]) or int(mark["price2"]) // 2
        cash = self.loop.core[0]["cash"]
        if held and s["superp"]:
            s["exit_ticks"], s["exited"] = price, 1
            s["amount"] = self._superp_worth(s, price)
            cash[self.wallets.wallet_of[inst]] += s["amount"]
        elif held:
            s["exited"] += held
            s["exit_ticks"] += price * held
            s["received"] += int(value(self.wallets.contracts[inst], price, held))
            change = apply_fill(self.loop.positions[inst], rule, -int(s["side"]), price, held, 0)
            cash[self.wallets.wallet_of[inst]] += change
        s["closed"], s["reason"] = self._now(), book.AT_END
        self._settle(k)

    # Sending

    def _send(self, order: Order, k: int | None, role: int, parent: int) -> int:
        c = self.loop.core[0]
        order_id = int(c["next_id"])
        c["next_id"] += 1
        self.loop.send(Op.NEW, order_id, order)
        self.loop.make_order(Kind.SUBMIT, order_id, parent, order)
        self.outbox.take(self.loop.take_made())
        if k is not None:
            self.setups.sent(k, role, order_id, 1 if order.type == OrderType.SUPERP else order.qty)
        return order_id

    def _act(self, actions: Sequence[Order | Cancel], k: int | None) -> None:
        for one in actions:
            if isinstance(one, Order):
                self._send(one, k, book.CLOSE, int(self.setups.table[k]["intent"]) if k is not None else -1)
            else:
                cancel = Order(one.inst, 1, int(OrderType.LIMIT), 1, 0)
                self.loop.send(Op.CANCEL, one.id, cancel)
                self.loop.make_order(Kind.CANCEL, one.id, -1, cancel)
                self.outbox.take(self.loop.take_made())

    # The account

    def _now(self) -> int:
        return int(self.loop.core[0]["now"])

    def _row(self, inst: int, kind: Kind, figures: dict[str, Any], *, side: int = 0) -> int:
        return self.outbox.add(self._now(), inst, int(kind), canonical(figures), side=side)

    def _set_deadline(self) -> None:
        self.loop.core[0]["deadline"] = max(self.setups.deadline(), -FOREVER)

    def cash(self, wallet: int) -> int:
        """Money of a wallet as we know it."""
        return int(self.loop.core[0]["cash"][wallet])

    def equity(self, wallet: int) -> int:
        """Cash, positions at the mark and open SuperP positions, money."""
        total = self.cash(wallet)
        for inst, of in enumerate(self.wallets.wallet_of):
            mark = int(self.loop.marks[inst]["price2"]) // 2
            if of == wallet and self.loop.positions[inst]["position"] and mark:
                total += int(holding(self.loop.positions[inst], self.wallets.contracts[inst], mark))
        for s in self.setups.open():
            if s["superp"] and s["entered"] and self.wallets.wallet_of[int(s["inst"])] == wallet:
                total += self._superp_worth(s, int(self.loop.marks[int(s["inst"])]["price2"]) // 2)
        return total

    def _superp_worth(self, s: Record, price: int) -> int:
        cost = int(self.loop.venue.rules[int(s["inst"])]["superp_cost"])
        return int(payoff(int(s["stake"]), float(s["leverage"]), int(s["side"]), int(s["entry_ticks"]), price, cost))

    def equity_of(self, inst: int) -> float:
        """Equity of the instrument's wallet, in its currency."""
        wallet = self.wallets.wallet_of[inst]
        return float(self.wallets.amount(wallet, self.equity(wallet)))

    def _situation(self, inst: int) -> Situation:
        wallet = self.wallets.wallet_of[inst]
        mark = self.loop.marks[inst]
        last = int(mark["price2"]) // 2 if self.is_bar_only(inst) else 0
        living = list(self.setups.open())
        return Situation(
            now=self._now(),
            bid=int(mark["bid"]) or last,
            ask=int(mark["ask"]) or last,
            equity=self.equity(wallet),
            cash=self.cash(wallet),
            in_use=sum(int(s["in_use"]) for s in living if self.wallets.wallet_of[int(s["inst"])] == wallet),
            peak=int(self.account[0]["peak"]),
            positions=len(living),
            here=any(int(s["inst"]) == inst for s in living),
            room=self.setups.room(),
        )

    def _balance(self) -> None:
        """A BALANCE row, and the peak of equity."""
        account = self.account[0]
        equity = self.equity(self.purse)
        account["peak"] = max(int(account["peak"]), equity)
        if account["peak"] > 0:
            account["worst"] = max(float(account["worst"]), 1 - equity / int(account["peak"]))
        exposure = sum(
            int(p["position"]) * int(self.loop.marks[n]["price2"]) // 2 * int(self.wallets.contracts[n]["unit_value"])
            for n, p in enumerate(self.loop.positions)
            if not self.wallets.contracts[n]["inverse"]
        )
        exposure += sum(
            int(s["side"]) * int(float(s["leverage"]) * int(s["stake"]))
            for s in self.setups.open()
            if s["superp"] and s["entered"]
        )
        figures = {
            "cash": self.wallets.amount(self.purse, self.cash(self.purse)),
            "equity": self.wallets.amount(self.purse, equity),
        }
        self._row(
            0,
            Kind.BALANCE,
            {
                **figures,
                "exposure": self.wallets.amount(self.purse, exposure),
                "currency": self.wallets.currencies[self.purse],
            },
        )

    # What views read

    def is_bar_only(self, inst: int) -> bool:
        """True where no order book was seen for this instrument."""
        return int(self.loop.books[inst]["valid"]) == 0 and int(self.loop.marks[inst]["bars"]) > 0

    def ton(self) -> float:
        """TON price in quote: a constant, or the mark of its instrument."""
        if isinstance(self._ton, float):
            return self._ton
        twice = int(self.loop.marks[self._ton]["price2"]) if self._ton >= 0 else 0
        return twice * 0.5 * float(self.instruments[self._ton].tick) if twice else math.nan

    def position(self, inst: int) -> Position | None:
        """What is held of an instrument, as strategies are told."""
        s = self.setups.on_instrument(inst)
        if s is None:
            return None
        tick = float(self.instruments[inst].tick)
        lots = int(s["side"]) * int(s["entered"] - s["exited"])
        average = int(s["entry_ticks"]) / int(s["entered"]) * tick if s["entered"] else math.nan
        return Position(lots, average, int(s["opened"]), 0.0)


def intent_figures(name: str, intent: Any, close: float) -> dict[str, Any]:  # noqa: ANN401  any Intent
    """The blob of an INTENT row."""
    figures = {"strategy": name, "kind": type(intent).__name__.lower(), "price": close, **intent.info}
    for key in ("side", "target", "stop", "exposure", "leverage", "stake", "superp", "substitute"):
        if hasattr(intent, key):
            figures.setdefault(key, getattr(intent, key))
    if hasattr(intent, "horizon_ns"):
        figures["horizon"] = intent.horizon_ns
    return figures
