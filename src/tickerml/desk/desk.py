"""The desk: a round of proposals in, approved orders or refusals out, each approval counted before the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

from msgspec import structs
from numpy.typing import NDArray

from tickerml.desk.approved import Approved, Refusal, Verdict
from tickerml.desk.case import Case, Desktop, Terms
from tickerml.desk.checks import BEFORE, REFUSES
from tickerml.desk.exposure import Exposure
from tickerml.desk.facts import Facts
from tickerml.desk.gates import FAILED, Gate, state_of
from tickerml.desk.limits import TEXT, Limits, Refused
from tickerml.desk.manager import Manager
from tickerml.desk.memory import Memory
from tickerml.desk.portfolio import Portfolio
from tickerml.desk.proposal import Proposal
from tickerml.desk.protections import Change, Protections
from tickerml.desk.regime import RegimeFold
from tickerml.desk.settings import Manager as ManagerRules
from tickerml.desk.settings import Regime as RegimeRules
from tickerml.desk.sized import AFTER, AFTER_STAKE, REFUSES_SIZED, orders_of, stake_order, worst_of_orders
from tickerml.desk.sizing import lots_of, size
from tickerml.desk.universe import Universe
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import HEDGE, shares_of, unhedged
from tickerml.tape.rows import Rows

__all__ = ["Desk"]


class Desk:
    """Judges setups. All that it remembers lies in `arrays()`; what has changed in it is told by `changes()`."""

    def __init__(
        self,
        limits: Limits,
        instruments: Sequence[Instrument],
        names: Sequence[str],
        *,
        superp: bool = False,
        manager: ManagerRules | None = None,
        regime: RegimeRules | None = None,
        wallets: int = 1,
        bar_only: Sequence[bool] = (),
        live: bool = False,
    ) -> None:
        """`names` of the strategies by number; `superp`: stake-limited positions are allowed, in simulation."""
        rules = manager or ManagerRules()
        self.limits, self.superp = limits, superp
        self.memory = Memory(len(names), len(instruments), wallets)
        self.manager = Manager(rules, names, self.memory)
        self.protections = Protections(limits, self.memory, live=live)
        self.regime = RegimeFold(regime or RegimeRules())
        self.universe = Universe(rules, instruments, bar_only)
        self.portfolio = Portfolio(rules.portfolio, len(instruments))
        self._told: list[Change] = []
        self._terms: dict[int, Terms] = {}  # constants of the instruments, by id

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array that the desk remembers in, by name."""
        return {
            **self.memory.arrays(),
            "desk_regime": self.regime.table,
            "desk_universe": self.universe.table,
            "desk_universe_clock": self.universe.clock,
            "desk_portfolio": self.portfolio.table,
        }

    def followed(self) -> tuple[Rows, ...]:
        """What compiled code keeps each minute (engine/purse.py): funds, latch, its ladder, regime, its rules."""
        memory, regime = self.memory, self.regime
        return memory.funds, memory.latch, self.protections.steps, regime.table, regime.marks

    def changes(self) -> list[Change]:
        """What has changed since this was last asked: a DESK row each. Empty between two acts of the engine."""
        told, self._told = self._told, []
        return told

    def tell(self, changes: list[Change]) -> None:
        """Changes that one of the desk's folds has answered with, to be told by `changes()`."""
        self._told += changes

    def round(self, proposals: Sequence[Proposal], facts: Facts) -> list[Verdict]:
        """Judge what all strategies want at one moment; verdicts stand in the order of the proposals.

        Conflicts on a coin are settled first; the rest is judged by expected value, and what is approved counts in
        `facts.exposure` before the next is looked at.
        """
        for wallet, account in facts.accounts.items():
            if account.equity is not None and isfinite(account.equity):
                self.on_balance(facts.now, wallet, account.equity)
        for p in proposals:
            self._told += self.protections.operator(facts.now, p.strategy, p.inst.id)
        desk = self._desktop(facts)
        worth = [self.manager.expected(p, facts.markets[p.inst.id], desk.stance) for p in proposals]
        turns, lost = self.manager.order(proposals, worth)
        verdicts: dict[int, Verdict] = {k: self._conflict(proposals, k, by) for k, by in lost.items()}
        for k in turns:
            if k not in verdicts:
                verdicts.update(self._turn(desk, proposals, worth, k, lost))
        return [verdicts[k] for k in range(len(proposals))]

    def on_settled(
        self,
        now: int,
        strategy: int,
        inst: int,
        *,
        pnl: float,
        notional: float,
        equity: float,
        stopped: bool,
        others: Sequence[int] = (),
    ) -> None:
        """A trade has ended: P&L after costs, notional (SuperP: stake) and the wallet's equity, money.

        It counts on `inst`; of its other legs it is known on which instruments they ended.
        """
        for other in others:
            self.memory.coins[other]["ended"] = now
        self._told += self.protections.on_settled(
            now, strategy, inst, pnl=pnl, notional=notional, equity=equity, stopped=stopped
        )

    def on_balance(self, now: int, wallet: int, equity: float) -> None:
        """The equity of a wallet, money."""
        self._told += self.protections.on_balance(now, wallet, equity)

    def kill(self, now: int, reason: str, *, close: bool = False) -> None:
        """Stop until `resume`; `close` what is held, too."""
        self._told += self.protections.kill(now, reason, close=close)

    def resume(self, now: int, reason: str) -> None:
        """Lift every latch. ConfigError `resume` without a reason."""
        self._told += self.protections.resume(now, reason)

    def _desktop(self, facts: Facts) -> Desktop:
        manager = self.manager
        return Desktop(
            self.limits,
            self.memory,
            facts,
            facts.exposure,
            self.regime.stance(),
            manager.shares,
            manager.rules.confidence,
            self.superp,
            self.universe.allowed(),
            self.portfolio.weights(),
            *self.memory.of_the_account(facts.now),
            self._terms,
        )

    def _conflict(self, proposals: Sequence[Proposal], k: int, by: int) -> Refusal:
        winner = proposals[by]
        return Refusal(proposals[k].seq, Refused.CONFLICT, f"{TEXT[Refused.CONFLICT]} ({winner.name})")

    def _turn(
        self, desk: Desktop, proposals: Sequence[Proposal], worth: Sequence[float], k: int, lost: dict[int, int]
    ) -> dict[int, Verdict]:
        """Judge proposal `k`, with all the legs of its group: all of them are approved, or none."""
        p = proposals[k]
        if p.group:
            return self._legs(desk, proposals, worth, p.group, lost)
        verdict = self._judge(desk, p, worth[k])
        if isinstance(verdict, Approved):
            self._entered(desk, p)
        return {k: verdict}

    def _legs(
        self, desk: Desktop, proposals: Sequence[Proposal], worth: Sequence[float], group: int, lost: dict[int, int]
    ) -> dict[int, Verdict]:
        """Judge all the legs of a group."""
        legs = [n for n, p in enumerate(proposals) if p.group == group]
        if len({desk.facts.wallet_of[proposals[n].inst.id] for n in legs}) > 1:
            text = f"{TEXT[Refused.LEG]} (legs settle in different currencies)"
            return {n: Refusal(proposals[n].seq, Refused.LEG, text) for n in legs if n not in lost}
        desk = structs.replace(desk, hedged=_hedged([proposals[n] for n in legs]))
        trial = structs.replace(desk, exposure=desk.exposure.copy())
        verdicts = {n: self._judge(trial, proposals[n], worth[n]) for n in legs if n not in lost}
        if all(isinstance(v, Approved) for v in verdicts.values()) and len(verdicts) == len(legs):
            trial = structs.replace(desk, exposure=desk.exposure.copy())
            most = _in_proportion({n: (Case(desk, proposals[n]), v) for n, v in verdicts.items()})
            verdicts = {n: self._judge(trial, proposals[n], worth[n], most[n]) for n in legs}
        if any(isinstance(v, Refusal) for v in verdicts.values()) or len(verdicts) < len(legs):
            return {n: _with_legs(proposals[n].seq, verdicts[n]) for n in verdicts}
        for n, verdict in verdicts.items():
            if isinstance(verdict, Approved):
                _count(desk.exposure, Case(desk, proposals[n]), verdict)
                self._entered(desk, proposals[n])
        return verdicts

    def _entered(self, desk: Desktop, p: Proposal) -> None:
        """A setup was approved."""
        self._told += self.protections.on_entry(desk.facts.now, p.strategy, p.inst.id, p.setup.side)

    def _judge(self, desk: Desktop, p: Proposal, worth: float, most: int | None = None) -> Verdict:
        try:
            return self._judged(Case(desk, p), worth, most)
        except (ArithmeticError, ValueError) as error:  # a number does not fit, or is none: the check has failed
            return Refusal(p.seq, Refused.NOT_COMPUTABLE, f"{TEXT[Refused.NOT_COMPUTABLE]} ({error})")

    def _judged(self, c: Case, worth: float, most: int | None) -> Verdict:
        """`most`: lots that a leg may have beside the others."""
        gates: list[Gate] = []
        failed = _first_failure(gates, (check(c) for check in BEFORE))
        if failed is not None:
            reason = REFUSES[failed[0]]
            return Refusal(c.p.seq, reason, _said(reason, failed), tuple(gates))
        sized = size(c)
        lots = sized.money if c.setup.superp else lots_of(c, sized.money)
        if most is not None and most < lots:
            lots, sized = most, sized._replace(bound="legs")
        if lots <= 0:
            small = Refused.BELOW_MIN_NOTIONAL if c.p.held is None else Refused.SMALL_CHANGE
            reason = Refused.NO_CASH if c.setup.superp else small
            return Refusal(c.p.seq, reason, f"{TEXT[reason]} (size by {sized.bound})", tuple(gates), sized.sizes)
        orders = (stake_order(c, lots),) if c.setup.superp else orders_of(c, lots)
        worst = worst_of_orders(c, orders)
        last = AFTER_STAKE if c.setup.superp else AFTER
        failed = _first_failure(gates, (check(c, orders, worst) for check in last))
        if failed is not None:
            reason = REFUSES_SIZED[failed[0]]
            said = f"{_said(reason, failed)} (size by {sized.bound})"
            return Refusal(c.p.seq, reason, said, tuple(gates), sized.sizes)
        told = (sized.sizes, sized.factors, tuple(gates), worth, c.leverage)
        verdict = Approved(c.p.seq, orders, sized.bound, worst, _target(c), *told)
        _count(c.desk.exposure, c, verdict)
        return verdict


def _first_failure(gates: list[Gate], asked: Iterable[tuple[Gate, ...]]) -> Gate | None:
    """Ask one theme after another until a gate fails, and return it; `gates` takes all up to it."""
    for some in asked:
        gates += some
        if FAILED in map(state_of, some):
            first = len(gates) - len(some) + [*map(state_of, some)].index(FAILED)
            del gates[first + 1 :]
            return gates[first]
    return None


def _hedged(legs: Sequence[Proposal]) -> frozenset[int]:
    """Instruments of the legs that lean on a hedge and have one."""
    bare = unhedged([(p.inst.coin, p.setup) for p in legs])
    return frozenset(p.inst.id for k, p in enumerate(legs) if p.setup.substitute == HEDGE and k not in bare)


def _in_proportion(legs: dict[int, tuple[Case, Verdict]]) -> dict[int, int]:
    """Lots of each leg such that none has more than its share: as their `size` hints say, else worth the same.

    The leg that its own limits hold down most holds down all: a hedge that is larger than what it hedges is a bet.
    """
    shares = shares_of([c.setup for c, _ in legs.values()])
    lots = [sum(o.qty for o in v.orders) for _, v in legs.values() if isinstance(v, Approved)]
    each = [max(1, c.worth(c.touch, 1)) for c, _ in legs.values()]
    unit = min(n * worth / share for n, worth, share in zip(lots, each, shares, strict=True))
    most = (int(unit * share / worth + 1e-9) for worth, share in zip(each, shares, strict=True))
    return dict(zip(legs, most, strict=True))


def _count(exposure: Exposure, c: Case, verdict: Approved) -> None:
    orders, more = len(verdict.orders), c.p.held is not None
    exposure.add(c.wallet, c.p.strategy, c.inst, c.side, verdict.worst, orders, more=more)


def _target(c: Case) -> float | None:
    """The setup's target, tightened in chop, and never below what the trade costs."""
    if c.setup.target is None:
        return None
    floor = min(c.setup.target, c.limits.cost_floor * c.market.cost)
    return max(floor, c.setup.target * c.desk.stance.target_factor(c.p.name))


def _said(reason: Refused, gate: Gate) -> str:
    """The refusal in words, with the figures of the gate that failed."""
    figures = [f"{one:.6g}" if isinstance(one, float) else f"{one}" for one in gate[2:]]
    if not figures:
        return TEXT[reason]
    if len(figures) == 1:
        return f"{TEXT[reason]} ({figures[0]})"
    return f"{TEXT[reason]} ({gate[0]} {figures[0]}, limit {figures[1]})"


def _with_legs(seq: int, verdict: Verdict) -> Refusal:
    return verdict if isinstance(verdict, Refusal) else Refusal(seq, Refused.LEG, TEXT[Refused.LEG], verdict.gates)
