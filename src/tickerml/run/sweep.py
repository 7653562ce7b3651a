"""A sweep: one strategy with every combination of some parameters on one tape, recorded trial by trial, resumable.

A sweep that was broken off goes on behind its last trial. Each trial counts when a report says how many were made on
the same source (run/recipe.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tickerml.config import Config
from tickerml.lab.grid import Value, grid
from tickerml.run.compiling import compiling
from tickerml.run.search import CEILING_MB, checked, figures_of, folder_of, ranked, search_of, told_of, tried, way_of
from tickerml.run.sweep_book import SweepBook
from tickerml.run.sweep_memory import held_mb
from tickerml.run.sweep_ways import Fast
from tickerml.tape.errors import InputError
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep found: its figures, and one mapping per trial in the order in which they were tried."""

    folder: Path
    figures: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]
    by: str = "return"  # or "sharpe"

    @property
    def ranked(self) -> list[Mapping[str, Any]]:
        """Trials, the best first; of equals the first that was tried."""
        return ranked(self.trials, self.by)


def sweep(
    strategy: str | object,
    tape: Tape,
    *,
    axes: Mapping[str, Sequence[Value]],
    config: Config,
    cash: Decimal | None = None,
    seed: int = 0,
    run_dir: Path | None = None,
    pairs: Sequence[str] = (),
    workers: int = 0,
    memory_mb: int = CEILING_MB,
    exact: bool = False,
    check: bool = True,
    progress: Progress | None = None,
) -> Sweep:
    """Try every combination of `axes` (lab/grid.py) and record each; `workers` 0 = all cores.

    `exact`: the engine for each, also where arrays would do; `check`: the engine runs the best of the fast way too, and
    its trades are compared. `memory_mb`: what the sweep may take beyond what this process holds when it is called.
    Raises ConfigError and InputError before anything is written; RunError `run-differs` where
    `run_dir` holds another sweep, `interrupted` after Ctrl-C (what was tried is kept), `sweep-memory` where the ceiling
    is too low.
    """
    ceiling = held_mb() + memory_mb
    if not axes:
        raise InputError("sweep-range", "no parameter is swept", means="nothing was run", try_="--param fast=5:50:5")
    asked = search_of(
        strategy, tape, grid(axes), config=config, cash=cash, seed=seed, pairs=pairs, workers=workers,
        ceiling_mb=ceiling, progress=progress,
    )  # fmt: skip
    told = {**told_of(asked), "grid": list(asked.combos), "exact": exact}
    folder = run_dir or folder_of(config, "sweep", told)
    way, reason = way_of(asked, exact)
    with SweepBook(folder, told, asked.setting.cash) as book, compiling(progress) as compiled:
        began, before = time.monotonic(), len(book.trials)
        if before and progress is not None:
            progress.note(f"{folder.name}: {before} of {len(asked.combos)} trials are on record already")
        for trial in tried(asked, way, range(before, len(asked.combos))):
            book.add(trial, asked.combos[trial.number])
        spent = time.monotonic() - began - compiled.seconds
        figures = figures_of(asked, way, reason, book, len(book.trials) - before, spent)
        if check and isinstance(way, Fast):
            figures["checked"] = checked(asked, way, int(ranked(book.trials)[0]["number"]))
        book.write(figures)
    return Sweep(folder, figures, book.trials)
