"""Data files as they were at a time: the rows known by then, or all rows with one column altered behind it.

When a row is known: at its `close_time`; a candle with another time at that time and a candle's length, unless the
tape's own bars say that it is stamped at its close; any other row at its time.
"""

from __future__ import annotations

import gzip
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.run.leaks.times import Bars, Known, altered, known_times

if TYPE_CHECKING:
    import polars as pl

TEXT: Final = (".csv", ".tsv", ".txt")
FRAMES: Final = (".parquet", ".pq", ".feather", ".arrow", ".ipc")
ARRAYS: Final = (".npy", ".npz")
LINES: Final = (".jsonl", ".ndjson")
ALTERED_ROWS: Final = 2000  # behind the time


@dataclass(frozen=True)
class Change:
    """One column of one table with other values behind the time; `how` is one of times.HOWS."""

    table: str
    column: str  # "*" = all that can be altered
    how: str


class DataFile(ABC):
    """One file of rows in time. Subclasses know a format."""

    known: Known | None = None

    @abstractmethod
    def values(self, column: str) -> NDArray[np.float64]:
        """A column as numbers; nan where it holds none."""

    @abstractmethod
    def write(self, to: Path, at: int, change: Change | None) -> None:
        """The file as of `at`, or with `change` behind it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns that are no times."""
        return self.known.columns if self.known is not None else ()

    def masks(self, at: int, change: Change | None) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Rows to keep, and rows whose value is to be altered."""
        if self.known is None:
            raise ValueError("a file without times cannot be cut")
        known = self.known.times <= at
        if change is None:
            return known, np.zeros(0, np.intp)
        return np.ones(len(known), np.bool_), np.flatnonzero(~known)[:ALTERED_ROWS]


def opened(path: Path, bars: Bars | None) -> DataFile | None:
    """The file, or None for a format or content that has no times."""
    kind = path.suffixes[-2:-1][0] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix
    try:
        if kind in (*TEXT, *LINES, ".json"):
            found: DataFile = Lines(path, kind, bars)
        elif kind in FRAMES:
            found = Frame(path, bars)
        elif kind in ARRAYS:
            found = Arrays(path, bars)
        else:
            return None
    except Exception:  # whatever a reader makes of a file that is none of its kind: it is not judged
        return None
    return found if found.known is not None else None


class Lines(DataFile):
    """CSV, JSON lines and JSON arrays, kept as their own text but for what is altered; also when gzipped."""

    def __init__(self, path: Path, kind: str, bars: Bars | None) -> None:
        """Read it all."""
        import polars as pl

        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        self._zip, self._kind = path.suffix == ".gz", kind
        self._head: list[bytes] = []
        if kind in TEXT:
            lines = raw.splitlines(keepends=True)
            self._mark = max(b",;\t| ", key=lambda c: lines[0].count(bytes([c])))
            headed = not _number(lines[0].split(bytes([self._mark]))[0])
            self._head, self._rows = (lines[:1], lines[1:]) if headed else ([], lines)
            self._rows = [line for line in self._rows if line.strip()]
            frame = pl.read_csv(
                io.BytesIO(b"".join(lines)), has_header=headed, separator=chr(self._mark), ignore_errors=True
            )
        else:
            self._items: list[Any] = json.loads(raw) if kind == ".json" else [json.loads(x) for x in raw.splitlines()]
            frame = pl.DataFrame(self._items, orient="row", strict=False, infer_schema_length=1000)
        self.known = known_times(frame, bars)
        self._names = frame.columns

    def values(self, column: str) -> NDArray[np.float64]:
        """From their text."""
        place = self._names.index(column)
        lines = self._rows if self._kind in TEXT else self._items
        cells = [self._cell(line, place, column) for line in lines]
        return np.array([one if isinstance(one, int | float) else np.nan for one in cells], np.float64)

    def write(self, to: Path, at: int, change: Change | None) -> None:
        """Whole lines as they are; altered cells in their place."""
        keep, rows = self.masks(at, change)
        kept = np.flatnonzero(keep)
        if self._kind in TEXT:
            lines = list(self._rows)
            self._alter(lines, rows, change, at)
            data = b"".join([*self._head, *(lines[n] for n in kept.tolist())])
        else:
            items = [dict(one) if isinstance(one, dict) else list(one) for one in self._items]
            self._alter(items, rows, change, at)
            chosen = [items[n] for n in kept.tolist()]
            text = json.dumps(chosen) if self._kind == ".json" else "".join(json.dumps(x) + "\n" for x in chosen)
            data = text.encode()
        to.write_bytes(gzip.compress(data, 1) if self._zip else data)

    def _alter(self, lines: list[Any], rows: NDArray[np.intp], change: Change | None, at: int) -> None:
        if change is None or not len(rows):
            return
        last = max(0, int(rows[0]) - 1)
        for name in self.columns if change.column == "*" else (change.column,):
            place: Any = self._names.index(name)
            before = self._cell(lines[last], place, name)
            for n in rows.tolist():
                value = altered(self._cell(lines[n], place, name), before, change.how)
                lines[n] = self._with(lines[n], place, name, value)

    def _cell(self, line: Any, place: int, name: str) -> Any:
        if isinstance(line, dict):
            return line.get(name)
        cell = (
            line.strip(b"\r\n").split(bytes([self._mark]))[place].decode() if isinstance(line, bytes) else line[place]
        )
        return (int(cell) if cell.lstrip("-").isdigit() else float(cell)) if _number(cell) else cell

    def _with(self, line: Any, place: int, name: str, value: Any) -> Any:
        if isinstance(line, bytes):
            cells = line.strip(b"\r\n").split(bytes([self._mark]))
            cells[place] = ("" if value is None or value != value else str(value)).encode()
            return bytes([self._mark]).join(cells) + b"\n"
        line[name if isinstance(line, dict) else place] = value
        return line


class Frame(DataFile):
    """Parquet and Arrow files."""

    def __init__(self, path: Path, bars: Bars | None) -> None:
        """Read it all."""
        import polars as pl

        self._arrow = path.suffix not in (".parquet", ".pq")
        self.frame = pl.read_ipc(io.BytesIO(path.read_bytes())) if self._arrow else pl.read_parquet(path)
        self.known = known_times(self.frame, bars)

    def values(self, column: str) -> NDArray[np.float64]:
        """As the frame has it."""
        return numbers(self.frame, column)

    def write(self, to: Path, at: int, change: Change | None) -> None:
        """In the same format."""
        keep, rows = self.masks(at, change)
        frame = frame_altered(self.frame, rows, change, self.columns).filter(keep)
        if self._arrow:
            frame.write_ipc(to, compression="uncompressed")
        else:
            frame.write_parquet(to)


def frame_altered(
    frame: pl.DataFrame, rows: NDArray[np.intp], change: Change | None, columns: Sequence[str]
) -> pl.DataFrame:
    """`frame` with the values of `change` in `rows`."""
    import polars as pl

    if change is None or not len(rows):
        return frame
    for name in columns if change.column == "*" else (change.column,):
        held = frame[name].to_list()
        before = held[max(0, int(rows[0]) - 1)]
        for n in rows.tolist():
            held[n] = altered(held[n], before, change.how)
        series = pl.Series(name, held, strict=False)
        frame = frame.with_columns(series.cast(frame[name].dtype, strict=False) if change.how == "held" else series)
    return frame


class Arrays(DataFile):
    """NumPy files: a record array with a time, rows whose first column is one, or arrays beside one of times."""

    def __init__(self, path: Path, bars: Bars | None) -> None:
        """Read it all; an archive's arrays that are as long as its times are its columns."""
        import polars as pl

        self._many = path.suffix == ".npz"
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            self._held: dict[str, NDArray[Any]] = {k: loaded[k] for k in loaded.files} if self._many else {"": loaded}
        named: dict[str, Any] = {}
        for name, array in self._held.items():
            if array.dtype.names:
                named |= {field: array[field] for field in array.dtype.names}
            elif array.ndim == 2 and not self._many:
                named |= {f"column_{n + 1}": array[:, n] for n in range(array.shape[1])}
            elif array.ndim == 1:
                named[name or "column_1"] = array
        most = max(map(len, named.values()))
        frame = pl.DataFrame({name: array for name, array in named.items() if len(array) == most})
        self.known = known_times(frame, bars)
        if self.known is None and bars is not None and most == len(bars.closed):
            self.known = Known(bars.closed, tuple(frame.columns))  # a value for each bar of the tape

    def values(self, column: str) -> NDArray[np.float64]:
        """As the array has it."""
        return np.asarray(self._column(self._held, column), np.float64)

    def write(self, to: Path, at: int, change: Change | None) -> None:
        """With the names and types that they have."""
        keep, rows = self.masks(at, change)
        found = {name: array.copy() for name, array in self._held.items()}
        if change is not None and len(rows):
            for name in self.columns if change.column == "*" else (change.column,):
                column = self._column(found, name)
                before = column[max(0, int(rows[0]) - 1)]
                column[rows] = [altered(float(x), float(before), change.how) for x in column[rows]]
        found = {k: a[keep] if len(a) == len(keep) else a for k, a in found.items()}
        with to.open("wb") as file:
            if self._many:
                np.savez(file, **found)  # type: ignore[arg-type]  # stubs know no **dict
            else:
                np.save(file, found[""])

    def _column(self, found: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
        if self._many and name in found:
            return found[name]
        whole = next(iter(found.values()))
        if whole.dtype.names:
            return whole[name]
        return whole if whole.ndim == 1 else whole[:, int(name.removeprefix("column_")) - 1]


def numbers(frame: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """A column of a frame; nan where it holds no numbers."""
    import polars as pl

    return np.asarray(frame[column].cast(pl.Float64, strict=False).to_numpy(), np.float64)


def _number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True
