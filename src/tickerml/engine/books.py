"""The account during a run: cash, equity, what is in use, and the facts that the desk judges by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tickerml.account.margin import book_fill
from tickerml.account.position import apply_fill
from tickerml.account.wallets import move
from tickerml.desk.exposure import Exposure, exposure, summed
from tickerml.desk.facts import Account, Facts
from tickerml.desk.memory import columns
from tickerml.desk.money import Wallets
from tickerml.desk.quoted import count_quotes
from tickerml.desk.setups import Setups
from tickerml.engine import worth
from tickerml.engine.loop import Loop
from tickerml.engine.markets import Markets
from tickerml.engine.prices import Prices
from tickerml.strategies.view import Position
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import SECOND, Record


class Books:
    """Money in integers, read off the loop's states; nothing is kept twice."""

    def __init__(
        self, loop: Loop, setups: Setups, instruments: Sequence[Instrument], wallets: Wallets, purse: int
    ) -> None:
        """`purse`: the wallet that the run's money is in."""
        self.loop, self.setups, self.instruments, self.wallets, self.purse = loop, setups, instruments, wallets, purse
        self.prices = Prices(loop)
        self.account = loop.purse
        self._now, self._cash, self._staked = loop.core["now"], loop.core["cash"], loop.purse["staked"]
        self._of_setups = columns(setups.table)
        rules = loop.venue.rules
        self._ticks = [float(one.tick) for one in instruments]
        first = loop.core[0]["cash"]
        self._cash_first = int(first[purse])
        self._with_coins = any(
            one["base_wallet"] >= 0 and one["wallet"] == purse and first[one["base_wallet"]] > 0 for one in rules
        )
        self._spends = [bool(one["spot"] or (one["margined"] and one["isolated"])) for one in rules]

    @property
    def now(self) -> int:
        """Time of our side, ns."""
        return int(self._now.item(0))

    def cash(self, wallet: int) -> int:
        """Money of a wallet as we know it."""
        return int(self._cash.item(0, wallet))

    @property
    def begun(self) -> int:
        """What the purse began with, money: its cash; with coins beside it, the first equity that was told."""
        if not self._with_coins:
            return self._cash_first
        account = self.account[0]
        return int(account["began"]) if account["told"] else self.equity(self.purse)

    def add_cash(self, inst: int, money: int) -> None:
        """Money received on an instrument's wallet."""
        self.loop.core[0]["cash"][self.wallets.wallet_of[inst]] += money

    def close(self, inst: int, side: int, price: int, lots: int) -> None:
        """Close `lots` by an order of `side` in our books alone, at no cost: the tape has ended."""
        rule, position = self.loop.venue.rules[inst], self.loop.positions[inst]
        if rule["margined"]:
            leg = 0 if not rule["hedge"] else 1 if side < 0 else 2
            self.add_cash(inst, int(book_fill(position, rule, leg, side, price, lots, 0, 0)))
        else:
            self.add_cash(inst, int(apply_fill(position, rule, side, price, lots, 0)))
            move(self.loop.core[0], rule, side, lots, 0, rule["wallet"], 0)

    def equity(self, wallet: int) -> int:
        """Cash, positions at the mark and open SuperP positions, money. OverflowError beyond int64."""
        loop, staked = self.loop, self._staked.item(0)
        known = loop.positions, loop.venue.rules, loop.books, loop.marks, self.setups.table
        return int(worth.equity(loop.core[0], wallet, *known, staked))

    def superp_worth(self, s: Record, price: int) -> int:
        """What closing an open SuperP position at `price` ticks would pay, money."""
        return int(worth.staked_worth(s, self.loop.venue.rules[int(s["inst"])], price))

    def position(self, inst: int) -> Position | None:
        """What is held of an instrument, as strategies are told."""
        of = self._of_setups
        k = next((k for k in of["state"].nonzero()[0].tolist() if of["inst"].item(k) == inst), None)
        if k is None:
            return None
        side, entered = of["side"].item(k), of["entered"].item(k)
        lots = side * (entered - of["taken"].item(k) - of["exited"].item(k))
        average = of["entry_ticks"].item(k) / entered * self._ticks[inst] if entered else float("nan")
        return Position(lots, average, of["opened"].item(k), self._open_profit(k, inst, side) if entered else 0.0)

    def _open_profit(self, k: int, inst: int, side: int) -> float:
        """Unrealised profit of setup `k` at the touch that closing would get, in the settle currency."""
        price = self.prices.touch(inst)[0 if side > 0 else 1]
        if self._of_setups["superp"].item(k):
            profit = self.superp_worth(self.setups.table[k], price) if price else 0
        else:
            profit = int(worth.profit(self.loop.positions, self.loop.venue.rules, inst, price)) if price else 0
        return float(self.wallets.amount(self.wallets.wallet_of[inst], profit))

    def known_equity(self, wallet: int) -> int | None:
        """Equity, money; None while the price of something that is held is not known."""
        loop, staked = self.loop, self._staked.item(0)
        states = loop.positions, loop.venue.rules, loop.books, loop.marks, self.setups.table
        known, equity = worth.known_equity(loop.core[0], wallet, *states, staked)
        return int(equity) if known else None

    def facts(self, instruments: Iterable[int], markets: Markets) -> Facts:
        """What the desk must know to judge setups on these instruments."""
        now, chosen, silent = self.now, tuple(instruments), round(markets.limits.unknown_s * SECOND)
        wallet_of, moment = self.wallets.wallet_of, markets.moment
        seen = markets.of(chosen, now)
        accounts = {w: self._account(w, moment.equity(w)) for w in dict.fromkeys([wallet_of[i] for i in chosen])}
        under_way = summed(self.setups, *moment.under_way, wallet_of, now, self._patience(silent), self._spends)
        if self.loop.plan.quoter:
            self._count_quotes(under_way, silent)
        return Facts(
            now=now,
            accounts=accounts,
            wallet_of=wallet_of,
            markets=seen,
            exposure=under_way,
            correlation=markets.correlation,
            alert_ns=moment.alert_ns,
        )

    def under_way(self, silent: int) -> tuple[Exposure, list[int]]:
        """The desk's trades, without what a compiled strategy holds, and what `Grants.share` takes of their orders.

        `silent`: ns without an answer after which an order is UNKNOWN.
        """
        found = exposure(self.setups, self.wallets.wallet_of, self.now, spends=self._spends)
        patience = self._patience(silent)
        orders = self.setups.plain.orders[: found.orders].tolist()
        return found, [sent + patience(inst) for inst, _, _, _, sent, known, *_ in orders if sent and not known]

    def _count_quotes(self, found: Exposure, silent: int) -> None:
        """Add what a compiled strategy holds and may still hold, worth most at the touch."""
        loop = self.loop
        for inst in np.flatnonzero(loop.envelopes["max_order"]).tolist():
            rule = loop.venue.rules[inst]
            price = self.prices.touch(inst)[0 if rule["inverse"] else 1] or self.prices.mark(inst)
            since = self.now - silent - self.prices.patience(inst)
            count_quotes(found, inst, loop.working[inst], rule, price, since)

    def _patience(self, silent: int) -> Callable[[int], int]:
        """How long an order on an instrument may go without an answer, ns."""
        return lambda inst: silent + self.prices.patience(inst)

    def _account(self, wallet: int, equity: int | None) -> Account:
        return Account(equity, self.cash(wallet), 10 ** self.wallets.decimals[wallet])

    def reference(self, base: str) -> int:
        """The coin that the market's regime is read off, the first coin for want of it; -1 where there is none."""
        coins = [i for i in self.instruments if not i.values_only]
        return next((i.id for i in coins if i.base == base), coins[0].id if coins else -1)
