"""Rows a second of the validated import of raw recorder lines to blocks, on one core (CPU time, median).

What is measured is `open_captures` and a pass over its blocks: gunzip, JSON, exact decimals, ticks and lots found in a
scan of the whole file, sync by update ids, every book checked at every message, CLOCK rows.

    python benchmarks/ingest.py [FILE...] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from tickerml.venues.captures import open_captures

RUNS = 7
FILE = "l2/binance_raw_20240808/usdm/btcusdt_20240808.gz"


def default_file() -> Path:
    """The real USD-M BTC session: TICKERML_DATA, else ../shared/data beside the repository."""
    named = os.environ.get("TICKERML_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder / FILE


def import_once(paths: list[Path]) -> tuple[int, float]:
    """Rows and CPU seconds of one import."""
    start = time.process_time()
    rows = sum(len(block) for block in open_captures(paths).blocks())
    return rows, time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="recorder files (default: the real USD-M BTC session)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    paths = args.files or [default_file()]
    import_once(paths)  # kernels are compiled or loaded here
    runs = [import_once(paths) for _ in range(RUNS)]
    rows, seconds = runs[0][0], statistics.median(seconds for _, seconds in runs)
    if args.json:
        print(json.dumps({"rows_per_s": round(rows / seconds), "rows": rows, "cpu_s": round(seconds, 4), "runs": RUNS}))
    else:
        print(f"{rows:,} rows in {seconds:.3f} s of CPU: {rows / seconds:,.0f} rows/s (median of {RUNS})")


if __name__ == "__main__":
    main()
