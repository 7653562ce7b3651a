"""The account as the desk sees it: money of each wallet, what positions are worth, what is in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tickerml.account.contract import base_decimals, contract_record, from_money, money_decimals, to_money
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import Record

_LONGEST: Final = 10**18  # money that is written digit by digit; what is longer is rounded to a Decimal's 28


@dataclass(frozen=True)
class Wallets:
    """Currencies by wallet number, their decimals, and each instrument's wallet and contract constants."""

    currencies: tuple[str, ...]
    decimals: tuple[int, ...]
    wallet_of: tuple[int, ...]  # by instrument id
    contracts: tuple[Record, ...]  # by instrument id
    base_of: tuple[int, ...] = ()  # by instrument id: the wallet of what a spot instrument trades; -1 = none is kept

    @classmethod
    def of(cls, instruments: Sequence[Instrument], most: int, *, spot: bool = False) -> Wallets:
        """One wallet for each settle currency, in order of first use; with `spot` then one for each spot base.

        ConfigError `wallets` beyond `most`.
        """
        bases = [i for i in instruments if spot and ":" not in i.symbol]
        decimals = base_decimals(bases) | money_decimals(instruments)
        for currency, places in base_decimals(bases).items():
            decimals[currency] = max(decimals[currency], places)
        currencies = tuple(dict.fromkeys([*(i.settle for i in instruments), *(i.base for i in bases)]))
        if len(currencies) > most:
            raise ConfigError("wallets", f"{len(currencies)} currencies in one run; at most {most} are kept")
        return cls(
            currencies,
            tuple(decimals[c] for c in currencies),
            tuple(currencies.index(i.settle) for i in instruments),
            tuple(contract_record(i, decimals[i.settle]) for i in instruments),
            tuple(currencies.index(i.base) if i in bases else -1 for i in instruments),
        )

    def amount(self, wallet: int, money: int) -> Decimal:
        """Money of a wallet as an exact amount of its currency."""
        return from_money(money, self.decimals[wallet])

    def written(self, wallet: int, money: int) -> str:
        """Money of a wallet as a row has it: its amount, with all decimals."""
        return written(money, self.decimals[wallet])

    def money(self, wallet: int, amount: Decimal | float) -> int:
        """An amount of a wallet's currency as money."""
        return to_money(amount if isinstance(amount, Decimal) else repr(amount), self.decimals[wallet])


def written(money: int, decimals: int) -> str:
    """`format(from_money(money, decimals), "f")`, in a fifth of its time: an approval says a dozen amounts."""
    if not decimals or not -_LONGEST < money < _LONGEST:
        return format(from_money(money, decimals), "f")
    digits = str(abs(money)).zfill(decimals + 1)
    return f"{'-' if money < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"
