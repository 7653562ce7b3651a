"""A sweep: one strategy with every combination of some parameters on one tape, recorded trial by trial, resumable.

A sweep that was broken off goes on behind its last trial. Each trial counts when a report says how many were made on
the same source (run/recipe.py).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from tickerml.config import Config, to_mapping
from tickerml.lab.grid import Value, grid, with_params
from tickerml.lab.overfit import SPLITS, overfitting
from tickerml.run.compiling import compiling
from tickerml.run.setup import Setting, bar_only_of, terms_of
from tickerml.run.strategies import Chosen, choose
from tickerml.run.sweep_book import SweepBook
from tickerml.run.sweep_check import Checked, compared
from tickerml.run.sweep_memory import check_room, held_mb, peak_mb
from tickerml.run.sweep_ways import Exact, Fast, Trial, cores, fast
from tickerml.tape.block import concat
from tickerml.tape.errors import ConfigError, InputError, RunError
from tickerml.tape.kernel_cache import kernel_hash
from tickerml.tape.progress import Progress
from tickerml.tape.tape import MemoryTape, Tape

BATCH: Final = 2000  # trials of the fast way that are followed together
CEILING_MB: Final = 1024


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep found: its figures, and one mapping per trial in the grid's order."""

    folder: Path
    figures: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]

    @property
    def ranked(self) -> list[Mapping[str, Any]]:
        """Trials by total return, the best first; of equals the first of the grid."""
        return ranked(self.trials)


@dataclass(frozen=True)
class _Asked:
    """A sweep about to be made."""

    chosen: Chosen
    tape: Tape
    setting: Setting
    combos: Sequence[Mapping[str, Value]]
    strategies: Sequence[Any]
    workers: int
    ceiling_mb: int
    progress: Progress | None


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
    asked = _asked(strategy, tape, axes, config, cash, seed, pairs, workers, ceiling, progress)
    told = _told(asked)
    identity = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:6]
    folder = run_dir or Path(config.data.runs) / f"sweep-{identity}"
    way, reason = _way(asked, exact)
    with SweepBook(folder, told, asked.setting.cash) as book, compiling(progress) as compiled:
        began, before = time.monotonic(), len(book.trials)
        if before and progress is not None:
            progress.note(f"{folder.name}: {before} of {len(asked.combos)} trials are on record already")
        for trial in _trials(asked, way, range(before, len(asked.combos))):
            book.add(trial, asked.combos[trial.number])
        spent = max(1e-9, time.monotonic() - began - compiled.seconds)
        best = ranked(book.trials)[0]
        figures: dict[str, Any] = {
            "combos": len(book.trials),
            "bars": way.bars,
            "bar_combos_per_s": round((len(book.trials) - before) * way.bars / spent)
            if len(book.trials) > before
            else 0,
            "pbo": _pbo(book.marks),
            "best": {**best["params"], **{k: v for k, v in best.items() if k not in ("params", "marks", "exact")}},
            "way": "arrays" if isinstance(way, Fast) else "engine",
            "why": reason,
            "memory_mb": peak_mb(),
            "ceiling_mb": ceiling,
            "folder": str(folder),
        }
        if check and isinstance(way, Fast):
            figures["checked"] = _checked(asked, way, int(best["number"])).plain()
        book.write(figures)
    return Sweep(folder, figures, book.trials)


def ranked(trials: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By total return, the best first; of equals the first of the grid."""
    return sorted(trials, key=lambda one: -float(one["total_return"]))


def _asked(
    strategy: str | object,
    tape: Tape,
    axes: Mapping[str, Sequence[Value]],
    config: Config,
    cash: Decimal | None,
    seed: int,
    pairs: Sequence[str],
    workers: int,
    ceiling_mb: int,
    progress: Progress | None,
) -> _Asked:
    """Everything that can be wrong is found here, before anything is written."""
    if getattr(tape, "live", False):
        raise InputError("sweep-live", "a live feed's rows come once; a sweep needs them for each parameter set")
    if not axes:
        raise InputError("sweep-range", "no parameter is swept", means="nothing was run", try_="--param fast=5:50:5")
    chosen = choose(strategy, config)
    combos = grid(axes)
    money = cash if cash is not None else config.trading.initial_balance
    if not (money.is_finite() and money > 0):
        raise ConfigError("amount", f'cash: "{money}" is no amount above 0', key="cash", try_="cash=10_000")
    strategies = with_params(chosen.strategy, combos)
    pairs = tuple(pairs) or tuple(getattr(tape, "pairs", ()))
    with compiling(progress):
        setting = Setting(config, money, seed, pairs, bar_only_of(tape), terms_of(config))
    return _Asked(chosen, tape, setting, combos, strategies, workers or cores(), ceiling_mb, progress)


def _told(asked: _Asked) -> dict[str, Any]:
    setting, chosen = asked.setting, asked.chosen
    return {
        "strategy": chosen.name,
        "strategy_source": chosen.source,
        "params": {k: v for k, v in vars(chosen.strategy).items() if isinstance(v, int | float | str | bool)},
        "grid": list(asked.combos),
        "config": to_mapping(setting.config),
        "cash": str(setting.cash),
        "seed": setting.seed,
        "pairs": list(setting.pairs),
        "source": {"title": asked.tape.header.title, **getattr(asked.tape, "found", {})},
        "content_hash": asked.tape.content_hash(),
        "kernel_hash": kernel_hash(),
    }


def _way(asked: _Asked, exact: bool) -> tuple[Fast | Exact, str]:
    """The fast way, or the engine with the reason."""
    reason = "it was asked for"
    if not exact:
        try:
            return fast(asked.chosen, asked.strategies, asked.tape, asked.setting, asked.workers), ""
        except ValueError as why:
            reason = str(why)
    held = concat(list(asked.tape.blocks()))
    tape = MemoryTape(asked.tape.header, (held,))
    if asked.progress is not None:
        asked.progress.note(f"the engine runs each parameter set: {reason}")
    return Exact(asked.chosen, asked.strategies, asked.setting, tape, len(held)), reason


def _trials(asked: _Asked, way: Fast | Exact, numbers: Sequence[int]) -> Iterator[Trial]:
    if not numbers:
        return
    check_room(way, asked.workers, min(BATCH, len(numbers)), asked.ceiling_mb, asked.progress)
    if isinstance(way, Fast):
        for low in range(0, len(numbers), BATCH):
            part = numbers[low : low + BATCH]
            yield from way.only(part).trials(_watched(asked, low, len(part), len(numbers), way.bars), part)
        return
    for done, trial in enumerate(way.trials(numbers, asked.workers), 1):
        yield trial
        if asked.progress is not None:
            asked.progress(done, len(numbers), "sweep", "trials")
            if asked.progress.stop:
                raise _interrupted()


def _watched(asked: _Asked, low: int, count: int, total: int, bars: int) -> Any:
    """Tells how far the fast way is; raises RunError `interrupted` once the user asked to end."""

    def after(done: int) -> bool:
        """`done` bars of this batch."""
        if asked.progress is not None:
            asked.progress(low * bars + done * count, total * bars, "sweep", "bar-combos")
            if asked.progress.stop:
                raise _interrupted()
        return False

    return after


def _interrupted() -> RunError:
    return RunError(
        "interrupted", "stopped", means="what was tried is recorded", try_="the same command goes on with it"
    )


def _pbo(marks: Any) -> float | None:
    """Probability of overfitting by CSCV; None for fewer than two trials or too few marks."""
    if marks.ndim != 2 or len(marks) < 2:
        return None
    returns = np.diff(marks, axis=1, prepend=0.0).T
    if len(returns) < 2 * SPLITS:
        return None
    return round(overfitting(returns).pbo, 4)


def _checked(asked: _Asked, way: Fast, number: int) -> Checked:
    """The engine's trades of one trial against those of the fast way."""
    chosen = replace(asked.chosen, strategy=asked.strategies[number])
    return compared(chosen, asked.tape, asked.setting, way, number, asked.progress)
