"""Our side in Python: wakes strategies, lets the desk judge their intents, tells them how their trades ended.

Strategies with the same wake form a group: when its timer fires all of them answer for all their instruments, and only
then the desk judges what they wish, as one round. Nothing of a round outlives the act.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from tickerml.desk.approved import Approved, Verdict, legs_told
from tickerml.desk.desk import Desk
from tickerml.desk.exposure import Worst
from tickerml.desk.memory import columns
from tickerml.desk.proposal import Proposal
from tickerml.engine import core, purse
from tickerml.engine.aiming import Aim
from tickerml.engine.asking import Woken, answer_of, blob_of, called, placed
from tickerml.engine.books import Books
from tickerml.engine.daily import Daily
from tickerml.engine.detectors import GROUP, short_names
from tickerml.engine.grants import Grants
from tickerml.engine.inventory import Inventory
from tickerml.engine.loop import Loop
from tickerml.engine.markets import Markets
from tickerml.engine.outbox import Outbox, canonical
from tickerml.engine.own import Own
from tickerml.engine.passes import Passes
from tickerml.engine.settle import outcome_of
from tickerml.engine.trades import Trades
from tickerml.engine.view import EngineView
from tickerml.engine.wished import changed_figures, intent_figures, leg_instrument, pass_figures, refused
from tickerml.features.sets import members
from tickerml.strategies.wake import Bars, Every, Trade
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Legs, Pass, Setup, Target, side_of, stands_alone
from tickerml.tape.rows import MINUTE, Kind

_NOTHING: Final = np.dtype([("none", "i1")])


class Wish(NamedTuple):
    """One intent of a round."""

    strategy: int
    intent: Any
    view: EngineView
    aim: Aim | None = None  # of a Target: what it means beside what is held


class Trader:
    """Everything between a wake and the venue. All it remembers lies in arrays registered with the loop's states."""

    def __init__(
        self,
        loop: Loop,
        strategies: Sequence[Woken],
        books: Books,
        desk: Desk,
        outbox: Outbox,
        *,
        ton: float | int,
        groups: Sequence[Group],
    ) -> None:
        """`ton`: TON's price, or its instrument's id, -1 = none; `groups`: what `groups_of` made of the strategies."""
        self.loop, self.strategies, self.books, self.desk, self.outbox = loop, strategies, books, desk, outbox
        self.trades = Trades(loop, books, outbox, desk, [one.name for one in strategies], self._told)
        for name, array in desk.arrays().items():
            loop.states.add(name, array)
        self._markets = Markets(loop, books.prices, books.instruments, desk.limits, books.setups)
        self._ton = ton
        self._daily = Daily(loop, desk, books.instruments)
        self._inventory, self._grants = Inventory(loop, self.trades.sending), Grants(loop, self._row)
        self._own = Own(books, desk.limits.max_heat, self._markets.correlation)
        self._views = [self._views_of(k, one) for k, one in enumerate(strategies)]
        self._groups = {group.owner: group.strategies for group in groups}
        asked = {one.strategy: loop.asked[k] for k, one in enumerate(loop.plan.detectors)}
        self._asked = {k: columns(table) for k, table in asked.items()}
        for k, told in self._asked.items():
            told["traded"][[i.id for i in strategies[k].traded]] = 1
        reasons = {k: (strategies[k].name, strategies[k].strategy.passes) for k in self._asked}
        self._passes = Passes(loop.states, reasons, asked, self._tell_passes)
        for group in groups:
            loop.timer(group.owner, group.step, group.offset)
        self._listen()
        self._keep_purse()
        self._owner, self._purse = loop.core["owner"], columns(loop.purse)
        loop.core[0]["by_answers"] = 1 if strategies else 0

    def handle(self, reason: int) -> None:
        """Act on one return of the compiled loop."""
        self.outbox.begin_act(1 if reason == core.ANSWER else 0)  # an answer's row belongs to what is done about it
        if reason == core.WAKE:
            self._woken(self._owner.item(0))
        elif reason == core.ANSWER:
            self.trades.answer()
            self._tell_changes()
        elif reason == core.DEADLINE:
            self.trades.deadlines()
        elif reason == core.STRUCK:
            inst = int(self.loop.core[0]["struck"]) - 1
            self.loop.core[0]["struck"] = 0
            struck = [k for k, s in enumerate(self.strategies) if any(isinstance(w, Trade) for w in wakes(s.strategy))]
            self._round(struck, inst)
        elif reason == core.ALARM:
            inst = int(self.loop.core[0]["alarmed"]) - 1
            self.loop.core[0]["alarmed"] = 0
            self.trades.reached(inst, lambda k, side: self._goes_on(k, inst, side))
        self._share()
        self.outbox.end_act()

    def _share(self) -> None:
        """A compiled strategy beside others learns what these use of the account."""
        if self.loop.plan.quoter and self.strategies:
            self._grants.share(*self.books.under_way(self.loop.shared["silent_ns"].item(0)))

    def _goes_on(self, k: int, inst: int, side: int) -> bool:
        """Whether strategy `k` sees a move to `side` go on, where it can say so."""
        one = self.strategies[k]
        can_say = getattr(one.strategy, "continues", None) is not None
        return can_say and bool(called(one, "continues", self._views[k][inst], side))

    def command(self, what: str, reason: str, *, close: bool, after: int) -> None:
        """A person's command, `after` so many source rows: "stop" until "resume"; `close` what is held, too."""
        self.outbox.begin_act()
        figures = canonical({"what": what, "reason": reason, "close": close})
        self.outbox.add(self.books.now, 0, int(Kind.COMMAND), figures, qty=after)
        if what == "stop":
            self.desk.kill(self.books.now, reason, close=close)
        else:
            self.desk.resume(self.books.now, reason)
        self._tell_changes()
        self._share()
        self.outbox.end_act()

    def restored(self) -> None:
        """The loop's states are those of a snapshot now."""
        self._inventory.ready()

    def finish(self) -> None:
        """The tape has ended."""
        self.outbox.begin_act()
        self.trades.finish()
        self._passes.flush()
        self._grants.finish()
        self._keep(told=False)
        self.outbox.end_act()
        self.outbox.flush()

    def ton(self) -> float:
        """TON price in quote: a constant, or the mark of its instrument; NaN while there is none."""
        if isinstance(self._ton, float):
            return self._ton
        twice = self.books.prices.twice(self._ton) if self._ton >= 0 else 0
        return twice * 0.5 * float(self.books.instruments[self._ton].tick) if twice else math.nan

    def _woken(self, owner: int) -> None:
        if owner == purse.KEEPER:
            self._minute()
        elif owner == self.loop.plan.compiled_owner:
            self._grants.look()
        else:
            self._round(self._groups[owner], None)

    def _round(self, strategies: Sequence[int], only: int | None) -> None:
        """Ask strategies for all their instruments, or for `only` one; then judge what they wish."""
        wishes = [wish for k in strategies for wish in self._asked_of(k, only)]
        if not wishes:
            return
        asker = [self.strategies[w.strategy] for w in wishes]
        given = [(w.intent, w.view, w.aim.does if w.aim is not None else "") for w in wishes]
        blobs = [blob_of(one, w[1], intent_figures, *w) for one, w in zip(asker, given, strict=True)]
        seqs = [self._tell_intent(wish, blob) for wish, blob in zip(wishes, blobs, strict=True)]
        made = [placed(one, w.view, self._proposals, w, seq) for one, w, seq in zip(asker, wishes, seqs, strict=True)]
        judged = self._judged([p for of_one in made for p in of_one])
        for wish, seq, blob in zip(wishes, seqs, blobs, strict=True):
            self._act(wish, seq, blob, judged.get(seq, []))
        self._tell_changes()

    def _judged(self, proposals: Sequence[Proposal]) -> dict[int, list[tuple[Proposal, Verdict]]]:
        """What the desk says to each intent's setups. A round that only closes has none, and asks for no facts."""
        judged: dict[int, list[tuple[Proposal, Verdict]]] = {}
        if proposals:
            facts = self.books.facts({p.inst.id for p in proposals}, self._markets)
            for proposal, verdict in zip(proposals, self.desk.round(proposals, facts), strict=True):
                judged.setdefault(verdict.intent, []).append((proposal, verdict))
        return judged

    def _asked_of(self, k: int, only: int | None) -> list[Wish]:
        """What strategy `k` wishes; its passes are told."""
        one, wishes = self.strategies[k], []
        for inst in self._due(k) if only is None else [only]:
            view = self._views[k].get(inst)
            if view is None or not self.books.prices.known(inst):
                continue  # of an instrument without a row nothing is known, not even enough to pass
            answer = answer_of(one, view)
            if answer.params:
                self._said(view, Kind.PARAMS, blob_of(one, view, changed_figures, answer))
            aim = self.trades.aim(k, view.instrument, answer) if isinstance(answer, Target) else None
            if aim is not None and aim.passes:
                answer = Pass(aim.passes, answer.info)
            if isinstance(answer, Pass):
                self._said(view, Kind.PASS, blob_of(one, view, pass_figures, answer))
            else:
                wishes.append(Wish(k, answer, view, aim))
        return wishes

    def _due(self, k: int) -> list[int]:
        """Instruments that a strategy is asked for: those that its detector chose, or all."""
        asked = self._asked.get(k)
        if asked is None:
            return list(self._views[k])
        due: list[int] = asked["ask"].nonzero()[0].tolist()
        asked["ask"].fill(0)
        return due

    def _tell_intent(self, wish: Wish, blob: bytes) -> int:
        """The INTENT row of a wish; returns its sequence."""
        view, side = wish.view, side_of(wish.intent)
        price = self.books.prices.mark(view.instrument.id)
        return self.outbox.add(view.now, view.instrument.id, int(Kind.INTENT), blob, side=side, price=price)

    def _proposals(self, wish: Wish, seq: int) -> list[Proposal]:
        """A wish as the desk judges it: a setup, or each leg of several that stand or fall together."""
        k, intent = wish.strategy, wish.intent
        if wish.aim is not None and wish.aim.entry is not None:
            return [self._proposal(k, seq, wish.view.instrument, wish.aim.entry, held=wish.aim.held)]
        if isinstance(intent, Setup):
            stands_alone(intent)
            return [self._proposal(k, seq, wish.view.instrument, intent)]
        if not isinstance(intent, Legs):
            return []
        found = [(leg_instrument(leg, self.strategies[k].traded), leg.setup) for leg in intent.legs]
        told = [(inst, replace(setup, info={**intent.info, **setup.info})) for inst, setup in found]
        return [self._proposal(k, seq, inst, setup, seq + 1) for inst, setup in told]

    def _proposal(
        self, k: int, seq: int, inst: Instrument, setup: Setup, group: int = 0, held: Worst | None = None
    ) -> Proposal:
        contract = self.books.wallets.contracts[inst.id]
        return Proposal(seq, k, self.strategies[k].name, inst, contract, setup, group, held)

    def _act(self, wish: Wish, seq: int, blob: bytes, judged: Sequence[tuple[Proposal, Verdict]]) -> None:
        """Send what was approved; tell what was refused."""
        k, inst = wish.strategy, wish.view.instrument
        if wish.aim is not None and wish.aim.slot >= 0:
            self.trades.adjust(wish.aim)
            if wish.aim.entry is None:
                return
        parts = [(p.setup, p.inst, v) for p, v in judged if isinstance(v, Approved)]
        name, amount = {"strategy": self.strategies[k].name}, self._amount_of(inst.id)
        if not parts or len(parts) < len(judged):
            self._row(inst.id, Kind.REFUSAL, {**name, **refused(seq, judged).told(amount)})
            return
        named = [(thing.symbol, v) for _, thing, v in parts]
        told = parts[0][2].told(amount) if len(parts) == 1 else legs_told(named, amount)
        self._row(inst.id, Kind.APPROVED, {**name, **told})
        if wish.aim is not None and wish.aim.held is not None:
            self.trades.more(wish.aim.slot, seq, parts[0][2])
            return
        placed(self.strategies[k], wish.view, self.trades.open, k, seq, blob, parts)
        for setup, thing, _ in parts:
            self._hold(k, thing.id, setup.side)

    def _amount_of(self, inst: int) -> Callable[[float], str]:
        """Writes money of an instrument's wallet as an amount."""
        wallets, wallet = self.books.wallets, self.books.wallets.wallet_of[inst]
        return lambda money: wallets.written(wallet, int(money))

    def _keep_purse(self) -> None:
        """Have the purse kept each minute by the compiled loop (engine/purse.py), with the desk's memory."""
        books, desk, a = self.books, self.desk, self.loop.purse[0]
        a["wallet"], a["staked"] = books.purse, desk.superp
        a["inst"] = books.wallets.wallet_of.index(books.purse)
        a["decimals"] = books.wallets.decimals[books.purse]
        a["reference"] = books.reference(desk.regime.rules.reference)
        self.loop.followed = (*desk.followed(), self.trades.setups.table, desk.memory.coins)
        self.loop.timer(purse.KEEPER, MINUTE)

    def _keep(self, *, told: bool) -> None:
        """The BALANCE rows of this moment, which the loop has not made; with `told`, losses and regime are followed."""
        loop, (funds, latch, steps, regime, thresholds, setups, _) = self.loop, self.loop.followed
        known = loop.positions, loop.venue.rules, loop.books, loop.marks, setups, loop.made.rows
        if told:
            purse.keep_now(loop.core, loop.purse, funds, latch, steps, regime, thresholds, *known, loop.envelopes)
        else:
            purse.balance(loop.core[0], loop.purse[0], *known)

    def _minute(self) -> None:
        """A minute of the purse has changed something, or something is due whatever happened."""
        a, desk, now = self._purse, self.desk, self.books.now
        if a["kept"].item(0) != now:
            self._passes.at(now)
            self._keep(told=True)
        desk.tell(desk.protections.told(a["losses"].item(0), a["wallet"].item(0), a["equity"].item(0)))
        for k in a["others_losses"][0].nonzero()[0].tolist():
            desk.tell(desk.protections.told(a["others_losses"].item(0, k), k, a["others_equity"].item(0, k)))
        desk.tell(desk.regime.told(a["regime"].item(0)))
        self._daily.look(now)
        self._inventory.close()
        self._tell_changes()
        a["due"][0] = min(self._daily.due(now), self._passes.due(now), self._inventory.due(now))

    def _tell_changes(self) -> None:
        """A row for each latch, pause or regime of the desk that changed, and what must be done at once."""
        for change in self.desk.changes():
            self._row(0, Kind.DESK, {"what": change.what, **change.figures})
            if change.act:
                self.loop.core[0]["off"] = 1  # until a minute of the purse sees that nothing keeps entries off
                self.trades.retreat(close=change.act == "close")
            if change.act == "close":
                self._inventory.begin()
        self._grants.look()

    def _hold(self, k: int, inst: int, side: int) -> None:
        """Detectors learn of a trade of strategy `k`."""
        for one, asked in self._asked.items():
            asked["held"][inst] = side
            asked["mine"][inst] = side if one == k else 0

    def _told(self, k: int, insts: Sequence[int], figures: dict[str, Any] | None, blob: bytes) -> None:
        """A trade of strategy `k` is over, on the first of `insts` and its other legs; no `figures`: never filled."""
        for inst in insts:
            self._hold(k, inst, 0)
        self._tell_changes()
        if figures is None:
            return
        one = self.strategies[k]
        if getattr(one.strategy, "on_settled", None) is not None:
            called(one, "on_settled", self._views[k][insts[0]], outcome_of(figures, blob))

    def _said(self, view: EngineView, kind: Kind, blob: bytes) -> None:
        """A row of what a strategy said of an instrument."""
        self.outbox.add(self.books.now, view.instrument.id, int(kind), blob)

    def _row(self, inst: int, kind: Kind, figures: dict[str, Any]) -> None:
        self.outbox.add(self.books.now, inst, int(kind), canonical(figures))

    def _views_of(self, k: int, one: Woken) -> dict[int, EngineView]:
        keep = self.loop.states.add
        state = keep(f"strategy{k}", np.zeros(len(self.books.instruments), getattr(one.strategy, "state", _NOTHING)))
        shared = keep(f"shared{k}", np.zeros(1, getattr(one.strategy, "shared", _NOTHING)))
        short = short_names(one.strategy.sees)
        told = members(self.desk.manager.rules.features)
        given = (self.ton, short, self._own, told)
        return {i.id: EngineView(self.books, i, state[i.id], shared[0], *given) for i in one.traded}

    def _listen(self) -> None:
        """Be woken by large prints, where a strategy wants to."""
        c = self.loop.core[0]
        for one in self.strategies:
            for wake in wakes(one.strategy):
                if isinstance(wake, Trade):
                    c["large_trade"], c["by_rows"] = min(float(c["large_trade"]), wake.min_usd), 1

    def _tell_passes(self, inst: int, figures: dict[str, Any], count: int) -> None:
        self.outbox.add(self.books.now, inst, int(Kind.PASS), canonical(figures), qty=count)


@dataclass(frozen=True)
class Group:
    """Strategies that wake together, by number, and their timer."""

    owner: int
    step: int  # ns
    offset: int  # ns
    strategies: tuple[int, ...]


def groups_of(strategies: Sequence[Any], bar_delay: int) -> tuple[Group, ...]:
    """Strategies by what wakes them, in order of first use; `bar_delay`: ns from a bar's close to its wake."""
    found: dict[tuple[int, int], list[int]] = {}
    for k, strategy in enumerate(strategies):
        for wake in wakes(strategy):
            if isinstance(wake, Every):
                found.setdefault((wake.ns, 0), []).append(k)
            elif isinstance(wake, Bars):
                found.setdefault((wake.ns, bar_delay), []).append(k)
            elif not isinstance(wake, Trade):
                allowed = 'wake = Every("1s"), Bars("5m") or Trade(10_000)'
                raise ConfigError("wake", f"{wake!r} is not a wake", try_=allowed)
    return tuple(Group(GROUP + n, *timer, tuple(ks)) for n, (timer, ks) in enumerate(found.items()))


def wakes(strategy: Any) -> tuple[Any, ...]:
    """All wakes that a strategy declares."""
    return strategy.wake if isinstance(strategy.wake, tuple) else (strategy.wake,)
