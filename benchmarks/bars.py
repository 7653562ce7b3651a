"""One strategy on one pair's bars, against backtesting.py and backtrader in the same run: bars a second of CPU time.

A moving-average cross with a stop on a random walk of minutes. Ours is the engine as it trades: folds, detector, desk
with all its controls, simulated venue with latency, books, BALANCE rows and decision hash; what it makes goes into
memory. The peers run from a frame in memory, each in an environment of its own. Rounds alternate; medians count.

Twice: with means of 20 and 100 bars, which trade every 150 bars, and as `seldom_...` with means ten times as long,
which still trade more often than the strategies of this program do (once in 2,500 bars of 5 minutes on 32 coins).

    python benchmarks/bars.py [--json] [--bars 50000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from sweep import tape_of, walk

from tickerml.config import from_mapping
from tickerml.engine.machine import drive
from tickerml.run.setup import Setting, build, terms_of
from tickerml.run.strategies import choose
from tickerml.run.sweep_alone import alone
from tickerml.strategies.ma_cross import MaCross
from tickerml.tape.block import Block
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from own_venv import peer_python

PEERS = ("backtesting", "backtrader")
STOP, STAKE, FEES, CASH = 0.02, 500, 0.0005, 10_000
OFTEN, SELDOM = (20, 100), (200, 1000)


class Ours:
    """The engine: a call is one whole run and gives its seconds."""

    def __init__(self, tape: MemoryTape, fast: int, slow: int) -> None:
        self.tape, self.fast, self.slow = tape, fast, slow
        config = from_mapping({"fees": {"taker": FEES}, "trading": {"slippage_bps": 0.0, "slippage_range": 0.0}})
        setting = Setting(config, Decimal(CASH), 0, (), (True,), terms_of(config))
        self.setting = alone(setting)  # every control is asked, none forbids what the peers would trade
        self.trades = 0

    def __call__(self) -> float:
        strategy = MaCross(fast=self.fast, slow=self.slow, stop=STOP, stake=STAKE, timeframe="1m")
        made: list[Block] = []
        began = time.process_time()
        machine = build([choose(strategy, self.setting.config)], self.tape.header, self.setting, made.append)
        drive(machine, self.tape.blocks())
        seconds = time.process_time() - began
        self.trades = sum(int((block.rows["kind"] == Kind.SETTLED).sum()) for block in made)
        return seconds


class Peer:
    """A peer in its own environment, held open."""

    def __init__(self, name: str, path: Path) -> None:
        script = Path(__file__).parent / "peers" / f"bars_{name}.py"
        command = [str(peer_python(name)), "-W", "ignore", str(script), str(path)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def run(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        print("run", file=self.process.stdin, flush=True)
        return self.answer()


def measure(count: int, rounds: int, fast: int, slow: int) -> dict[str, Any]:
    """All rounds of one pair of means."""
    bars = walk(count)
    ours = Ours(tape_of(bars), fast, slow)
    ours()  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *PEERS)}
    trades = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.npz"
        prices = {name: bars[name] * 0.01 for name in ("open", "high", "low", "close")}
        np.savez(path, **prices, cash=CASH, fees=FEES, stop=STOP, stake=STAKE, fast=fast, slow=slow)
        peers = {name: Peer(name, path) for name in PEERS}
        for _ in range(rounds):
            seconds["ours"].append(ours())
            for name, peer in peers.items():
                found = peer.run()
                seconds[name].append(found["seconds"])
                trades[name] = found["trades"]
    rate = {name: count / statistics.median(taken) for name, taken in seconds.items()}
    ratios = {name: [a / b for a, b in zip(seconds[name], seconds["ours"], strict=True)] for name in PEERS}
    return {
        "bars_per_s": round(rate["ours"]),
        **{f"{name}_bars_per_s": round(rate[name]) for name in PEERS},
        **{f"ratio_{name}": round(statistics.median(ratios[name]), 1) for name in PEERS},
        **{f"rounds_{name}": [round(one, 1) for one in ratios[name]] for name in PEERS},
        "trades": ours.trades,
        **{f"{name}_trades": trades[name] for name in PEERS},
        "bars": count,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bars", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    seldom = {f"seldom_{name}": one for name, one in measure(args.bars, args.rounds, *SELDOM).items()}
    found = measure(args.bars, args.rounds, *OFTEN) | seldom
    print(json.dumps(found) if args.json else "\n".join(f"{k:<36}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
