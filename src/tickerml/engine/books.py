"""The account during a run: cash, equity, what is in use; the BALANCE rows and the facts that the desk judges by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from tickerml.account.margin import book_fill
from tickerml.account.position import apply_fill, unrealised
from tickerml.account.wallets import move, worth_of_units
from tickerml.desk.exposure import exposure as worst_case
from tickerml.desk.facts import Account, Facts
from tickerml.desk.money import Wallets
from tickerml.desk.setups import Setups, held
from tickerml.engine.loop import Loop
from tickerml.engine.markets import Markets
from tickerml.engine.prices import Prices
from tickerml.engine.worth import exposure, holdings
from tickerml.sim.superp import payoff
from tickerml.strategies.view import Position
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import SECOND, Record

ACCOUNT: Final = np.dtype(
    [
        ("peak", "i8"),  # highest equity of the purse at a BALANCE row, money
        ("settled", "i8"),  # trades that have ended
        ("won", "i8"),
        ("worst", "f8"),  # deepest fall from the peak, share
    ]
)


class Books:
    """Money in integers, read off the loop's states; nothing is kept twice."""

    def __init__(
        self, loop: Loop, setups: Setups, instruments: Sequence[Instrument], wallets: Wallets, purse: int
    ) -> None:
        """`purse`: the wallet that the run's money is in."""
        self.loop, self.setups, self.instruments, self.wallets, self.purse = loop, setups, instruments, wallets, purse
        self.prices = Prices(loop)
        self._keeps_coins = any(base >= 0 for base in wallets.base_of)
        self.account = loop.states.add("account", np.zeros(1, ACCOUNT))

    @property
    def now(self) -> int:
        """Time of our side, ns."""
        return int(self.loop.core[0]["now"])

    def cash(self, wallet: int) -> int:
        """Money of a wallet as we know it."""
        return int(self.loop.core[0]["cash"][wallet])

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
        """Cash, positions at the mark and open SuperP positions, money."""
        loop = self.loop
        total = self.cash(wallet)
        total += int(holdings(wallet, loop.positions, loop.venue.rules, loop.books, loop.marks))
        total += self._coins(wallet) if self._keeps_coins else 0
        for s in self._staked():
            if self.wallets.wallet_of[int(s["inst"])] == wallet:
                total += self.superp_worth(s, self.prices.mark(int(s["inst"])))
        return total

    def _staked(self) -> list[Record]:
        """SuperP positions."""
        table = self.setups.table
        if not table["superp"].any():
            return []
        staked = (table["superp"] != 0) & (table["state"] != 0) & (table["entered"] != 0)
        return [table[k] for k in np.flatnonzero(staked).tolist()]

    def _base(self, inst: int) -> int:
        return int(self.loop.venue.rules[inst]["base_wallet"])

    def _coins(self, wallet: int) -> int:
        """What the balances of base currencies are worth in a wallet's currency, each by the first that prices it."""
        worth: dict[int, int] = {}
        for inst, of in enumerate(self.wallets.wallet_of):
            base, mark, rule = self._base(inst), self.prices.mark(inst), self.loop.venue.rules[inst]
            if of == wallet and base >= 0 and mark and base not in worth:
                units, each = self.cash(base), (int(rule["unit_value"]), int(rule["lot_units"]))
                worth[base] = int(worth_of_units(units, mark, *each))
        return sum(worth.values())

    def superp_worth(self, s: Record, price: int) -> int:
        """What closing an open SuperP position at `price` ticks would pay, money."""
        cost = int(self.loop.venue.rules[int(s["inst"])]["superp_cost"])
        return int(payoff(int(s["stake"]), float(s["leverage"]), int(s["side"]), int(s["entry_ticks"]), price, cost))

    def equity_of(self, inst: int) -> float:
        """Equity of an instrument's wallet, in its currency."""
        wallet = self.wallets.wallet_of[inst]
        return float(self.wallets.amount(wallet, self.equity(wallet)))

    def position(self, inst: int) -> Position | None:
        """What is held of an instrument, as strategies are told."""
        s = self.setups.on_instrument(inst)
        if s is None:
            return None
        tick = float(self.instruments[inst].tick)
        lots = int(s["side"]) * held(s)
        average = int(s["entry_ticks"]) / int(s["entered"]) * tick if s["entered"] else float("nan")
        return Position(lots, average, int(s["opened"]), self._open_profit(s, inst))

    def _open_profit(self, s: Record, inst: int) -> float:
        """Unrealised profit at the touch that closing would get, in the settle currency."""
        if not s["entered"]:
            return 0.0
        bid, ask = self.prices.touch(inst)
        price = bid if s["side"] > 0 else ask
        if s["superp"]:
            profit = self.superp_worth(s, price) if price else 0
        else:
            profit = int(unrealised(self.loop.positions[inst], self.wallets.contracts[inst], price)) if price else 0
        return float(self.wallets.amount(self.wallets.wallet_of[inst], profit))

    def known_equity(self, wallet: int) -> int | None:
        """Equity, money; None while the price of something that is held is not known."""
        held = np.flatnonzero(self.loop.positions["position"]).tolist()
        if any(self.wallets.wallet_of[inst] == wallet and not self.prices.mark(inst) for inst in held):
            return None
        return self.equity(wallet)

    def facts(self, instruments: Iterable[int], markets: Markets) -> Facts:
        """What the desk must know to judge setups on these instruments."""
        chosen, silent = tuple(instruments), round(markets.limits.unknown_s * SECOND)
        wallet_of = self.wallets.wallet_of
        accounts = {wallet: self._account(wallet) for wallet in dict.fromkeys(wallet_of[i] for i in chosen)}
        return Facts(
            now=self.now,
            accounts=accounts,
            wallet_of=wallet_of,
            markets={inst: markets.of(inst) for inst in chosen},
            exposure=worst_case(self.setups, wallet_of, self.now, lambda inst: silent + self.prices.patience(inst)),
            correlation=markets.correlation,
        )

    def _account(self, wallet: int) -> Account:
        return Account(self.known_equity(wallet), self.cash(wallet), 10 ** self.wallets.decimals[wallet])

    def reference(self, base: str) -> float:
        """Price of the coin that the market's regime is read off; 0 where it is not known, the first coin for want."""
        coins = [i for i in self.instruments if not i.values_only]
        chosen = next((i for i in coins if i.base == base), coins[0] if coins else None)
        return float(self.prices.mark(chosen.id)) if chosen is not None else 0.0

    def balance(self, equity: int | None = None) -> dict[str, Any]:
        """The figures of a BALANCE row of the purse, whose equity may be known; keeps the peak of equity."""
        account, equity = self.account[0], self.equity(self.purse) if equity is None else equity
        account["peak"] = max(int(account["peak"]), equity)
        if account["peak"] > 0:
            account["worst"] = max(float(account["worst"]), 1 - equity / int(account["peak"]))
        amount = self.wallets.amount
        return {
            "cash": amount(self.purse, self.cash(self.purse)),
            "equity": amount(self.purse, equity),
            "exposure": amount(self.purse, self._exposure()),
            "currency": self.wallets.currencies[self.purse],
        }

    def _exposure(self) -> int:
        """Sum of signed position values of the purse, money."""
        loop = self.loop
        total = int(exposure(self.purse, loop.positions, loop.venue.rules, loop.books, loop.marks))
        for s in self._staked():
            total += int(s["side"]) * int(float(s["leverage"]) * int(s["stake"]))
        return total
