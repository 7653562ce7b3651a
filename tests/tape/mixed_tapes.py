"""Small tapes with every kind of row, made from a seed: for tests of the store, merging and windows."""

from __future__ import annotations

import itertools
from decimal import Decimal

import numpy as np

from tickerml.tape.build import Builder
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY, Flag, Kind
from tickerml.tape.tape import Header, MemoryTape

START = 1_704_067_200_000_000_000  # 2024-01-01 UTC


def coin(number: int, base: str = "BTC", venue: str = "binance") -> Instrument:
    return Instrument(
        number, venue, f"{base}/USDT", f"{base}USDT", Decimal("0.01"), Decimal("0.001"), base, "USDT", "USDT"
    )


def mixed_builder(seed: int, messages: int, bases: list[str], *, start: int = START, span: int = 3 * DAY) -> Builder:
    rng = np.random.default_rng(seed)
    b = Builder()
    for i, base in enumerate(bases):
        b.instrument(start, coin(i, base))
    for k, recv in enumerate(np.sort(rng.integers(start, start + span, messages)).tolist()):
        inst, mid = int(rng.integers(len(bases))), 100_000 + int(rng.integers(-500, 500))
        exch = recv - int(rng.integers(10**6, 10**8))
        match int(rng.integers(9)):
            case 0:
                levels = [(mid - j, int(rng.integers(0, 5000))) for j in range(int(rng.integers(1, 9)))]
                b.depth(recv, exch, inst, levels, [(mid + 3, 7)], (k * 10 + 1, k * 10 + 9, k * 10))
            case 1:
                b.depth(
                    recv, 0, inst, [(mid, 5), (mid - 2, 1 << 40)], [(mid + 1, 2)], (0, k * 10 + 9, 0), snapshot=True
                )
            case 2:
                b.bbo(recv, 0, inst, (mid, 5), (mid + 1, 9), k * 10 + 5)
            case 3:
                b.bar(recv, inst, recv - DAY, DAY, (mid, mid + 9, mid - 9, mid + 1), 12345, trades=3)
            case 4:
                b.value(recv, exch, inst, ("funding", "mark")[k % 2], float(rng.normal()))
            case 5:
                b.row(recv, exch, inst, Kind.GAP, qty=4)
            case 6:
                b.blob(recv, -1, Kind.COMMAND, b'{"k":%d}' % k)
            case 7:
                b.row(
                    recv,
                    exch,
                    inst,
                    Kind.CLOCK,
                    side=int(rng.integers(3)),
                    qty=-(10**9),
                    flags=Flag.END | Flag.ESTIMATED,
                )
            case _:
                b.row(recv, exch, inst, Kind.TRADE, side=1 - 2 * (k % 2), price=mid, qty=int(rng.integers(1, 99)))
    return b


def mixed_tape(
    seed: int = 1, messages: int = 400, bases: tuple[str, ...] = ("BTC", "ETH", "TON"), **spread: int
) -> MemoryTape:
    """A tape of several blocks with every kind of row that a market makes."""
    b = mixed_builder(seed, messages, list(bases), **spread)
    block = b.take()
    header = Header(f"mixed {seed}", tuple(coin(i, base) for i, base in enumerate(bases)), b.names)
    return MemoryTape(header, tuple(cut_in(block, 5)))


def cut_in(block, n):
    from tickerml.tape.build import cut

    ends = np.flatnonzero(block.rows["flags"] & Flag.END) + 1
    marks = [0, *(int(ends[i * len(ends) // n]) for i in range(1, n)), len(block)]
    return [cut(block, a, b) for a, b in itertools.pairwise(marks)]
