"""Writes the synthetic 5 M row market in hftbacktest's format: seeded, one instrument, the book never crossed.

    python benchmarks/peers/synth_npz.py OUT.npz [--rows 5000000] [--seed 7]

Ticks of 0.1, lots of 0.001, about 763 rows a second, 6.4 % trades, level updates within 50 ticks of the touch, feed
latency log-normal with a median of 3.3 ms. All times are ns; `exch_ts` never runs backwards, `local_ts` neither.
"""

from __future__ import annotations

import argparse

import numpy as np
from numba import njit

EVENT = np.dtype(
    [
        ("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8"), ("order_id", "u8"),
        ("ival", "i8"), ("fval", "f8"),
    ],
    align=True,
)  # fmt: skip
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
TICK, LOT = 0.1, 0.001
START = 1_700_000_000_000_000_000


@njit(cache=True)
def walk(n, seed, kinds, sides, ticks, lots):
    """Kind (1 level, 2 trade), side, tick and lots of each row, from a book kept on arrays around a moving mid."""
    np.random.seed(seed)
    size = 1 << 16
    base = 600_000 - size // 2
    bids = np.zeros(size, np.int64)
    asks = np.zeros(size, np.int64)
    bid = 600_000
    ask = 600_001
    k = 0
    for d in range(50):
        bids[bid - d - base] = np.random.randint(1, 5_000)
        asks[ask + d - base] = np.random.randint(1, 5_000)
        kinds[k], sides[k], ticks[k], lots[k] = 1, 1, bid - d, bids[bid - d - base]
        kinds[k + 1], sides[k + 1], ticks[k + 1], lots[k + 1] = 1, -1, ask + d, asks[ask + d - base]
        k += 2
    while k < n:
        side = 1 if np.random.random() < 0.5 else -1
        u = np.random.random()
        if u < 0.0694:  # a trade at the touch, and the level after it
            tick = ask if side > 0 else bid
            have = asks[tick - base] if side > 0 else bids[tick - base]
            q = min(have, int(np.exp(np.random.normal(4.0, 1.5))) + 1)
            kinds[k], sides[k], ticks[k], lots[k] = 2, side, tick, q
            k += 1
            if k == n:
                break
            left = have - q
            book_side, tick2, q2 = -side, tick, left
        else:
            book_side = side
            distance = int(np.random.exponential(8.0))
            if distance > 49:
                distance = 49
            inside = np.random.random() < 0.02 and ask - bid > 1
            away = -1 if inside else distance
            tick2 = bid - away if book_side > 0 else ask + away
            q2 = 0 if np.random.random() < 0.25 and not inside else np.random.randint(1, 5_000)
        i = tick2 - base
        if i < 100 or i > size - 100:
            break
        if book_side > 0:
            bids[i] = q2
            if q2 > 0 and tick2 > bid:
                bid = tick2
            while bids[bid - base] == 0:
                bid -= 1
        else:
            asks[i] = q2
            if q2 > 0 and tick2 < ask:
                ask = tick2
            while asks[ask - base] == 0:
                ask += 1
        kinds[k], sides[k], ticks[k], lots[k] = 1, book_side, tick2, q2
        k += 1
        if ask - bid > 10 and k < n:  # keep the spread: the thinner side quotes inside
            tick3 = bid + 1 if np.random.random() < 0.5 else ask - 1
            if tick3 == bid + 1:
                bid = tick3
                bids[bid - base] = np.random.randint(1, 5_000)
                kinds[k], sides[k], ticks[k], lots[k] = 1, 1, bid, bids[bid - base]
            else:
                ask = tick3
                asks[ask - base] = np.random.randint(1, 5_000)
                kinds[k], sides[k], ticks[k], lots[k] = 1, -1, ask, asks[ask - base]
            k += 1
    return k


def make(rows: int, seed: int) -> np.ndarray:
    """The events, in order of both stamps (so each carries the exchange's and the receiver's flag)."""
    kinds, sides = np.zeros(rows, np.int8), np.zeros(rows, np.int8)
    ticks, lots = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    n = walk(rows, seed, kinds, sides, ticks, lots)
    kinds, sides, ticks, lots = kinds[:n], sides[:n], ticks[:n], lots[:n]
    rng = np.random.default_rng(seed)
    events = np.zeros(n, EVENT)
    gaps = rng.exponential(1e9 / 763, n).astype(np.int64) + 1
    gaps[:100] = 0  # the opening book is one message
    events["exch_ts"] = START + np.cumsum(gaps)
    latency = np.exp(rng.normal(np.log(3.3e6), 0.6, n)).astype(np.int64)
    latency[:100] = 3_300_000
    events["local_ts"] = np.maximum.accumulate(events["exch_ts"] + latency)
    kind = np.where(kinds == 2, TRADE, DEPTH).astype(np.uint64)
    kind[:100] = SNAPSHOT
    side = np.where(sides > 0, BUY, SELL).astype(np.uint64)
    events["ev"] = kind | side | np.uint64(EXCH | LOCAL)
    events["px"] = np.round(ticks * TICK, 1)
    events["qty"] = np.round(lots * LOT, 3)
    start = events[:1].copy()
    start["ev"] = CLEAR | EXCH | LOCAL  # the opening book replaces whatever was there
    start["px"] = start["qty"] = 0
    return np.concatenate([start, events])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    events = make(args.rows, args.seed)
    np.savez(args.out, data=events)
    trades = float(np.mean((events["ev"] & 0xFF) == TRADE))
    seconds = (events["exch_ts"][-1] - events["exch_ts"][0]) / 1e9
    print(f"{len(events)} rows, {seconds:.0f} s, {100 * trades:.1f} % trades")


if __name__ == "__main__":
    main()
