"""Weights of a tape's coins through time: the optimiser looks back from each date, its answer is a table for the tape.

The table (date, symbol, weight) is imported like any other: `manager.portfolio: given` follows it. A run and its replay
never call the optimiser, and what it answered at a date was made from bars that had closed by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tickerml.lab.portfolio import weights_of
from tickerml.run.research import columns
from tickerml.tape.errors import InputError
from tickerml.tape.params import span_ns
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape

if TYPE_CHECKING:
    import polars as pl

LEAST: Final = 30
"""Returns from which weights are made: fewer say nothing about a covariance."""


@dataclass(frozen=True)
class Weighed:
    """What was found."""

    table: pl.DataFrame  # date (UTC), symbol, weight; each date has every coin that was ever weighed
    dates: int

    def write(self, path: Path, *, force: bool = False) -> None:
        """The table as Parquet. InputError `file-exists`."""
        if path.exists() and not force:
            raise InputError("file-exists", f"{path} is there already", means="nothing was written", try_="--force")
        self.table.write_parquet(path)


def weigh(
    tape: Tape,
    *,
    method: str = "hrp",
    every: str = "7d",
    lookback: str = "30d",
    timeframe: str = "1h",
    progress: Progress | None = None,
) -> Weighed:
    """Weights at each multiple of `every` from the closes of bars in `lookback` before it.

    A coin counts at a date when it has every one of these bars. Raises InputError `timeframe`, `method`,
    `extra-missing`, `nothing-valid` when no date has enough bars.
    """
    step, back, bar = (
        _span(name, text) for name, text in (("every", every), ("lookback", lookback), ("timeframe", timeframe))
    )
    name = f"bar({timeframe}).close"
    if progress is not None:
        progress(0, None, "closes")
    times, symbols, closes = _closes(tape, name, timeframe)
    first, rows = int(times[0]) if len(times) else 0, []
    dates = range(-(-(first + LEAST * bar) // step) * step, int(times[-1]) + 1 if len(times) else 0, step)
    for n, date in enumerate(dates):
        if progress is not None:
            progress(n, len(dates), "weights", "dates")
        window = closes[(times > date - back - bar) & (times <= date)]
        whole = np.isfinite(window).all(axis=0)
        if len(window) > LEAST and whole.any():
            weights = np.zeros(len(symbols))
            weights[whole] = weights_of(method, np.diff(np.log(window[:, whole]), axis=0))
            rows += [(date, symbol, weight) for symbol, weight in zip(symbols, weights.tolist(), strict=True)]
    return _table(rows)


def _span(name: str, text: str) -> int:
    found = span_ns(text)
    if not found:
        raise InputError("timeframe", f'"{text}" is no span of time', key=f"--{name}", try_="1h, 1d, 30d")
    return found


def _closes(
    tape: Tape, name: str, timeframe: str
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], list[str], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Times (ns, receive), symbols, and the newest close at each, shape (time, coin)."""
    import polars as pl

    frame = columns(tape, (name,), timeframe, getattr(tape, "pairs", ()))
    if "symbol" not in frame.columns:
        frame = frame.with_columns(symbol=pl.lit(next(i.symbol for i in tape.header.instruments if not i.values_only)))
    known = frame.filter(pl.col(name).is_not_null())
    wide = known.pivot("symbol", index="time", values=name, aggregate_function="last").sort("time")
    symbols = [column for column in wide.columns if column != "time"]
    return wide["time"].cast(pl.Int64).to_numpy(), symbols, wide.select(symbols).to_numpy().astype(np.float64)


def _table(rows: list[tuple[int, str, float]]) -> Weighed:
    import polars as pl

    if not rows:
        raise InputError(
            "nothing-valid",
            f"no date has {LEAST} bars of any coin before it",
            means="no weights were made",
            try_="--timeframe 15m --every 1d",
        )
    frame = pl.DataFrame(rows, schema=["date", "symbol", "weight"], orient="row")
    kept = frame.filter(pl.col("weight").sum().over("symbol") > 0)
    return Weighed(kept.with_columns(pl.col("date").cast(pl.Datetime("ns", "UTC"))), kept["date"].n_unique())
