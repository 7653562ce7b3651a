"""Margin tiers as venues publish them, checked and turned into the integers that account/margin.py reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from tickerml.account.contract import MOST, RATE, to_money
from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import Record

TIERS: Final = 12
MARGIN: Final = np.dtype(  # any record with these fields will do (sim RULES has them)
    [
        ("margined", "i8"),  # 1: a derivative whose positions are kept in legs (account/margin.py)
        ("isolated", "i8"),  # 1: each leg has its own margin
        ("hedge", "i8"),  # 1: long and short legs at once
        ("margin_rate", "i8"),  # 1e-8: initial margin at the usual leverage
        ("liquidation_rate", "i8"),  # 1e-8 of the value of what is liquidated
        ("n_tiers", "i8"),  # 0: nothing is liquidated
        ("tier_cap", "i8", (TIERS,)),  # money; the highest notional of the tier
        ("tier_rate", "i8", (TIERS,)),  # 1e-8: maintenance margin
        ("tier_amount", "i8", (TIERS,)),  # money taken off it, which makes it continuous
        ("tier_leverage", "i8", (TIERS,)),  # the most
    ]
)


@dataclass(frozen=True, slots=True)
class Tier:
    """One bracket: up to `cap` of notional, in the settle currency, this maintenance rate and this much leverage."""

    cap: Decimal
    rate: Decimal
    leverage: int


def put_tiers(record: Record, tiers: Sequence[Tier], decimals: int) -> None:
    """Fill the tier fields of a MARGIN record, in money of `decimals` decimals. ConfigError `margin-tiers`.

    amount(n) = amount(n - 1) + cap(n - 1) x (rate(n) - rate(n - 1)), rounded once.
    """
    if len(tiers) > TIERS:
        raise ConfigError("margin-tiers", f"{len(tiers)} margin tiers; at most {TIERS} are kept")
    amount, cap, rate = Decimal(0), Decimal(0), Decimal(0)
    for k, tier in enumerate(tiers):
        rising = tier.cap > cap and tier.rate > rate and tier.leverage >= 1
        if not rising or tier.leverage * tier.rate >= 1:
            told = f"tier {k + 1}: cap {tier.cap}, rate {tier.rate}, leverage {tier.leverage}"
            raise ConfigError(
                "margin-tiers",
                told,
                means="caps and rates rise from tier to tier, leverage is at least 1, and leverage x rate is below 1",
            )
        amount += cap * (tier.rate - rate)
        cap, rate = tier.cap, tier.rate
        record["tier_cap"][k] = min(MOST, to_money(cap, decimals))  # no position is worth more
        record["tier_rate"][k] = to_money(rate * RATE, 0)
        record["tier_amount"][k] = min(MOST, to_money(amount, decimals))
        record["tier_leverage"][k] = tier.leverage
    record["n_tiers"] = len(tiers)


def _table(*rows: tuple[str, str, int]) -> tuple[Tier, ...]:
    return tuple(Tier(Decimal(cap), Decimal(rate), leverage) for cap, rate, leverage in rows)


BTCUSDT: Final = _table(  # Binance USD-M, "Leverage and Margin of USD-M Futures", the table of its published examples
    ("50000", "0.004", 125),
    ("250000", "0.005", 100),
    ("1000000", "0.01", 50),
    ("10000000", "0.025", 20),
    ("20000000", "0.05", 10),
    ("50000000", "0.1", 5),
    ("100000000", "0.125", 4),
    ("200000000", "0.15", 3),
    ("300000000", "0.25", 2),
    ("500000000", "0.5", 1),
)
ETHUSDT: Final = _table(
    ("10000", "0.005", 100),
    ("100000", "0.0065", 75),
    ("500000", "0.01", 50),
    ("1000000", "0.02", 25),
    ("2000000", "0.05", 10),
    ("5000000", "0.1", 5),
    ("10000000", "0.125", 4),
    ("20000000", "0.15", 3),
)
TABLES: Final = {"BTC/USDT:USDT": BTCUSDT, "ETH/USDT:USDT": ETHUSDT, "": ETHUSDT}
"""By symbol, "" = of all others: the venue's own tables for them are stricter than ETH's."""
