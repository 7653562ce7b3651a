"""Nanoseconds a bar of the indicators of bars, in the loop that trades (CPU time on one core, median).

Twelve indicators over all 5m candles of the 32 coins of 2024 (1.9 M bars, in the order in which they were received),
and each family alone, less what the loop costs without any: the same `fold_rows` that `Tape.columns` folds with.

    python benchmarks/indicators.py [--json] [--each]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from tickerml.features.catalog import families
from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MILLISECOND, MINUTE, ROW, Flag, Kind
from tickerml.tape.tables import BAR

sys.path.insert(0, str(Path(__file__).parent))
from features import cpu_seconds

FOLDER = "candles/binance_spot_5m_2024"
LOT = 1e-3
TWELVE = (
    "rsi(14)",
    "ema(50)",
    "macd",
    "bollinger_position",
    "atr",
    "adx",
    "high(4h)",
    "vwap(288)",
    "volume_ratio",
    "bar_volatility",
    "kalman_velocity",
    "ou_theta",
)


def candles() -> tuple[Block, list[Instrument]]:
    """All bars of the folder by time of close, and their instruments; ticks give each price six digits at least."""
    named = os.environ.get("TICKERML_DATA")
    root = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    files = [path for path in sorted((root / FOLDER).glob("*.parquet")) if not path.name.startswith("TON")]
    parts, instruments = [], []
    for n, path in enumerate(files):
        frame = pl.read_parquet(path)
        tick = 10.0 ** (np.floor(np.log10(frame["close"].min())) - 5)
        parts.append(_bars(frame, n, tick))
        base = path.stem.removesuffix("USDT")
        exact = Decimal(f"{tick:.12f}")
        instruments.append(
            Instrument(n, "binance", f"{base}/USDT", path.stem, exact, Decimal(str(LOT)), base, "USDT", "USDT")
        )
    rows, bars = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(rows["recv"], kind="stable")
    rows = rows[order]
    rows["ref"] = np.arange(len(rows))
    return Block(rows, bars=bars[order]), instruments


def _bars(frame: pl.DataFrame, inst: int, tick: float) -> tuple[np.ndarray, np.ndarray]:
    rows, bars = np.zeros(len(frame), ROW), np.zeros(len(frame), BAR)
    bars["open_time"] = frame["date"].dt.epoch("ns").to_numpy()
    bars["duration"] = 5 * MINUTE
    for name in ("open", "high", "low", "close"):
        bars[name] = np.rint(frame[name].to_numpy() / tick)
    bars["volume"] = np.rint(frame["volume"].to_numpy() / LOT)
    bars["buy_volume"] = bars["trades"] = bars["corrects"] = -1
    rows["exch"] = bars["open_time"] + bars["duration"]
    rows["recv"] = rows["exch"] + 100 * MILLISECOND
    rows["price"], rows["qty"], rows["inst"] = bars["close"], bars["volume"], inst
    rows["kind"], rows["flags"] = Kind.BAR, Flag.END | Flag.ASSUMED
    return rows, bars


def nanoseconds(names: Sequence[str], block: Block, instruments: Sequence[Instrument]) -> float:
    """CPU nanoseconds a bar."""
    return cpu_seconds(names, block, instruments) / len(block) * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--each", action="store_true", help="also each family that reads bars alone")
    args = parser.parse_args()
    block, instruments = candles()
    bare = nanoseconds(("bid",), block, instruments)
    twelve = nanoseconds(TWELVE, block, instruments)
    seconds = twelve * len(block) / 1e9
    each = {}
    if args.each:
        for name, module in families().items():
            if hasattr(module, "on_bar"):
                each[name] = round(nanoseconds([next(iter(module.FIELDS))], block, instruments) - bare, 1)
    if args.json:
        told = {"indicators_s": round(seconds, 3), "bars": len(block), "ns_per_bar": round(twelve, 1), "each": each}
        print(json.dumps(told))
        return
    print(f"{len(TWELVE)} indicators over {len(block):,} bars of {len(instruments)} coins: {seconds:.2f} s CPU")
    print(f"{twelve:.0f} ns a bar, {bare:.0f} of them the loop without indicators")
    for name, cost in sorted(each.items(), key=lambda pair: -pair[1]):
        print(f"  {name:18} {cost:6.1f} ns a bar")


if __name__ == "__main__":
    main()
