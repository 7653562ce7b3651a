"""What an account of some size can do, as values, as text of at most 100 columns and as plain JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any, Final

from tickerml.views.words import clip, money, percent, plain, plural

WIDTH: Final = 100
_SHOWN: Final = 4  # coins that are named beside a rule; --json has all


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a strategy on one coin. Distances and rates are fractions; `needs`: the least cash that would do."""

    strategy: str
    pair: str
    rule: str
    possible: bool
    why: str = ""  # where it is not
    bound: str = ""  # the rule that set the size
    orders: tuple[tuple[str, str, str], ...] = ()  # price, size, value
    entries: int = 0  # that the setup has
    needs: Decimal | None = None
    target: float | None = None
    stop: float | None = None
    cost: float = 0.0  # of a round trip
    break_even: float | None = None  # share of trades that must reach the target, the others losing the stop


@dataclass(frozen=True, slots=True)
class Possible:
    """Every rule on every coin, for an account with this cash."""

    cash: Decimal
    currency: str
    rules: tuple[Rule, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values; money as decimal strings."""
        return {
            "cash": format(self.cash, "f"),
            "currency": self.currency,
            "possible": sum(r.possible for r in self.rules),
            "impossible": sum(not r.possible for r in self.rules),
            "rules": [_plain(r) for r in self.rules],
            "notes": list(self.notes),
        }

    def lines(self, width: int = WIDTH) -> list[str]:
        """By strategy and rule: on how many coins it can be followed, what stands against it, what it must win."""
        told = [self._first()]
        for name in dict.fromkeys(r.strategy for r in self.rules):
            told += ["", f"  {name}", *self._rules([r for r in self.rules if r.strategy == name])]
        told += ["", *(f"  {note}" for note in self.notes)]
        return [plain(clip(line, width)) for line in told]

    def _first(self) -> str:
        no = sum(not r.possible for r in self.rules)
        amount = f"{money(self.cash, self.currency)} {self.currency}"
        if not no:
            return f"with {amount} every rule can be followed: {len(self.rules)} looked at"
        return (
            f"with {amount} {no} of {plural(len(self.rules), 'rule')} cannot be followed (a rule counts for each coin)"
        )

    def _rules(self, rules: list[Rule]) -> Iterator[str]:
        for name in dict.fromkeys(r.rule for r in rules):
            mine = [r for r in rules if r.rule == name]
            able = [r for r in mine if r.possible]
            count = f"{len(able)} of {plural(len(mine), 'coin')}"
            yield f"    {name:<48}{count:>14}  {_wins(mine)}"
            if able:
                yield f"        {_orders(able[0])}"
            shown = [r for r in mine if not r.possible]
            for why in dict.fromkeys(_short(r.why) for r in shown):
                yield from self._against(why, [r for r in shown if _short(r.why) == why])

    def _against(self, why: str, rules: list[Rule]) -> Iterator[str]:
        coins = ", ".join(r.pair for r in rules[:_SHOWN]) + (
            f" and {len(rules) - _SHOWN} more" if rules[_SHOWN:] else ""
        )
        yield f"        no: {coins}"
        needs = [_up(r.needs) for r in sorted(rules, key=lambda r: r.needs or 0) if r.needs is not None]
        span = f"{needs[0]} to {needs[-1]}" if needs and needs[0] != needs[-1] else needs[0] if needs else ""
        told = rules[0].why if len(rules) == 1 else why
        yield f"            takes {span} {self.currency}: {told}" if needs else f"            {told}"


def _wins(rules: list[Rule]) -> str:
    rates = [r.break_even for r in rules if r.break_even is not None]
    if not rates:
        return ""
    low, high = percent(min(rates), sign=False), percent(max(rates), sign=False)
    return f"must win {low}" if low == high else f"must win {low} to {high}"


def _orders(rule: Rule) -> str:
    values = " + ".join(value for _, _, value in rule.orders[:6])
    return f"{rule.pair}: {plural(len(rule.orders), 'order')} worth {values}, size by {rule.bound}"


def _short(why: str) -> str:
    """The reason without its figures."""
    return why.partition(" (")[0]


def _up(amount: Decimal) -> str:
    """A rough amount, rounded up to two digits."""
    step = Decimal(1).scaleb(amount.adjusted() - 1)
    return (
        f"{(amount / step).quantize(Decimal(1), ROUND_UP) * step:,f}".partition(".")[0]
        if amount >= 10
        else f"{amount:f}"
    )


def _plain(rule: Rule) -> dict[str, Any]:
    told = {name: getattr(rule, name) for name in rule.__slots__}
    orders = [{"price": price, "qty": size, "value": worth} for price, size, worth in rule.orders]
    return {**told, "orders": orders, "needs": None if rule.needs is None else format(rule.needs, "f")}
