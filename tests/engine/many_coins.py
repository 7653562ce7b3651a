"""A made market of many coins whose touch moves at each message: a quoter replaces every order at every wake."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from bar_path_tape import START, coin

from tickerml.tape.build import Builder
from tickerml.tape.rows import MILLISECOND
from tickerml.tape.tape import Header, MemoryTape

STEP = 100 * MILLISECOND


def many(coins, seconds):
    """A message of each coin at each STEP; the touch goes to and fro by five ticks."""
    found = tuple(replace(coin(0), id=k, symbol=f"C{k}/USDT:USDT", raw=f"C{k}USDT", base=f"C{k}") for k in range(coins))
    builder = Builder()
    for one in found:
        builder.instrument(START, one)
    for n in range(round(seconds * 10)):
        at, mid, before = START + n * STEP, 10_000 + n % 2 * 5, 10_000 + (n - 1) % 2 * 5
        gone = [0] if n else []
        bids = [(mid - 1, 500), *((before - 1, lots) for lots in gone)]
        asks = [(mid + 1, 500), *((before + 1, lots) for lots in gone)]
        for k in range(coins):
            builder.depth(at + MILLISECOND, at, k, sorted(bids), sorted(asks), snapshot=n == 0)
    block = builder.take()
    block.rows[...] = block.rows[np.argsort(block.rows["recv"], kind="stable")]
    return MemoryTape(Header("many", found), (block,))
