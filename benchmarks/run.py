"""Runs every benchmark and rewrites RESULTS.md: machine, versions, date, commands, and one table against the aims.

python benchmarks/run.py [--only NAME,...]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
REAL = "l2/binance_raw_20240808/usdm/btcusdt_20240808.gz"


@dataclass(frozen=True)
class Aim:
    """One row of the table: where its figure comes from, and what it must and may reach."""

    what: str
    script: str
    key: str
    must: float | bool | None  # None: a figure to know, of which nothing is demanded
    stretch: float | bool | None
    unit: str = ""
    less: bool = False  # a smaller figure is better

    def met(self, value: float | bool, aim: float | bool | None) -> bool:
        """Whether `value` reaches `aim`."""
        if aim is None:
            return False
        if isinstance(aim, bool):
            return value == aim
        return value <= aim if self.less else value >= aim


M = 1_000_000
AIMS = (
    Aim("quoter against hftbacktest ROIVector, oracle", "quoter", "ratio", 2.5, 4.0, "x"),
    Aim("the same with the watermark", "quoter", "watermark_ratio", 2.0, 3.5, "x"),
    Aim("its fills equal the peer's", "quoter", "fills_identical", True, None),
    Aim("its positions equal the peer's", "quoter", "position_identical", True, None),
    Aim("its balance equals the peer's", "quoter", "balance_identical", True, None),
    Aim("the same on the real USD-M BTC session", "quoter-real", "ratio", 2.5, 4.0, "x"),
    Aim("its fills equal the peer's", "quoter-real", "fills_identical", True, None),
    Aim("its positions equal the peer's", "quoter-real", "position_identical", True, None),
    Aim("its balance equals the peer's", "quoter-real", "balance_identical", True, None),
    Aim("book, OFI, microprice, imbalance; 5 M rows", "features", "core_rows_per_s", 100 * M, 150 * M, "rows/s"),
    Aim("all features, real USD-M BTC", "features", "full_rows_per_s", 15 * M, 30 * M, "rows/s"),
    Aim("cold Parquet store to fills, one core", "store_to_fills", "rows_per_s", 10 * M, 18 * M, "rows/s"),
    Aim("10 instruments on 3 venues against one", "many", "ratio", 0.5, 0.7, "x"),
    Aim("process start to first decision, cached", "cold_start", "cached_s", 0.8, 0.5, "s", less=True),
    Aim("the same with an empty cache", "cold_start", "empty_cache_s", 8.0, 5.0, "s", less=True),
    Aim("warmup of everything, empty cache, by the clock", "warmup", "seconds", 60.0, None, "s", less=True),
    Aim("bytes a row on disk, of hftbacktest's npz", "storage", "ratio", 0.6, 0.45, "x", less=True),
    Aim("validated import of raw lines, one core", "ingest", "rows_per_s", 700_000, 1.5 * M, "rows/s"),
    Aim(
        "one strategy on one pair's bars, full desk, a trade every 150 bars, against backtesting.py",
        "bars",
        "ratio_backtesting",
        5.0,
        20.0,
        "x",
    ),
    Aim("the same against backtrader", "bars", "ratio_backtrader", 50.0, 200.0, "x"),
    Aim(
        "the same with a trade every 1,300 bars, against backtesting.py",
        "bars",
        "seldom_ratio_backtesting",
        5.0,
        20.0,
        "x",
    ),
    Aim("the same against backtrader", "bars", "seldom_ratio_backtrader", 50.0, 200.0, "x"),
    Aim(
        "32 coins, 7 months of 5m, three strategies, ledger, report", "portfolio", "wall_s", 30.0, 10.0, "s", less=True
    ),
    Aim("what keeping the ledger adds to a run, by the clock", "ledger", "overhead", None, None, "x", less=True),
    Aim("moving-average sweep against vectorbt, by the clock", "sweep", "ratio", 50.0, 150.0, "x"),
    Aim("memory of that sweep", "sweep", "rss_mb", 1024.0, 300.0, "MB", less=True),
    Aim("the envelope on the quoter, against none", "desk", "envelope_overhead", 1.2, 1.1, "x", less=True),
    Aim("one setup before the Python desk, slowest of 100", "desk", "setup_p99_us", 150.0, 60.0, "us", less=True),
    Aim("200 parameter sets on one book tape, two cores", "l2_sweep", "speedup_two_cores", 1.8, None, "x"),
    Aim("memory of the second core, of the tape's", "l2_sweep", "extra_memory", 0.05, None, "x", less=True),
    Aim("memory while trading a tape 10 times longer", "memory", "ratio", 1.1, None, "x", less=True),
)


def measured(script: str) -> dict[str, object] | None:
    """The JSON object that a benchmark prints, or None when it failed; its error is shown."""
    if script == "warmup":
        return warmup()
    if script != "quoter-real":
        return printed([HERE / f"{script}.py", "--json"], script)
    raw = Path(os.environ.get("TICKERML_DATA", HERE.parents[1] / "shared" / "data")) / REAL
    if not raw.is_file():
        print(f"{script}: {raw} is not there", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "real.npz"
        subprocess.run([sys.executable, HERE / "peers" / "raw_npz.py", raw, "--out", events], check=True)
        return printed([HERE / "quoter.py", events, "--json"], script)


def printed(command: list[Path | str], name: str) -> dict[str, object] | None:
    """The object in the last line that a script prints."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name} failed: {done.stderr.strip()[-800:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def warmup() -> dict[str, object]:
    """Seconds of `tickerml warmup` with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        started = time.monotonic()
        command = [sys.executable, "-m", "tickerml", "warmup"]
        subprocess.run(command, env={**os.environ, "TICKERML_CACHE": cache}, capture_output=True, check=True)
    return {"seconds": round(time.monotonic() - started, 1)}


def machine() -> str:
    """Processor, cores and system of this machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")] or [platform.processor()]
    return f"{names[0]}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def shown(value: object, unit: str) -> str:
    """A figure as people read it."""
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "rows/s":
        return f"{float(str(value)) / M:.2f} M rows/s"
    return f"{value:g} {unit}".strip() if isinstance(value, int | float) else str(value)


def table(found: dict[str, dict[str, object] | None]) -> list[str]:
    """One line an aim."""
    lines = ["| what | must | stretch | measured | met |", "|---|---|---|---|---|"]
    for aim in AIMS:
        result = found.get(aim.script)
        value = None if result is None else result.get(aim.key)
        met = "not measured"
        if isinstance(value, int | float):
            met = "stretch" if aim.met(value, aim.stretch) else "yes" if aim.met(value, aim.must) else "**no**"
            met = "" if aim.must is None else met
        must, stretch = (None if one is None else shown(one, aim.unit) for one in (aim.must, aim.stretch))
        lines.append(f"| {aim.what} | {must or ''} | {stretch or ''} | {shown(value, aim.unit)} | {met} |")
    return lines


def kept(text: str) -> list[str]:
    """The section of RESULTS.md that `make soak` wrote (tools/soak.py): it is not this program's."""
    _, title, rest = text.partition("\n## Soak\n")
    return [title + rest.rstrip("\n")] if title else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names of scripts, with commas between them; nothing is written")
    args = parser.parse_args()
    scripts = list(dict.fromkeys(aim.script for aim in AIMS))
    chosen = [s for s in scripts if not args.only or s in args.only.split(",")]
    found: dict[str, dict[str, object] | None] = {}
    for n, script in enumerate(chosen):
        print(f"{n + 1} of {len(chosen)}: {script}", file=sys.stderr, flush=True)
        found[script] = measured(script)
    versions = ", ".join(f"{name} {version(name)}" for name in ("tickerml", "numba", "numpy", "polars"))
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. CPU time, median of 5 runs or more, the peer measured in the same run on the same",
        "rows; warmup alone is by the clock. Other work on the machine slows both sides of a ratio, but not equally.",
        "",
        f"- machine: {machine()}",
        f"- versions: Python {platform.python_version()}, {versions}",
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "- command of each line: `python benchmarks/NAME.py --json`, NAME in the raw results below",
        "",
        *table(found),
        "",
        "## Raw results",
        "",
        *(f"- `{name}`: `{json.dumps(value)}`" for name, value in found.items()),
    ]
    print("\n".join(lines))
    if not args.only:
        soak = kept(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
        RESULTS.write_text("\n".join(lines + soak) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
