"""What a file is, from its content; its name decides only between prices and mark prices."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import Final

import polars as pl

from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers import book1000, candles, trades
from tickerml.tape.importers.frames import first_rows, kind_of, pick
from tickerml.tape.importers.values import FUNDING_NAMES
from tickerml.tape.store import is_store

FORMATS: Final = {
    "tickerml-store": "a folder written by `tickerml data import`",
    "binance-raw": "recorder lines `<receive time> <JSON>`, plain or gzip",
    "book1000": "Parquet of whole order books (bids_px, bids_qty, asks_px, asks_qty lists)",
    "candles": "date, open, high, low, close, volume: Parquet, feather or CSV",
    "trades": "time, price, amount, side: Parquet, feather or CSV",
    "funding": "date, funding_rate: Parquet, feather or CSV",
    "mark": "mark price candles: Parquet, feather or CSV",
    "values": "date and columns of numbers: Parquet, feather or CSV",
    "hftbacktest-npz": "hftbacktest event arrays",
}
"""Format names, and what they are."""

_LINE: Final = re.compile(rb"\s*\d{10,19}\s+\{")
_NOT_VALUES: Final = ("price", "px", "qty", "quantity", "amount", "side", "action", "id", "tradeid", "bid", "ask")


def detect(path: Path) -> str:
    """The format of a file or store. Raises InputError: unknown-format, and what `kind_of` raises."""
    if path.is_dir():
        if is_store(path):
            return "tickerml-store"
        raise unknown_format(path, "a folder without a store")
    if path.name.lower().endswith(".npz"):
        return "hftbacktest-npz"
    kind = kind_of(path)
    if kind == "other" or path.name.lower().endswith(".gz"):
        with path.open("rb") as file:
            head = _unpacked(file.read(1 << 16))
        if _LINE.match(head):
            return "binance-raw"
        if kind == "other":
            if zipfile.is_zipfile(path) and "data.npy" in zipfile.ZipFile(path).namelist():
                return "hftbacktest-npz"
            raise unknown_format(path, "its first bytes are of no format known here")
    frame = first_rows(path)
    found = _table(path, frame)
    if found is None:
        raise unknown_format(path, f"its columns are {', '.join(frame.columns) or 'none'}")
    return found


def _table(path: Path, frame: pl.DataFrame) -> str | None:
    columns = frame.columns
    words = "/".join(path.parts[-2:]).lower()
    if book1000.is_book(columns):
        return "book1000"
    timed = pick(columns, (*candles.TIME_NAMES, "fundingtime", "calctime")) is not None
    if timed and ((pick(columns, FUNDING_NAMES) and len(columns) <= 6) or "funding_rate" in path.name.lower()):
        return "funding"
    bars = candles.columns_of(frame)
    if timed and (pick(columns, ("markprice",)) or (bars and re.search(r"(?<![a-z])mark(?![a-z])", words))):
        return "mark"
    if bars:
        return "candles"
    if trades.columns_of(frame):
        return "trades"
    numbers = [c for c in columns if frame[c].dtype.is_numeric()]
    return "values" if timed and numbers and pick(columns, _NOT_VALUES) is None else None


def _unpacked(head: bytes) -> bytes:
    """The beginning of a file, decompressed if it is gzip; what a damaged one still gives."""
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        return zlib.decompressobj(31).decompress(head, 4096)
    except zlib.error:
        return b""


def unknown_format(path: Path, why: str) -> InputError:
    """The error that lists all formats."""
    return InputError(
        "unknown-format",
        f"{path.name} is of no format that can be read: {why}",
        where=Where(str(path)),
        key="--format",
        means="nothing was imported; the formats are " + "; ".join(f"{k} ({v})" for k, v in FORMATS.items()),
        try_=f"tickerml data import {path} --format candles",
    )
