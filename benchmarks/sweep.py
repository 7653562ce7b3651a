"""A moving-average-cross sweep here and in vectorbt: the same bars, combinations, fees and stop, by the clock.

Both give total return and trade count of every combination, from bars in memory. vectorbt runs in its own environment,
in chunks of combinations (at 1,000 at once it takes 11 to 14 GB); each chunk is one round, and ours does the whole
sweep before each. `ratio` is the median of the rounds' ratios of bar-combinations a second. The trades of the best one
are compared one by one: entry bar, exit bar, prices within half a tick, P&L within what that is worth.

    python benchmarks/sweep.py [--json] [--bars 500000] [--chunk 100] [--rounds 10]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from tickerml.config import from_mapping
from tickerml.lab.sweep_kernels import REASONS
from tickerml.run.setup import Setting, terms_of
from tickerml.run.strategies import choose
from tickerml.run.sweep_check import compared
from tickerml.run.sweep_ways import cores, fast
from tickerml.strategies.ma_cross import MaCross
from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MINUTE, ROW, SECOND, Flag, Kind
from tickerml.tape.tables import BAR
from tickerml.tape.tape import Header, MemoryTape

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from own_venv import peer_python

TICK, LOT = Decimal("0.01"), Decimal("0.00001")
FEES, STOP, STAKE, CASH = 0.0005, 0.02, 500, 10_000
FAST, SLOW = range(5, 55, 2), range(60, 260, 5)  # 25 x 40 bars


def walk(n: int) -> np.ndarray:
    """`n` minutes of a random walk as BAR records: each opens where the one before closed, 0.1 % a bar."""
    rng = np.random.Generator(np.random.PCG64(7))
    bars = np.zeros(n, BAR)
    bars["close"] = np.rint(4e6 * np.exp(np.cumsum(rng.standard_normal(n) * 0.001)))
    bars["open"] = np.concatenate(([4_000_000], bars["close"][:-1]))
    bars["high"] = np.maximum(bars["open"], bars["close"]) + rng.integers(0, 2000, n)
    bars["low"] = np.minimum(bars["open"], bars["close"]) - rng.integers(0, 2000, n)
    bars["open_time"] = 1_704_067_200 * SECOND + np.arange(n) * MINUTE
    bars["duration"], bars["volume"] = MINUTE, 10**9
    bars["buy_volume"] = bars["trades"] = bars["corrects"] = -1
    return bars


def tape_of(bars: np.ndarray) -> MemoryTape:
    """The bars as a tape, each received a second after its close."""
    rows = np.zeros(len(bars), ROW)
    rows["exch"] = bars["open_time"] + bars["duration"]
    rows["recv"] = rows["exch"] + SECOND
    rows["qty"], rows["price"], rows["ref"] = bars["volume"], bars["close"], np.arange(len(bars))
    rows["kind"], rows["flags"] = Kind.BAR, int(Flag.END) | int(Flag.ASSUMED)
    inst = Instrument(0, "binance-usdm", "BTC/USDT:USDT", "BTCUSDT", TICK, LOT, "BTC", "USDT", "USDT")
    return MemoryTape(Header("walk", (inst,), assumed_clock=True, bar_only=True), (Block(rows, bars=bars),))


class Ours:
    """Our sweep: a call is one whole sweep and gives its seconds."""

    def __init__(self, tape: MemoryTape, combos: list[tuple[int, int]]) -> None:
        self.tape = tape
        self.config = from_mapping(
            {"fees": {"taker": FEES}, "trading": {"slippage_bps": 0.0, "slippage_range": 0.0, "leverage": 10.0}}
        )
        self.setting = Setting(self.config, Decimal(CASH), 0, (), (True,), terms_of(self.config))
        self.strategies = [MaCross(fast=f, slow=s, stop=STOP, stake=STAKE, timeframe="1m") for f, s in combos]
        self.chosen = choose(self.strategies[0], self.config)
        self.trials: list[Any] = []
        self.way: Any = None

    def __call__(self) -> float:
        began = time.perf_counter()
        self.way = fast(self.chosen, self.strategies, self.tape, self.setting, cores())
        self.trials = list(self.way.trials(lambda _: False, range(len(self.strategies))))
        return time.perf_counter() - began


class Peer:
    """vectorbt in its own environment, held open."""

    def __init__(self, path: Path) -> None:
        command = [str(peer_python("vectorbt")), str(Path(__file__).parent / "peers" / "vbt_sweep.py"), str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self.answer()


def write(path: Path, bars: np.ndarray, combos: list[tuple[int, int]]) -> None:
    """What the peer is told: prices in quote, and the size that our desk buys at each open."""
    prices = {name: bars[name] * float(TICK) for name in ("open", "high", "low", "close")}
    lots = np.concatenate(([0], STAKE * 10**9 // (bars["close"][:-1] * round(TICK * LOT * 10**9)))) * float(LOT)
    lots[0] = float(LOT)
    fast, slow = np.array(combos).T
    np.savez(path, **prices, size=lots, fast=fast, slow=slow, fees=FEES, stop=STOP, cash=CASH)


def trades_equal(ours: Ours, best: int, theirs: dict[str, Any]) -> dict[str, Any]:
    """The trades of one combination, one by one; the last may be open still."""
    sweep = ours.way.sweeps[0]
    mine = sweep.trades(best, 1_000_000)
    half, tick, lot = float(TICK) / 2 + 1e-9, float(TICK), float(LOT)
    equal = 0
    for k, one in enumerate(mine[: len(theirs["pnl"])]):
        ended = REASONS[one["reason"]] != "end of data"
        size = one["lots"] * lot
        pnl = float(ours.way.machine.trader.books.wallets.amount(0, int(one["pnl"])))
        same = [
            one["entry_bar"] == theirs["entry_idx"][k],
            one["exit_bar"] == theirs["exit_idx"][k],
            abs(one["entry"] * tick - theirs["entry_price"][k]) < half,
            abs(one["exit"] * tick - theirs["exit_price"][k]) < half,
            abs(size - theirs["size"][k]) < lot / 2,
            not ended or abs(pnl - theirs["pnl"][k]) < size * 2 * half + 1e-6,
        ]
        equal += all(same)
        if not all(same) and os.environ.get("SHOW"):
            print(k, one, {n: v[k] for n, v in theirs.items()}, same, file=sys.stderr)
    return {"trades": len(mine), "vectorbt_trades": len(theirs["pnl"]), "trades_equal": equal}


def measure(bars_count: int, chunk: int, rounds: int) -> dict[str, Any]:
    """All rounds, and what was found equal."""
    bars, combos = walk(bars_count), [(f, s) for f in FAST for s in SLOW]
    ours = Ours(tape_of(bars), combos)
    ours()  # compiles
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "bars.npz", bars, combos)
        peer = Peer(Path(folder) / "bars.npz")
        rates, returns, trades, peer_rss = [], [], [], 0
        for low in range(0, min(len(combos), chunk * rounds), chunk):
            mine = len(combos) * bars_count / ours()
            found = peer.ask(f"run {low} {min(low + chunk, len(combos))}")
            rates.append((mine, len(found["trades"]) * bars_count / found["seconds"]))
            returns += found["returns"]
            trades += found["trades"]
            peer_rss = max(peer_rss, found["rss_mb"])
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # before the check below runs the engine
        best = max(range(len(trades)), key=lambda k: ours.trials[k].pnl)
        same = trades_equal(ours, best, peer.ask(f"trades {best}"))
    rate = np.array(rates)
    ratios = rate[:, 0] / rate[:, 1]
    counts = sum(t.trades == n for t, n in zip(ours.trials, trades, strict=False))
    off = max(abs(float(t.pnl) / CASH - r) for t, r in zip(ours.trials, returns, strict=False))
    checked = compared(choose(ours.strategies[best], ours.config), ours.tape, ours.setting, ours.way, best)
    return {
        "bar_combos_per_s": round(float(np.median(rate[:, 0]))),
        "vectorbt_bar_combos_per_s": round(float(np.median(rate[:, 1]))),
        "ratio": round(float(np.median(ratios)), 1),
        "rss_mb": rss,
        "ratio_min": round(float(ratios.min()), 1),
        "rounds_ratio": [round(float(r), 1) for r in ratios],
        "vectorbt_rss_mb": peer_rss,
        "vectorbt_chunk": chunk,
        "combos": len(combos),
        "compared": len(trades),
        "bars": bars_count,
        "cores": cores(),
        "same_trade_count": counts,
        "largest_return_difference": float(f"{off:.2g}"),
        "best": {"fast": combos[best][0], "slow": combos[best][1]},
        **same,
        "engine_trades": checked.engine,
        "engine_trades_equal": checked.equal,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bars", type=int, default=500_000)
    parser.add_argument("--chunk", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    found = measure(args.bars, args.chunk, args.rounds)
    print(json.dumps(found) if args.json else "\n".join(f"{k:<28}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
