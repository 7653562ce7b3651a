"""Memory while trading a tape 10 times longer: peak of the process's resident memory, PSC and quoter side by side.

Each run is a process of its own that does what `backtest` does up to the end of its tape, journal included, on the
synthetic market, which is made while it is read. ratio = peak of the long tape over peak of the short one.

    python benchmarks/memory.py [--json] [--minutes 20]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import resource, sys
from decimal import Decimal
from pathlib import Path
from tickerml.config import Config
from tickerml.run.drive import job_of, record
from tickerml.run.sources import open_source

tape = open_source("synthetic:calm:7", minutes=int(sys.argv[2]))
named = {"seed": 0, "run_dir": Path(sys.argv[3]), "mode": "backtest"}
job = job_of(sys.argv[1], tape, config=Config(), cash=Decimal(10_000), **named)
manifest = record(job, sync_orders=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, manifest["rows"])
"""


def peak(strategy: str, minutes: int, folder: Path) -> tuple[int, int]:
    """Peak resident memory (KiB on Linux) and rows of one run."""
    command = [sys.executable, "-c", CHILD, strategy, str(minutes), str(folder / f"{strategy}{minutes}")]
    memory, rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(memory), int(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--minutes", type=int, default=20)
    args = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for strategy in ("psc", "quoter"):
            peak(strategy, 1, Path(name))  # compiles, which takes memory of its own
            short, few = peak(strategy, args.minutes, Path(name))
            long, many = peak(strategy, 10 * args.minutes, Path(name))
            found[strategy] = {"ratio": round(long / short, 3), "rows": [few, many], "peak_kib": [short, long]}
    found["ratio"] = max(one["ratio"] for one in found.values())
    print(json.dumps(found) if args.json else "\n".join(f"{k:<8}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
