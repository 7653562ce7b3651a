"""The store: tapes on disk as Parquet, partitioned by venue, instrument and day (docs/tape.md, "On disk").

Writing is atomic: files go to temporary names, are synced and renamed, and the manifest is replaced last. So an import
that fails or is killed leaves what was stored before, and the same command continues: what is stored is skipped.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from tickerml.tape.block import Block
from tickerml.tape.errors import InputError, Where
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel_cache import kernel_hash
from tickerml.tape.renumber import Union
from tickerml.tape.store_files import lock, sync_folders, write_file
from tickerml.tape.store_manifest import NAME, Manifest, Segment, Source, dump, load
from tickerml.tape.store_reader import read_segment, read_segments
from tickerml.tape.store_sources import compare, remaining, without_replaced
from tickerml.tape.store_writer import SegmentWriter
from tickerml.tape.tape import Header, Tape, content_hash
from tickerml.tape.window import window

_OURS: Final = re.compile(r"s\d{4,}-c\d{5,}[-.\w]*\.parquet(\.tmp)?")


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What an import added."""

    rows: int
    instruments: tuple[str, ...]  # symbols
    problems: dict[str, int] = field(default_factory=dict)  # reason -> count
    skipped: bool = False  # the same sources, or the same content, were stored before
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)  # reason -> the first places, "file:line note"


def is_store(path: Path | str) -> bool:
    """Whether `path` is a folder with a store's manifest."""
    return (Path(path) / NAME).is_file()


def missing_sources(root: Path | str, paths: Sequence[Path]) -> list[Path]:
    """Those of `paths` that an import has to read: the tape of these is what `write_store` wants.

    Files stored already are left out, unless the new import replaces the old one whole (a file has grown, a later day
    has come). Raises InputError: file-missing, store-overlap.
    """
    return remaining(load(Path(root)), paths) if is_store(root) else list(paths)


def write_store(
    tape: Tape,
    root: Path | str,
    *,
    sources: Sequence[Path] = (),
    progress: Callable[[int], None] | None = None,
) -> StoreReport:
    """Add `tape` to the store at `root`, which is made where it does not exist. `progress` hears rows done so far.

    `sources` are the files that the tape was read from: files stored already are skipped before they are read, and an
    import of the same file when it was shorter is replaced. Raises what the tape raises, InputError store-write,
    RunError store-locked; the store is then as it was.
    """
    root = Path(root)
    with lock(root):
        manifest = load(root) if is_store(root) else Manifest()
        new, old = compare(manifest, sources)
        symbols = tuple(dict.fromkeys(i.symbol for i in tape.header.instruments))
        if sources and not new:
            return StoreReport(0, symbols, dict(tape.header.problems), skipped=True)
        _sweep(root, manifest)
        try:
            manifest, segment = _write_segment(tape, root, manifest, tuple(new), progress)
            kept = without_replaced(manifest.segments, segment, old)
            same = any(s.content_hash == segment.content_hash for s in kept)
            if segment.rows and not same:
                sync_folders(root, [f.path for f in segment.files()])
                manifest = msgspec.structs.replace(manifest, segments=(*kept, segment))
                write_file(root / NAME, dump(manifest))
                sync_folders(root, [NAME], "the import is stored, but a power cut now may still undo it")
        finally:
            with suppress(InputError):  # a manifest that cannot be read now: the next import sweeps
                _sweep(root, load(root) if is_store(root) else Manifest())
    rows = 0 if same else segment.rows
    symbols = tuple(dict.fromkeys(i.symbol for i in tape.header.instruments))
    return StoreReport(rows, symbols, dict(segment.problems), skipped=same)


def _write_segment(
    tape: Tape, root: Path, manifest: Manifest, sources: tuple[Source, ...], progress: Callable[[int], None] | None
) -> tuple[Manifest, Segment]:
    """Write the tape's files; the manifest that comes back knows its instruments, but not yet the segment."""
    number = max((s.id for s in manifest.segments), default=-1) + 1
    writer, union = SegmentWriter(root, number), Union(manifest.instruments, manifest.names)

    def written() -> Iterator[Block]:
        """Each block after it was handed to the writer, so that one pass both stores and hashes."""
        rows = 0
        for block in tape.blocks():
            plan = union.adopt(tape.header)  # importers learn of instruments and names as they read
            ours = plan.apply(block)
            writer.add(ours, {i.id: i for i in plan.instruments.values()})
            rows += len(ours)
            if progress:
                progress(rows)
            yield ours

    digest = content_hash(written())
    chunks, header = writer.close(), tape.header
    used = tuple(sorted(i.id for i in union.adopt(header).instruments.values()))
    segment = Segment(
        id=number,
        title=header.title,
        rows=sum(c.rows for c in chunks),
        start=min((c.start for c in chunks), default=0),
        stop=max((c.stop for c in chunks), default=0),
        content_hash=digest,
        instruments=used,
        chunks=chunks,
        sources=sources,
        synthetic=header.synthetic,
        assumed_clock=header.assumed_clock,
        bar_only=header.bar_only,
        notes=header.notes,
        problems=header.problems,
        made_by=_made_by(),
    )
    return msgspec.structs.replace(manifest, instruments=union.instruments, names=union.names), segment


def _any(blocks: Iterator[Block], start: int, stop: int) -> bool:
    return any(((b.rows["recv"] >= start) & (b.rows["recv"] < stop)).any() for b in blocks)


def _made_by() -> dict[str, str]:
    return {
        "tickerml": version("tickerml"),
        "numba": version("numba"),
        "kernels": kernel_hash(),
        "cpu": platform.machine(),
    }


def _sweep(root: Path, manifest: Manifest) -> None:
    """Remove files of ours that no segment names: what a killed or failed import left behind."""
    named = {f.path for s in manifest.segments for f in s.files()}
    for path in [p for p in root.rglob("*.parquet*") if _OURS.fullmatch(p.name)]:
        if path.relative_to(root).as_posix() not in named:
            path.unlink()


def _select(held: Sequence[Instrument], wanted: Sequence[str], root: Path) -> frozenset[int]:
    """Ids of the instruments named, by unified or venue symbol."""
    found: set[int] = set()
    for name in wanted:
        ids = {i.id for i in held if name in (i.symbol, i.raw)}
        if not ids:
            raise InputError(
                "unknown-instrument",
                f"{name} is not in {root.name}; it has {', '.join(sorted({i.symbol for i in held})) or 'none'}",
                where=Where(str(root)),
                means="nothing was read",
                try_=f"tickerml data list {root}",
            )
        found |= ids
    return frozenset(found)


class StoredTape:
    """A store as a tape: the sequence that was written, whatever the number of files it lies in.

    `instruments` (unified or venue symbols) and `start` / `stop` (receive time, ns, stop exclusive) select a part; what
    held at `start` (books, funding, definitions, clocks) is then repeated at its beginning. Imports that overlap in
    time are merged by receive time. Raises InputError not-a-store, store-version, unknown-instrument.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        instruments: Sequence[str] | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> None:
        self._root = Path(root)
        self._manifest = load(self._root)
        self._title = self._root.name or str(self._root)
        self._chosen = None if instruments is None else _select(self._manifest.instruments, instruments, self._root)
        self._window = (start, stop)

    @property
    def header(self) -> Header:
        """What is true of the whole store; instruments as selected."""
        header = self._manifest.header(self._title)
        if self._chosen is None:
            return header
        kept = tuple(i for i in header.instruments if i.id in self._chosen)
        return replace(header, instruments=kept)

    def extent(self) -> tuple[int, int, int, tuple[int | None, int | None]]:
        """Rows and first and last receive time (ns) of the whole store, and the span selected from it."""
        segments = self._manifest.segments
        first, last = min((s.start for s in segments), default=0), max((s.stop for s in segments), default=0)
        return sum(s.rows for s in segments), first, last, self._window

    def any_within(self, start: int, stop: int) -> bool:
        """Whether a row was received in [start, stop), ns. Reads at most the chunk that the whole span lies in."""
        for segment in self._manifest.segments:
            for chunk in (c for c in segment.chunks if c.start < stop and c.stop >= start):
                one = msgspec.structs.replace(segment, chunks=(chunk,))
                if chunk.start >= start or chunk.stop < stop or _any(read_segment(self._root, one, None), start, stop):
                    return True
        return False

    def blocks(self) -> Iterator[Block]:
        """Blocks in sequence, of a size for the processor's cache."""
        blocks = read_segments(self._root, self._manifest, self._chosen)
        return blocks if self._window == (None, None) else window(blocks, *self._window, self._manifest.names)

    def held(self) -> dict[int, tuple[int, int, int]]:
        """Rows of each instrument by id, and the receive times (ns) between which they lie, to the chunk."""
        found: dict[int, tuple[int, int, int]] = {}
        for chunk in (c for segment in self._manifest.segments for c in segment.chunks):
            for one in chunk.parts:
                rows, start, stop = found.get(one.inst, (0, chunk.start, chunk.stop))
                found[one.inst] = rows + one.rows, min(start, chunk.start), max(stop, chunk.stop)
        return found

    def fingerprint(self) -> str:
        """What changes with the store's content, read off its manifest: the hashes of its imports."""
        return " ".join(segment.content_hash for segment in self._manifest.segments)

    def content_hash(self) -> str:
        """As recorded when the whole of one import is read, else computed by a pass."""
        segments = self._manifest.segments
        if len(segments) == 1 and self._chosen is None and self._window == (None, None):
            return segments[0].content_hash
        return content_hash(self.blocks())
