"""A run without an end (it was broken off, or is still running) beside another one: both up to where it stops.

What the other run did behind that was never asked of this one, so nothing of it is a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tickerml.run.causes import DATA, differences
from tickerml.run.record import RunTape
from tickerml.run.replay import Comparing, Replayed
from tickerml.run.result import Run
from tickerml.run.same_run import FOUND
from tickerml.tape.block import Block, cut
from tickerml.tape.errors import InputError
from tickerml.views.compared import Cause
from tickerml.views.words import iso

WHY = "a run without an end is not made again"


def endless(run: Run) -> bool:
    """Whether the run has no end on record."""
    return "rows" not in run.manifest


def up_to_the_break(a: Run, b: Run) -> tuple[Run, Run, int]:
    """Both runs up to where the first of them stops, and when that is, ns; 0 and the same runs where both have ended.

    InputError `not-comparable` for a run that was broken off before it had made a row.
    """
    broken = [run for run in (a, b) if endless(run)]
    if not broken:
        return a, b, 0
    until = min(_last(run) for run in broken)
    return _until(a, until), _until(b, until), until


def same_so_far(a: Run, b: Run, until: int) -> Replayed:
    """Both row by row, to where the one that stops has no more: its last rows may not have been written."""
    first, second = (a, b) if endless(a) else (b, a)
    comparing = Comparing(first.tape.blocks(), whole=False)
    for block in second.tape.blocks():
        if comparing.over:
            break
        comparing.take(block)
    found = comparing.end(())
    at = found.first_difference
    if endless(a) and endless(b) and at is not None and not at["computed"]:  # both stop here, one a few rows earlier
        return Replayed(True, found.decisions, found.fills)
    return found


def named_only(a: Run, b: Run) -> tuple[Cause, ...]:
    """What the runs differ in, not weighed: neither is made again up to a row that is not on record."""
    told = differences(a.manifest, b.manifest)
    if all(a.manifest["source"].get(key) == b.manifest["source"].get(key) for key in FOUND):
        told.pop(DATA, None)
    return tuple(Cause(name, differs, None, WHY) for name, differs in told.items())


def _last(run: Run) -> int:
    if not run.story.head.end:
        raise InputError(
            "not-comparable",
            f"run {run.id} was broken off before it had made a row: there is nothing to compare",
            means="the command that started it goes on with it",
            try_=str(run.manifest.get("command") or ""),
        )
    return run.story.head.end


def _until(run: Run, until: int) -> Run:
    """The run as it stood then; its manifest says where that is, so that views do not tell of the whole."""
    found = Run(run.path)
    source = {**run.manifest["source"], "end": until}
    found.manifest = {**run.manifest, "source": source}
    found.tape = _Part(run.path, run.tape.header, until)
    return found


@dataclass(frozen=True)
class _Part(RunTape):
    """The rows that a run had made by some time."""

    until: int = 0

    def blocks(self) -> Iterator[Block]:
        """Made rows up to the first that is later."""
        for block in super().blocks():
            later = np.flatnonzero(block.rows["recv"] > self.until)
            if len(later):
                yield cut(block, 0, int(later[0]))
                return
            yield block


def told_until(runs: tuple[Run, Run], until: int) -> str:
    """The sentence that says so."""
    named = " and ".join(run.id for run in runs if endless(run))
    have = "have" if all(map(endless, runs)) else "has"
    return f"{named} {have} no end (broken off, or still running): both are compared up to {iso(until)}"
