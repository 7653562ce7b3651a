"""Every source as a tape: the one place that knows stores, archive files, raw recordings and the synthetic market."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tickerml.run.compiling import compiling
from tickerml.run.feed import connect
from tickerml.run.research import MarketTape
from tickerml.sim.scenarios import SCENARIOS, parse_source
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.sources import files_of, named, open_paths
from tickerml.tape.importers.sources import import_paths as import_files
from tickerml.tape.kernel_cache import cache_root
from tickerml.tape.progress import Progress
from tickerml.tape.rows import FOREVER
from tickerml.tape.store import StoredTape, is_store, write_store
from tickerml.tape.store_manifest import VERSION
from tickerml.tape.tape import Header, Tape, content_hash
from tickerml.tape.window import window
from tickerml.venues.captures import open_captures
from tickerml.views.words import iso

Span = tuple[int | None, int | None]


def _raw(paths: Sequence[Path], options: Options) -> Tape:
    return open_captures(paths, venue=options.venue or None)


RAW = {"binance-raw": _raw}


@dataclass(frozen=True)
class SelectedTape:
    """Some span of receive time of a tape."""

    inner: Tape
    span: Span

    @property
    def header(self) -> Header:
        """The inner header."""
        return self.inner.header

    def blocks(self) -> Iterator[Block]:
        """The rows of the span, led by what held at its start."""
        return window(self.inner.blocks(), *self.span, self.header.names)

    def content_hash(self) -> str:
        """SHA-256 of the selected content."""
        return content_hash(self.blocks())


def open_source(
    spec: str,
    *,
    fmt: str | None = None,
    pairs: Sequence[str] | None = None,
    timerange: Span | None = None,
    progress: Progress | None = None,
    options: Options = Options(),  # noqa: B008  frozen, so one default serves all
    minutes: int | None = None,
    coins: Sequence[str] | None = None,
) -> MarketTape:
    """A tape from `synthetic[:scenario][:seed]`, a store, a folder, a file or a feed `tcp:host:port`.

    Files are imported once, into the user's cache folder. `pairs` is checked against what the source has. Raises
    InputError.
    """
    named(spec, "--source")
    if spec.startswith("tcp:"):
        return MarketTape(connect(spec.removeprefix("tcp:")))
    made_up = spec.split(":")[0] == "synthetic"
    tape = _synthetic(spec, minutes, coins) if made_up else _opened(Path(spec), fmt, timerange, options, progress)
    if pairs:
        _require(tape.header, pairs)
    if timerange is not None:
        _not_empty(tape, timerange)
        tape = tape if isinstance(tape, StoredTape) else SelectedTape(tape, timerange)
    found = {
        "spec": spec if made_up else str(Path(spec).resolve()),
        "format": fmt,
        "timerange": None if timerange is None else list(timerange),
        "minutes": minutes,
        "coins": None if coins is None else list(coins),
        "options": {k: v if isinstance(v, int) else str(v) for k, v in asdict(options).items() if v},
    }
    return MarketTape(tape, found, tuple(pairs or ()))


def reopened(found: Mapping[str, Any]) -> MarketTape:
    """The source that a manifest names, opened as it was. Raises InputError when it is gone."""
    span, told = found.get("timerange"), dict[str, Any](found.get("options") or {})
    told.update({k: Decimal(told[k]) for k in ("tick", "lot") if k in told})
    return open_source(
        found["spec"],
        fmt=found.get("format"),
        timerange=None if span is None else (span[0], span[1]),
        options=Options(**told),
        minutes=found.get("minutes"),
        coins=found.get("coins"),
    )


def _synthetic(spec: str, minutes: int | None, coins: Sequence[str] | None) -> Tape:
    scenario, seed = parse_source(spec)
    named: dict[str, Any] = {}
    if minutes is not None:
        named["minutes"] = minutes
    if coins is not None:
        named["coins"] = tuple(coins)
    return synthetic_tape(scenario, seed, **named)


def _opened(path: Path, fmt: str | None, timerange: Span | None, options: Options, progress: Progress | None) -> Tape:
    store = path if is_store(path) else _cached(path, fmt, options, progress)
    if store is None:
        return open_paths([path], format=fmt or "", options=options, raw=RAW)
    start, stop = timerange or (None, None)
    return StoredTape(store, start=start, stop=stop)


def _cached(path: Path, fmt: str | None, options: Options, progress: Progress | None) -> Path | None:
    """The store in the cache that holds these files as they are now; None where the cache cannot be written."""
    files = [(str(f), *_stamp(f)) for f in files_of(path)]
    told = json.dumps([str(path.resolve()), files, fmt, version("tickerml"), VERSION, asdict(options)], default=str)
    root = cache_root() / "sources" / hashlib.sha256(told.encode()).hexdigest()[:16] / path.resolve().name
    heard = (lambda rows: progress(rows, None, f"reading {path.name}")) if progress is not None else None
    if is_store(root):
        return root
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=root.parent, ignore_cleanup_errors=True) as made:
            new = Path(made) / root.name
            with compiling(progress):
                import_files([path], new, format=fmt or "", options=options, raw=RAW, progress=heard)
            return _kept(new, root)
    except OSError:  # nothing can be written there
        return None
    except InputError as error:
        if error.code != "store-write":
            raise
        return None


def _kept(new: Path, root: Path) -> Path:
    """Take a whole store for the one in the cache: nobody ever sees a part of it, whoever reads or is killed beside."""
    try:
        new.rename(root)
    except OSError:
        if not is_store(root):  # an import that was killed left it, before whole stores were moved here
            shutil.rmtree(root, ignore_errors=True)
            new.rename(root)
    return root  # where there is one already, another process was quicker: it has read the same files


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of change; -1 of what cannot be opened, so that it is read once it can be."""
    if not os.access(path, os.R_OK):
        return -1, -1
    told = path.stat()
    return told.st_size, told.st_mtime_ns


def _not_empty(tape: Tape, span: Span) -> None:
    """InputError `timerange` where the tape has no row in the span: there would be nothing to say of it."""
    start, stop = (limit if one is None else one for one, limit in zip(span, (-FOREVER, FOREVER), strict=True))
    if isinstance(tape, StoredTape):
        _, first, last, _ = tape.extent()
        found = tape.any_within(start, stop)
    else:
        first, last, found = FOREVER, -FOREVER, False
        for times in (block.rows["recv"] for block in tape.blocks() if len(block)):
            if ((times >= start) & (times < stop)).any():
                return
            first, last = min(first, int(times.min())), max(last, int(times.max()))
    if not found:
        begin, end = (
            "" if one is None else f" {word} {iso(one)}" for word, one in zip(("from", "before"), span, strict=True)
        )
        held = "it has none at all" if last < first else f"its rows are from {iso(first)} to {iso(last)}"
        raise InputError(
            "timerange",
            f"{tape.header.title} has no rows{begin}{end}; {held}",
            key="--timerange",
            means="nothing was started",
        )


def _require(header: Header, pairs: Sequence[str]) -> None:
    known = [i.symbol for i in header.instruments]
    for pair in pairs:
        if pair not in known and pair not in {i.raw for i in header.instruments}:
            raise InputError(
                "unknown-instrument",
                f"{pair} is not in the source; it has {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}",
                key="--pairs",
            )


def import_paths(
    paths: Sequence[str | Path],
    store: Path,
    fmt: str | None = None,
    progress: Progress | None = None,
    options: Options = Options(),  # noqa: B008  frozen, so one default serves all
    **synthetic: Any,
) -> dict[str, Any]:
    """Add sources to a store: {"rows", "instruments", "problems", "places", "skipped"}. What is stored stays as it is.

    `places`: the first places of each problem; `skipped`: all of it was stored before.
    """
    heard = (lambda rows: progress(rows, None, "import")) if progress is not None else None
    total: dict[str, Any] = {"rows": 0, "instruments": [], "problems": {}, "places": {}}
    made_up = [str(p) for p in paths if str(p).split(":")[0] == "synthetic"]
    files = [Path(p) for p in paths if str(p) not in made_up]
    with compiling(progress):
        reports = [
            write_store(_synthetic(spec, **{"minutes": None, "coins": None, **synthetic}), store, progress=heard)
            for spec in made_up
        ]
        if files:
            reports.append(import_files(files, store, format=fmt or "", options=options, raw=RAW, progress=heard))
    for report in reports:
        total["rows"] += report.rows
        total["instruments"] = list(dict.fromkeys([*total["instruments"], *report.instruments]))
        for reason, n in report.problems.items():
            total["problems"][reason] = total["problems"].get(reason, 0) + n
        for reason, met in report.places.items():
            total["places"][reason] = [*total["places"].get(reason, []), *met]
    total["skipped"] = all(report.skipped for report in reports)
    return total


def check(tape: Tape, progress: Progress | None = None) -> dict[str, Any]:
    """Health of each instrument of a tape: {"instruments": [...]}, see tape/check.py."""
    from tickerml.tape.check import check as examine

    with compiling(progress):
        return {"instruments": [health.as_json() for health in examine(tape)]}


def list_store(store: Path) -> list[dict[str, Any]]:
    """What a store holds, one entry an instrument."""
    header = StoredTape(store).header
    held = StoredTape(store).held()
    found = []
    for i in header.instruments:
        rows, start, stop = held.get(i.id, (0, 0, 0))
        span = {"rows": rows, "start": iso(start) if rows else None, "end": iso(stop) if rows else None}
        found.append({"symbol": i.symbol, "venue": i.venue, **span, "tick": str(i.tick), "lot": str(i.lot)})
    return found


def synthetic_name(spec: str) -> str:
    """What the market `synthetic[:scenario][:seed]` is called: "calm, seed 7". InputError `scenario`, `seed`."""
    scenario, seed = parse_source(spec)
    return f"{scenario}, seed {seed}"


def scenarios() -> Mapping[str, str]:
    """Names of the synthetic market's scenarios, with what each does."""
    found = SCENARIOS.values()
    return {s.name: s.summary for s in found}
