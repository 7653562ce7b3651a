"""Ten instruments on three venues, interleaved, against one instrument: rows a second of the quoter, CPU time.

Both tapes have the same number of rows and lie in memory; every instrument is quoted. ratio = rows/s of the ten over
rows/s of the one, the median of rounds in which both have their turn.

    python benchmarks/many.py [--json] [--rows 5000000] [--rounds 11]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from quoter import LOT, QUOTER, TICK, in_turn, setting, unhurried

from tickerml.engine.machine import drive
from tickerml.run.setup import build
from tickerml.run.strategies import choose
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


class Quoting:
    """The quoter on all instruments of a tape: a call is one run and gives its CPU seconds."""

    def __init__(self, tape: MemoryTape) -> None:
        self.tape, self.fills = tape, 0
        self.setting = replace(setting(oracle=True), bar_only=(False,) * len(tape.header.instruments))

    def __call__(self) -> float:
        one = self.setting
        machine = unhurried(build([choose(QUOTER, one.config)], self.tape.header, one, lambda block: None))
        started = time.process_time()
        drive(machine, self.tape.blocks())
        took = time.process_time() - started
        self.fills = machine.outbox.counts[int(Kind.FILL)]
        return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=11, help="turns of each, compared within a round")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = Quoting(held(market(folder, args.rows, 7, VENUES[0], "BTC/USDT:USDT")))
        each = [
            market(folder, args.rows // INSTRUMENTS, 20 + n, VENUES[n % len(VENUES)], f"C{n}/USDT:USDT")
            for n in range(INSTRUMENTS)
        ]
        together = Quoting(held(MergedTape(each)))
    seconds = in_turn([together, alone], args.rounds)
    rates = len(together.tape) / seconds[:, 0], len(alone.tape) / seconds[:, 1]
    found = {
        "ratio": round(float(np.median(rates[0] / rates[1])), 3),
        "rounds_ratio": [round(float(x), 3) for x in np.percentile(rates[0] / rates[1], (0, 25, 75, 100))],
        "rows_per_s": round(float(np.median(rates[0]))),
        "alone_rows_per_s": round(float(np.median(rates[1]))),
        "rows": len(together.tape),
        "fills": together.fills,
        "alone_fills": alone.fills,
    }
    print(json.dumps(found) if args.json else "\n".join(f"{k:<20}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
