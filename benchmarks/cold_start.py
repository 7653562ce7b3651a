"""From the start of a process to the first decision of the quoter: kernels cached, and with an empty cache.

Each try is a process of its own with its own TICKERML_CACHE, which opens a store, builds the machine that `backtest`
builds and drives it until the quoter has decided. Counted is the CPU time of that process from its start, interpreter
and imports included, since other work on the machine must not change it; the time by the clock stands beside it.

    python benchmarks/cold_start.py [--json] [--repeat 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = """
import sys, time
from dataclasses import replace
from decimal import Decimal
from tickerml.config import Config
from tickerml.run.setup import Setting, build, terms_of
from tickerml.run.strategies import choose
from tickerml.tape.store import StoredTape
from tickerml.engine.machine import pieces

tape, config = StoredTape(sys.argv[1]), Config()
setting = Setting(config, Decimal(1_000_000), terms=terms_of(config), bar_only=(False,))
machine = build([choose("quoter", config)], tape.header, setting, lambda block: None, held=0)
for block in pieces(tape.blocks(), 2048):
    machine.push(block)
    if machine.outbox.decisions:
        break
assert machine.outbox.decisions, "the quoter decided nothing"
print(time.process_time())
"""


BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Python's own cache of what it has read, as an installed program has it; the first try of all makes it."""


def once(store: Path, cache: Path) -> tuple[float, float]:
    """CPU seconds and seconds by the clock of one process."""
    started = time.monotonic()
    environment = {**os.environ, "TICKERML_CACHE": str(cache), **BYTECODE, "PYTHONPYCACHEPREFIX": f"{cache.parent}/py"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(store)], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout), time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    from store_to_fills import made_store

    with tempfile.TemporaryDirectory() as name:
        store = made_store(Path(name), 60_000)
        empty = [once(store, Path(name) / f"cache{n}") for n in range(args.repeat)]
        cached = [once(store, Path(name) / "cache0") for _ in range(args.repeat + 1)][1:]
    warm, fresh = (tuple(zip(*runs, strict=True)) for runs in (cached, empty))
    found = {
        "cached_s": round(statistics.median(warm[0]), 3),
        "empty_cache_s": round(statistics.median(fresh[0]), 3),
        "cached_clock_s": round(statistics.median(warm[1]), 3),
        "empty_cache_clock_s": round(statistics.median(fresh[1]), 3),
    }
    print(json.dumps(found) if args.json else "\n".join(f"{k:<22}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
