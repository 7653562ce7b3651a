"""Binance symbols: from the venue's spelling to ccxt's unified symbol, and the grid of ticks and lots.

BTCUSDT        spot     BTC/USDT              1000PEPEUSDT   USD-M    1000PEPE/USDT:USDT (multiplier 1000)
BTCUSDT        USD-M    BTC/USDT:USDT         BTCUSD_PERP    COIN-M   BTC/USD:BTC (contracts of 100 USD)
BTCUSDT_240927 USD-M    BTC/USDT:USDT-240927  ETHUSD_240927  COIN-M   ETH/USD:ETH-240927 (contracts of 10 USD)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tickerml.tape.instruments import Instrument, multiple_of, unified

SPOT: Final = "binance"
USDM: Final = "binance-usdm"
COINM: Final = "binance-coinm"
MARKETS: Final = (SPOT, USDM, COINM)

_COINS: Final = (
    "USDT USDC FDUSD BUSD TUSD USDP USDS USD1 USD DAI PAX VAI AEUR EURI EUR GBP TRY BRL AUD RUB UAH NGN ZAR PLN RON "
    "ARS JPY MXN CZK COP IDR IDRT BIDR BVND BKRW BTC ETH BNB TRX XRP DOGE DOT SOL"
)
_QUOTES: Final = sorted(_COINS.split(), key=len, reverse=True)  # longest first: BTCFDUSD is not BTCFD/USD
_COINM: Final = re.compile(r"^([A-Z0-9]+)USD_(PERP|\d{6})$")
_DELIVERY: Final = re.compile(r"^([A-Z0-9]+)_(\d{6})$")
_COINM_CONTRACT: Final = {"BTC": Decimal(100)}
"""USD a contract; that of every other coin is 10 (Binance, "COIN-M contract specifications")."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Decimals of prices and sizes: a tick is 10**-price, a lot 10**-size."""

    price: int
    size: int

    @property
    def tick(self) -> Decimal:
        """Price of one tick, in quote."""
        return Decimal(1).scaleb(-self.price)

    @property
    def lot(self) -> Decimal:
        """Size of one lot, in base or contracts."""
        return Decimal(1).scaleb(-self.size)


def is_coinm(raw: str) -> bool:
    """Whether the spelling itself says COIN-M: BTCUSD_PERP, ETHUSD_240927."""
    return _COINM.match(raw) is not None


def is_known(raw: str) -> bool:
    """Whether the spelling can be split into coins that Binance quotes in."""
    return _split(raw, COINM if is_coinm(raw) else USDM) is not None


def instrument(raw: str, market: str, grid: Grid, *, number: int = 0) -> Instrument | None:
    """The instrument that `raw` names on `market` (one of MARKETS), with id `number`; None for an unknown spelling."""
    named = _split(raw, market)
    if named is None:
        return None
    base, quote, expiry = named
    settle = {SPOT: quote, USDM: quote, COINM: base}[market]
    symbol = unified(base, quote, None if market == SPOT else settle) + (f"-{expiry}" if expiry else "")
    return Instrument(
        id=number,
        venue=market,
        symbol=symbol,
        raw=raw,
        tick=grid.tick,
        lot=grid.lot,
        base=base,
        quote=quote,
        settle=settle,
        multiplier=Decimal(multiple_of(base)),
        contract_size=_COINM_CONTRACT.get(base, Decimal(10)) if market == COINM else Decimal(1),
        inverse=market == COINM,
    )


def _split(raw: str, market: str) -> tuple[str, str, str] | None:
    """Base, quote and expiry (empty for spot and perpetuals); None when the spelling is not known."""
    if market == COINM:
        found = _COINM.match(raw)
        return None if found is None else (found[1], "USD", "" if found[2] == "PERP" else found[2])
    delivery = _DELIVERY.match(raw) if market == USDM else None
    pair, expiry = (delivery[1], delivery[2]) if delivery else (raw, "")
    for quote in _QUOTES:
        if pair.endswith(quote) and len(pair) > len(quote) and pair.isalnum():
            return pair[: -len(quote)], quote, expiry
    return None
