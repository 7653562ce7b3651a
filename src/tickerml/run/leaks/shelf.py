"""Where a strategy's data files are, as they were at a time: copies in a folder of their own, each made once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tickerml.run import research
from tickerml.run.leaks.files import ALTERED_ROWS, ARRAYS, FRAMES, LINES, TEXT, Change, DataFile, frame_altered, opened
from tickerml.run.leaks.held import Held
from tickerml.run.leaks.times import Bars
from tickerml.run.research import MarketTape
from tickerml.tape.build import cut
from tickerml.tape.merge import message_times

if TYPE_CHECKING:
    import polars as pl

    from tickerml.tape.block import Block

_DATA: Final = (*TEXT, *LINES, *FRAMES, *ARRAYS, ".json")
_BLIND: Final = (".pkl", ".pickle", ".h5", ".hdf5", ".xlsx", ".xls", ".db", ".sqlite", ".joblib", ".zip", ".orc")
TAPE: Final = "tape.columns"
COPIES: Final = 16  # held at once


@dataclass
class Shelf:
    """Data files that a strategy reads, and copies of them."""

    folder: Path  # for the copies
    bars: Bars | None
    files: dict[Path, DataFile | None] = field(default_factory=dict)  # None: it holds no times, or cannot be cut
    frames: dict[tuple[object, ...], pl.DataFrame] = field(default_factory=dict)  # of `tape.columns`
    held: list[Held] = field(default_factory=list)  # tables of a strategy that was made before the run
    _copies: dict[tuple[object, ...], Path] = field(default_factory=dict)
    _made: int = 0

    def known(self, path: Path) -> bool:
        """Whether `path` may hold market data."""
        kinds = {suffix.lower() for suffix in path.suffixes[-2:]}
        inside = self.folder in path.parents
        return not inside and bool(kinds & {*_DATA, *_BLIND})

    def copy(self, path: Path, at: int | None, change: Change | None) -> Path:
        """The file as of `at`, or with `change` behind it; itself where that cannot be made."""
        path = path.resolve()
        if path not in self.files:
            self.files[path] = opened(path, self.bars)
        file = self.files[path]
        if file is None or at is None or (change is not None and change.table != str(path)):
            return path
        key = (path, at, change)
        if key not in self._copies:
            target = self.folder / f"{self._made}-{path.name}"
            self._made += 1
            file.write(target, at, change)
            self._copies[key] = target
            while len(self._copies) > COPIES:  # data may be large
                self._copies.pop(next(iter(self._copies))).unlink(missing_ok=True)
        return self._copies[key]

    def tables(self) -> dict[str, tuple[str, ...]]:
        """Every table that can be cut, with its columns."""
        found = {str(path): file.columns for path, file in self.files.items() if file is not None}
        found |= {one.place: one.known.columns for one in self.held}
        names = [name for frame in self.frames.values() for name in frame.columns if name not in ("time", "symbol")]
        return found | ({TAPE: tuple(dict.fromkeys(names))} if names else {})

    def unjudged(self) -> list[str]:
        """Files that were read and could not be cut."""
        return [str(path) for path, file in self.files.items() if file is None]

    def lengths(self, at: int) -> dict[int, int]:
        """Length of a table -> its rows known at `at`."""
        times = [file.known.times for file in self.files.values() if file is not None and file.known is not None]
        times += [frame["time"].dt.timestamp("ns").to_numpy() for frame in self.frames.values()]
        times += [one.known.times for one in self.held]
        known = {len(one): int((one <= at).sum()) for one in times}
        return {n: n for n in known.values()} | known

    @property
    def offset(self) -> int:
        """Longest time from a row's stamp to when it is known, ns."""
        files = [file.known for file in self.files.values() if file is not None and file.known is not None]
        return max((one.offset for one in [*files, *(held.known for held in self.held)]), default=0)

    @contextmanager
    def tape(self, at: int | None, change: Change | None, read: Any) -> Iterator[None]:
        """While inside, tapes that are read end at `at`, and so do their columns; `read` hears of each."""
        blocks, columns = MarketTape.blocks, research.columns

        def until(self: MarketTape) -> Iterator[Block]:
            """Rows received by then."""
            read(Path(TAPE))
            yield from blocks(self) if at is None or change is not None else _until(blocks(self), at)

        def known(tape: Any, *args: Any) -> pl.DataFrame:
            """Columns sampled by then."""
            read(Path(TAPE))
            return self._columns(
                lambda: columns(getattr(tape, "inner", tape), *args), (tape.header.title, *args), at, change
            )

        MarketTape.blocks, research.columns = until, known  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            MarketTape.blocks, research.columns = blocks, columns  # type: ignore[method-assign]

    def _columns(self, make: Any, asked: tuple[object, ...], at: int | None, change: Change | None) -> pl.DataFrame:
        key = tuple(tuple(one) if isinstance(one, list) else one for one in asked)
        if key not in self.frames:
            self.frames[key] = make()
        frame = self.frames[key]
        if at is None or (change is not None and change.table != TAPE):
            return frame
        known = frame["time"].dt.timestamp("ns").to_numpy() <= at
        if change is None:
            return frame.filter(known)
        names = [name for name in frame.columns if name not in ("time", "symbol")]
        if change.column != "*" and change.column not in names:
            return frame
        return frame_altered(frame, np.flatnonzero(~known)[:ALTERED_ROWS], change, names)


def _until(blocks: Iterator[Block], at: int) -> Iterator[Block]:
    for block in blocks:
        stop = int(np.searchsorted(message_times(block), at, "right"))
        if stop:
            yield cut(block, 0, stop)
        if stop < len(block):
            return
