"""Approved is a type: only the desk makes one, and nothing without one reaches a venue (a test scans for that)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Final, TypeAlias

from msgspec import Struct, field

from tickerml.desk.exposure import Worst
from tickerml.desk.gates import FAILED, PASSED, Gate, state_of
from tickerml.desk.leverage import USUAL, Leverage
from tickerml.desk.limits import Refused
from tickerml.desk.order import Order as Order

_NONE: Final = Worst(0, 0, 0)
_USUAL: Final = Leverage(1.0, USUAL, 0.0, 1.0, 0.0)


class Approved(Struct, frozen=True):
    """Entry orders that the desk allows for the intent of this sequence, and how it came to them."""

    intent: int
    orders: tuple[Order, ...]
    bound: str  # the rule that gave the smallest size
    worst: Worst = _NONE  # what the setup counts with while it lives whole
    target: float | None = None  # fraction of the entry price: the setup's, or what the regime made of it
    sizes: Mapping[str, float] = field(default_factory=dict)  # every rule that applied, with its size in money
    factors: Mapping[str, float] = field(default_factory=dict)  # what shrank the smallest size
    gates: tuple[Gate, ...] = ()  # every check, in order
    expected: float = 0.0  # expected value, fraction of the notional
    leverage: Leverage = _USUAL

    def told(self, amount: Callable[[float], str]) -> dict[str, Any]:
        """The figures of its row; `amount` writes money."""
        return {
            "intent": self.intent,
            "bound": self.bound,
            "sizes": _sizes(self.sizes, amount),
            "factors": dict(self.factors),
            "notional": amount(self.worst.notional),
            "margin": amount(self.worst.margin),
            "risk": amount(self.worst.risk),
            "expected": self.expected,
            "target": self.target,
            "gates": self.gates,
            **self.leverage.told,
        }


def legs_told(legs: Sequence[tuple[str, Approved]], amount: Callable[[float], str]) -> dict[str, Any]:
    """The figures of the row of several legs, (symbol, approval): money of all, and each leg's own."""
    each = {symbol: approved.told(amount) for symbol, approved in legs}
    worst = [approved.worst for _, approved in legs]
    return {
        "intent": legs[0][1].intent,
        "bound": ", ".join(f"{symbol}: {one['bound']}" for symbol, one in each.items()),
        "notional": amount(sum(w.notional for w in worst)),
        "margin": amount(sum(w.margin for w in worst)),
        "risk": amount(sum(w.risk for w in worst)),
        "expected": sum(approved.expected for _, approved in legs),
        "gates": [[f"{symbol} {name}", *rest] for symbol, one in each.items() for name, *rest in one["gates"]],
        "legs": [{"symbol": s, **{k: v for k, v in one.items() if k != "gates"}} for s, one in each.items()],
    }


class Refusal(Struct, frozen=True):
    """The desk's no, counted and journalled."""

    intent: int
    reason: Refused
    text: str
    gates: tuple[Gate, ...] = ()  # every check up to the one that failed
    sizes: Mapping[str, float] = field(default_factory=dict)

    def told(self, amount: Callable[[float], str]) -> dict[str, Any]:
        """The figures of its row. Of the gates the one that failed: the others are named in docs/limits.md."""
        figures = {"intent": self.intent, "code": self.reason.name.lower(), "text": self.text}
        gates = [gate for gate in self.gates if state_of(gate) == FAILED]
        before = (f"{len(self.gates) - len(gates)} before", PASSED)
        return {
            **figures,
            **({"gates": [before, *gates]} if gates else {}),
            **({"sizes": _sizes(self.sizes, amount)} if self.sizes else {}),
        }


def _sizes(sizes: Mapping[str, float], amount: Callable[[float], str]) -> dict[str, str]:
    """What each rule allowed, as amounts."""
    return {rule: amount(money) if isfinite(money) else "unknown" for rule, money in sizes.items()}


Verdict: TypeAlias = Approved | Refusal
