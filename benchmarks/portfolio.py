"""Seven months of 32 coins' 5m candles through DCA, Swing and Channel under one manager, as a user runs it.

The command line itself, in a process of its own: desk, ledger in SQLite, journal, summary and report included. The
candles are in the store of the cache before (`import_s`: how long that takes the first time), and the kernels compiled.

    python benchmarks/portfolio.py [--json] [--rounds 3] [--profile FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("TICKERML_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CANDLES = DATA / "candles" / "binance_spot_5m_2024"
SPAN = "20240101-20240801"
LATER = "TONUSDT"  # listed after the seven months


def pairs() -> list[str]:
    """The 32 coins, as the venue spells them."""
    return sorted(file.stem for file in CANDLES.glob("*.parquet") if file.stem != LATER)


def run(folder: Path, *, profile: Path | None = None) -> tuple[float, dict[str, Any]]:
    """Seconds by the clock of one backtest, and what it printed."""
    words = ["backtest", "--source", str(CANDLES), "--timerange", SPAN, "--pairs", ",".join(pairs())]
    words += ["-s", "dca", "-s", "swing", "-s", "channel", "--ledger", "--run-dir", str(folder), "--json"]
    words += ["--no-leak-check"]
    started = ["-m", "cProfile", "-o", str(profile), "-m", "tickerml"] if profile else ["-m", "tickerml"]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *started, *words], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return seconds, found


def measure(rounds: int) -> dict[str, Any]:
    """All rounds; the median counts."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        first, _ = run(place / "first")
        walls, found = [], {}
        for k in range(rounds):
            wall, found = run(place / f"run{k}")
            walls.append(wall)
        newest = place / f"run{rounds - 1}"
        manifest = json.loads((newest / "run.json").read_text())
        tables = next(iter(sorted(place.glob("**/ledger.sqlite"))), None)
        told = 0
        if tables is not None:
            with sqlite3.connect(tables) as database:
                told = database.execute("select count(*) from trade_decisions").fetchone()[0]
        report = (newest / "report.html").stat().st_size
    return {
        "wall_s": round(statistics.median(walls), 2),
        "bars": int(manifest["rows"]),
        "trades": int(found["trades"]),
        "rounds_s": [round(wall, 2) for wall in walls],
        "first_s": round(first, 2),
        "run_s": manifest["seconds"],
        "run_cpu_s": manifest["cpu_seconds"],
        "coins": len(pairs()),
        "decisions_in_ledger": told,
        "report_bytes": report,
        "rss_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "cores": os.cpu_count(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", type=Path, help="run it once under cProfile, write its figures here and stop")
    args = parser.parse_args()
    if args.profile is not None:
        with tempfile.TemporaryDirectory() as folder:
            seconds, _ = run(Path(folder) / "run", profile=args.profile)
        print(f"{seconds:.1f} s under the profiler; read it with python -m pstats {args.profile}")
        return
    found = measure(args.rounds)
    print(json.dumps(found) if args.json else "\n".join(f"{k:<22}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
