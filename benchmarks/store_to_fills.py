"""A Parquet store to the quoter's fills, end to end on one core: CPU time, the store read anew each time.

The 5 M row synthetic market is imported to a store first (almost every row is a message of its own there, which is the
dearest to read). Each run asks the system to drop the store's files from the page cache, opens the store, builds the
machine that `backtest` builds and drives it to the end. Counted is the CPU time, user and system, of all threads of the
process, on one core: manifest, reading and checking files, Parquet, decoding, the venue, the quoter, its orders and
their answers, every row that the run makes and the hash of its decisions; until the last fill is known and kept. Not
counted: start of the process, loading compiled kernels, and what `tickerml backtest` does besides: a look at the first
rows for books, hashing its source, the journal on disk, the report and its waterfall.

    python benchmarks/store_to_fills.py [--json] [--rows 5000000] [--repeat 5]
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
from decimal import Decimal
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"  # read when polars is imported

from quoter import LOT, QUOTER, TICK, setting, unhurried

from tickerml.engine.machine import drive
from tickerml.run.setup import build
from tickerml.run.sources import import_paths
from tickerml.run.strategies import choose
from tickerml.tape.block import Block
from tickerml.tape.importers.options import Options
from tickerml.tape.rows import Kind, Rows
from tickerml.tape.store import StoredTape

HERE = Path(__file__).parent


def made_store(folder: Path, rows: int) -> Path:
    """The synthetic market of `rows` rows, as a store."""
    events = folder / "synthetic.npz"
    command = [sys.executable, HERE / "peers" / "synth_npz.py", events, "--rows", rows]
    subprocess.run(list(map(str, command)), check=True)
    options = Options(symbol="BTC/USDT:USDT", venue="binance-usdm", tick=Decimal(TICK), lot=Decimal(LOT))
    import_paths([events], folder / "store", options=options)
    return folder / "store"


def forget(store: Path) -> None:
    """Drop the store's files from the page cache, where the system can."""
    for path in store.rglob("*"):
        if path.is_file() and hasattr(os, "posix_fadvise"):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def once(store: Path) -> tuple[float, int, int]:
    """CPU seconds, rows and fills of one run."""
    forget(store)
    fills: list[Rows] = []

    def keep(made: Block) -> None:
        """What the run makes goes to the journal in `backtest`; here its fills are kept."""
        fills.append(made.rows[made.rows["kind"] == Kind.FILL])

    started = time.process_time()
    tape, one = StoredTape(store), setting(oracle=False)
    machine = unhurried(build([choose(QUOTER, one.config)], tape.header, one, keep))
    rows = drive(machine, tape.blocks())
    return time.process_time() - started, rows, sum(map(len, fills))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        store = made_store(Path(folder), args.rows)
        runs = [once(store) for _ in range(args.repeat + 1)][1:]  # the first one loads the kernels
    seconds, (_, rows, fills) = statistics.median(one[0] for one in runs), runs[0]
    found = {"rows_per_s": round(rows / seconds), "rows": rows, "fills": fills, "cpu_s": round(seconds, 3)}
    print(json.dumps(found) if args.json else f"{rows:,} rows to {fills:,} fills: {rows / seconds:,.0f} rows/s")


if __name__ == "__main__":
    main()
