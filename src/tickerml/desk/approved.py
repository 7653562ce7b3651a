"""Approved is a type: only the desk makes one, and nothing without one reaches a venue (a test scans for that)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from tickerml.desk.exposure import Worst
from tickerml.desk.gates import Gate
from tickerml.desk.limits import Refused
from tickerml.desk.order import Cancel as Cancel
from tickerml.desk.order import Order as Order
from tickerml.desk.sizing import Size

_NONE: Final = Worst(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Approved:
    """Entry orders that the desk allows for the intent of this sequence, and how it came to them."""

    intent: int
    orders: tuple[Order, ...]
    bound: str  # the rule that gave the smallest size
    worst: Worst = _NONE  # what the setup counts with while it lives whole
    target: float | None = None  # fraction of the entry price: the setup's, or what the regime made of it
    sizes: tuple[Size, ...] = ()  # every rule that applied, with its size in money
    factors: tuple[Size, ...] = ()  # what shrank the smallest size
    gates: tuple[Gate, ...] = ()  # every check, in order
    expected: float = 0.0  # expected value, fraction of the notional


@dataclass(frozen=True, slots=True)
class Refusal:
    """The desk's no, counted and journalled."""

    intent: int
    reason: Refused
    text: str
    gates: tuple[Gate, ...] = ()  # every check up to the one that failed
    sizes: tuple[Size, ...] = ()


Verdict: TypeAlias = Approved | Refusal
