"""Tapes of minute bars with these closes; each bar opens where the one before closed."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from tickerml.tape.build import Builder
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MINUTE, SECOND, Flag, Kind
from tickerml.tape.tape import Header, MemoryTape

START = 1_704_067_200 * SECOND


def coin(number):
    base = ("BTC", "ETH", "SOL")[number]
    tick, lot = Decimal("0.01"), Decimal("0.001")
    return Instrument(number, "binance-usdm", f"{base}/USDT:USDT", f"{base}USDT", tick, lot, base, "USDT", "USDT")


def bars(*paths, lows=None, halt=()):
    """Minute bars of a coin for each path of closes; `lows` of the first, where given. Prices in quote currency.

    `halt`: seconds from and to which the first coin's venue takes no orders.
    """
    builder = Builder()
    coins = [coin(k) for k in range(len(paths))]
    for one in coins:
        builder.instrument(START, one)
    ticks = [[round(100 * close) for close in path] for path in paths]
    bottoms = [[round(100 * low) for low in lows], *ticks[1:]] if lows else ticks
    for k in range(len(ticks[0])):
        began = START + k * MINUTE
        for inst, path in enumerate(ticks):
            opened, close, low = path[max(0, k - 1)], path[k], bottoms[inst][k]
            bar = (opened, max(opened, close), min(opened, close, low), close)
            builder.bar(began + MINUTE + SECOND, inst, began, MINUTE, bar, 10_000, flags=int(Flag.ASSUMED))
    for at, trades in zip(halt, (0, 1), strict=False):
        exch = START + round(at * SECOND)
        builder.row(exch, exch, 0, Kind.STATUS, qty=trades)
    block = builder.take()
    block.rows[...] = block.rows[np.argsort(block.rows["recv"], kind="stable")]
    return MemoryTape(Header("bar path", tuple(coins), assumed_clock=True, bar_only=True), (block,))
