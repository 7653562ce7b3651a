"""Raw recorder files as a tape: every line goes through the venue's codec, as it would live.

Files of one instrument join at their receive times, different instruments and markets merge; sync state, duplicates and
gaps are judged on the joined stream. The files carry no definitions, so ticks and lots are the finest decimals that all
their numbers show: nothing is ever rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.clock_fit import weave
from tickerml.tape.errors import InputError, Where
from tickerml.tape.instruments import Instrument
from tickerml.tape.problems import OF_A_FILE, Problems
from tickerml.tape.rows import Rows, empty
from tickerml.tape.tape import Header, content_hash
from tickerml.venues.binance.assemble import NAMES
from tickerml.venues.binance.capture_file import Budget, CaptureFile
from tickerml.venues.binance.codec import Stream
from tickerml.venues.binance.decoder import Decoder
from tickerml.venues.binance.feed import Feed
from tickerml.venues.binance.instruments import COINM, MARKETS, SPOT, USDM, Grid, instrument, is_coinm
from tickerml.venues.binance.merge import merged
from tickerml.venues.recorder import Lines, read_lines

KEEP: Final = 128 << 20  # bytes of decoded messages kept between the scan and the passes; larger files are read again
_LOOK: Final = 50  # lines that `detect` reads
_FOLDERS: Final = {
    **dict.fromkeys(("spot",), SPOT),
    **dict.fromkeys(("usdm", "usd-m", "usds-m", "um", "futures", "fapi", "binancefutures"), USDM),
    **dict.fromkeys(("coinm", "coin-m", "cm", "dapi"), COINM),
}
_VALUED: Final = (int(Stream.MARK), int(Stream.LIQUIDATION))


def detect(path: Path) -> bool:
    """Whether a file holds recorder lines of Binance. Raises InputError when it cannot be read or is empty."""
    lines: list[bytes] = []
    for batch in read_lines(path, 1 << 16):
        lines += batch.lines[: _LOOK - len(lines)]
        if len(lines) >= _LOOK:
            break
    columns = Decoder().columns(Lines(1, lines))
    return len(columns) > 0


class CaptureTape:
    """Recorder files as a Tape. `problems` are those of the first pass over its blocks."""

    def __init__(self, files: Sequence[CaptureFile], instruments: tuple[Instrument, ...], problems: Problems) -> None:
        self._files = files
        self._instruments = instruments
        self._problems = problems
        self._passes = 0
        self._hash = ""

    @property
    def problems(self) -> Problems:
        """What was met so far, with its first places."""
        return self._problems

    @property
    def header(self) -> Header:
        """What is known of the files; its problems are those met so far."""
        names = [f.path.name for f in self._files]
        valued = any(stream in _VALUED for f in self._files for _, stream in f.streams)
        return Header(
            title=names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more",
            instruments=self._instruments,
            names=NAMES if valued else (),
            notes=tuple(
                f"{i.symbol} ({i.venue}): tick {i.tick:f} and lot {i.lot:f} are the finest decimals in the files"
                for i in self._instruments
            ),
            problems=self._problems.as_tuple(),
        )

    def blocks(self) -> Iterator[Block]:
        """All blocks, with CLOCK rows; each pass reads the files anew unless they are small."""
        problems = self._problems if self._passes == 0 else Problems()
        self._passes += 1
        return weave(self._rows(problems), self._clocks())

    def content_hash(self) -> str:
        """SHA-256 of the content, computed once."""
        if not self._hash:
            self._hash = content_hash(self.blocks())
        return self._hash

    def _rows(self, problems: Problems) -> Iterator[Block]:
        for file in self._files:
            file.problems = problems
        feed = Feed(self._instruments, problems, [str(f.path) for f in self._files], self._ignored())
        for columns in merged(self._files):
            block = feed.push(columns)
            if len(block):
                yield block
        block = feed.close(max(f.last for f in self._files))
        if len(block):
            yield block

    def _ignored(self) -> set[tuple[int, int]]:
        """Aggregate trades of instruments whose single trades are there: they are the same trades again."""
        streams = {(f.ids[inst], stream) for f in self._files for inst, stream in f.streams if inst >= 0}
        return {(inst, Stream.AGG_TRADE) for inst, stream in streams if stream == Stream.TRADE}

    def _clocks(self) -> Rows:
        """CLOCK rows of all files: each file was written by a recorder with a clock of its own."""
        made = [empty(0)]
        for file in self._files:
            rows = file.clock.rows()
            rows["inst"] = np.array(file.ids, np.int32)[rows["inst"]] if len(rows) else rows["inst"]
            made.append(rows)
        clocks = np.concatenate(made)
        return clocks[np.argsort(clocks["recv"], kind="stable")]


def open_captures(paths: Iterable[Path], *, venue: str | None = None, problems: Problems | None = None) -> CaptureTape:
    """A tape over recorder files, and over all those in the folders named; the files are scanned here.

    `venue`: binance, binance-usdm or binance-coinm, where the messages do not tell. Files that are empty or cannot be
    read are counted in `problems` if others are left. Raises InputError: file-unreadable, file-empty, line-too-long,
    no-market-data, mixed-markets, venue-mismatch, unknown-venue.
    """
    if venue is not None and venue not in MARKETS:
        raise InputError(
            "unknown-venue",
            f'"{venue}" is no market of Binance that recorder files can be read for',
            means="nothing was imported",
            try_=f"one of {', '.join(MARKETS)}",
        )
    problems = Problems() if problems is None else problems
    budget, files = Budget(KEEP), list[CaptureFile]()
    failed: InputError | None = None
    for path in _files(paths):
        file = CaptureFile(path, len(files))
        try:
            file.scan(budget)
            _require_symbols(file)
        except InputError as error:
            if error.code not in OF_A_FILE:
                raise
            failed = failed or error
            problems.add(error.code, str(path), error.where.line if error.where else None, error.message)
        else:
            files.append(file)
    if not files:
        raise failed or InputError("no-market-data", "no file was named")
    return CaptureTape(files, _instruments(files, venue), problems)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and those in folders that hold recorder lines, by name."""
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        for inner in sorted(p for p in path.rglob("*") if p.is_file()):
            try:
                found = detect(inner)
            except InputError:
                found = True  # opening it will say what is wrong
            if found:
                yield inner


def _require_symbols(file: CaptureFile) -> None:
    """Raise InputError when no line of the file named an instrument, or one symbol came from two markets."""
    if file.symbols.mixed:
        raw = min(file.symbols.mixed)
        raise InputError(
            "mixed-markets",
            f"{file.path.name} mixes spot and futures messages of {raw}, which cannot be told apart",
            where=Where(str(file.path)),
            means="nothing was imported from it",
            try_="record spot and futures into files of their own",
        )
    if not file.symbols.markets:
        refused = file.refused
        why = f": line {refused.line}: {refused.reason}" if refused else ""
        raise InputError(
            "no-market-data",
            f"{file.path.name} has no line of Binance market data that names an instrument{why}",
            where=Where(str(file.path), refused.line if refused else None, note=refused.note if refused else ""),
            means="nothing was imported from it",
            try_="tickerml data import --help    lists the formats that can be read",
        )


def _instruments(files: Sequence[CaptureFile], venue: str | None) -> tuple[Instrument, ...]:
    """The instruments of all files in the order met, and the ids by which each file's symbols go."""
    grids: dict[tuple[str, str], Grid] = {}
    for file in files:
        for index, (raw, seen) in enumerate(file.symbols.markets.items()):
            key = (_market(file, raw, seen, venue), raw)
            grid, old = file.finest.grid(index), grids.get(key, Grid(0, 0))
            grids[key] = Grid(max(grid.price, old.price), max(grid.size, old.size))
    ids = {key: number for number, key in enumerate(grids)}
    for file in files:
        file.name(tuple(ids[_market(file, raw, seen, venue), raw] for raw, seen in file.symbols.markets.items()))
    made = (instrument(raw, market, grids[market, raw], number=n) for (market, raw), n in ids.items())
    return tuple(i for i in made if i is not None)  # the decoder lets none pass that is not known


def _market(file: CaptureFile, raw: str, seen: str, venue: str | None) -> str:
    """The market of a symbol: what its messages show, else what was named, else the folder's name, else spot."""
    shown = COINM if is_coinm(raw) else seen
    if venue and shown and venue != shown:
        raise InputError(
            "venue-mismatch",
            f"{file.path.name} holds {raw} of {shown}, not of {venue}",
            where=Where(str(file.path)),
            means="nothing was imported",
            try_=f"name {shown}, or no venue at all",
        )
    folders = (part.lower() for part in reversed(file.path.parts[:-1]))
    return shown or venue or next(islice((_FOLDERS[f] for f in folders if f in _FOLDERS), 1), SPOT)
