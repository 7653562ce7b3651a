"""From ticks and lots to money: int64 in the smallest unit of the settle currency, exact or refused.

Linear and spot: money = price x qty x unit_value. Inverse (settled in base): money = qty x unit_value / price, rounded
half up once per execution. The unit is 1e-8 of the currency, or finer where an instrument's tick x lot needs it; all
instruments that settle in one currency share it. `Instrument.multiplier` plays no part: prices are quoted per unit of
size (a 1000PEPE price is per 1000 PEPE, as its size is).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np

from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

CONTRACT: Final = np.dtype(  # any record with these fields will do (sim RULES has them)
    [
        ("unit_value", "i8"),  # linear: money of 1 tick x 1 lot; inverse: money of 1 lot at a price of 1 tick
        ("inverse", "i8"),
        ("spot", "i8"),  # 1: cash pays the whole value of a position
    ]
)
RATE: Final = 100_000_000  # rates (fees, margin, funding) are integers in 1e-8
DECIMALS: Final = 8  # of money, where no instrument needs more
_MOST_DECIMALS: Final = 18
_LIMIT: Final = 9.2e18  # of int64
MOST: Final = int(_LIMIT)  # money that there can be


def money_decimals(instruments: Iterable[Instrument]) -> dict[str, int]:
    """Decimals of the money unit of each settle currency: at least 8, more where a tick x lot needs it.

    Raises ConfigError `money-unit` when an instrument would need more than 18.
    """
    found: dict[str, int] = {}
    for one in instruments:
        need = next((d for d in range(_MOST_DECIMALS + 1) if _is_whole(_unit(one) * 10**d)), None)
        if need is None:
            raise ConfigError(
                "money-unit",
                f"{one.symbol}: tick {one.tick} x lot {one.lot} needs over {_MOST_DECIMALS} decimals of {one.settle}",
            )
        found[one.settle] = max(found.get(one.settle, DECIMALS), need)
    return found


def base_decimals(instruments: Iterable[Instrument]) -> dict[str, int]:
    """Decimals of the unit of each base currency that is kept in a wallet: at least 8, more where a lot needs it."""
    found: dict[str, int] = {}
    for one in instruments:
        need = -int(one.lot.normalize().as_tuple().exponent)
        found[one.base] = max(found.get(one.base, DECIMALS), need)
    return found


def contract_record(instrument: Instrument, decimals: int) -> Record:
    """The CONTRACT record of an instrument, in money of `decimals` decimals. Raises ConfigError `money-unit`."""
    unit = _unit(instrument) * 10**decimals
    if not _is_whole(unit) or not 0 < unit < _LIMIT:
        raise ConfigError("money-unit", f"{instrument.symbol}: one tick x lot is {unit} of the smallest money unit")
    record = np.zeros(1, CONTRACT)[0]
    record["unit_value"] = int(unit)
    record["inverse"] = instrument.inverse
    record["spot"] = ":" not in instrument.symbol
    return record


def _unit(instrument: Instrument) -> Decimal:
    """Linear: tick x lot, in quote. Inverse: lot x contract size / tick: base that one lot is worth at one tick."""
    if instrument.inverse:
        return instrument.lot * instrument.contract_size / instrument.tick
    return instrument.tick * instrument.lot


def _is_whole(x: Decimal) -> bool:
    return x == x.to_integral_value()


def to_money(amount: Decimal | int | str, decimals: int = DECIMALS) -> int:
    """An amount of currency as money; rounds half to even beyond the smallest unit."""
    return int((Decimal(amount) * 10**decimals).to_integral_value(ROUND_HALF_EVEN))


def held_money(amount: Decimal, decimals: int, currency: str) -> int:
    """`to_money` of what a wallet holds. ConfigError `money-unit` beyond what int64 keeps."""
    money = to_money(amount, decimals)
    if abs(money) > MOST:
        most = from_money(MOST, decimals).normalize()
        raise ConfigError(
            "money-unit",
            f"{amount:,f} {currency} does not fit: money has {decimals} decimals here, and so at most {most:,f}",
            means="nothing was run",
            try_=f"--cash {most:f} or less, or an import with coarser steps: --tick, --lot",
        )
    return money


def from_money(money: int, decimals: int = DECIMALS) -> Decimal:
    """Money as an exact amount of currency."""
    return Decimal(int(money)).scaleb(-decimals)


@kernel
def value(c: Record, price: int, qty: int) -> int:
    """Money that `qty` lots are worth at `price` ticks, unsigned. OverflowError beyond int64 or at a price below 1."""
    if price < 1 or float(qty) * float(c["unit_value"]) * (1.0 if c["inverse"] != 0 else float(price)) > _LIMIT:
        raise OverflowError("the value of this order does not fit the money type")
    if c["inverse"] != 0:
        return (qty * c["unit_value"] + price // 2) // price
    return price * qty * c["unit_value"]


@kernel
def share(money: int, rate: int) -> int:
    """`money x rate x 1e-8`, rounded half up: fees, margin, funding. OverflowError beyond int64."""
    if abs(float(money)) * abs(float(rate)) / 1e8 > _LIMIT or abs(rate) > 90_000_000_000:
        raise OverflowError("a share of this amount does not fit the money type")
    whole = money // RATE
    return whole * rate + ((money - whole * RATE) * rate + RATE // 2) // RATE


@kernel
def scaled(money: int, part: int, whole: int) -> int:
    """`money x part / whole` rounded toward zero, for 0 <= part <= whole, without leaving int64."""
    size = abs(money)
    if part < 0 or part > whole or float(part) * float(whole) > _LIMIT:
        raise OverflowError("a part of this position does not fit the money type")
    each = size // whole
    result = each * part + (size - each * whole) * part // whole
    return result if money >= 0 else -result
