"""One proposal before the desk: everything that its checks and its size look at, gathered once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, isfinite

from tickerml.account.contract import value
from tickerml.desk.exposure import Exposure
from tickerml.desk.facts import Account, Facts, Market
from tickerml.desk.leverage import leverage_of
from tickerml.desk.limits import Limits
from tickerml.desk.memory import Memory
from tickerml.desk.proposal import Proposal
from tickerml.desk.regime import Stance
from tickerml.tape.rows import Record


@dataclass(frozen=True, slots=True)
class Desktop:
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


class Case:
    """A proposal with its market, account and memory. Reads; changes nothing."""

    __slots__ = (
        *(
            "account",
            "coin",
            "collar",
            "desk",
            "equity",
            "facts",
            "fund",
            "inst",
            "inverse",
            "latch",
            "leverage",
            "limits",
        ),
        *("major", "market", "now", "p", "pair", "prices", "setup", "side", "spot", "touch", "unit_value"),
        *("wallet", "worst"),
    )

    def __init__(self, desk: Desktop, proposal: Proposal) -> None:
        """Nothing is computed that may fail: an equity that is not known is 0."""
        facts, setup, limits = desk.facts, proposal.setup, desk.limits
        self.desk, self.p, self.facts, self.limits, self.now = desk, proposal, facts, limits, facts.now
        self.setup, self.side, self.inst = setup, setup.side, proposal.inst.id
        self.market: Market = facts.markets[self.inst]
        self.wallet = facts.wallet_of[self.inst]
        self.account: Account = facts.accounts[self.wallet]
        equity = self.account.equity
        self.equity = equity if equity is not None and isfinite(equity) else 0.0
        memory = desk.memory
        self.pair: Record = memory.pairs[proposal.strategy, self.inst]  # memory of the strategy on the instrument
        self.coin: Record = memory.coins[self.inst]
        self.fund: Record = memory.funds[self.wallet]
        self.latch: Record = memory.latch[0]
        contract = proposal.contract
        self.spot, self.inverse = bool(contract["spot"]), bool(contract["inverse"])
        self.unit_value = int(contract["unit_value"])
        self.major = proposal.inst.base in limits.majors  # the tighter limits of the majors hold
        self.collar = limits.collar_major if self.major else limits.collar  # how far beyond the mid, fraction
        self.touch = self.market.ask if setup.side > 0 else self.market.bid  # what taking would get, ticks
        self.prices = self._prices()  # of the entries, ticks; a market entry: the farthest it may reach
        self.worst = self._worst()  # at which the entries are worth most, ticks: what limits count with
        self.leverage = leverage_of(self)

    @property
    def turbo(self) -> bool:
        """Whether the strategy asks for the turbo profile and the account is small enough for it."""
        return self.p.turbo and self.equity < self.limits.turbo_balance * self.account.unit

    @property
    def risk(self) -> float:
        """Share of equity that the trade may lose at its stop."""
        return self.limits.turbo_risk if self.turbo else self.limits.risk_per_trade

    @property
    def heat(self) -> float:
        """Share of equity that all trades together may lose at their stops."""
        return self.limits.turbo_heat if self.turbo else self.limits.max_heat

    @property
    def in_use(self) -> float:
        """Share of equity that margin, spot cost and stakes may take together."""
        return self.limits.turbo_in_use if self.turbo else self.limits.max_in_use

    @property
    def position(self) -> float:
        """Notional of one coin, share of equity; turbo trades are held to their margin instead."""
        return self.limits.turbo_in_use / self.margin if self.turbo else self.limits.max_position

    @property
    def order(self) -> float:
        """Notional of one order, share of equity; turbo trades are held to their margin instead."""
        return self.limits.turbo_in_use / self.margin if self.turbo else self.limits.order_share

    @property
    def margin(self) -> float:
        """Share of the notional that the position ties up."""
        return self.leverage.margin

    @property
    def largest(self) -> float:
        """The largest notional that any leverage allows, money: what may be lost at the stop, and no turbo position."""
        lost = self.risk * self.equity / self.lost_at_stop
        return lost if self.turbo else min(lost, self.limits.max_position * self.equity)

    @property
    def mid(self) -> float:
        """Ticks."""
        return (self.market.bid + self.market.ask) / 2

    @property
    def lost_at_stop(self) -> float:
        """Share of the notional lost at the stop; all of it where there is none."""
        return self.setup.stop if self.setup.stop is not None else 1.0

    def takes(self, k: int) -> bool:
        """Whether entry `k` meets the book at once."""
        entry = self.setup.entries[k]
        if entry.price is None:
            return True
        return not entry.post_only and (self.prices[k] - self.touch) * self.side >= 0

    def worth(self, price: int, lots: int) -> int:
        """Money of `lots` at `price` ticks (account/contract.py)."""
        if self.inverse:
            return int(value(self.p.contract, price, lots))
        return price * lots * self.unit_value

    def _prices(self) -> list[int]:
        tick = float(self.p.inst.tick)
        return [self._reach() if e.price is None else max(1, round(e.price / tick)) for e in self.setup.entries]

    def _reach(self) -> int:
        if self.market.bar_only:
            return self.touch
        reach = self.touch * (1 + self.side * self.limits.through_entry)
        return max(1, int(reach) if self.side > 0 else ceil(reach))

    def _worst(self) -> int:
        if self.inverse:
            return max(1, min(*self.prices, self.market.bid))
        return max(*self.prices, self.market.ask)
