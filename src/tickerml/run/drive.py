"""Runs a machine over a tape with its folder, its progress and its end: what backtest and paper share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tickerml.config import Config
from tickerml.engine.machine import Machine, drive
from tickerml.run.pending import bounded
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
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import Chosen, choose
from tickerml.tape.block import Block
from tickerml.tape.errors import RunError
from tickerml.tape.journal import Journal, Sync
from tickerml.tape.progress import Progress
from tickerml.tape.rows import Kind
from tickerml.tape.tape import ContentHash, Tape


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
    known = getattr(tape, "bar_only", None)
    setting = Setting(config, money, seed, tuple(pairs), known or bar_only_of(tape), terms_of(config))
    if getattr(tape, "live", False):
        source = {"embedded": True}
    folder = run_dir or Path(config.data.runs) / identity(chosen, tape, setting, mode)
    return Job(chosen, tape, setting, mode, folder, source or getattr(tape, "found", {}), progress)


def record(
    job: Job,
    *,
    sync_orders: bool,
    chunk: int | None = None,
    pace: Callable[[Iterator[Block]], Iterator[Block]] | None = None,
) -> dict[str, Any]:
    """Make or finish the run of `job` in its folder; returns the manifest, which is then complete."""
    began, cpu = time.monotonic(), time.process_time()
    manifest = _begin(job)
    journal, known = _journal(job)
    hashed = _Hashed()
    with journal:
        recorder = Recorder(journal, known, sync_orders)
        machine = build([job.chosen], job.tape.header, job.setting, recorder)
        blocks = hashed.blocks(_kept(job, journal) if getattr(job.tape, "live", False) else job.tape.blocks())
        rows = drive(machine, pace(blocks) if pace else blocks, chunk=chunk, after=_watcher(job, machine))
        machine.outbox.flush()
    manifest = {**manifest, **_ended(job, machine, rows, hashed)}
    manifest["seconds"] = round(time.monotonic() - began, 3)
    manifest["cpu_seconds"] = round(time.process_time() - cpu, 3)
    write_manifest(job.folder, manifest)
    return manifest


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


class _Hashed:
    """Blocks, hashed as they pass: the tape's content hash without a second reading."""

    def __init__(self) -> None:
        self.rows = 0
        self.start = self.end = 0
        self.digest = ContentHash()

    def blocks(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Pass the blocks on."""
        for block in blocks:
            self.digest.update(block)
            if len(block):
                self.rows += len(block)
                self.start = self.start or int(block.rows["recv"][0])
                self.end = int(block.rows["recv"][-1])
            yield block


def _watcher(job: Job, machine: Machine) -> Callable[[int], bool]:
    progress = job.progress

    def after(rows: int) -> bool:
        if progress is None:
            return False
        progress(rows, None, job.mode)
        return progress.stop

    return after


def _ended(job: Job, machine: Machine, rows: int, hashed: _Hashed) -> dict[str, Any]:
    marks = machine.loop.marks
    late = machine.loop.feed.clocks
    return {
        "rows": rows,
        "decisions": machine.outbox.decisions,
        "decision_hash": machine.outbox.decision_hash(),
        "state_hash": machine.loop.states.hash(),
        "both_inside": int(machine.loop.mail[0]["ambiguous"]),
        "source": {
            **manifest_of(job.chosen, job.tape, job.setting, job.mode, job.folder.name, job.source)["source"],
            "rows": rows,
            "start": hashed.start,
            "end": hashed.end,
            "content_hash": hashed.digest.hexdigest(),
            "gaps": int(marks["gaps"].sum()),
            "crossed": int(marks["crossed"].sum()),
            "late": int(late["late"].sum()),
            "early": int(late["early"].sum()),
        },
        "counts": {Kind(kind).name.lower(): n for kind, n in sorted(machine.outbox.counts.items())},
    }
