"""A run's folder: manifest, journal, snapshots. What is written here is enough to make the run again."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from tickerml.config import Config, idle, to_mapping
from tickerml.run.pending import Pending, bounded
from tickerml.run.recipe import command_of, search_command
from tickerml.run.setup import Setting, with_least
from tickerml.run.shaped import misshapen
from tickerml.run.siblings import digest
from tickerml.run.strategies import Chosen, traded
from tickerml.run.tiers import unliquidated
from tickerml.run.trials import SWEEP, TRIALS, search_in
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError, Where
from tickerml.tape.finite_json import json_text
from tickerml.tape.instruments import Instrument
from tickerml.tape.journal import Journal, Sync, read
from tickerml.tape.kernel_cache import kernel_hash, source_hashes
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Header, Tape, content_hash

MANIFEST: Final = "run.json"
JOURNAL: Final = "journal"
BEGUN: Final = (  # what a manifest has before its run starts
    "run", "mode", "strategy", "strategies", "code", "code_files", "config", "cash", "seed", "pairs", "bar_only",
    "source", "kernel_hash", "kernel_sources", "versions", "python", "visibility", "latency", "notes", "command",
)  # fmt: skip
COUNTED: Final = (  # what its "source" has when the run has ended
    "rows", "start", "end", "content_hash", "resyncs", "lost", "clocks", "breaks", "gaps", "crossed", "late", "early",
)  # fmt: skip
OURS: Final = (int(Kind.RECOVERED), int(Kind.SNAPSHOT), int(Kind.SOURCE))  # the journal's own rows: no part of the run


_PASSING: Final = {int(Kind.PASS), int(Kind.PARAMS), int(Kind.DESK)}  # rows that nothing outside waits for


@dataclass(frozen=True)
class RunTape:
    """The rows that a run made, in their own sequence from 0, read from its journal."""

    folder: Path
    told: Header

    @property
    def header(self) -> Header:
        """Instruments, names and assumptions of the source."""
        return self.told

    def blocks(self) -> Iterator[Block]:
        """Made rows only: no market rows, and none that the journal wrote for itself."""
        for _, block in read(self.folder / JOURNAL):
            if is_made(block) and int(block.rows["kind"][0]) not in OURS:
                yield block

    def content_hash(self) -> str:
        """SHA-256 of the made rows."""
        return content_hash(self.blocks())


def identity(chosen: Sequence[Chosen], tape: Tape, setting: Setting, mode: str, source: Mapping[str, Any]) -> str:
    """A short name that the same run gets again: of mode, strategy, source, settings, cash, seed and kernels.

    A source that has grown and a strategy that was edited make another run: what they give cannot be what was recorded.
    """
    place = json.dumps(source, sort_keys=True, default=str) if source else tape.content_hash()
    state = getattr(getattr(tape, "inner", tape), "fingerprint", str)()
    parts = [mode, *(part for one in chosen for part in (one.name, repr(one.strategy), code_of(one)))]
    parts += [tape.header.title, place, state]
    parts += [json.dumps(header_json(tape.header), sort_keys=True), str(to_mapping(setting.config))]
    parts += [str(setting.cash), str(setting.seed), str(setting.pairs), str(setting.terms), kernel_hash()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]


def code_of(chosen: Chosen) -> str:
    """SHA-256 of a strategy's file and of what it imports beside it, in turn; empty for one that has no file."""
    return _hash_of(chosen, digest)


def _file_of(chosen: Chosen) -> str:
    """SHA-256 of the file alone."""
    return _hash_of(chosen, lambda path: hashlib.sha256(path.read_bytes()).hexdigest())


def _hash_of(chosen: Chosen, by: Callable[[Path], str]) -> str:
    try:
        file = inspect.getsourcefile(type(chosen.strategy))
        return by(Path(file)) if file else ""
    except (TypeError, OSError):  # typed into a prompt
        return ""


def code_told(chosen: Sequence[Chosen]) -> dict[str, dict[str, str]]:
    """The manifest's hashes of its strategies' code, by their source, and of their files alone."""
    return {
        "code": {one.source: code_of(one) for one in chosen},
        "code_files": {one.source: _file_of(one) for one in chosen},
    }


def same_code(before: Mapping[str, Any], now: Mapping[str, Any], source: str) -> bool:
    """Whether a strategy's code is what it was when the run was made; `now` as `code_told` gives it.

    A run without "code_files" was recorded when what a file imports did not count: of its code the file alone is known.
    """
    known = (before.get("code") or {}).get(source)
    alone = "code_files" not in before and known == now["code_files"].get(source)
    return known is None or alone or known == now["code"].get(source)


def manifest_of(
    chosen: Sequence[Chosen], tape: Tape, setting: Setting, mode: str, run: str, source: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known of a run before it starts."""
    header = tape.header
    manifest = {
        "run": run,
        "mode": mode,
        "strategy": name_of(chosen),
        "strategies": [_strategy(one) for one in chosen],
        **code_told(chosen),
        "config": to_mapping(setting.config),
        "cash": str(setting.cash),
        "seed": setting.seed,
        "pairs": list(setting.pairs),
        "bar_only": list(setting.bar_only),
        "source": {**header_json(header), **source},
        "kernel_hash": kernel_hash(),
        "kernel_sources": source_hashes(),
        "versions": {"tickerml": version("tickerml"), "numba": version("numba"), "numpy": version("numpy")},
        "python": sys.version.split()[0],
        "visibility": "watermark" if setting.terms.watermark else "oracle",
        "latency": _latency(setting),
        "notes": _notes(chosen, setting, with_least(header, setting.config)),
    }
    return {**manifest, "command": command_of(manifest)}


def name_of(chosen: Sequence[Chosen]) -> str:
    """How a run names its strategies: "dca+swing"."""
    return "+".join(one.name for one in chosen)


def _strategy(chosen: Chosen) -> dict[str, Any]:
    told: dict[str, Any] = {"name": chosen.name, "source": chosen.source, "params": _params(chosen)}
    told |= {"compiled": True} if chosen.compiled else {}
    return {**told, "given": dict(chosen.given)} if chosen.given else told


def _params(chosen: Chosen) -> dict[str, Any]:
    """Its plain parameters; an infinite one as a word ("inf"), since JSON has no number for it."""
    every = vars(chosen.strategy).items()
    held = {k: v for k, v in every if isinstance(v, int | float | str | bool) or _words(v)}
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in held.items()}


def _words(value: object) -> bool:
    """Whether this is a tuple of texts, such as coins."""
    return isinstance(value, tuple) and all(isinstance(one, str) for one in value)


def _latency(setting: Setting) -> str:
    one = setting.config.latency
    return f"{one.model}: entry {one.entry_ms:g} ms, cancel {one.cancel_ms:g} ms, response {one.response_ms:g} ms"


def _notes(chosen: Sequence[Chosen], setting: Setting, header: Header) -> list[str]:
    notes = []
    wanted = [i for i in header.instruments if not i.values_only and i.symbol in (setting.pairs or (i.symbol,))]
    bare = sum(not i.min_notional for i in wanted)
    if bare:
        of = "" if bare == len(wanted) else f" of {bare} of {len(wanted)} instruments"
        notes.append(f"The source names no smallest order{of}: any size is filled here (account.min_notional)")
    perps = [i for i in wanted if ":" in i.symbol]
    if perps and "funding" not in header.names:
        notes.append(
            "The source has no funding rates: perpetuals are held at no funding here, neither paid nor received"
        )
    bold = unliquidated(chosen, wanted, setting.config)
    if bold:
        notes.append(bold)
    quoting = next((one for one in chosen if one.compiled), None)
    coins = traded(quoting, setting.config, header.instruments, setting.pairs) if quoting is not None else ()
    most = setting.config.limits.max_open_positions
    if quoting is not None and len(coins) > most:
        notes.append(
            f"{quoting.name} may quote {len(coins)} coins and has a position or quotes in {most} at once "
            "(limits.max_open_positions): which they are, the first quotes decide"
        )
    if setting.config.superp.enabled:
        notes.append("SuperP positions exist in simulation only: no venue offers them")
    if setting.config.psc_integration.ton_price != "tape":
        notes.append(f"TON price is the constant {setting.config.psc_integration.ton_price}")
    notes += idle(setting.config)
    return notes


def called(folder: Path, manifest: Mapping[str, Any]) -> str:
    """What commands find the run in `folder` by: its name where its settings' folder of runs is, else its path."""
    runs = (manifest["config"].get("data") or {}).get("runs") or Config().data.runs
    return folder.name if folder.resolve().parent == Path(runs).resolve() else str(folder)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write run.json whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{MANIFEST}.partial"
    partial.write_text(json_text(manifest, indent=1, sort_keys=True, default=str) + "\n", encoding="utf-8")
    partial.replace(folder / MANIFEST)


def read_manifest(folder: Path, *, whole: bool = True) -> dict[str, Any]:
    """The manifest of a run. InputError `not-a-run`, which says so where it is a search.

    `whole`: it must have what a run is computed from; else it only is an object, for those who ask how far it came.
    """
    path = folder / MANIFEST
    search = "" if path.exists() else search_in(folder)
    if search:
        raise InputError(
            "not-a-run",
            f"{folder} is a {search}: many trials of one strategy, and not a run",
            where=Where(str(folder / SWEEP)),
            means=f"{SWEEP} in it holds what came out, {TRIALS} each trial",
            try_=search_command(folder),
        )
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("not-a-run", f"{folder} is not a run: {error}", where=Where(str(path))) from None
    wrong = misshapen(found) if whole or not isinstance(found, dict) else ""
    if wrong:
        said = f"{folder} is not a run: its {MANIFEST} is of another kind, {wrong}"
        raise InputError("not-a-run", said, where=Where(str(path)))
    return found


def header_json(header: Header) -> dict[str, Any]:
    """A header as plain values; `header_of` reads it back."""
    return {
        "title": header.title,
        "synthetic": header.synthetic,
        "assumed_clock": header.assumed_clock,
        "bar_only": header.bar_only,
        "notes": list(header.notes),
        "names": list(header.names),
        "problems": dict(header.problems),
        "instruments": [json.loads(i.to_json()) for i in header.instruments],
    }


def header_of(manifest: Mapping[str, Any]) -> Header:
    """The source's header as the manifest recorded it."""
    source = manifest["source"]
    return Header(
        title=source["title"],
        instruments=tuple(Instrument.from_json(json.dumps(i).encode()) for i in source["instruments"]),
        names=tuple(source["names"]),
        synthetic=source["synthetic"],
        assumed_clock=source["assumed_clock"],
        bar_only=source["bar_only"],
        notes=tuple(source["notes"]),
        problems=tuple(dict(source.get("problems") or {}).items()),
    )


class KeptTape(RunTape):
    """The market rows that a run journalled because its source was a live feed."""

    def blocks(self) -> Iterator[Block]:
        """Market rows only, in the order in which they came."""
        for _, block in read(self.folder / JOURNAL):
            if len(block) and not is_made(block):
                yield block


def is_made(block: Block) -> bool:
    """Whether a block of the journal holds rows that a run made; a block of PARAMS or COMMAND alone does."""
    kinds = block.rows["kind"]
    return bool((kinds >= 32).any() or (len(kinds) and np.isin(kinds, (Kind.PARAMS, Kind.COMMAND)).all()))


class Recorder:
    """Writes made rows to the journal; what a broken run had written already is compared instead, row by row."""

    def __init__(
        self,
        journal: Journal,
        known: Iterator[Block],
        sync_orders: bool,
        reached: Callable[[int, int], None] | None = None,
        advice: str = "",
    ) -> None:
        """`known`: blocks recovered from the journal; `sync_orders`: wait for the disk before an order leaves.

        `reached` hears how many rows were known, and the time of the first that is new. `advice`: what to
        try where one differs.
        """
        self.journal, self.sync_orders, self._reached = journal, sync_orders, reached
        self._known = Pending(known, advice)
        self._equal = 0

    @property
    def behind(self) -> bool:
        """Whether the journal holds rows that were not computed again yet."""
        return self._known.left

    def __call__(self, block: Block) -> None:
        """Take the next block of made rows."""
        fresh = self._known.match(block)
        self._equal += len(block) - (0 if fresh is None else len(fresh))
        if fresh is None or not len(fresh):
            return
        if self._reached is not None:
            self._reached(self._equal, int(fresh.rows["recv"][0]))
            self._reached = None
        kinds = set(fresh.rows["kind"].tolist())
        order = bool(kinds & {int(Kind.SUBMIT), int(Kind.CANCEL), int(Kind.AMEND), int(Kind.INTENT)})
        for piece in bounded(fresh):
            seq = self.journal.append(piece, Sync.ORDER if order else Sync.MARKET if kinds <= _PASSING else Sync.FACT)
        if order and self.sync_orders:
            self.journal.sync(seq + len(piece) - 1)
