"""Every source as a tape: the one place that knows stores, archive files, raw recordings and the synthetic market."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tickerml.run.feed import connect
from tickerml.sim.scenarios import SCENARIOS
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.sources import import_paths as import_files
from tickerml.tape.importers.sources import open_paths
from tickerml.tape.progress import Progress
from tickerml.tape.store import StoredTape, is_store, write_store
from tickerml.tape.tape import Header, Tape, content_hash
from tickerml.tape.window import window
from tickerml.venues.captures import open_captures

Span = tuple[int | None, int | None]


def _raw(paths: Sequence[Path], options: Options) -> Tape:
    return open_captures(paths, venue=options.venue or None)


RAW = {"binance-raw": _raw}


@dataclass(frozen=True)
class SelectedTape:
    """Part of a tape: some instruments' rows, some span of receive time."""

    inner: Tape
    chosen: frozenset[int] | None
    span: Span

    @property
    def header(self) -> Header:
        """The inner header; instruments keep their ids, so all of them stay named."""
        return self.inner.header

    def blocks(self) -> Iterator[Block]:
        """The chosen rows, in sequence."""
        blocks = self.inner.blocks()
        return blocks if self.span == (None, None) else window(blocks, *self.span)

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
) -> Tape:
    """A tape from `synthetic[:scenario][:seed]`, a store, a folder, a file or a feed `tcp:host:port`.


    `pairs` is checked against what the source has. Raises InputError.
    """
    if spec.startswith("tcp:"):
        return connect(spec.removeprefix("tcp:"))
    if spec.split(":")[0] == "synthetic":
        tape = _synthetic(spec, minutes, coins)
    else:
        tape = _opened(Path(spec), fmt, timerange, options)
    if pairs:
        _require(tape.header, pairs)
    if timerange is not None and not (spec.split(":")[0] != "synthetic" and is_store(Path(spec))):
        return SelectedTape(tape, None, timerange)
    return tape


def _synthetic(spec: str, minutes: int | None, coins: Sequence[str] | None) -> Tape:
    parts = spec.split(":")
    if len(parts) > 3 or (len(parts) == 3 and not parts[2].lstrip("-").isdigit()):
        raise InputError("synthetic", f'"{spec}" is not synthetic[:scenario][:seed]', try_="synthetic:calm:7")
    named: dict[str, Any] = {}
    if minutes is not None:
        named["minutes"] = minutes
    if coins is not None:
        named["coins"] = tuple(coins)
    scenario = parts[1] if len(parts) > 1 and parts[1] else "calm"
    return synthetic_tape(scenario, int(parts[2]) if len(parts) > 2 else 7, **named)


def _opened(path: Path, fmt: str | None, timerange: Span | None, options: Options) -> Tape:
    if is_store(path):
        start, stop = timerange or (None, None)
        return StoredTape(path, start=start, stop=stop)
    return open_paths([path], format=fmt or "", options=options, raw=RAW)


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
    """Add sources to a store: {"rows", "instruments", "problems"}. What is stored already stays as it is."""
    heard = (lambda rows: progress(rows, None, "import")) if progress is not None else None
    total: dict[str, Any] = {"rows": 0, "instruments": [], "problems": {}}
    made_up = [str(p) for p in paths if str(p).split(":")[0] == "synthetic"]
    files = [Path(p) for p in paths if str(p) not in made_up]
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
    return total


def check(tape: Tape, progress: Progress | None = None) -> dict[str, Any]:
    """Health of each instrument of a tape: {"instruments": [...]}, see tape/check.py."""
    from tickerml.tape.check import check as examine

    return {"instruments": [health.as_json() for health in examine(tape)]}


def list_store(store: Path) -> list[dict[str, Any]]:
    """What a store holds, one entry an instrument."""
    header = StoredTape(store).header
    return [{"symbol": i.symbol, "venue": i.venue, "tick": str(i.tick), "lot": str(i.lot)} for i in header.instruments]


def scenarios() -> Mapping[str, str]:
    """Names of the synthetic market's scenarios, with what each does."""
    found = SCENARIOS.values()
    return {s.name: s.summary for s in found}
