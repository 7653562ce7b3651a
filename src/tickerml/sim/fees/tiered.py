"""Maker and taker rates by the volume of the last 30 days, a negative rate being a rebate; rounded half up.

The default table is Binance's for USD-M futures (fee schedule "USD-M Futures Trading", regular user and VIP 1 to 9,
as published in 2025, without its condition on BNB held). Volume is counted by wallet: in money of the settle currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from tickerml.account.contract import share
from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

BY_VOLUME: Final = True  # the venue keeps RULES["volume"] for this model
_Ten = tuple[int, int, int, int, int, int, int, int, int, int]


@dataclass(frozen=True)
class Params:
    """Ten tiers; each holds from its volume on, until the next one's."""

    volume: Annotated[_Ten, Range(0, 1e12)] = (  # whole units of the currency
        0,
        15_000_000,
        50_000_000,
        100_000_000,
        600_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        12_500_000_000,
        25_000_000_000,
    )
    maker: Annotated[_Ten, Range(-1_000_000, 10_000_000)] = (  # 1e-8
        20_000,
        16_000,
        14_000,
        12_000,
        10_000,
        8_000,
        6_000,
        4_000,
        2_000,
        0,
    )
    taker: Annotated[_Ten, Range(0, 10_000_000)] = (  # 1e-8
        50_000,
        40_000,
        35_000,
        32_000,
        30_000,
        27_000,
        25_000,
        22_000,
        20_000,
        17_000,
    )


@kernel
def tier_of(fees: Record, rules: Record) -> int:
    """Number of the highest tier whose volume was reached."""
    k = 0
    for n in range(1, 10):
        if rules["volume"] // rules["one"] >= fees["volume"][n]:
            k = n
    return k


@kernel
def fee(fees: Record, rules: Record, worth: int, maker: int) -> int:
    """Fee of one execution worth `worth` money; negative when it is a rebate."""
    k = tier_of(fees, rules)
    return share(worth, fees["maker"][k] if maker != 0 else fees["taker"][k])
