"""Rows a second of the feature folds in the loop that trades (CPU time on one core, median).

core: book, OFI, microprice and queue imbalance over the synthetic tape of 5 M rows that the quoter is measured on.
market: the same over the built-in market, whose touch moves far more often than a real one's, with 16 times fewer rows
a second. full: every fold of the features folder over the real USD-M BTC session. All run `fold_rows` of the module
that `Tape.columns` folds with, the one that `engine.wire` writes for a plan of these features.

    python benchmarks/features.py [--json] [--rows N]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tickerml.engine.core import CORE, CURSOR
from tickerml.engine.marks import MARK
from tickerml.engine.plan import Plan
from tickerml.engine.wire import module_for
from tickerml.features.catalog import families
from tickerml.run.research import research_plan
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.block import Block, concat
from tickerml.tape.instruments import Instrument
from tickerml.tape.ladder import new_ladders
from tickerml.tape.params import instrument_record, params_dtype, params_record
from tickerml.tape.rows import FOREVER
from tickerml.tape.tape import Tape
from tickerml.venues.captures import open_captures

sys.path.insert(0, str(Path(__file__).parent))
from quoter import synthetic_events, whole

RUNS = 7
ROWS = 5_000_000
CORE_FEATURES = ("ofi", "microprice", "queue_imbalance")
FILE = "l2/binance_raw_20240808/usdm/btcusdt_20240808.gz"


def real_file() -> Path:
    """The real USD-M BTC session: TICKERML_DATA, else ../shared/data beside the repository."""
    named = os.environ.get("TICKERML_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder / FILE


def first_rows(tape: Tape, n: int) -> Block:
    """The first blocks of a tape, until they hold `n` rows."""
    blocks, held = [], 0
    for block in tape.blocks():
        blocks.append(block)
        held += len(block)
        if held >= n:
            break
    return concat(blocks)


def all_features() -> list[str]:
    """One name of each family: every fold runs, and a fold writes all its fields."""
    return [next(iter(module.FIELDS)) for module in families().values()]


def cpu_seconds(names: Sequence[str], block: Block, instruments: Sequence[Instrument]) -> float:
    """CPU seconds of one pass over the block, median of RUNS after a first one that compiles or loads the kernels."""
    plan = research_plan(names)
    fold_rows = module_for(plan).fold_rows
    return statistics.median([_once(plan, fold_rows, block, instruments) for _ in range(RUNS + 1)][1:])


def _once(plan: Plan, fold_rows, block: Block, instruments: Sequence[Instrument]) -> float:
    n = len(instruments)
    folds = []
    for fold in plan.folds:
        p = np.zeros(1, params_dtype(type(fold.params)))
        p[0] = params_record(fold.params)
        folds += [p, np.zeros(n, fold.module.State), np.full(n, np.nan, fold.output())]
    core, cursor = np.zeros(1, CORE), np.zeros(1, CURSOR)
    core["large_trade"], cursor["rows"] = np.inf, len(block)
    insts = np.array([instrument_record(i) for i in instruments])
    tables = (block.rows, block.bars, block.values, new_ladders(n), np.zeros(n, MARK), insts)
    start = time.process_time()
    fold_rows(core[0], cursor[0], FOREVER, *tables, *folds, np.zeros(1, "i8"))
    seconds = time.process_time() - start
    if cursor[0]["row"] != len(block):
        raise RuntimeError(f"only {cursor[0]['row']} of {len(block)} rows were folded")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the synthetic tape")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        yardstick = whole(synthetic_events(Path(folder), args.rows))
    block = concat(list(yardstick.blocks()))
    core_rows = len(block)
    core = core_rows / cpu_seconds(CORE_FEATURES, block, yardstick.header.instruments)
    market = synthetic_tape("calm", 7, coins=("BTC",), minutes=1 + args.rows // 1200)
    block = first_rows(market, args.rows)
    own = len(block) / cpu_seconds(CORE_FEATURES, block, market.header.instruments)
    real = open_captures([real_file()])
    block = concat(list(real.blocks()))
    full = len(block) / cpu_seconds(all_features(), block, real.header.instruments)
    if args.json:
        print(
            json.dumps(
                {
                    "core_rows_per_s": round(core),
                    "full_rows_per_s": round(full),
                    "market_core_rows_per_s": round(own),
                    "core_rows": core_rows,
                    "full_rows": len(block),
                    "runs": RUNS,
                }
            )
        )
    else:
        print(f"book, OFI, microprice, imbalance: {core:,.0f} rows/s over {core_rows:,} rows (median of {RUNS})")
        print(f"the same over the built-in market: {own:,.0f} rows/s")
        print(f"all {len(families())} families: {full:,.0f} rows/s over {len(block):,} rows of {FILE}")


if __name__ == "__main__":
    main()
