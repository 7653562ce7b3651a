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


@dataclass(frozen=True)
class SoFar:
    """Two runs up to where one of them stops, row by row."""

    a: Run
    b: Run
    until: int  # when that is, ns
    same: Replayed


def up_to_the_break(a: Run, b: Run) -> SoFar | None:
    """Both runs up to where the first of them stops; None where both have ended.

    Where their rows are equal so far, both end behind the last that both have: the one that stops may lack what it was
    about to do at that time. InputError `not-comparable` for a run that was broken off before it had made a row.
    """
    broken = [run for run in (a, b) if endless(run)]
    if not broken:
        return None
    until = min(_last(run) for run in broken)
    first, second = _until(a, until), _until(b, until)
    same, rows = _same(first, second)
    if same.identical:
        first, second = _until(a, until, rows), _until(b, until, rows)
    return SoFar(first, second, until, same)


def _same(a: Run, b: Run) -> tuple[Replayed, int]:
    """Both row by row, to where the one that stops has no more, and how many are equal."""
    first, second = (a, b) if endless(a) else (b, a)
    comparing = Comparing(first.tape.blocks(), whole=False)
    for block in second.tape.blocks():
        if comparing.over:
            break
        comparing.take(block)
    found = comparing.end(())
    at = found.first_difference
    if endless(a) and endless(b) and at is not None and not at["computed"]:  # both stop here, one a few rows earlier
        found = Replayed(True, found.decisions, found.fills)
    return found, comparing.equal


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


def _until(run: Run, until: int, rows: int | None = None) -> Run:
    """The run as it stood then; its manifest says where that is, so that views do not tell of the whole."""
    found = Run(run.path)
    source = {**run.manifest["source"], "end": until}
    found.manifest = {**run.manifest, "source": source}
    found.tape = _Part(run.path, run.tape.header, until, rows)
    return found


@dataclass(frozen=True)
class _Part(RunTape):
    """The rows that a run had made by some time, or the first of them."""

    until: int = 0
    most: int | None = None  # rows; None = all

    def blocks(self) -> Iterator[Block]:
        """Made rows up to the first that is later, or one too many."""
        left = self.most
        for block in super().blocks():
            later = np.flatnonzero(block.rows["recv"] > self.until)
            stop = min(int(later[0]) if len(later) else len(block), len(block) if left is None else left)
            if stop < len(block):
                if stop:
                    yield cut(block, 0, stop)
                return
            yield block
            left = None if left is None else left - stop


def told_until(runs: tuple[Run, Run], until: int) -> str:
    """The sentence that says so."""
    named = " and ".join(run.id for run in runs if endless(run))
    have = "have" if all(map(endless, runs)) else "has"
    return f"{named} {have} no end (broken off, or still running): both are compared up to {iso(until)}"
