"""Tuning: parameter sets chosen by what earlier ones were worth, recorded like those of a sweep, resumable.

What is recorded is the only memory of a search (lab/tuner.py asks the same questions again and is told the answers on
record), so a search that was broken off goes on, and a larger `trials` goes on with a finished one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from tickerml.config import Config
from tickerml.lab.grid import Value
from tickerml.lab.tuner import BATCH, Space, Tuner
from tickerml.run.compiling import compiling
from tickerml.run.search import (
    CEILING_MB,
    Search,
    checked,
    figures_of,
    folder_of,
    ranked,
    search_of,
    stop_asked,
    told_of,
    tried,
    way_of,
    worth,
)
from tickerml.run.sweep import Sweep
from tickerml.run.sweep_book import SweepBook
from tickerml.run.sweep_memory import held_mb
from tickerml.run.sweep_ways import ARRAYS, Exact, Fast, Trial
from tickerml.tape.errors import ConfigError, InputError, RunError
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape


class Asker(Protocol):
    """Who chooses parameter sets: a tuner, or a grid that asks once."""

    def ask(self) -> list[dict[str, Value]]:
        """The next parameter sets; empty when there are no more."""
        ...

    def tell(self, values: Sequence[float]) -> None:
        """What each of those was worth."""
        ...


def tune(
    strategy: str | object,
    tape: Tape,
    *,
    spaces: Mapping[str, Space],
    trials: int = 100,
    by: str = "return",
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
    """Try `trials` parameter sets out of `spaces` (lab/tuner.py) and record each; `by`: "return" or "sharpe".

    The same seed, source and space give the same trials with any number of `workers` (0 = all cores). Everything else
    as `sweep`.
    """
    ceiling = held_mb() + memory_mb
    if not spaces:
        raise InputError("sweep-range", "no parameter is tuned", means="nothing was run", try_="--param fast=5:50")
    if trials < 1:
        raise ConfigError("amount", f"{trials} trials; at least one is needed", key="trials", try_="--trials 100")
    search = search_of(
        strategy, tape, (), config=config, cash=cash, seed=seed, pairs=pairs, workers=workers, ceiling_mb=ceiling,
        progress=progress,
    )  # fmt: skip
    asker = Tuner(spaces, trials=trials, seed=seed)
    space = {name: one.plain() for name, one in spaces.items()}
    told = {**told_of(search), "tune": {"space": space, "by": by, "sampler": "tpe", "batch": BATCH}, "exact": exact}
    with SweepBook(run_dir or folder_of(config, "tune", told), told, search.setting.cash) as book:
        with compiling(progress) as compiled:
            began, before = time.monotonic(), len(book.trials)
            if before and progress is not None:
                progress.note(f"{book.folder.name}: {before} trials are on record already")
            asked = Asked(search, book, by, exact, total=trials)
            asked.follow(asker)
            fresh, spent = len(book.trials) - before, time.monotonic() - began - compiled.seconds
            way, reason, best = asked.best()
            figures = figures_of(search, way, reason, book, fresh, spent, by)
            if check and isinstance(way, Fast):
                figures["checked"] = checked(best, way, 0)
        book.write(figures)
    return Sweep(book.folder, figures, book.trials, by)


class Asked:
    """Answers an asker by trying what it asks for; what is on record is not tried again."""

    def __init__(
        self, search: Search, book: SweepBook, by: str, exact: bool, *, total: int, what: str = "tune", at: int = 0
    ) -> None:
        """`at`: trials on record that belong to earlier questions; `total`: of all, for who watches."""
        self._search, self._book, self._by, self._exact = search, book, by, exact
        self._total, self._what, self.at = total, what, at
        self._ways: tuple[Fast | Exact, str] | None = None

    def follow(self, asker: Asker, **more: Any) -> None:
        """Ask until there is no more; trials are recorded with `more`. RunError `run-differs`, and as `tried`."""
        while combos := asker.ask():
            self._try(combos, more)
            places = range(self.at, self.at + len(combos))
            asker.tell([worth(self._book.trials[n], self._by) for n in places])
            self.at += len(combos)
            if self._search.progress is not None:
                self._search.progress(self.at, self._total, self._what, "trials")
            stop_asked(self._search.progress)

    def way(self, search: Search) -> tuple[Fast | Exact, str]:
        """How these parameter sets are tried; the bars of earlier ones are used again."""
        known = self._ways
        if known is not None and isinstance(known[0], Fast):
            try:
                fast = known[0].others(search.chosen, search.strategies, search.tape, search.setting)
                return fast, ""
            except ValueError:  # these go to the engine, which says why
                pass
        elif known is not None and isinstance(known[0], Exact):
            return Exact(search.chosen, search.strategies, search.setting, known[0].tape, known[0].rows), known[1]
        self._ways = way_of(search, self._exact)
        return self._ways

    def best(self) -> tuple[Fast | Exact, str, Search]:
        """How the best on record was tried: by arrays, though later sets may have needed the engine."""
        first = ranked(self._book.trials, self._by)[0]
        best = self._search.of([first["params"]])
        if first["way"] == ARRAYS and self._ways is not None and isinstance(self._ways[0], Exact):
            return *way_of(best, self._exact, quiet=True), best
        return *self.way(best), best

    def _try(self, combos: Sequence[Mapping[str, Value]], more: Mapping[str, Any]) -> None:
        known = self._book.trials[self.at : self.at + len(combos)]
        if any(one["params"] != combo for one, combo in zip(known, combos, strict=False)):
            raise RunError(
                "run-differs",
                f"{self._book.folder} holds other trials than this search would make",
                means="nothing was changed",
                try_="name another folder with --run-dir, or leave it out",
            )
        rest = range(len(known), len(combos))
        if not rest:
            return
        search, again = self._search.of(combos), self._ways is not None
        way, _ = self.way(search)
        for trial in tried(search, way, rest, what=self._what, quiet=again):
            self._book.add(_numbered(trial, self.at), combos[trial.number], **more)


def _numbered(trial: Trial, at: int) -> Trial:
    return replace(trial, number=at + trial.number)
