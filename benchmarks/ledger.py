"""What keeping the ledger costs a run: the same runs with and without it, in turns, by the clock and in CPU time.

The command line itself, each run in a process of its own: compiled quotes and Python setups on the made-up market, and
Swing, DCA and Channel on two months of 5m candles where they are there. The ledger is SQLite, in the run's folder. Of a
run without the ledger and one beside it the ratio of seconds counts; `overhead` is the median of the worse run.

    python benchmarks/ledger.py [--json] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("TICKERML_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CANDLES = DATA / "candles" / "binance_spot_5m_2024"
RUNS = {
    "setups": ["--source", "synthetic", "-s", "psc"],
    "bars": [
        *("--source", str(CANDLES), "--timerange", "20240101-20240301", "-s", "dca", "-s", "swing", "-s", "channel"),
        "--no-leak-check",
    ],
}


def run(words: list[str], folder: Path, ledger: bool) -> dict[str, Any]:
    """The manifest of one backtest, whose seconds leave compiling out and take in writing the ledger to its end."""
    command = [sys.executable, "-m", "tickerml", "backtest", *words, "--run-dir", str(folder), "--json"]
    command += ["--ledger" if ledger else "--no-ledger"]
    began = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended = os.times()
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    spent = ended.children_user + ended.children_system - began.children_user - began.children_system
    return {"wall": ended.elapsed - began.elapsed, "cpu": spent, **json.loads((folder / "run.json").read_text())}


def written(folder: Path) -> int:
    """Rows in the ledger's tables."""
    tables = next(iter(sorted(folder.glob("**/ledger.sqlite"))))
    with sqlite3.connect(tables) as database:
        names = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        return sum(int(database.execute(f'select count(*) from "{name}"').fetchone()[0]) for (name,) in names)


def measure(words: list[str], rounds: int) -> dict[str, Any]:
    """One kind of run: both ways in turns."""
    walls, cpus, rows, alone = [], [], 0, []
    with tempfile.TemporaryDirectory() as place:
        run(words, Path(place) / "warm", ledger=True)
        for k in range(rounds):
            ways = {ledger: run(words, Path(place) / f"{k}-{ledger}", ledger) for ledger in (bool(k % 2), not k % 2)}
            walls.append(ways[True]["wall"] / ways[False]["wall"])
            cpus.append(ways[True]["cpu"] / ways[False]["cpu"])
            alone.append(ways[False]["wall"])
            if ways[True]["decision_hash"] != ways[False]["decision_hash"]:
                raise SystemExit("the ledger has changed what was decided")
        rows = written(Path(place) / "0-True")
    return {
        "overhead": round(statistics.median(walls) - 1, 3),
        "cpu_overhead": round(statistics.median(cpus) - 1, 3),
        "rounds": [round(ratio, 3) for ratio in walls],
        "alone_s": round(statistics.median(alone), 2),
        "ledger_rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=sorted(RUNS), help="one kind of run alone")
    args = parser.parse_args()
    chosen = [name for name in RUNS if args.only in (None, name) and (name != "bars" or CANDLES.is_dir())]
    found = {name: measure(RUNS[name], args.rounds) for name in chosen}
    told = {"overhead": max(one["overhead"] for one in found.values()), **found}
    print(json.dumps(told) if args.json else "\n".join(f"{k:<12}{v}" for k, v in told.items()))


if __name__ == "__main__":
    main()
