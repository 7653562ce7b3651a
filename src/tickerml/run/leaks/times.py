"""When rows of a table are known, and other values for what is not: what a cut of data needs to know of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

Times = NDArray[np.int64]
HOWS: Final = ("halved", "raised", "negated", "held", "gone")
_CLOSES: Final = ("close_time", "available", "available_at", "known_at")
_NAMED: Final = (
    *_CLOSES,
    "time",
    "timestamp",
    "ts",
    "datetime",
    "date",
    "open_time",
    "t",
    "__index_level_0__",
    "index",
)
_CANDLE: Final = frozenset(("open", "high", "low", "close"))
_UNITS: Final = ((1e17, 1), (1e14, 10**3), (1e11, 10**6), (1e8, 10**9))  # epochs from 1973 to 5138: ns, us, ms, s
_FORMATS: Final = (None, "%Y-%m-%d %H:%M:%S%#z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%#z", "%Y-%m-%d")


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of the tape's first traded instrument: when each opened and closed (ns), and its close."""

    opened: Times
    closed: Times
    close: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Known:
    """When each row of a table is known, and its columns that are no times."""

    times: Times
    columns: tuple[str, ...]
    offset: int = 0  # ns from the stamp of a row to when it is known


def known_times(frame: pl.DataFrame, bars: Bars | None) -> Known | None:
    """When the rows of a table are known; None where no column is a time."""
    lower = {name.lower(): name for name in reversed(frame.columns)}
    order = [lower[name] for name in _NAMED if name in lower]
    order += [name for name in frame.columns if name not in order]
    found = {name: times for name in order if (times := _times(frame[name])) is not None}
    if not found or not len(frame):
        return None
    name, times = next(iter(found.items()))
    columns = tuple(one for one in frame.columns if one not in found)
    if name.lower() in _CLOSES or not (lower.keys() >= _CANDLE or _bare_candles(frame, name)):
        return Known(times, columns)
    close = frame[lower["close"] if "close" in lower else frame.columns[4]].cast(float, strict=False).to_numpy()
    offset = 0 if bars is not None and _at_close(times, close, bars) else _spacing(times)
    return Known(times + offset, columns, offset)


def _bare_candles(frame: pl.DataFrame, name: str) -> bool:
    """Six columns and more without names, the first a time: candles as venues publish them."""
    return name == "column_1" and len(frame.columns) >= 6


def _spacing(times: Times) -> int:
    steps = np.diff(times)
    steps = steps[steps > 0]
    return int(np.median(steps)) if len(steps) else 0


def _at_close(times: Times, close: NDArray[np.float64], bars: Bars) -> bool:
    """Whether the table's candles are the tape's, stamped when they closed."""

    def same(stamps: Times) -> int:
        """How many closes are those of the bars with these stamps."""
        place = np.searchsorted(times, stamps).clip(0, len(times) - 1)
        hit = times[place] == stamps
        return int((hit & np.isclose(close[place], bars.close, rtol=1e-9)).sum())

    return same(bars.closed) > same(bars.opened)


def _times(series: pl.Series) -> Times | None:
    """The column as ns since 1970, None where it holds no times."""
    import polars as pl

    kind = series.dtype
    if kind in (pl.Date, pl.Datetime):
        return _whole(series.cast(pl.Datetime("ns")).dt.timestamp("ns"))
    if kind == pl.String:
        for form in _FORMATS:
            try:
                parsed = series.str.to_datetime(form, time_unit="ns", strict=False, time_zone=None)
            except pl.exceptions.PolarsError:
                continue
            if parsed.null_count() <= 0.01 * len(parsed):
                return _whole(parsed.dt.timestamp("ns"))
        return None
    if not kind.is_numeric():
        return None
    values = series.cast(pl.Float64, strict=False).drop_nulls().to_numpy()
    if not len(values) or not np.isfinite(values).all():
        return None
    unit = next((unit for least, unit in _UNITS if least <= abs(values[0]) < 1000 * least), None)
    if unit is None or (np.diff(values) < 0).mean() > 0.01 or values.min() < values[0]:
        return None
    return _whole((series.cast(pl.Int64, strict=False) if kind.is_integer() else series) * unit)


def _whole(series: pl.Series) -> Times:
    import polars as pl

    return series.cast(pl.Int64, strict=False).fill_null(strategy="forward").fill_null(0).to_numpy().astype(np.int64)


def altered(value: Any, before: Any, how: str) -> Any:
    """Another value in the place of `value`; `before` is the last that was known. Text can only be held."""
    if isinstance(value, bool) or value is None:
        return before if how == "held" else None if value is None else not value
    if not isinstance(value, int | float) or how == "held":
        return before
    if how == "gone":
        return math.nan
    other = value * {"halved": 0.5, "raised": 1.5, "negated": -1.0}[how]
    return round(other) if isinstance(value, int) else other
