"""A desk with nothing on it, for one setup at a time: what it says of it with an account that holds some cash alone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tickerml.config import Config
from tickerml.desk.approved import Verdict
from tickerml.desk.desk import Desk
from tickerml.desk.exposure import Exposure
from tickerml.desk.facts import Account, Facts, Market, Tier
from tickerml.desk.money import Wallets
from tickerml.desk.proposal import Proposal
from tickerml.desk.settings import Manager
from tickerml.engine.core import WALLETS
from tickerml.engine.venue_setup import Terms
from tickerml.run.setup import limits_of
from tickerml.run.tiers import held_down
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Setup
from tickerml.tape.rows import DAY

_NOW: Final = 365 * DAY


class EmptyDesk:
    """Remembers nothing: each setup is judged by a desk that has seen none before it."""

    def __init__(
        self, names: Sequence[str], instruments: Sequence[Instrument], config: Config, terms: Terms, manager: Manager
    ) -> None:
        """`names` of the strategies by number; `instruments` by their id (run/setup.py, `dense`)."""
        self.names, self.instruments, self.config, self.terms, self.manager = names, instruments, config, terms, manager
        self.wallets = Wallets.of(instruments, WALLETS)

    @property
    def cost(self) -> float:
        """What a trade costs there and back, share of the notional."""
        return 2 * self.terms.taker + 2 * self.terms.slippage

    def judged(self, k: int, inst: Instrument, setup: Setup, cash: Decimal, price: int) -> Verdict:
        """One setup of strategy `k`, with this cash and no position, while the instrument's price is `price` ticks."""
        wallets, spot = self.wallets, bool(self.wallets.contracts[inst.id]["spot"])
        wallet = wallets.wallet_of[inst.id]
        market = Market(
            price,
            price,
            bar_only=True,
            margin=1.0 if spot else self.terms.margin,
            tiers=self._tiers(inst),
            cost=self.cost,
            taker=self.terms.taker,
        )
        money = wallets.money(wallet, cash)
        facts = Facts(
            now=_NOW,
            accounts={wallet: Account(money, money, 10 ** wallets.decimals[wallet])},
            wallet_of=wallets.wallet_of,
            markets={inst.id: market},
            exposure=Exposure(),
        )
        proposal = Proposal(0, k, self.names[k], inst, wallets.contracts[inst.id], setup)
        return self._desk().round([proposal], facts)[0]

    def _tiers(self, inst: Instrument) -> tuple[Tier, ...]:
        """The margin tiers of a coin, none for spot."""
        wallet, told = self.wallets.wallet_of[inst.id], self.terms.tiers_of(inst)
        return tuple(Tier(self.wallets.money(wallet, one.cap), float(one.rate), one.leverage) for one in told)

    def _desk(self) -> Desk:
        return Desk(
            held_down(limits_of(self.config), self.terms, self.config),
            self.instruments,
            self.names,
            superp=self.config.superp.enabled,
            manager=self.manager,
            regime=self.config.regime,
            wallets=len(self.wallets.currencies),
            bar_only=[True] * len(self.instruments),
        )
