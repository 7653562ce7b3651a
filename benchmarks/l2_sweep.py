"""200 parameter sets of the quoter on one order-book tape: two workers against one, and what the second one costs.

Each side is a process of its own, so that its memory is its own; both read the tape, warm up once and then sweep. They
take turns; `speedup_two_cores` is the median of the rounds' ratios by the clock, `extra_memory` the median of how much
more memory two workers take at their peak, as a share of the tape's bytes in memory.

    python benchmarks/l2_sweep.py [EVENTS.npz] [--json] [--rows 5000000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from quoter import setting, synthetic_events, whole

from tickerml.lab.grid import grid, with_params
from tickerml.run.strategies import choose
from tickerml.run.sweep_memory import give_back
from tickerml.run.sweep_ways import Exact
from tickerml.strategies import quoter

AXES = {"behind": (1, 2, 3, 4, 5), "size": (0.001, 0.002, 0.005, 0.01), "every": tuple(0.1 * k for k in range(1, 11))}


def forget_peak() -> None:
    """From here on the peak counts anew: reading the tape is no part of the sweep (Linux; elsewhere it is)."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Most memory held since then, bytes."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told["VmHWM"].split()[0]) * 1024


def side(path: Path, workers: int, sets: int) -> dict[str, Any]:
    """One side: seconds of the sweep, peak memory, bytes of the tape, and the figures that must not depend on it."""
    tape = whole(path)
    chosen = choose(quoter.Params(), setting(False).config)
    strategies = with_params(quoter.Params(), grid(AXES)[:sets])
    way = Exact(chosen, strategies, setting(False), tape, len(tape))
    way.trial(0)  # warm: kernels, and the rows' pages
    give_back()  # as a sweep does behind reading
    forget_peak()
    cpu, began = time.process_time(), time.perf_counter()
    trials = list(way.trials(range(len(strategies)), workers))
    seconds = time.perf_counter() - began
    held = sum(b.rows.nbytes + b.messages.nbytes + b.bars.nbytes + b.values.nbytes for b in tape.blocks())
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": peak(),
        "tape_bytes": held,
        "rows": len(tape),
        "found": [[t.trades, str(t.pnl)] for t in trials],
    }


def asked(path: Path, workers: int, sets: int) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, str(path), "--side", str(workers), "--sets", str(sets)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(path: Path, rounds: int, sets: int) -> dict[str, Any]:
    """All rounds."""
    pairs = [(asked(path, 1, sets), asked(path, 2, sets)) for _ in range(rounds)]
    ratios = [one["seconds"] / two["seconds"] for one, two in pairs]
    extra = [(two["peak_bytes"] - one["peak_bytes"]) / one["tape_bytes"] for one, two in pairs]
    first = pairs[0][0]
    return {
        "speedup_two_cores": round(statistics.median(ratios), 2),
        "extra_memory": round(statistics.median(extra), 3),
        "rounds_speedup": [round(r, 2) for r in ratios],
        "rounds_extra_memory": [round(e, 3) for e in extra],
        "cpu_two_against_one": round(statistics.median(b["cpu_seconds"] / a["cpu_seconds"] for a, b in pairs), 3),
        "one_s": round(statistics.median(one["seconds"] for one, _ in pairs), 2),
        "two_s": round(statistics.median(two["seconds"] for _, two in pairs), 2),
        "sets": len(first["found"]),
        "rows": first["rows"],
        "tape_mb": first["tape_bytes"] >> 20,
        "peak_mb": [first["peak_bytes"] >> 20, pairs[0][1]["peak_bytes"] >> 20],
        "equal": all(one["found"] == two["found"] == first["found"] for one, two in pairs),
        "trades": sum(found[0] for found in first["found"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--side", type=int, default=0, help="run one side alone, with so many workers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.events or synthetic_events(Path(folder), args.rows)
        found = side(path, args.side, args.sets) if args.side else measure(path, args.rounds, args.sets)
    print(json.dumps(found) if args.json or args.side else "\n".join(f"{k:<22}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
