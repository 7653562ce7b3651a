"""What a person may have to say about an archive file, because the file does not."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tickerml.tape.rows import SECOND


@dataclass(frozen=True, slots=True)
class Options:
    """Empty fields are inferred from the file, its name and its folder."""

    symbol: str = ""  # unified or venue spelling: BTC/USDT:USDT, BTCUSDT
    venue: str = ""  # binance, binance-usdm, ...
    market: str = ""  # spot or perp
    tick: Decimal | None = None  # price step, in quote
    lot: Decimal | None = None  # size step, in base
    timeframe: int = 0  # bar length, ns
    delay: int = SECOND  # ns from close, settlement or trade until we know it, where no receive time was recorded
