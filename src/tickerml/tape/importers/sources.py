"""Opening any source as one tape: a store, a file, a folder, or several of them merged by receive time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers import book1000, candles, hftbacktest, trades, values
from tickerml.tape.importers.detect import FORMATS, detect, unknown_format
from tickerml.tape.importers.frames import ends_of
from tickerml.tape.importers.options import Options
from tickerml.tape.instruments import Instrument
from tickerml.tape.merge import MergedTape
from tickerml.tape.problems import OF_A_FILE, Problems
from tickerml.tape.store import StoredTape, StoreReport, is_store, missing_sources, write_store
from tickerml.tape.tape import Tape

Reader = Callable[[Path, Options], Tape]
RawReader = Callable[[Sequence[Path], Options], Tape]
"""Reads recorder files of one kind, all together, since a book goes on from one file to the next."""

READERS: Final[Mapping[str, Reader]] = {
    "book1000": book1000.read,
    "candles": candles.read,
    "trades": trades.read,
    "funding": values.funding,
    "mark": values.mark,
    "values": values.values,
    "hftbacktest-npz": hftbacktest.read,
    "tickerml-store": lambda path, options: StoredTape(path),
}
_NOT_DATA: Final = {".md", ".txt", ".json", ".yaml", ".yml", ".html", ".py", ".tmp", ".lock"}
_DEFAULT: Final = Options()
_NO_RAW: Final[Mapping[str, RawReader]] = {}


def open_paths(
    paths: Sequence[Path],
    *,
    format: str = "",  # noqa: A002  # the word that users know from --format
    options: Options = _DEFAULT,
    raw: Mapping[str, RawReader] = _NO_RAW,
) -> Tape:
    """All of `paths` as one tape; a folder stands for the data files in it. `raw`: readers of recorder formats by name.

    Bars, trades and books of one symbol get the finest tick and lot that any of its files needs, so they are one
    instrument. A file of a folder that is of no use (`OF_A_FILE`) is counted as a problem while others are left.
    Raises InputError: unknown-format, file-missing, and what the readers raise.
    """
    found = _by_format(paths, format)
    return _joined(_tapes(found, found.named, options, raw), found)


def import_paths(
    paths: Sequence[Path],
    root: Path,
    *,
    format: str = "",  # noqa: A002
    options: Options = _DEFAULT,
    raw: Mapping[str, RawReader] = _NO_RAW,
    progress: Callable[[int], None] | None = None,
) -> StoreReport:
    """Add files and folders to the store at `root`. Recorder files make one import, all others another.

    Stored files are skipped; see `store.write_store`. Files of no use are not taken for stored: they are read again
    when they are given again, perhaps with what was missing. Raises as `open_paths` and `write_store` do.
    """
    found = _by_format(paths, format)
    kinds = [[kind] for kind in found.named if kind in raw]
    kinds.append([kind for kind in found.named if kind not in raw])
    reports, stored = [StoreReport(0, (), {}, skipped=True)], False
    for group in kinds:
        files = [p for kind in group for p in found.named[kind] if not is_store(p)]
        new = missing_sources(root, files)
        tapes = _tapes(found, found.chosen(group, new), options, raw)
        if not found.refused.isdisjoint(new):  # perhaps all that is left is stored
            files = [p for p in files if p not in found.refused]
            new = missing_sources(root, files)
            tapes = tapes if new or any(is_store(p) for kind in group for p in found.named[kind]) else []
        stored |= len(new) < len(files)
        if tapes:
            tape = _joined(tapes, found)
            found.problems = Problems()  # they are told with this group
            done = sum(r.rows for r in reports)
            heard = (lambda rows, done=done: progress(done + rows)) if progress else None
            report = write_store(tape, root, sources=new, progress=heard)
            reports.append(_placed(report, getattr(tape, "problems", Problems())))
    if len(reports) == 1 and not stored and found.error:
        raise found.error
    reports.append(_placed(StoreReport(0, (), found.problems.counts, skipped=True), found.problems))
    return _summed(reports, root)


def _placed(report: StoreReport, met: Problems) -> StoreReport:
    return replace(report, places={reason: tuple(map(str, met.places(reason))) for reason in report.problems})


def _summed(reports: list[StoreReport], root: Path) -> StoreReport:
    problems: dict[str, int] = {}
    for reason, n in (pair for r in reports for pair in r.problems.items()):
        problems[reason] = problems.get(reason, 0) + n
    symbols = tuple(dict.fromkeys(s for r in reports for s in r.instruments))
    if not symbols and is_store(root):  # everything was stored before: say what is there
        symbols = tuple(dict.fromkeys(i.symbol for i in StoredTape(root).header.instruments))
    places: dict[str, tuple[str, ...]] = {}
    for reason, found in (pair for r in reports for pair in r.places.items()):
        places[reason] = (*places.get(reason, ()), *found)
    return StoreReport(sum(r.rows for r in reports), symbols, problems, all(r.skipped for r in reports), places)


@dataclass(slots=True)
class _Found:
    """The data files by format, and what of a folder cannot be used."""

    named: dict[str, list[Path]] = field(default_factory=dict)
    inside: set[Path] = field(default_factory=set)  # met in a folder, not named directly
    problems: Problems = field(default_factory=Problems)
    refused: set[Path] = field(default_factory=set)
    error: InputError | None = None  # the first of those that were counted

    def chosen(self, kinds: Sequence[str], files: Sequence[Path]) -> dict[str, list[Path]]:
        """Of these kinds these files, and the stores among them."""
        return {kind: [p for p in self.named[kind] if p in files or is_store(p)] for kind in kinds}

    def refuse(self, error: InputError, files: Sequence[Path]) -> None:
        """Count the files as a problem, or raise the error where it is more than that."""
        told = error.key and error.where is None  # what is wrong was said in an option, for all files
        if told or error.code not in OF_A_FILE or not self.inside.issuperset(files):
            raise error
        self.error = self.error or error
        self.refused.update(files)
        place = error.where or Where(str(files[0]))
        self.problems.add(error.code, place.file, place.line, error.message, n=len(files))


def _tapes(
    found: _Found, named: Mapping[str, list[Path]], options: Options, raw: Mapping[str, RawReader]
) -> list[Tape]:
    """The tapes of the files that can be read."""
    tapes: list[_Opened] = []
    for path, kind in ((path, kind) for kind, files in named.items() if kind not in raw for path in files):
        try:
            tapes.append(_open(path, kind, options))
        except InputError as error:
            found.refuse(error, [path])
    opened = [tape for _, _, _, tape in _agreed(tapes, found)]
    for kind, reader in raw.items():
        if files := named.get(kind):
            try:
                opened.insert(0, reader(files, options))
            except InputError as error:
                found.refuse(error, files)
    return opened


def _joined(tapes: Sequence[Tape], found: _Found) -> Tape:
    """One tape with what is said of its files. Raises the error of the first file when none can be read."""
    if not tapes and found.error:
        raise found.error
    return tapes[0] if len(tapes) == 1 and not found.problems else MergedTape(tapes, problems=found.problems)


_Opened = tuple[Path, str, Options, Tape]


def _open(path: Path, kind: str, options: Options) -> _Opened:
    if kind not in READERS:
        raise unknown_format(path, f"nothing here reads {kind}")
    return path, kind, options, READERS[kind](path, options)


def _agreed(tapes: list[_Opened], known: _Found) -> list[_Opened]:
    """The same files, read again with the finest steps of their symbol where they were found to differ."""
    steps: dict[tuple[str, str], set[tuple[Decimal, Decimal]]] = {}
    for _, _, _, tape in tapes:
        if i := _inferred(tape):
            steps.setdefault((i.venue, i.symbol), set()).add((i.tick, i.lot))
    out = []
    for path, kind, options, tape in tapes:
        i = _inferred(tape)
        found = steps[i.venue, i.symbol] if i else set()
        if len(found) > 1:
            tick, lot = (min(step) for step in zip(*found, strict=True))
            finest = replace(options, tick=options.tick or tick, lot=options.lot or lot)
            try:
                out.append(_open(path, kind, finest))
            except InputError as error:  # its prices do not fit such fine steps
                known.refuse(error, [path])
        else:
            out.append((path, kind, options, tape))
    return out


def _inferred(tape: Tape) -> Instrument | None:
    """The instrument whose steps were found out from its file's numbers."""
    held = tape.header.instruments
    return held[0] if not isinstance(tape, StoredTape) and held and not held[0].values_only else None


def _by_format(paths: Sequence[Path], named: str) -> _Found:
    """Data files by format, in the order of their paths; what is of no use in folders is counted.

    A trades file that a book recording brings along is left to it.
    """
    if named and named not in FORMATS:
        raise InputError(
            "unknown-format",
            f"{named} is not a format; the formats are {', '.join(FORMATS)}",
            key="--format",
            means="nothing was imported",
            try_="leave --format out: the format is found out",
        )
    found, kinds = _Found(), dict[str, list[Path]]()
    for path in paths:
        for file in files_of(path):
            if file not in paths:
                found.inside.add(file)
            try:
                if not file.is_dir():
                    ends_of(file)  # whatever its format, it must open
                kinds.setdefault(named or detect(file), []).append(file)
            except InputError as error:
                found.refuse(error, [file])
    brought = {book1000.trades_beside(p) for p in kinds.get("book1000", [])}
    kinds["trades"] = [p for p in kinds.get("trades", []) if p not in brought]
    found.named = {kind: files for kind, files in kinds.items() if files}
    if not found.named:
        n = found.problems["unknown-format"]
        if found.error and len(found.problems) > n:
            raise found.error
        raise unknown_format(paths[0], f"it holds {n} files, none of them of a known format")
    return found


def files_of(path: Path) -> list[Path]:
    """A file or store itself; of a folder, the data files in it and below, by name; links that lead nowhere, too."""
    if not path.exists():
        raise InputError(
            "file-missing",
            f"{path} does not exist",
            where=Where(str(path)),
            means="nothing was imported",
            try_=f"ls -l {path.parent}",
        )
    if not path.is_dir() or is_store(path):
        return [path]
    inside = (
        p
        for p in sorted(path.rglob("*"))
        if (p.is_file() or (p.is_symlink() and not p.exists()))
        and not any(part.startswith(".") for part in p.parts[-2:])
    )
    return [p for p in inside if p.suffix.lower() not in _NOT_DATA]


def named(source: str, key: str = "") -> str:
    """A source's name as it is. InputError `file-missing` for none: a path of nothing is the folder one stands in."""
    if not source.strip():
        raise InputError(
            "file-missing",
            "the source is an empty text, which names nothing",
            key=key or None,
            means="nothing was started",
            try_=f"{key} synthetic   (or a store, a folder, a file; . is this folder)".strip(),
        )
    return source
