"""Named numbers from Parquet, feather or CSV files: funding rates, mark prices, and any other dated columns.

A number without a recorded receive time is taken to be known `Options.delay` after its settlement or close (ASSUMED).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickerml.tape.block import Block
from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers.candles import TIME_NAMES
from tickerml.tape.importers.checks import Judge, Rules, no_number
from tickerml.tape.importers.frames import first_rows, floats, order, pick, pieces, times_ns
from tickerml.tape.importers.naming import instrument_of
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.source import SourceTape
from tickerml.tape.instruments import Instrument
from tickerml.tape.problems import Problems
from tickerml.tape.rows import SECOND, Flag, Kind, empty
from tickerml.tape.tables import VALUE
from tickerml.tape.tape import Header

FUNDING_NAMES: Final = ("fundingrate", "lastfundingrate", "funding")
_SETTLED: Final = ("date", "timestamp", "fundingtime", "calctime", "time", "datetime")
_OPTIONS: Final = Options()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to read from a file, and when it was true."""

    path: Path
    options: Options
    instrument: Instrument
    time: str
    columns: dict[tuple[str, str], str]  # (label, column) -> name on the tape; label "" = every row
    label: str  # column whose cells tell series apart, "" = none
    after: int  # ns from the file's time to the moment at which the number holds
    positive: bool
    line: int = 1  # of the oldest row
    step: int = 1  # -1: the newest row stands first


def funding(path: Path, options: Options = _OPTIONS) -> SourceTape:
    """Settled funding rates (fraction of notional, 0.0001 = 0.01 %) as VALUE "funding" at their settlement.

    Problems and errors as `values`. freqtrade stores rates in the column `open` of `*-funding_rate` files: read too.
    """
    columns = first_rows(path).columns
    time = pick(columns, _SETTLED)
    rate = pick(columns, FUNDING_NAMES) or (pick(columns, ("open",)) if "funding" in path.name.lower() else None)
    if time is None or rate is None:
        raise _unknown(path, columns, "a time and a funding_rate")
    return _tape(_Plan(path, options, _perp(path, options), time, {("", rate): "funding"}, "", 0, positive=False))


def mark(path: Path, options: Options = _OPTIONS) -> SourceTape:
    """Mark price candles (time = open) as VALUE "mark": the close, once the candle has closed. Floats as they are."""
    columns = first_rows(path).columns
    time, close = pick(columns, TIME_NAMES), pick(columns, ("close", "c", "markprice", "mark"))
    if time is None or close is None:
        raise _unknown(path, columns, "a time and a close or mark_price")
    candle = pick(columns, ("close", "c")) == close
    after = options.timeframe or _spacing(path, time) if candle else 0
    return _tape(_Plan(path, options, _perp(path, options), time, {("", close): "mark"}, "", after, positive=True))


def values(path: Path, options: Options = _OPTIONS) -> SourceTape:
    """Every numeric column of a dated table as VALUE rows called by the column's name.

    Where a column exchange, venue, symbol or pair tells several series apart, its cell comes first: okx.open_interest.
    They belong to `options.symbol`, else to a pseudo-instrument called by the file. Problems counted: time-missing,
    time-implausible, time-backwards, not-a-number, price-not-positive (mark only); equal times stay; reversed-file
    (newest row first, so read from its end). Raises InputError: unknown-columns, nothing-valid, file-empty,
    file-truncated.
    """
    frame = first_rows(path)
    time = pick(frame.columns, TIME_NAMES)
    numeric = [c for c in frame.columns if c != time and frame[c].dtype.is_numeric()]
    if time is None or not numeric:
        raise _unknown(path, frame.columns, "a time and at least one column of numbers")
    stem = path.name.split(".")[0]
    one = Decimal(1)
    about = (
        instrument_of(path, options) if options.symbol else Instrument(0, "values", stem, stem, one, one, stem, "", "")
    )
    about = replace(about, values_only=True)
    label = pick(frame.columns, ("exchange", "venue", "symbol", "pair")) or ""
    labels = sorted({str(v) for f in pieces(path) for v in f[label].unique()}) if label else []
    series = labels if len(labels) > 1 else [""]
    named = {(one, c): f"{one}.{c}" if one else c for one in series for c in numeric}
    return _tape(_Plan(path, options, about, time, named, label if len(labels) > 1 else "", 0, positive=False))


def _perp(path: Path, options: Options) -> Instrument:
    """Funding and mark prices are of perpetuals."""
    market = options if options.market or options.symbol else replace(options, market="perp")
    return replace(instrument_of(path, market), values_only=True)


def _spacing(path: Path, time: str) -> int:
    """The commonest distance of two rows, ns."""
    steps, counts = np.unique(np.abs(np.diff(times_ns(first_rows(path, 10_000)[time]))), return_counts=True)
    good = steps > 0
    return int(steps[good][np.argmax(counts[good])]) if good.any() else 0


def _tape(plan: _Plan) -> SourceTape:
    head = first_rows(plan.path)
    line, step = order(plan.path, head, plan.time)
    plan, dated = replace(plan, line=line, step=step), head[plan.time].dtype
    notes = [f"values are taken to be known {plan.options.delay / SECOND:g} s after their time"]
    if isinstance(dated, pl.Datetime) and dated.time_zone is None:
        notes.append(f"times of {plan.path.name} name no time zone and are read as UTC")
    header = Header(
        title=plan.path.name,
        instruments=(plan.instrument,),
        names=tuple(plan.columns.values()),
        assumed_clock=True,
        bar_only=True,
        notes=tuple(notes),
    )
    next(_blocks(plan, Problems()), None)  # raises now, not at the first pass, when no row can be used
    return SourceTape(header, partial(_blocks, plan))


def _blocks(plan: _Plan, problems: Problems) -> Iterator[Block]:
    judge = Judge(plan.path, problems, plan.line, plan.step)
    for frame in pieces(plan.path, step=plan.step):
        times = times_ns(frame[plan.time])
        numbers = np.stack([_series(frame, plan.label, *key) for key in plan.columns])
        rules: Rules = [("not-a-number", np.asarray(no_number(numbers).all(axis=0)))]
        if plan.positive:
            rules.append(("price-not-positive", np.asarray((numbers <= 0).any(axis=0))))
        good = judge.keep(times, rules)
        held = times[good] + plan.after
        if len(held):
            yield _block(held, numbers[:, good], plan.options.delay)
    judge.something()


def _series(frame: pl.DataFrame, label: str, one: str, column: str) -> NDArray[np.float64]:
    """One series: NaN in the rows of others."""
    numbers = floats(frame[column])
    return np.where(frame[label].cast(pl.String).to_numpy() == one, numbers, np.nan) if label else numbers


def _block(times: NDArray[np.int64], numbers: NDArray[np.float64], delay: int) -> Block:
    """Row by row, each number that is one."""
    here = np.argwhere(np.isfinite(numbers.T))  # [time, column], by time
    table = np.zeros(len(here), VALUE)
    table["name"], table["value"] = here[:, 1], numbers.T[here[:, 0], here[:, 1]]
    rows = empty(len(here))
    rows["exch"] = times[here[:, 0]]
    rows["recv"] = rows["exch"] + delay
    rows["ref"], rows["kind"], rows["flags"] = np.arange(len(here)), Kind.VALUE, Flag.END | Flag.ASSUMED
    return Block(rows, values=table)


def _unknown(path: Path, columns: list[str], wanted: str) -> InputError:
    return InputError(
        "unknown-columns",
        f"{path.name} has the columns {', '.join(columns) or 'none'}; this format needs {wanted}",
        where=Where(str(path), 1),
        means="nothing was imported from it",
        try_="tickerml data import --help     (lists the formats)",
    )
