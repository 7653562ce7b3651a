"""Spot wallets and fee currencies in exact integers: what an execution moves between the wallets of a run.

A wallet holds money in the smallest unit of its currency. Where an instrument has a base wallet, buying takes quote and
gives base, and a base fee leaves less than a lot: dust is real, and cannot be sold. `FILL["fee"]` is always the fee's
value in the instrument's own money; `FILL["paid"]` is what left wallet `FILL["wallet"]` for it, in that wallet's unit.

The functions take any holder with `cash` by wallet (the sim's MAIL, the engine's CORE) and rules with WALLET's fields.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

OWN, RECEIVED, OTHER = 0, 1, 2  # fees are paid in quote; in what was received; in a third currency, at a discount
_LIMIT: Final = 9.2e18
WALLET: Final = np.dtype(  # any record with these fields will do (sim RULES has them)
    [
        ("wallet", "i8"),  # of the quote or settle currency
        ("base_wallet", "i8"),  # -1 = what is bought is a position, not a balance
        ("lot_units", "i8"),  # base units of one lot
        ("fee_in", "i8"),  # OWN, RECEIVED or OTHER
        ("fee_inst", "i8"),  # OTHER: the instrument that prices the third currency in this quote; -1 = none
        ("fee_discount", "i8"),  # OTHER: 1e-8, share of the fee that is charged
    ]
)


@kernel
def units_worth(money: int, price: int, unit_value: int, lot_units: int) -> int:
    """Base units that `money` buys at `price` ticks, half a unit up. OverflowError beyond int64."""
    each = price * unit_value  # money of one lot
    if price < 1 or abs(float(money)) * float(lot_units) + float(price) * float(unit_value) > _LIMIT:
        raise OverflowError("an amount of base currency does not fit the money type")
    return (money * lot_units + each // 2) // each


@kernel
def worth_of_units(units: int, price: int, unit_value: int, lot_units: int) -> int:
    """Money that base `units` are worth at `price` ticks, rounded toward zero. OverflowError beyond int64."""
    each = price * unit_value
    size = abs(units)
    lots = size // lot_units
    rest = size - lots * lot_units
    if price < 1 or float(lots + 1) * float(price) * float(unit_value) > _LIMIT or float(rest) * float(each) > _LIMIT:
        raise OverflowError("the value of a balance does not fit the money type")
    worth = lots * each + rest * each // lot_units
    return worth if units >= 0 else -worth


@kernel
def sellable(units: int, lot_units: int) -> int:
    """Whole lots in a base balance; the rest is dust."""
    return max(0, units) // lot_units


@kernel
def move(holder: Record, rules: Record, side: int, qty: int, fee: int, wallet: int, paid: int) -> None:
    """After the quote side of an execution was booked with its fee: the base side, and the fee where it was paid."""
    if rules["base_wallet"] >= 0:
        holder["cash"][rules["base_wallet"]] += side * qty * rules["lot_units"]
    if wallet != rules["wallet"]:
        holder["cash"][rules["wallet"]] += fee
        holder["cash"][wallet] -= paid
