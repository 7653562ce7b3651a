"""Ten instruments on three venues, interleaved, against one instrument: rows a second of the quoter, CPU time.

Both tapes have the same number of rows and lie in memory; every instrument is quoted. ratio = rows/s of the ten over
rows/s of the one.

    python benchmarks/many.py [--json] [--rows 5000000] [--repeat 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from quoter import LOT, TICK, setting

from tickerml.engine.machine import drive
from tickerml.run.setup import build
from tickerml.run.strategies import choose
from tickerml.strategies import quoter
from tickerml.tape.importers import hftbacktest
from tickerml.tape.importers.options import Options
from tickerml.tape.merge import MergedTape
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape, Tape

HERE = Path(__file__).parent
VENUES = ("binance-usdm", "bybit", "okx")
INSTRUMENTS = 10


def market(folder: Path, rows: int, seed: int, venue: str, symbol: str) -> Tape:
    """A seeded synthetic instrument."""
    events = folder / f"{seed}-{rows}.npz"
    command = [sys.executable, HERE / "peers" / "synth_npz.py", events, "--rows", rows, "--seed", seed]
    subprocess.run(list(map(str, command)), check=True)
    options = Options(symbol=symbol, venue=venue, tick=Decimal(TICK), lot=Decimal(LOT))
    return hftbacktest.read(events, options)


def held(tape: Tape) -> MemoryTape:
    """The tape in memory, in its own blocks."""
    return MemoryTape(tape.header, tuple(tape.blocks()))


def rate(tape: MemoryTape, repeat: int) -> tuple[float, int]:
    """Rows a second of CPU time (median) and fills."""
    one = replace(setting(oracle=True), bar_only=(False,) * len(tape.header.instruments))
    seconds, fills = [], 0
    for _ in range(repeat + 1):
        machine = build([choose(quoter.Params(), one.config)], tape.header, one, lambda block: None)
        started = time.process_time()
        drive(machine, tape.blocks())
        seconds.append(time.process_time() - started)
        fills = machine.outbox.counts[int(Kind.FILL)]
    return len(tape) / statistics.median(seconds[1:]), fills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone, alone_fills = rate(held(market(folder, args.rows, 7, VENUES[0], "BTC/USDT:USDT")), args.repeat)
        each = [
            market(folder, args.rows // INSTRUMENTS, 20 + n, VENUES[n % len(VENUES)], f"C{n}/USDT:USDT")
            for n in range(INSTRUMENTS)
        ]
        tape = held(MergedTape(each))
        together, fills = rate(tape, args.repeat)
    found = {
        "ratio": round(together / alone, 3),
        "rows_per_s": round(together),
        "alone_rows_per_s": round(alone),
        "rows": len(tape),
        "fills": fills,
        "alone_fills": alone_fills,
    }
    print(json.dumps(found) if args.json else "\n".join(f"{k:<20}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
