"""Runs a machine over a tape with its folder, its progress and its end: what backtest and paper share."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tickerml.config import Config
from tickerml.engine.machine import Machine, drive
from tickerml.engine.outbox import DECISIONS, HELD
from tickerml.run.coarse import too_coarse
from tickerml.run.commands import Commands, on_record
from tickerml.run.compiling import compiling
from tickerml.run.extent import extent_of
from tickerml.run.leaks.looks import Looks, looking
from tickerml.run.ledger import Following, place_of
from tickerml.run.live import LiveRun, also
from tickerml.run.pending import bounded
from tickerml.run.record import (
    JOURNAL,
    MANIFEST,
    KeptTape,
    Recorder,
    RunTape,
    header_json,
    identity,
    manifest_of,
    name_of,
    read_manifest,
    write_manifest,
)
from tickerml.run.same_run import check_free, check_same
from tickerml.run.seen import Seen
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import Chosen, choose_all, known_coins, traded
from tickerml.run.trials import in_sample, trials_on_record
from tickerml.tape.block import Block, part
from tickerml.tape.errors import ConfigError, InputError, RunError, TickerMLError
from tickerml.tape.instruments import Instrument
from tickerml.tape.journal import Journal, Sync
from tickerml.tape.progress import Progress
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Tape
from tickerml.views.story import Head
from tickerml.views.words import iso

if TYPE_CHECKING:
    from tickerml.ledger.place import Place

BROKE_OFF: Final = "The run broke off"


@dataclass(frozen=True)
class Job:
    """One run about to be made."""

    chosen: tuple[Chosen, ...]
    tape: Tape
    setting: Setting
    mode: str  # "backtest" or "paper"
    folder: Path
    source: dict[str, Any]  # how the source is found again
    progress: Progress | None = None
    layers: bool = True  # run again with each cost off, for the waterfall
    ledger: Place | None = None  # the tables that its records are kept in too
    looks: list[Looks] | None = None  # where what its strategies saw is kept, for the check of leaks
    twins: int | None = 0  # null twins beside it; None = as many as its length allows


def job_of(
    strategy: str | object | Sequence[str | object],
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
    ledger: bool | None = None,
) -> Job:
    """Everything that can be wrong with a run's settings is found here, before anything is written."""
    chosen = choose_all(strategy, config)
    known_coins(chosen, config, tape.header.instruments)
    pairs = pairs or getattr(tape, "pairs", ())
    money = cash if cash is not None else config.trading.initial_balance
    if not (money.is_finite() and money > 0):
        raise ConfigError("amount", f'cash: "{money}" is no amount above 0', key="cash", try_="cash=10_000")
    with compiling(progress):
        known = getattr(tape, "bar_only", None) or bar_only_of(tape)
    setting = Setting(config, money, seed, tuple(pairs), known, terms_of(config))
    if getattr(tape, "live", False):
        source = {"embedded": True}
    source = source or dict(getattr(tape, "found", {}))
    folder = run_dir or _unstopped(Path(config.data.runs) / identity(chosen, tape, setting, mode, source))
    if ledger is None:
        ledger = config.ledger.enabled and (mode == "paper" or config.ledger.backtests)
    to = place_of(config, folder) if ledger else None
    return Job(chosen, tape, setting, mode, folder, source, progress, ledger=to)


Pace = Callable[[Iterator[Block], Callable[[], bool], int | None], Iterator[Block]]
"""Holds rows back. It is given what to call while it waits (the run ends when that answers True), and the start, ns."""


def _unstopped(folder: Path) -> Path:
    """The folder, or the first "-2", "-3" ... beside it that holds no run which was stopped: that one is over."""
    found, n = folder, 1
    while _stopped(found):
        n += 1
        found = folder.with_name(f"{folder.name}-{n}")
    return found


def _stopped(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and bool(read_manifest(folder, whole=False).get("stopped"))


def record(job: Job, *, sync_orders: bool, chunk: int | None = None, pace: Pace | None = None) -> dict[str, Any]:
    """Make or finish the run of `job` in its folder; returns the manifest, which is then complete."""
    fresh = not job.folder.exists() and not getattr(job.tape, "live", False)  # a feed's rows come only once
    with Following(job.ledger, job.folder, job.progress) as ledger:
        try:
            return _recorded(job, sync_orders, chunk, pace, ledger)
        except (InputError, ConfigError):
            made = RunTape(job.folder, job.tape.header).blocks() if fresh else ()
            if fresh and not any(np.isin(block.rows["kind"], DECISIONS).any() for block in made):
                ledger.forget()
                shutil.rmtree(job.folder)  # nothing was decided: a folder without a run would only be in the way
            raise


def _recorded(job: Job, sync_orders: bool, chunk: int | None, pace: Pace | None, ledger: Following) -> dict[str, Any]:
    manifest = _begin(job)
    journal, known = _journal(job)
    commands = on_record(RunTape(job.folder, job.tape.header).blocks())
    mine = traded_by(job)
    seen = Seen(i.id for i in mine)
    with journal, compiling(job.progress) as compiled:
        live = _live(job, manifest, seen, "market pace" if pace else "max speed")
        recorder = Recorder(journal, known, sync_orders, _reached(job), _advice(job))
        sink = ledger.behind(also(recorder, live), manifest, journal)
        machine = build(job.chosen, job.tape.header, job.setting, sink, held=0 if sync_orders else HELD)
        if job.looks is not None:
            job.looks[:] = looking(machine)
        watch = _watcher(job, machine, live, recorder)
        blocks = seen.blocks(_kept(job, journal) if getattr(job.tape, "live", False) else job.tape.blocks())
        began, cpu = time.monotonic(), time.process_time()
        if job.progress is not None:
            blocks = watchable(blocks)
        with Commands(machine, job.folder, commands) as told:
            if pace is not None:
                blocks = pace(blocks, partial(_waiting, told, watch, seen), extent_of(job.tape).start)
            with _kept_whole(job, manifest, machine, ledger):
                rows = drive(machine, told.through(blocks, lambda: recorder.behind), chunk=chunk, after=watch)
            if (
                live is not None and job.progress is not None and getattr(job.progress, "last", False)
            ):  # whoever publishes states wants the last one
                job.progress.show(live.state(rows))
        machine.outbox.flush()
    manifest = {**manifest, **_ended(job, manifest, machine, rows, seen)}
    manifest["seconds"] = round(time.monotonic() - began - compiled.seconds, 3)
    manifest["cpu_seconds"] = round(time.process_time() - cpu, 3)
    write_manifest(job.folder, manifest)
    return manifest


@contextmanager
def _kept_whole(job: Job, manifest: dict[str, Any], machine: Machine, ledger: Following) -> Iterator[None]:
    """Where the run ends with a fault its tape has all that was done before, and its manifest says why it ends.

    A run that has its end keeps it: it was only computed again, and what fails now is no part of it.
    """
    try:
        yield
    except Exception as fault:
        if "rows" in manifest or not breaks_off(fault):
            raise  # of the folder's own run nothing has failed
        with suppress(Exception):  # the first fault is the one to tell
            machine.outbox.break_off()
            row = max(0, int(machine.loop.core[0]["rows"]) - 1)
            note = f"{BROKE_OFF} at row {row} of its source: {said_of(fault)}"
            write_manifest(job.folder, {**manifest, "notes": [*manifest["notes"], note]})
            ledger.ended = True
        raise


def breaks_off(fault: Exception) -> bool:
    """Whether a run that goes on or is made again would break off here, too: it was not stopped, and is no other."""
    return not (isinstance(fault, RunError) and fault.code in ("interrupted", "run-differs"))


def said_of(fault: Exception) -> str:
    """What a fault that breaks a run off says, in one line of its notes."""
    return fault.message if isinstance(fault, TickerMLError) else f"{type(fault).__name__}: {fault}"


def _waiting(told: Commands, watch: Callable[[int], bool], seen: Seen) -> bool:
    """Between two rows at the market's pace a person is heard, too."""
    told.look()
    return watch(seen.rows)


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
    header, mine = job.tape.header, traded_by(job)
    head = Head(
        run=manifest["run"],
        mode=job.mode,
        strategy=name_of(job.chosen),
        coins=tuple(dict.fromkeys(i.symbol for i in mine)),
        currency=mine[0].settle if mine else "",
        source=header.title,
        start=0,
        end=0,
        synthetic=header.synthetic,
        strategies=tuple(one.name for one in job.chosen),
    )
    feed = bool(getattr(job.tape, "live", False))
    return LiveRun(head, job.setting.cash, extent_of(job.tape), seen, live=feed, speed=speed)


def traded_by(job: Job) -> tuple[Instrument, ...]:
    """Every instrument that a strategy of the run may trade, in the order of the tape's header."""
    header, setting = job.tape.header, job.setting
    mine = {i.id for one in job.chosen for i in traded(one, setting.config, header.instruments, setting.pairs)}
    return tuple(i for i in header.instruments if i.id in mine)


def _begin(job: Job) -> dict[str, Any]:
    run = job.folder.name
    manifest = manifest_of(job.chosen, job.tape, job.setting, job.mode, run, job.source)
    if (job.folder / "run.json").exists():
        before = read_manifest(job.folder)
        check_same(job.folder, before, manifest, job.tape.header)
        if job.progress is not None:
            word = "has ended; it is" if "rows" in before else "was broken off; what its journal holds is"
            job.progress.note(f"run {job.folder.name} {word} computed again and compared")
        return {**before, "notes": [one for one in before["notes"] if not one.startswith(BROKE_OFF)]}
    check_free(job.folder)
    write_manifest(job.folder, manifest)
    return manifest


def _reached(job: Job) -> Callable[[int, int], None]:
    """Tells where a run that was broken off goes on."""

    def tell(equal: int, time: int) -> None:
        """Note how many rows were equal, if any were there."""
        if equal and job.progress is not None:
            job.progress.note(
                f"run {job.folder.name} goes on at {iso(time)}: the {equal} rows in its journal were computed again "
                "and are the same, so no order was sent twice",
                at=time,
            )

    return tell


def _advice(job: Job) -> str:
    """What to try where the run's rows come out otherwise: a replay needs a source that can be opened again."""
    if job.source:
        return f"tickerml replay {shlex.quote(str(job.folder))}   (shows the first difference)"
    return "name another folder with --run-dir, or leave it out"


def _journal(job: Job) -> tuple[Journal, Iterator[Block]]:
    folder = job.folder / JOURNAL
    if folder.is_dir() and any(folder.iterdir()):
        journal, found = Journal.open(folder)
        if found.dropped and job.progress is not None:
            job.progress.note(f"{found.dropped} bytes of a last write that never ended were dropped from the journal")
        return journal, RunTape(job.folder, job.tape.header).blocks()
    return Journal.create(folder, job.folder.name, segment_bytes=8 << 20), iter(())


def _kept(job: Job, journal: Journal) -> Iterator[Block]:
    """Market rows of a live feed, journalled before anyone sees them; first those that a broken run had kept."""
    yield from KeptTape(job.folder, job.tape.header).blocks()
    for block in job.tape.blocks():
        for piece in bounded(block):
            journal.append(piece, Sync.MARKET)
        yield block


def _watcher(job: Job, machine: Machine, live: LiveRun | None, recorder: Recorder) -> Callable[[int], bool]:
    progress = job.progress
    if live is not None:
        live.watch(machine)

    def after(rows: int) -> bool:
        """Show a frame when one is due; True to stop."""
        if progress is None or live is None:
            return False
        if progress.due:
            progress.show(live.state(rows))
        stop = progress.stop
        if stop and recorder.behind:  # to close here would be another end than the journal has
            raise RunError(
                "interrupted",
                f"stopped before what the journal of {job.folder} holds was computed again",
                means="nothing was changed; the same command goes on with the run",
            )
        return stop

    return after


def _told(job: Job, machine: Machine) -> list[str]:
    """What its report repeats: what persons said to the run, and which strategies waited for bars in vain."""
    coarse = too_coarse(job.chosen, job.setting, job.tape.header, machine.loop.marks)
    if job.progress is not None:
        for text in coarse:
            job.progress.note(text, level="WARNING")
    if not machine.outbox.counts.get(int(Kind.COMMAND)):
        return coarse
    said = on_record(RunTape(job.folder, job.tape.header).blocks())
    closing = {True: ", all closed", False: ""}
    return coarse + [
        f"A person said {one.what}{closing[one.close]} behind row {one.after}: {one.reason}" for one in said
    ]


def _ended(job: Job, manifest: dict[str, Any], machine: Machine, rows: int, seen: Seen) -> dict[str, Any]:
    late = machine.loop.feed.clocks
    books = machine.loop.books  # they count in every run: one of a compiled strategy alone keeps no marks
    counts, stopped = seen.counts(), job.progress is not None and job.progress.stop
    if stopped:  # what was read ahead of the last row is no part of the run
        counts["rows"], counts["end"] = rows, min(counts["end"], int(machine.loop.core[0]["now"]))
    ended: dict[str, Any] = {}
    told = _told(job, machine)
    if stopped:
        ended = {"stopped": True}
        told.append("Stopped by Ctrl-C: the source goes on behind the last row.")
    if told:
        notes = manifest_of(job.chosen, job.tape, job.setting, job.mode, job.folder.name, job.source)["notes"]
        ended["notes"] = [*notes, *told]
    decided = machine.outbox.decision_hash()
    made = {**manifest, "decision_hash": decided, "source": counts}
    runs = Path(job.setting.config.data.runs)
    trials = trials_on_record(made, job.folder, runs, counts["end"] - counts["start"])
    return {
        **ended,
        "trials": trials.count,
        "trials_variance": trials.variance,
        "in_sample": in_sample(made, job.tape.header.instruments, job.folder, runs),
        "rows": rows,
        "decisions": machine.outbox.decisions,
        "decision_hash": decided,
        "state_hash": machine.loop.states.hash(),
        "both_inside": int(machine.loop.mail[0]["ambiguous"]),
        "source": {
            **header_json(job.tape.header),  # again: importers learn of instruments as they read
            **job.source,
            **counts,
            "gaps": int(books["gaps"].sum()),
            "crossed": int(books["crossed"].sum()),
            "late": int(late["late"].sum()),
            "early": int(late["early"].sum()),
        },
        "counts": {Kind(kind).name.lower(): n for kind, n in sorted(machine.outbox.counts.items())},
    }
