"""Bytes a row of our store against hftbacktest's compressed npz of the same rows, on real USD-M BTC books.

The store holds the update ids of every message; the npz cannot, so it is given every row but no ids, and one event a
row (hftbacktest needs more, since it splits events whose exchange and receipt orders differ). Files are counted whole,
the store's manifest included. Also printed: rows a second that come back from the store, cold process caches apart.

    python benchmarks/storage.py [FILE...] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from tickerml.tape.importers.hftbacktest_write import to_events
from tickerml.tape.store import StoredTape, write_store
from tickerml.tape.tape import Tape
from tickerml.venues.captures import open_captures

RUNS = 7
FILE = "l2/binance_raw_20240808/usdm/btcusdt_20240808.gz"


def default_file() -> Path:
    """The real USD-M BTC session: TICKERML_DATA, else ../shared/data beside the repository."""
    named = os.environ.get("TICKERML_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder / FILE


def peer_bytes(tape: Tape, folder: Path) -> tuple[int, int]:
    """Rows and bytes of the npz of every market row of the tape's first instrument."""
    instrument = tape.header.instruments[0]
    events = np.concatenate([to_events(block, instrument, bbo=True) for block in tape.blocks()])
    np.savez_compressed(folder / "peer.npz", data=events)
    return len(events), (folder / "peer.npz").stat().st_size


def our_bytes(tape: Tape, root: Path) -> tuple[int, int, float]:
    """Rows and bytes of the store, and the CPU seconds that writing took."""
    start = time.process_time()
    rows = write_store(tape, root).rows
    taken = time.process_time() - start
    return rows, sum(f.stat().st_size for f in root.rglob("*") if f.is_file()), taken


def read_rate(root: Path) -> float:
    """Rows a second of CPU from Parquet files to rows, median."""
    rates = []
    for _ in range(RUNS):
        start = time.process_time()
        rows = sum(len(block) for block in StoredTape(root).blocks())
        rates.append(rows / (time.process_time() - start))
    return statistics.median(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="recorder files (default: the real USD-M BTC session)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        tape = open_captures(args.files or [default_file()])
        peer_rows, peer = peer_bytes(tape, Path(folder))
        rows, ours, write_s = our_bytes(tape, root)
        result = {
            "bytes_per_row": round(ours / rows, 3),
            "peer_bytes_per_row": round(peer / peer_rows, 3),
            "ratio": round(ours / rows / (peer / peer_rows), 3),
            "rows": rows,
            "peer_rows": peer_rows,
            "read_rows_per_s": round(read_rate(root)),
            "import_cpu_s": round(write_s, 3),
        }
    if args.json:
        print(json.dumps(result))
    else:
        print(f"{result['bytes_per_row']} bytes a row against {result['peer_bytes_per_row']}: {result['ratio']} of it")
        print(f"{rows:,} rows come back at {result['read_rows_per_s']:,} rows/s of CPU (median of {RUNS})")


if __name__ == "__main__":
    main()
