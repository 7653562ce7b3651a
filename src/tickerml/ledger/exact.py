"""Ticks, lots and money as exact decimal text, without making a Decimal for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tickerml.account.contract import money_decimals
from tickerml.tape.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Step:
    """A unit of `units` x 10^-`decimals`: n of it are written with that many decimals."""

    units: int
    decimals: int

    @classmethod
    def of(cls, size: Decimal) -> Step:
        """The step of a tick or lot size."""
        _, digits, exponent = size.normalize().as_tuple()
        units = int("".join(map(str, digits)))
        return cls(units * 10 ** max(0, int(exponent)), max(0, -int(exponent)))

    def __mul__(self, other: Step) -> Step:
        return Step(self.units * other.units, self.decimals + other.decimals)

    def text(self, n: int) -> str:
        """`n` steps as decimal text."""
        whole = n * self.units
        if not self.decimals:
            return str(whole)
        digits = str(abs(whole)).zfill(self.decimals + 1)
        return f"{'-' if whole < 0 else ''}{digits[: -self.decimals]}.{digits[-self.decimals :]}"


@dataclass(frozen=True, slots=True)
class Thing:
    """An instrument as the projection needs it."""

    symbol: str
    price: Step
    size: Step
    value: Step  # of one tick x one lot
    money: Step  # of the settle currency
    currency: str
    held_as: str  # its symbol, with the venue where another one of the run has the same


UNKNOWN = Thing("", Step(1, 0), Step(1, 0), Step(1, 0), Step(1, 8), "", "")
"""Stands in for an instrument that the header does not name: ticks and lots are told as they are."""


def things(instruments: Iterable[Instrument]) -> dict[int, Thing]:
    """By instrument id. Raises ConfigError `money-unit`."""
    known = tuple(instruments)
    decimals = money_decimals(known)
    found = {}
    venues: dict[str, set[str]] = {}
    for one in known:
        if not one.values_only:
            venues.setdefault(one.symbol, set()).add(one.venue)
    for one in known:
        held_as = f"{one.symbol} ({one.venue})" if len(venues.get(one.symbol, ())) > 1 else one.symbol
        price, size = Step.of(one.tick), Step.of(one.lot)
        found[one.id] = Thing(one.symbol, price, size, price * size, Step(1, decimals[one.settle]), one.settle, held_as)
    return found
