"""An order as the desk approves it."""

from __future__ import annotations

from msgspec import Struct


class Order(Struct, frozen=True, gc=False):
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
    leverage: float = 0.0  # SuperP, and margin of what it opens; 0 = the usual
