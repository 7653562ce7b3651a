"""The coins of the synthetic market: USDT-margined perpetuals with the price scales of their namesakes.

Prices move together by a factor model: r = volatility x (market x f + meme x g + own x e), with f, g, e independent and
market**2 + meme**2 + own**2 = 1, so the correlation of two coins is market_a market_b + meme_a meme_b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tickerml.tape.errors import InputError
from tickerml.tape.instruments import Instrument

VENUE: Final = "synthetic"


@dataclass(frozen=True, slots=True)
class Coin:
    """One perpetual: how it is quoted, how it moves and how busy it is."""

    base: str
    price: float  # USDT per unit of size, at the start
    tick: str  # USDT
    lot: str  # units
    volatility: float  # yearly standard deviation of log returns
    market: float  # loading on the common factor
    meme: float  # loading on the factor of the meme coins
    spread_bps: float  # usual distance between the quotes
    touch_usd: float  # usual value of the best level
    trades_per_s: float  # usual rate of taker orders
    trade_usd: float  # median value of a taker order
    multiplier: int = 1  # tokens per unit of size: 1000PEPE is priced per 1000 tokens
    min_notional: str = "5"

    @property
    def own(self) -> float:
        """Loading on the coin's own noise."""
        return math.sqrt(1 - self.market**2 - self.meme**2)

    @property
    def name(self) -> str:
        """As a venue writes it: BTC, 1000PEPE."""
        return f"{self.multiplier if self.multiplier > 1 else ''}{self.base}"


COINS: Final = {
    c.base: c
    for c in (
        Coin("BTC", 64_000.0, "0.1", "0.001", 0.45, 0.93, 0.0, 0.05, 60_000.0, 3.0, 4_000.0, min_notional="100"),
        Coin("ETH", 3_140.0, "0.01", "0.001", 0.55, 0.90, 0.0, 0.08, 45_000.0, 2.6, 3_000.0, min_notional="20"),
        Coin("SOL", 150.0, "0.01", "0.01", 0.75, 0.82, 0.10, 0.67, 25_000.0, 2.0, 1_800.0),
        Coin("SHIB", 0.017500, "0.000001", "1", 0.80, 0.72, 0.45, 0.70, 9_000.0, 1.0, 700.0, 1000),
        Coin("DOGE", 0.15000, "0.00001", "1", 0.80, 0.75, 0.40, 0.80, 15_000.0, 1.6, 1_100.0),
        Coin("PEPE", 0.011200, "0.000001", "1", 1.00, 0.68, 0.50, 1.00, 9_000.0, 1.5, 900.0, 1000),
        Coin("TON", 5.5000, "0.0001", "0.1", 0.65, 0.62, 0.0, 0.80, 8_000.0, 0.8, 600.0),
    )
}
DEFAULT_COINS: Final = tuple(COINS)


def coins_of(bases: tuple[str, ...]) -> tuple[Coin, ...]:
    """The coins called so. InputError `coin` when there is no such coin, none at all, or one twice."""
    unknown = [b for b in bases if b not in COINS]
    if unknown or not bases or len(set(bases)) < len(bases):
        what = (
            f'"{unknown[0]}" is not a coin of the synthetic market'
            if unknown
            else "name each coin once, and at least one"
        )
        raise InputError("coin", what, means="nothing was made; there are " + ", ".join(COINS), try_="BTC ETH TON")
    return tuple(COINS[b] for b in bases)


def instrument(coin: Coin, id_: int, valid_from: int) -> Instrument:
    """The definition of the coin's perpetual under id `id_`."""
    return Instrument(
        id=id_,
        venue=VENUE,
        symbol=f"{coin.name}/USDT:USDT",
        raw=f"{coin.name}USDT",
        tick=Decimal(coin.tick),
        lot=Decimal(coin.lot),
        base=coin.name,
        quote="USDT",
        settle="USDT",
        multiplier=Decimal(coin.multiplier),
        min_notional=Decimal(coin.min_notional),
        valid_from=valid_from,
    )


def correlation(a: Coin, b: Coin) -> float:
    """Correlation of the two coins' returns that the factor model aims at."""
    return 1.0 if a == b else a.market * b.market + a.meme * b.meme
