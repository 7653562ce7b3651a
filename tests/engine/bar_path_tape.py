"""A tape of one coin's minute bars with these closes; each bar opens where the one before closed."""

from __future__ import annotations

from decimal import Decimal

from tickerml.tape.build import Builder
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MINUTE, SECOND, Flag
from tickerml.tape.tape import Header, MemoryTape

COIN = Instrument(
    0, "binance-usdm", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.01"), Decimal("0.001"), "BTC", "USDT", "USDT"
)
START = 1_704_067_200 * SECOND


def bars(closes, lows=None):
    """Minute bars, one after the other, with these closes and, where given, lows; prices in quote currency."""
    builder = Builder()
    builder.instrument(START, COIN)
    ticks = [round(100 * close) for close in closes]
    bottoms = ticks if lows is None else [round(100 * low) for low in lows]
    opened = ticks[0]
    for k, (close, low) in enumerate(zip(ticks, bottoms, strict=True)):
        began = START + k * MINUTE
        path = (opened, max(opened, close), min(opened, close, low), close)
        builder.bar(began + MINUTE + SECOND, 0, began, MINUTE, path, 10_000, flags=int(Flag.ASSUMED))
        opened = close
    return MemoryTape(Header("bar path", (COIN,), assumed_clock=True, bar_only=True), (builder.take(),))
