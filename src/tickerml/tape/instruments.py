"""Instruments: what a row's ticks and lots mean. A definition is a row too, so a tape explains itself."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec


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


def unified(base: str, quote: str, settle: str | None = None) -> str:
    """The ccxt symbol: `unified("BTC", "USDT")` is BTC/USDT, with settle USDT it is BTC/USDT:USDT."""
    return f"{base}/{quote}" if settle is None else f"{base}/{quote}:{settle}"
