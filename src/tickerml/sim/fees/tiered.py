"""Maker and taker rates by the volume of the last 30 days, a negative rate being a rebate; rounded half up.

The default table is Binance's for USD-M futures, regular user and VIP 1 to 9:

    30 days, millions   0      15     50     100    600    1,000  2,500  5,000  12,500  25,000
    maker, %            0.020  0.016  0.014  0.012  0.010  0.008  0.006  0.004  0.002   0
    taker, %            0.050  0.040  0.035  0.032  0.030  0.027  0.025  0.022  0.020   0.017

Rates: its announcement "Introduces Limited-Time 50% Trading Fee Discount for TradFi Perps" (2026-02-04) halves these
takers; makers by its fee page, 2025. Volumes: its announcement "VIP Program Upgrade" (2021-12-21) has 15 millions for
VIP 1; its FAQ "Binance Futures Fee Structure & Fee Calculations" says five times those of spot, which the
announcement "VIP Program Upgrade: Enjoy VIP 9 Equivalent Spot Trading Fees" (2022-06-01) lists from VIP 3 on as 20,
120, 200, 500, 1,000, 2,500 and 5,000 millions. Of VIP 2 no announcement was found, and spot's VIP 4 has been lower
since 2024 (100 millions). The venue asks for BNB held as well, which is left out here. Volume is counted by wallet:
in money of the settle currency.
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
