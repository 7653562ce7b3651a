"""The end of a run: what is computed beside it, the files that people read, and the result."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tickerml.run.again import Variant
from tickerml.run.compiling import compiling
from tickerml.run.drive import Job, watchable
from tickerml.run.fee_marks import fee_marks
from tickerml.run.layers import LEFT, held, is_long
from tickerml.run.null_twins import LEAST, MOST, make_twins, usual
from tickerml.run.record import KeptTape, RunTape, called, read_manifest, write_manifest
from tickerml.run.reopen import hold
from tickerml.run.result import Run, write_prices
from tickerml.run.waterfall import WHAT, Waterfall
from tickerml.tape.block import Block
from tickerml.tape.progress import Progress
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Header, Tape
from tickerml.views import read
from tickerml.views.charts.cards import windows
from tickerml.views.figures import net
from tickerml.views.prices import prices
from tickerml.views.story import Story
from tickerml.views.verdict import traded


def finished(job: Job) -> Run:
    """Write prices, waterfall, summary, strategy files and report of a run that has just been made."""
    manifest = read_manifest(job.folder)
    if getattr(job.tape, "live", False):
        job = replace(job, tape=KeptTape(job.folder, job.tape.header))
    else:
        hold(manifest["source"]["content_hash"], job.tape)
    manifest["report"] = str(job.folder / "report.html")
    made = RunTape(job.folder, job.tape.header)
    marks = fee_marks(job.setting, job.tape.header, made.blocks())
    manifest["notes"] += [marks] if marks and marks not in manifest["notes"] else []
    story = read.read_story(made, manifest)
    stopped = job.progress is not None and job.progress.stop
    again, blocks = None, list[Block]()
    with compiling(job.progress):
        commanded = Kind.COMMAND.name.lower() in manifest["counts"]  # the layers would trade on where a person stopped
        if job.layers and not stopped and not commanded and traded(story):
            again, blocks = _layers(job, int(manifest["rows"]), (net(story), len(story.trades)))
        passing = _Passing(job.tape, again, job.progress, int(manifest["rows"]), blocks)
        write_prices(job.folder, prices(passing, windows(story)))
        found = again.layers(job.progress) if again is not None and passing.whole else []
    if found:
        manifest["waterfall"] = found
    with compiling(job.progress):
        manifest["no_twins"] = _twinned(job, manifest, story)
    write_manifest(job.folder, manifest)
    run = Run(job.folder)
    run.write_files()
    run.report()
    return run


def _layers(job: Job, rows: int, earned: tuple[Decimal, int]) -> tuple[Waterfall | None, list[Block]]:
    """The run's layers, begun, and its rows where they are held; none of a run so long that they are left out."""
    run = Variant(job.chosen, job.setting, job.tape.header)
    if is_long(run, rows):
        if job.progress is not None:
            job.progress.note(LEFT)
        return None, []
    blocks = held(run, job.tape, rows)
    again = Waterfall(run, job.folder, earned, blocks)
    again.start()
    return again, blocks


def _twinned(job: Job, manifest: dict[str, Any], story: Story) -> str:
    """Make the null twins that are wanted; why there are none, in words, else nothing."""
    if job.progress is not None and job.progress.stop:
        return "the run was stopped"
    if not traded(story):
        return "it did not trade"
    if not (job.setting.bar_only and all(job.setting.bar_only)):
        return "only bars have null twins"
    run, count = Variant(job.chosen, job.setting, job.tape.header), job.twins
    if count is None:
        count = usual(run, manifest["rows"])
    if count:
        return make_twins(job.folder, manifest, run, job.tape, count, job.progress)
    asked = f"tickerml report {shlex.quote(called(job.folder, manifest))} --twins"
    many = f"{manifest['rows']:,} rows are many to run again and again"
    return f"none were asked for: {asked} {MOST}" if job.twins == 0 else f"{many}: {asked} {LEAST}"


@dataclass
class _Passing:
    """The tape once more, up to where the run ended; what passes also runs the layers of the waterfall."""

    tape: Tape
    again: Waterfall | None
    progress: Progress | None
    rows: int
    held: list[Block]  # all of it, where it is in memory
    whole: bool = False  # read to its end

    @property
    def header(self) -> Header:
        """The tape's header."""
        return self.tape.header

    def blocks(self) -> Iterator[Block]:
        """The blocks, pushed through the layers as they pass."""
        done, what = 0, "prices"
        if self.again is not None and not self.held:
            what = WHAT
        for block in self.held or self.tape.blocks():
            if done >= self.rows:
                break
            for piece in watchable([block]):
                if self.again is not None and not self.held:
                    self.again.push(piece)
                done += len(piece)
                if self.progress is not None:
                    self.progress(min(done, self.rows), self.rows, what)
                    if self.progress.stop and self.again is not None:
                        self.again.stop()
                        self.again, what = None, "prices"
            yield block
        self.whole = self.again is not None

    def content_hash(self) -> str:
        """The tape's hash."""
        return self.tape.content_hash()
