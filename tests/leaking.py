"""Strategies that look ahead in the ways in which people do it, and honest ones beside them; written to files."""

from __future__ import annotations

import textwrap

from tickerml.tape.rows import MINUTE

HEAD = """
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Long, Pass

CANDLES = Path(__file__).parent / "candles.csv"
MINUTE = 60_000_000_000
"""

CLASS = """
@dataclass(frozen=True)
class Mine:
    wake = Bars("1m")
    sees = ("sma(5, 1m)",)

    def decide(self, view):
        if view.position is not None:
            return Pass("held")
        {decide}
        return Long(target=0.004, stop=0.004, horizon="20m") if good else Pass("no")
"""

# Each: what stands at the head of the file, what decides, the column, and a part of the line that looks ahead.
LEAKS = {
    "the next row of a file": (
        'FRAME = pl.read_csv(CANDLES)\nTIMES = FRAME["time"].to_list()\nCLOSES = FRAME["close"].to_list()',
        "i = bisect_right(TIMES, view.now - MINUTE) - 1\n"
        "ahead = CLOSES[i + 3] if i + 3 < len(CLOSES) else view.close\n"
        "good = ahead > 1.002 * view.close",
        "close",
        "CLOSES[i + 3]",
    ),
    "a column shifted back": (
        "FRAME = pl.read_csv(CANDLES)\n"
        'FRAME = FRAME.with_columns(\n    half=pl.col("volume") / 2,\n    next=pl.col("high").shift(-2),\n)\n'
        'KNOWN = dict(zip(FRAME["time"].to_list(), FRAME["next"].to_list()))',
        "good = (KNOWN.get(view.now // MINUTE * MINUTE - MINUTE) or 0) > 1.003 * view.close",
        "high",
        "shift(-2)",
    ),
    "a whole series' mean": (
        'FRAME = pl.read_csv(CANDLES)\nLEVEL = FRAME["low"].mean()',
        "good = view.close < 0.99 * LEVEL",
        "low",
        ".mean()",
    ),
    "a window around the row": (
        "def prepare(frame):\n"
        '    closes = frame["close"].to_numpy()\n'
        '    smooth = np.convolve(closes, np.ones(9) / 9, mode="same")\n'
        "    return smooth\n\n"
        'FRAME = pl.read_csv(CANDLES)\nTIMES = FRAME["time"].to_list()\nSMOOTH = prepare(FRAME)',
        "i = bisect_right(TIMES, view.now - MINUTE) - 1\ngood = SMOOTH[i] > 1.0015 * view.close",
        "close",
        "np.convolve",
    ),
    "the candle that has just opened": (
        'FRAME = pl.read_csv(CANDLES)\nROWS = {row["time"]: row for row in FRAME.iter_rows(named=True)}',
        "row = ROWS.get(view.now // MINUTE * MINUTE)\ngood = row is not None and row['close'] > 1.002 * row['open']",
        "close",
        "ROWS.get",
    ),
    "the end of the file": (
        'CLOSES = [float(line.split(",")[4]) for line in CANDLES.read_text().splitlines()[1:]]',
        "good = CLOSES[-1] > view.close",
        "close",
        "CLOSES[-1]",
    ),
    "a file read in decide": (
        "",
        'frame = pl.read_csv(CANDLES).filter(pl.col("time") > view.now)\n'
        'good = len(frame) > 3 and frame["high"][:4].max() > 1.003 * view.close',
        "high",
        'frame["high"][:4].max()',
    ),
    "columns of the tape, summed over the whole": (
        "import tickerml as tml\n\n"
        'DF = tml.read(str(CANDLES.with_name("BTCUSDT-1m.csv"))).columns("bar(1m).close", every="1m")\n'
        'TOP = DF["bar(1m).close"].max()',
        "good = view.close > 0.995 * TOP",
        "bar(1m).close",
        ".max()",
    ),
    "pandas, in place": (
        "import pandas as pd\nDF = pd.read_csv(CANDLES)\n"
        'DF["ahead"] = DF["close"].shift(-1) / DF["close"]\nDF = DF.set_index("time")',
        "good = DF['ahead'].get(view.now // MINUTE * MINUTE - MINUTE, 1.0) > 1.002",
        "close",
        'DF["ahead"] = DF["close"].shift(-1)',
    ),
}

HONEST = {
    "the last row of a file": (
        'FRAME = pl.read_csv(CANDLES)\nTIMES = FRAME["time"].to_list()\nCLOSES = FRAME["close"].to_list()',
        "i = bisect_right(TIMES, view.now - MINUTE) - 1\ngood = i > 3 and CLOSES[i] > 1.001 * CLOSES[i - 3]",
    ),
    "a window behind the row": (
        "FRAME = pl.read_csv(CANDLES).with_columns(\n"
        '    mean=pl.col("close").rolling_mean(9), label=pl.col("close").shift(-3),\n)\n'
        'TIMES = FRAME["time"].to_list()\nMEAN = FRAME["mean"].to_list()\nCOUNT = len(TIMES)\nLAST = TIMES[-1]',
        "i = bisect_right(TIMES, view.now - MINUTE) - 1\ngood = i > 9 and view.close > 1.001 * MEAN[i]",
    ),
    "nothing but the view": ("", "good = view.close > 1.001 * view['sma(5, 1m)']"),
}


def written(folder, head, decide, tape, name="mine.py"):
    """The strategy as a file beside the tape's candles; returns what `-s` takes."""
    candles(tape, folder / "candles.csv")
    text = (folder / "candles.csv").read_text(encoding="utf-8")
    (folder / "BTCUSDT-1m.csv").write_text(text.replace("000000,", ",").replace("time", "date"), encoding="utf-8")
    body = CLASS.format(decide=textwrap.indent(decide, " " * 8).lstrip())
    (folder / name).write_text(HEAD + head + "\n" + body, encoding="utf-8")
    return f"{folder / name}:Mine"


def candles(tape, path):
    """The bars of a tape as a CSV of candles, stamped when they open (ns)."""
    lines = ["time,open,high,low,close,volume"]
    for block in tape.blocks():
        tick = float(tape.header.instruments[0].tick)
        for bar in block.bars:
            prices = ",".join(f"{bar[name] * tick:.2f}" for name in ("open", "high", "low", "close"))
            lines.append(f"{bar['open_time']},{prices},{bar['volume']}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def line_with(path, text):
    """The number of the line that holds `text`."""
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


assert MINUTE == 60_000_000_000
