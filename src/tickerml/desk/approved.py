"""Approved is a type: only the desk makes one, and nothing without one reaches a venue (a test scans for that)."""

from __future__ import annotations

from dataclasses import dataclass

from tickerml.desk.limits import Refused


@dataclass(frozen=True, slots=True)
class Order:
    """One order to be sent, in ticks and lots; money where the type is SuperP."""

    inst: int
    side: int
    type: int  # tape.orders.OrderType
    tif: int  # tape.orders.TimeInForce
    qty: int  # lots; SuperP: stake, money
    price: int = 0  # ticks, 0 = none
    trigger: int = 0  # ticks, 0 = none
    target: int = 0  # ticks, SuperP only
    expiry: int = 0  # ns, 0 = none
    flags: int = 0  # tape.orders.OrderFlag
    leverage: float = 0.0  # SuperP only


@dataclass(frozen=True, slots=True)
class Cancel:
    """A cancel to be sent; of a SuperP position it closes at the touch."""

    inst: int
    id: int


@dataclass(frozen=True, slots=True)
class Approved:
    """Entry orders that the desk allows, for the intent of this sequence, and which rule bound their size."""

    intent: int
    orders: tuple[Order, ...]
    bound: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The desk's no, counted and journalled."""

    intent: int
    reason: Refused
    text: str
