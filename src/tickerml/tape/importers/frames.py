"""Tables from Parquet, feather and CSV files (plain, gzip, or the one member of a zip), in pieces of bounded size."""

from __future__ import annotations

import io
import os
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickerml.tape.errors import InputError, Where

PIECE: Final = 1 << 14  # rows; as many files as there are coins may be open at once
NO_TIME: Final = -(1 << 63)
_MAGIC: Final = {b"PAR1": "parquet", b"ARROW1": "feather"}
_UNITS: Final = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000))  # an epoch below that is in s, ms, us
_PER_UNIT: Final = {"ms": 1_000_000, "us": 1_000, "ns": 1}


def kind_of(path: Path) -> str:
    """parquet, feather, csv or other, by content.

    Raises InputError file-empty, file-missing, file-truncated, file-unreadable.
    """
    head, tail = ends_of(path)
    if not head:
        raise InputError(
            "file-empty",
            f"{path.name} is empty",
            where=Where(str(path)),
            means="nothing was imported from it",
            try_="fetch the file again, then repeat this command",
        )
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            if not tail.endswith(magic):
                truncated(path, f"is a {kind} file without its end")
            return kind
    return "csv" if _looks_like_csv(path, head) else "other"


def ends_of(path: Path) -> tuple[bytes, bytes]:
    """The first 4096 bytes of a file and its last 8. InputError file-missing, file-unreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            file.seek(max(0, path.stat().st_size - 8))
            return head, file.read()
    except OSError as cause:
        astray = path.is_symlink() and not path.exists()
        said = f"is a link to {path.readlink()}, which is not there" if astray else f"cannot be read: {cause.strerror}"
        raise InputError(
            "file-unreadable" if os.path.lexists(path) else "file-missing",
            f"{path.name} {said}",
            where=Where(str(path)),
            means="nothing was imported from it",
            try_=f"ls -l {shlex.quote(str(path.parent))}",
        ) from cause


def _looks_like_csv(path: Path, head: bytes) -> bool:
    if head.startswith(b"PK\x03\x04"):
        return zipfile.is_zipfile(path) and any(n.lower().endswith(".csv") for n in zipfile.ZipFile(path).namelist())
    if head.startswith(b"\x1f\x8b"):
        return path.name.lower().endswith(".csv.gz")
    line = head.split(b"\n", 1)[0]
    return line.count(b",") >= 1 and b"{" not in line and b"\0" not in line


def truncated(path: Path, what: str) -> NoReturn:
    """Raise InputError file-truncated."""
    raise InputError(
        "file-truncated",
        f"{path.name} {what}",
        where=Where(str(path)),
        means="nothing was imported from it",
        try_="fetch the file again, then repeat this command",
    )


def pieces(path: Path, size: int = PIECE, step: int = 1) -> Iterator[pl.DataFrame]:
    """The table in pieces of `size` rows, with `step` -1 from its last row to its first.

    A CSV file is parsed whole and then handed out in pieces.
    """
    kind = kind_of(path)
    try:
        frame = _scan(path, kind)
        rows = frame.select(pl.len()).collect().item()
        for at in range(0, rows, size):
            if step > 0:
                yield frame.slice(at, size).collect()
            else:
                yield frame.slice(max(0, rows - at - size), min(size, rows - at)).collect().reverse()
    except (pl.exceptions.PolarsError, OSError, EOFError, zipfile.BadZipFile, UnicodeDecodeError) as cause:
        what = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        truncated(path, f"cannot be read to its end: {what}")


def first_line(path: Path) -> int:
    """Line number of the first row, for messages: 2 where a CSV file has a header, else 1."""
    return 2 if kind_of(path) == "csv" and not path.name.endswith(".zip") and _has_header(path.read_bytes()) else 1


def order(path: Path, head: pl.DataFrame, time: str) -> tuple[int, int]:
    """Line number of the oldest row and the step to the next: -1 where all of the file runs from newest to oldest.

    `head`: the first rows, which settle it for nearly all files; `time`: the column. Rows without a time do not count.
    """
    line = first_line(path)
    if not _falls(_known(head, time)):
        return line, 1
    rows, last, first = 0, None, None
    for frame in pieces(path):
        times = _known(frame, time)
        rows += len(frame)
        if not len(times):
            continue
        first = int(times[0]) if first is None else first
        if not _falls(times) or (last is not None and times[0] > last):
            return line, 1
        last = int(times[-1])
    return (line + rows - 1, -1) if first != last else (line, 1)


def _known(frame: pl.DataFrame, time: str) -> NDArray[np.int64]:
    times = times_ns(frame[time])
    return times[times != NO_TIME]


def _falls(times: NDArray[np.int64]) -> bool:
    return bool((times[1:] <= times[:-1]).all())


def first_rows(path: Path, n: int = 100) -> pl.DataFrame:
    """The first rows: for finding out what the file is."""
    return next(pieces(path, n), pl.DataFrame())


def _scan(path: Path, kind: str) -> pl.LazyFrame:
    if kind == "parquet":
        return pl.scan_parquet(path)
    if kind == "feather":
        return pl.scan_ipc(path)
    data = path.read_bytes()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.lower().endswith(".csv")]
            if len(names) != 1:
                truncated(path, f"holds {len(names)} CSV files where one is expected")
            data = archive.read(names[0])
    frame = pl.read_csv(
        io.BytesIO(data), has_header=_has_header(data), infer_schema_length=None, truncate_ragged_lines=False
    )
    return frame.lazy()


def _has_header(data: bytes) -> bool:
    """Whether the first line has a cell that is no number."""
    if data.startswith(b"\x1f\x8b"):
        import zlib

        data = zlib.decompressobj(31).decompress(data, 4096)
    line = data.split(b"\n", 1)[0].decode("utf-8", "replace").strip().strip("\ufeff")
    for cell in line.split(","):
        try:
            float(cell.strip('" ') or "0")
        except ValueError:
            if cell.strip('" ').lower() not in {"true", "false", "nan"}:
                return True
    return False


def times_ns(column: pl.Series) -> NDArray[np.int64]:
    """Dates, texts or epochs (unit by magnitude) as ns since 1970 UTC; NO_TIME where there is none."""
    dtype = column.dtype
    if dtype == pl.String:
        epochs = column.cast(pl.Float64, strict=False)
        if epochs.null_count() == column.null_count() and len(column):
            column = epochs
        else:
            column = column.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False, ambiguous="earliest")
    if dtype == pl.Date:
        column = column.cast(pl.Datetime("ms"))
    unit = getattr(column.dtype, "time_unit", None)
    if unit:
        return _filled(column.to_physical() * _PER_UNIT[unit])
    largest = float(column.cast(pl.Float64, strict=False).abs().max() or 0)  # type: ignore[arg-type]
    factor = next((f for limit, f in _UNITS if largest < limit), 1)
    if column.dtype.is_float():
        return _filled((column * factor).round(0).cast(pl.Int64, strict=False))
    return _filled(column.cast(pl.Int64, strict=False) * factor)


def _filled(column: pl.Series) -> NDArray[np.int64]:
    return column.cast(pl.Int64).fill_null(NO_TIME).to_numpy().astype(np.int64)


def floats(column: pl.Series) -> NDArray[np.float64]:
    """Numbers; NaN where a cell holds none."""
    return column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy().astype(np.float64)


def pick(columns: list[str], names: tuple[str, ...]) -> str | None:
    """The column called by one of `names`, whatever its case and separators."""
    plain = {_plain(c): c for c in columns}
    return next((plain[n] for n in names if n in plain), None)


def _plain(name: Any) -> str:
    return "".join(c for c in str(name).lower() if c.isalnum())
