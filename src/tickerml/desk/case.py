"""One proposal before the desk: everything that its checks and its size look at, gathered once."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, inf, isfinite
from typing import Final

from msgspec import Struct, field

from tickerml.account.contract import value
from tickerml.desk.exposure import Exposure, Worst
from tickerml.desk.facts import Account, Facts, Market
from tickerml.desk.leverage import leverage_of
from tickerml.desk.limits import Limits
from tickerml.desk.memory import Memory
from tickerml.desk.proposal import Proposal
from tickerml.desk.regime import Stance
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Entry
from tickerml.tape.rows import Record

_NOTHING: Final = Worst(0, 0, 0)


class Terms(Struct, frozen=True):
    """The constants of an instrument as plain numbers: to read decimals and records takes longer than to judge."""

    inst: Instrument
    contract: Record
    unit_value: int
    inverse: bool
    spot: bool
    tick: float  # quote
    lot: float  # base, or contracts
    face: float  # quote of one lot of an inverse contract
    min_notional: float  # quote


class Desktop(Struct, frozen=True):
    """What all cases of a round share."""

    limits: Limits
    memory: Memory
    facts: Facts
    exposure: Exposure  # grows with each approval of the round
    stance: Stance  # of the market regime
    shares: Mapping[int, float]  # strategy number -> share of the capital
    confidence: Mapping[str, float]  # strategy name -> least confidence
    superp: bool
    allowed: frozenset[int] | None = None  # instruments of the universe; None = all
    weights: Mapping[int, float] | None = None  # portfolio weights by instrument; None = no portfolio rule
    killed: int = 0  # index into KILLS
    losses: int = 0  # in a row, all strategies
    sent: int = 0  # messages of the last second
    today: int = 0  # messages of the day
    terms: dict[int, Terms] = field(default_factory=dict)  # by instrument id, as they were made before
    hedged: frozenset[int] = frozenset()  # instruments of a leg that the other legs of its intent hedge


class Case:
    """A proposal with its market, account and memory. Reads; changes nothing."""

    __slots__ = (
        *("account", "at_risk", "coins", "collar", "confidence", "desk", "equity", "facts", "funds", "heat", "held"),
        *("high", "in_use", "inst", "inverse", "leverage", "limits", "lost_at_stop", "low", "major", "margin"),
        *("market", "mid", "mine", "now", "p", "pair", "pairs", "prices", "risk", "setup", "side", "spot"),
        *("takes", "terms", "touch", "turbo", "unit_value", "used", "wallet", "wanted", "worst"),
    )

    def __init__(self, desk: Desktop, proposal: Proposal) -> None:
        """Nothing is computed that may fail: an equity that is not known is 0."""
        facts, setup, limits, memory = desk.facts, proposal.setup, desk.limits, desk.memory
        self.desk, self.p, self.facts, self.limits, self.now = desk, proposal, facts, limits, facts.now
        self.setup, self.side, self.inst = setup, setup.side, proposal.inst.id
        self.market: Market = facts.markets[self.inst]
        self.wallet = facts.wallet_of[self.inst]
        self.account: Account = facts.accounts[self.wallet]
        equity = self.account.equity
        self.equity = equity if equity is not None and isfinite(equity) else 0.0
        self.pairs, self.coins, self.funds = memory.of_pairs, memory.of_coins, memory.of_funds
        self.pair = (proposal.strategy, self.inst)  # place in `pairs`; in the others the instrument and the wallet are
        self.terms = _terms(desk.terms, proposal)
        self.spot, self.inverse, self.unit_value = self.terms.spot, self.terms.inverse, self.terms.unit_value
        self.confidence = proposal.confidence
        self.held = proposal.held or _NOTHING  # of the setup that it adds to
        exposure = desk.exposure
        self.used = exposure.in_use.get(self.wallet, 0)  # money that margin, spot cost and stakes take already
        self.mine = exposure.by_strategy.get((self.wallet, proposal.strategy), 0)  # of it this strategy's
        self.at_risk = exposure.heat.get(self.wallet, 0)  # money that all trades may lose at their stops
        self.wanted = len(setup.entries)  # orders, each a message
        self.lost_at_stop = lost(setup.stop, self.inverse, setup.side)
        self._limits()
        self.mid = (self.market.bid + self.market.ask) / 2  # ticks
        self.touch = self.market.ask if setup.side > 0 else self.market.bid  # what taking would get, ticks
        self.prices = self._prices()  # of the entries, ticks; a market entry: the farthest it may reach
        self.low, self.high = min(self.prices), max(self.prices)
        self.takes = [self._takes(entry, price) for entry, price in zip(setup.entries, self.prices, strict=True)]
        self.worst = self._worst()  # at which the entries are worth most, ticks: what limits count with
        self.leverage = leverage_of(self)
        self.margin = self.leverage.margin  # share of the notional that the position ties up

    @property
    def position(self) -> float:
        """Notional of one coin, share of equity; turbo trades are held to their margin instead."""
        return self.limits.turbo_in_use / self.margin if self.turbo else self.limits.max_position

    @property
    def order(self) -> float:
        """Notional of one order, share of equity; turbo trades are held to their margin instead."""
        return self.limits.turbo_in_use / self.margin if self.turbo else self.limits.order_share

    @property
    def largest(self) -> float:
        """The largest notional that any leverage allows, money: what may be lost at the stop, and no turbo position."""
        lost = self.risk * self.equity / self.lost_at_stop
        return lost if self.turbo else min(lost, self.limits.max_position * self.equity)

    def _takes(self, entry: Entry, price: int) -> bool:
        """Whether an entry meets the book at once."""
        return entry.price is None or (not entry.post_only and (price - self.touch) * self.side >= 0)

    def worth(self, price: int, lots: int) -> int:
        """Money of `lots` at `price` ticks (account/contract.py)."""
        if self.inverse:
            return int(value(self.p.contract, price, lots))
        return price * lots * self.unit_value

    def _limits(self) -> None:
        """The limits that differ: between majors and others, and for turbo trades of an account small enough."""
        limits = self.limits
        self.major = self.p.inst.base in limits.majors  # the tighter limits of the majors hold
        self.collar = limits.collar_major if self.major else limits.collar  # how far beyond the mid, fraction
        self.turbo = self.p.turbo and self.equity < limits.turbo_balance * self.account.unit
        risk, heat, in_use = limits.risk_per_trade, limits.max_heat, limits.max_in_use
        if self.turbo:
            risk, heat, in_use = limits.turbo_risk, limits.turbo_heat, limits.turbo_in_use
        self.risk = risk  # share of equity that the trade may lose at its stop
        self.heat = heat  # that all trades together may lose at their stops
        self.in_use = in_use  # that margin, spot cost and stakes may take together

    def _prices(self) -> list[int]:
        tick = self.terms.tick
        return [self._reach() if e.price is None else max(1, round(e.price / tick)) for e in self.setup.entries]

    def _reach(self) -> int:
        if self.market.bar_only:
            return self.touch
        reach = self.touch * (1 + self.side * self.limits.through_entry)
        return max(1, int(reach) if self.side > 0 else ceil(reach))

    def _worst(self) -> int:
        if self.inverse:
            return max(1, min(self.low, self.market.bid))
        return max(self.high, self.market.ask)


def lost(stop: float | None, inverse: bool, side: int) -> float:
    """Share of the notional that is lost at a stop, or all of it without one.

    An inverse contract pays in its coin, which is worth less where a long loses: s / (1 - s) of the notional at entry,
    and without a stop there is no bound; a short loses s / (1 + s), and without one all of it at most.
    """
    if not inverse:
        return 1.0 if stop is None else stop
    if stop is None:
        return inf if side > 0 else 1.0
    return (stop / (1 - stop) if stop < 1 else inf) if side > 0 else stop / (1 + stop)


def _terms(made: dict[int, Terms], p: Proposal) -> Terms:
    """The instrument's constants, made once."""
    known = made.get(p.inst.id)
    if known is None or known.inst is not p.inst or known.contract is not p.contract:
        known = made[p.inst.id] = _terms_of(p.inst, p.contract)
    return known


def _terms_of(inst: Instrument, contract: Record) -> Terms:
    flags = int(contract["unit_value"]), bool(contract["inverse"]), bool(contract["spot"])
    face, least = float(inst.lot * inst.contract_size), float(inst.min_notional)
    return Terms(inst, contract, *flags, float(inst.tick), float(inst.lot), face, least)
