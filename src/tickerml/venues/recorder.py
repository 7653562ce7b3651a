"""Recorder files: one line = `<receive time> <JSON>`, plain or gzip, read in batches of bounded size.

1723161255030314667 {"stream":"btcusdt@depth@0ms","data":{...}}      ns since 1970 UTC
1721749182850494 {"lastUpdateId": 134180599, "bids": [...], ...}     us since 1970 UTC
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from tickerml.tape.errors import InputError, Where

BATCH: Final = 1 << 22  # bytes of text in one batch of lines
LONGEST: Final = 1 << 26  # bytes; no message of a venue is longer than one line of this
_GZIP: Final = b"\x1f\x8b"
_READ: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Lines:
    """Consecutive whole lines without their ends; `cut` says why the file stops here when it is damaged."""

    first: int  # 1-based number of the first line
    lines: list[bytes]
    cut: str = ""  # "ends in the middle of a compressed block", "holds damaged compressed data"
    open_end: bool = False  # the last line had no line end: it may have been cut


def read_lines(path: Path, batch: int = BATCH) -> Iterator[Lines]:
    """All lines of a file. Raises InputError: file-unreadable, file-empty, line-too-long."""
    number, rest, cut = 1, b"", ""
    texts = _texts(path, batch)
    while True:
        try:
            text = next(texts, None)
        except EOFError as error:
            cut, text = str(error), None
        except OSError as error:
            raise unreadable(path, error) from error
        if text is None:
            break
        lines = (rest + text).split(b"\n")
        rest = lines.pop()
        if len(rest) > LONGEST:
            raise InputError(
                "line-too-long",
                f"{path.name} has a line of more than {LONGEST >> 20} MiB, so it is no recorder file",
                where=Where(str(path), number + len(lines)),
                means="nothing was imported from it",
                try_="tickerml data import --help    lists the formats that can be read",
            )
        if lines:
            yield Lines(number, lines)
            number += len(lines)
    if number == 1 and not rest:
        raise empty(path)
    # A line that a damaged file broke off is no line; in a whole file it may lack just its line end.
    yield Lines(number, [rest] if rest and not cut else [], cut, open_end=True)


def _texts(path: Path, batch: int) -> Iterator[bytes]:
    """The text in pieces of about `batch` bytes."""
    with path.open("rb") as file:
        head = file.read(2)
        file.seek(0)
        if head == _GZIP:
            yield from _inflated(file, batch)
        else:
            while data := file.read(batch):
                yield data


def _inflated(file: IO[bytes], batch: int) -> Iterator[bytes]:
    """Decompressed text; members may follow one another. Raises EOFError when the last one is damaged or not whole."""
    engine, whole, damaged = zlib.decompressobj(31), True, False
    parts: list[bytes] = []
    size = 0
    try:
        while data := file.read(_READ):
            while data:
                parts.append(engine.decompress(data, batch))
                whole, data = engine.eof, engine.unconsumed_tail
                if engine.eof:
                    data = engine.unused_data.lstrip(b"\0")  # tape drives and some writers pad with zeros
                    engine = zlib.decompressobj(31)
                size += len(parts[-1])
                if size >= batch:
                    yield b"".join(parts)
                    parts, size = [], 0
        parts.append(engine.flush())
    except zlib.error:
        damaged = True
    yield b"".join(parts)
    if damaged:
        raise EOFError("holds damaged compressed data")
    if not (whole or engine.eof):
        raise EOFError("ends in the middle of a compressed block")


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for a file that the system will not give: no permission, a folder, a loop of links."""
    return InputError(
        "file-unreadable",
        f"{path.name} cannot be read: {(error.strerror or str(error)).lower()}",
        where=Where(str(path)),
        means="nothing was imported from it",
        try_=f"ls -l {path}",
    )


def empty(path: Path) -> InputError:
    """The error for a file without a byte of text."""
    return InputError(
        "file-empty",
        f"{path.name} is empty",
        where=Where(str(path)),
        means="nothing was imported from it; other files are not affected",
        try_="fetch the file again, or leave it out",
    )
