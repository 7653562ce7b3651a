"""A tape of one-minute bars of one coin, a random walk, as candles come: known 2 seconds after they close."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MINUTE, ROW, SECOND, Flag, Kind
from tickerml.tape.tables import BAR
from tickerml.tape.tape import Header, MemoryTape


@cache
def minutes(n, seed=3, sigma=0.002):
    """`n` bars, each of which opens where the one before closed."""
    rng = np.random.Generator(np.random.PCG64(seed))
    bars, rows = np.zeros(n, BAR), np.zeros(n, ROW)
    bars["close"] = np.rint(2e6 * np.exp(np.cumsum(sigma * rng.standard_normal(n))))
    bars["open"] = np.concatenate(([2_000_000], bars["close"][:-1]))
    bars["high"] = np.maximum(bars["open"], bars["close"]) + rng.integers(0, 4000, n)
    bars["low"] = np.minimum(bars["open"], bars["close"]) - rng.integers(0, 4000, n)
    bars["open_time"] = 1_704_067_200 * SECOND + np.arange(n) * MINUTE
    bars["duration"], bars["volume"] = MINUTE, 10**6
    bars["buy_volume"] = bars["trades"] = bars["corrects"] = -1
    rows["exch"] = bars["open_time"] + MINUTE
    rows["recv"] = rows["exch"] + 2 * SECOND
    rows["qty"], rows["price"], rows["ref"] = bars["volume"], bars["close"], np.arange(n)
    rows["kind"], rows["flags"] = Kind.BAR, int(Flag.END) | int(Flag.ASSUMED)
    inst = Instrument(
        0, "binance-usdm", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.01"), Decimal("0.001"), "BTC", "USDT", "USDT"
    )
    return MemoryTape(Header("minutes", (inst,), assumed_clock=True, bar_only=True), (Block(rows, bars=bars),))
