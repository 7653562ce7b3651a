"""Instruments: what a row's ticks and lots mean. A definition is a row too, so a tape explains itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

_MULTIPLE: Final = re.compile(r"(10{3,}|1M)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable thing at one venue, bound to an id from `valid_from` on. Money = ticks x lots x unit_value."""

    id: int
    venue: str  # "binance", "binance-usdm", "binance-coinm", "synthetic", ...
    symbol: str  # ccxt unified: BTC/USDT, BTC/USDT:USDT, BTC/USD:BTC
    raw: str  # the venue's own spelling: BTCUSDT, BTCUSD_PERP
    tick: Decimal  # price of one tick, in quote
    lot: Decimal  # size of one lot, in base (or contracts)
    base: str
    quote: str
    settle: str  # currency of profit and loss: quote, but base for inverse contracts
    multiplier: Decimal = Decimal(1)  # base units per unit of size: 1000 for 1000PEPE prices
    contract_size: Decimal = Decimal(1)  # quote per contract for inverse contracts, else 1
    inverse: bool = False
    min_notional: Decimal = Decimal(0)  # smallest order value, in quote
    max_levels: int = 0  # levels a side the source carries; 0 = all
    valid_from: int = 0  # ns UTC
    previous: int = -1  # id that this one replaces after a change of tick or lot
    values_only: bool = False  # only named numbers are known of it: tick and lot are placeholders

    @property
    def coin(self) -> str:
        """The coin's own name: PEPE of 1000PEPE."""
        return coin_in(self.base) if self.multiplier > 1 else self.base

    def to_json(self) -> bytes:
        """Canonical JSON (sorted keys, decimals as strings): the blob of the INSTRUMENT row."""
        return msgspec.json.encode({k: _plain(getattr(self, k)) for k in sorted(self.__slots__)})

    @classmethod
    def from_json(cls, data: bytes) -> Instrument:
        """Inverse of `to_json`. Raises msgspec.ValidationError when a key is missing or of the wrong type."""
        return msgspec.json.decode(data, type=cls)

    def price(self, ticks: int) -> Decimal:
        """Ticks as an exact price in quote."""
        return self.tick * int(ticks)

    def size(self, lots: int) -> Decimal:
        """Lots as an exact size in base units (or contracts)."""
        return self.lot * int(lots)


def _plain(value: object) -> object:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def multiple_of(base: str) -> int:
    """Coins that one unit of size stands for: 1000 for 1000PEPE, a million for 1MBABYDOGE; 1INCH is a coin itself."""
    found = _MULTIPLE.match(base)
    return 1 if found is None else 1_000_000 if found[1] == "1M" else int(found[1])


def coin_in(base: str) -> str:
    """The coin of a base as venues spell it: PEPE of 1000PEPE, 1INCH of 1INCH."""
    found = _MULTIPLE.match(base)
    return base if found is None else base[found.end() :]


def unified(base: str, quote: str, settle: str | None = None) -> str:
    """The ccxt symbol: `unified("BTC", "USDT")` is BTC/USDT, with settle USDT it is BTC/USDT:USDT."""
    return f"{base}/{quote}" if settle is None else f"{base}/{quote}:{settle}"
