"""Runs a machine over a tape with its folder, its progress and its end: what backtest and paper share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tickerml.config import Config
from tickerml.engine.machine import Machine, drive
from tickerml.engine.outbox import HELD
from tickerml.run.compiling import compiling
from tickerml.run.extent import extent_of
from tickerml.run.live import LiveRun, also
from tickerml.run.pending import bounded
from tickerml.run.recipe import trials_of
from tickerml.run.record import (
    JOURNAL,
    KeptTape,
    Recorder,
    RunTape,
    identity,
    manifest_of,
    read_manifest,
    write_manifest,
)
from tickerml.run.seen import Seen
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import Chosen, choose, traded
from tickerml.tape.block import Block, part
from tickerml.tape.errors import RunError
from tickerml.tape.journal import Journal, Sync
from tickerml.tape.progress import Progress
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Tape
from tickerml.views.story import Head


@dataclass(frozen=True)
class Job:
    """One run about to be made."""

    chosen: Chosen
    tape: Tape
    setting: Setting
    mode: str  # "backtest" or "paper"
    folder: Path
    source: dict[str, Any]  # how the source is found again
    progress: Progress | None = None
    layers: bool = True  # run again with each cost off, for the waterfall


def job_of(
    strategy: str | object,
    tape: Tape,
    *,
    config: Config,
    cash: Decimal | None,
    seed: int,
    run_dir: Path | None,
    mode: str,
    pairs: tuple[str, ...] = (),
    source: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Job:
    """Everything that can be wrong with a run's settings is found here, before anything is written."""
    chosen = choose(strategy, config)
    pairs = pairs or getattr(tape, "pairs", ())
    money = cash if cash is not None else config.trading.initial_balance
    with compiling(progress):
        known = getattr(tape, "bar_only", None) or bar_only_of(tape)
    setting = Setting(config, money, seed, tuple(pairs), known, terms_of(config))
    if getattr(tape, "live", False):
        source = {"embedded": True}
    source = source or dict(getattr(tape, "found", {}))
    folder = run_dir or Path(config.data.runs) / identity(chosen, tape, setting, mode, source)
    return Job(chosen, tape, setting, mode, folder, source, progress)


Pace = Callable[[Iterator[Block], Callable[[], bool], int | None], Iterator[Block]]
"""Holds rows back. It is given what to call while it waits (the run ends when that answers True), and the start, ns."""


def record(job: Job, *, sync_orders: bool, chunk: int | None = None, pace: Pace | None = None) -> dict[str, Any]:
    """Make or finish the run of `job` in its folder; returns the manifest, which is then complete."""
    manifest = _begin(job)
    journal, known = _journal(job)
    mine = traded(job.chosen, job.setting.config, job.tape.header.instruments, job.setting.pairs)
    seen = Seen(i.id for i in mine)
    with journal, compiling(job.progress) as compiled:
        live = _live(job, manifest, seen, "market pace" if pace else "max speed")
        sink = also(Recorder(journal, known, sync_orders), live)
        machine = build([job.chosen], job.tape.header, job.setting, sink, held=1 if sync_orders else HELD)
        watch = _watcher(job, machine, live)
        blocks = seen.blocks(_kept(job, journal) if getattr(job.tape, "live", False) else job.tape.blocks())
        began, cpu = time.monotonic(), time.process_time()
        if job.progress is not None:
            blocks = watchable(blocks)
        if pace is not None:
            blocks = pace(blocks, lambda: watch(seen.rows), extent_of(job.tape).start)
        rows = drive(machine, blocks, chunk=chunk, after=watch)
        machine.outbox.flush()
    manifest = {**manifest, **_ended(job, machine, rows, seen)}
    manifest["seconds"] = round(time.monotonic() - began - compiled.seconds, 3)
    manifest["cpu_seconds"] = round(time.process_time() - cpu, 3)
    write_manifest(job.folder, manifest)
    return manifest


def watchable(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks in pieces that take about a tenth of a second each, so that a watcher is never left alone for long."""
    size = 1024
    for block in blocks:
        start = 0
        while start < len(block):
            stop = min(start + size, len(block))
            began = time.monotonic()
            yield block if (start, stop) == (0, len(block)) else part(block, start, stop)
            spent, start = time.monotonic() - began, stop
            size = min(1 << 15, 2 * size) if spent < 0.05 else max(64, size // 2) if spent > 0.2 else size


def _live(job: Job, manifest: dict[str, Any], seen: Seen, speed: str) -> LiveRun | None:
    if job.progress is None:
        return None
    header, mine = (
        job.tape.header,
        traded(job.chosen, job.setting.config, job.tape.header.instruments, job.setting.pairs),
    )
    head = Head(
        run=manifest["run"],
        mode=job.mode,
        strategy=job.chosen.name,
        coins=tuple(dict.fromkeys(i.symbol for i in mine)),
        currency=mine[0].settle if mine else "",
        source=header.title,
        start=0,
        end=0,
        synthetic=header.synthetic,
    )
    feed = bool(getattr(job.tape, "live", False))
    return LiveRun(head, job.setting.cash, extent_of(job.tape), seen, live=feed, speed=speed)


def _begin(job: Job) -> dict[str, Any]:
    run = job.folder.name
    manifest = manifest_of(job.chosen, job.tape, job.setting, job.mode, run, job.source)
    if (job.folder / "run.json").exists():
        before = read_manifest(job.folder)
        for key in ("mode", "strategy", "params", "config", "cash", "seed", "pairs", "kernel_hash"):
            if before.get(key) != _plain(manifest[key]):
                raise RunError(
                    "run-differs",
                    f"{job.folder} holds a run with another {key}",
                    means="nothing was changed",
                    try_="name another folder with --run-dir, or leave it out",
                )
        return before
    write_manifest(job.folder, manifest)
    return manifest


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _journal(job: Job) -> tuple[Journal, Iterator[Block]]:
    folder = job.folder / JOURNAL
    if folder.is_dir() and any(folder.iterdir()):
        journal, _ = Journal.open(folder)
        return journal, RunTape(job.folder, job.tape.header).blocks()
    return Journal.create(folder, job.folder.name, segment_bytes=8 << 20), iter(())


def _kept(job: Job, journal: Journal) -> Iterator[Block]:
    """Market rows of a live feed, journalled before anyone sees them; first those that a broken run had kept."""
    yield from KeptTape(job.folder, job.tape.header).blocks()
    for block in job.tape.blocks():
        for piece in bounded(block):
            journal.append(piece, Sync.MARKET)
        yield block


def _watcher(job: Job, machine: Machine, live: LiveRun | None) -> Callable[[int], bool]:
    progress = job.progress
    if live is not None:
        live.watch(machine)

    def after(rows: int) -> bool:
        if progress is None or live is None:
            return False
        if progress.due:
            progress.show(live.state(rows))
        return progress.stop

    return after


def _ended(job: Job, machine: Machine, rows: int, seen: Seen) -> dict[str, Any]:
    marks = machine.loop.marks
    late = machine.loop.feed.clocks
    counts = seen.counts()
    return {
        "trials": trials_of(job.folder, counts["content_hash"]),
        "rows": rows,
        "decisions": machine.outbox.decisions,
        "decision_hash": machine.outbox.decision_hash(),
        "state_hash": machine.loop.states.hash(),
        "both_inside": int(machine.loop.mail[0]["ambiguous"]),
        "source": {
            **manifest_of(job.chosen, job.tape, job.setting, job.mode, job.folder.name, job.source)["source"],
            **counts,
            "gaps": int(marks["gaps"].sum()),
            "crossed": int(marks["crossed"].sum()),
            "late": int(late["late"].sum()),
            "early": int(late["early"].sum()),
        },
        "counts": {Kind(kind).name.lower(): n for kind, n in sorted(machine.outbox.counts.items())},
    }
