"""Trying parameter sets of one strategy on one tape: what sweep, tune and walk-forward share."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.config import Config, to_mapping
from tickerml.lab.grid import Value, with_params
from tickerml.lab.overfit import SPLITS, overfitting
from tickerml.run.compiling import compiling
from tickerml.run.extent import extent_of
from tickerml.run.given import best_params
from tickerml.run.recipe import best_command
from tickerml.run.setup import Setting, bar_only_of, terms_of
from tickerml.run.strategies import Chosen, choose_all, known_coins
from tickerml.run.sweep_book import SweepBook
from tickerml.run.sweep_check import compared
from tickerml.run.sweep_memory import check_room, give_back, most_since, peak_mb
from tickerml.run.sweep_ways import ARRAYS, ENGINE, Exact, Fast, Trial, cores, fast
from tickerml.tape.block import concat
from tickerml.tape.errors import ConfigError, InputError, RunError
from tickerml.tape.kernel_cache import kernel_hash
from tickerml.tape.progress import Progress
from tickerml.tape.tape import MemoryTape, Tape

ALONE: Final = (
    "limits of losses and pace, the sum at risk (limits.max_heat) and regimes are off here; sizes keep to "
    "limits.risk_per_trade, max_position and max_in_use, and positions to max_open_positions: a backtest makes other "
    "figures"
)
SAME: Final = (
    "each trade stakes the same money, and no limit of the account holds here: a backtest, which has them, makes other "
    "figures"
)
BATCH: Final = 2000  # trials of the fast way that are followed together
CEILING_MB: Final = 1024
BY: Final = ("return", "sharpe")


@dataclass(frozen=True)
class Search:
    """Parameter sets about to be tried."""

    chosen: Chosen
    tape: Tape
    setting: Setting
    combos: Sequence[Mapping[str, Value]]
    strategies: Sequence[Any]
    workers: int
    ceiling_mb: int
    progress: Progress | None
    peak_mb: int = field(default_factory=peak_mb)  # of this process, before

    def of(self, combos: Sequence[Mapping[str, Value]]) -> Search:
        """The same with other parameter sets. ConfigError `param-range`, `param-type`."""
        return replace(self, combos=combos, strategies=with_params(self.chosen.strategy, combos))

    def on(self, tape: Tape) -> Search:
        """The same on another tape of the same header."""
        return replace(self, tape=tape)


def search_of(
    strategy: str | object,
    tape: Tape,
    combos: Sequence[Mapping[str, Value]],
    *,
    config: Config,
    cash: Decimal | None,
    seed: int,
    pairs: Sequence[str],
    workers: int,
    ceiling_mb: int,
    progress: Progress | None,
) -> Search:
    """Everything that can be wrong is found here, before anything is written."""
    if getattr(tape, "live", False):
        raise InputError("sweep-live", "a live feed's rows come once; a sweep needs them for each parameter set")
    (chosen,) = choose_all([strategy], config)
    known_coins([chosen], config, tape.header.instruments)
    money = cash if cash is not None else config.trading.initial_balance
    if not (money.is_finite() and money > 0):
        raise ConfigError("amount", f'cash: "{money}" is no amount above 0', key="cash", try_="cash=10_000")
    strategies = with_params(chosen.strategy, combos)
    pairs = tuple(pairs) or tuple(getattr(tape, "pairs", ()))
    with compiling(progress):
        setting = Setting(config, money, seed, pairs, bar_only_of(tape), terms_of(config))
    return Search(chosen, tape, setting, combos, strategies, workers or cores(), ceiling_mb, progress)


def told_of(search: Search) -> dict[str, Any]:
    """What a search is of, but for the parameter sets: plain values for its record."""
    setting, chosen = search.setting, search.chosen
    return {
        "strategy": chosen.name,
        "strategy_source": chosen.source,
        "params": {k: v for k, v in vars(chosen.strategy).items() if isinstance(v, int | float | str | bool)},
        "config": to_mapping(setting.config),
        "cash": str(setting.cash),
        "seed": setting.seed,
        "pairs": list(setting.pairs),
        "source": {"title": search.tape.header.title, **getattr(search.tape, "found", {})},
        "content_hash": search.tape.content_hash(),
        "kernel_hash": kernel_hash(),
    }


def way_of(search: Search, exact: bool, *, quiet: bool = False) -> tuple[Fast | Exact, str]:
    """The fast way, or the engine with the reason."""
    reason = "it was asked for"
    if not exact:
        try:
            return fast(search.chosen, search.strategies, search.tape, search.setting, search.workers), ""
        except ValueError as why:
            reason = str(why)
    held = concat(list(search.tape.blocks()))
    tape = MemoryTape(search.tape.header, (held,))
    give_back()
    if search.progress is not None and not quiet:
        search.progress.note(f"the engine runs each parameter set: {reason}")
    return Exact(search.chosen, search.strategies, search.setting, tape, len(held)), reason


def tried(
    search: Search, way: Fast | Exact, numbers: Sequence[int], *, what: str = "sweep", quiet: bool = False
) -> Iterator[Trial]:
    """The trials with these numbers, in their order. RunError `sweep-memory`, `interrupted`."""
    if not numbers:
        return
    progress = search.progress
    check_room(way, search.workers, min(BATCH, len(numbers)), search.ceiling_mb, None if quiet else progress)
    if isinstance(way, Fast):
        for low in range(0, len(numbers), BATCH):
            part = numbers[low : low + BATCH]
            watched = _watched(search, low, len(part), len(numbers), way.bars, "" if quiet else what)
            yield from way.only(part).trials(watched, part)
        return
    for done, trial in enumerate(way.trials(numbers, search.workers, warm=quiet), 1):
        yield trial
        if progress is not None and not quiet:
            progress(done, len(numbers), what, "trials")
        stop_asked(progress)


def stop_asked(progress: Progress | None) -> None:
    """RunError `interrupted` once the user asked to end."""
    if progress is not None and progress.stop:
        raise RunError(
            "interrupted", "stopped", means="what was tried is recorded", try_="the same command goes on with it"
        )


def _watched(search: Search, low: int, count: int, total: int, bars: int, what: str) -> Any:
    """Tells how far the fast way is, under the name `what`."""

    def after(done: int) -> bool:
        """`done` bars of this batch."""
        if search.progress is not None and what:
            search.progress(low * bars + done * count, total * bars, what, "bar-combos")
        stop_asked(search.progress)
        return False

    return after


def pbo_of(trials: Sequence[Mapping[str, Any]], marks: NDArray[np.float64]) -> tuple[float | None, str]:
    """Probability of overfitting by CSCV; None with the reason where there is nothing to choose among."""
    if len(trials) < 2:
        return None, "one parameter set, needs two"
    if not any(one["trades"] for one in trials):
        return None, "no parameter set traded"
    if len({one["marks"] for one in trials}) > 1:
        return None, "some sets were tried by arrays, others by the engine, which mark equity at other moments"
    if (marks == marks[0]).all():
        return None, "all parameter sets did the same"
    if marks.shape[1] < 2 * SPLITS:
        return None, f"{marks.shape[1]} marks of equity, needs {2 * SPLITS}"
    return round(overfitting(np.diff(marks, axis=1, prepend=0.0).T).pbo, 4), ""


def checked(search: Search, way: Fast, number: int) -> dict[str, Any]:
    """The engine's trades of one trial against those of the fast way, as a record has it; who watches hears at once."""
    chosen = replace(search.chosen, strategy=search.strategies[number])
    found = compared(chosen, search.tape, search.setting, way, number, search.progress)
    if not found.same and search.progress is not None:
        search.progress.note("the engine makes other trades of the best: what arrays found does not hold", "WARNING")
    return found.plain() | {"engine_return": float(found.pnl / search.setting.cash)}


def folder_of(config: Config, kind: str, told: Mapping[str, Any]) -> Path:
    """Where a search is recorded: named after its kind and all that it is of."""
    identity = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:6]
    return Path(config.data.runs) / f"{kind}-{identity}"


def figures_of(
    search: Search, way: Fast | Exact, reason: str, book: SweepBook, fresh: int, seconds: float, by: str = "return"
) -> dict[str, Any]:
    """What all trials of `book` come to; `fresh` of them were made now, in `seconds`."""
    best = ranked(book.trials, by)[0]
    made = best["way"] or (ARRAYS if isinstance(way, Fast) else ENGINE)
    pbo, no_pbo = pbo_of(book.trials, book.marks)
    speed, no_speed = _speed(search, way, book, fresh / max(1e-9, seconds))
    return {
        "combos": len(book.trials),
        **speed,
        "pbo": pbo,
        "not_shown": {name: why for name, why in {**no_speed, "pbo": no_pbo}.items() if why},
        "best": {**best["params"], **{k: v for k, v in best.items() if k not in ("params", "marks", "exact", "way")}},
        "way": made,
        "assumes": SAME if made == ARRAYS else ALONE,
        "why": reason,
        "memory_mb": most_since(search.peak_mb),
        "ceiling_mb": search.ceiling_mb,
        "folder": str(book.folder),
        "span": _span(search.tape),
        "next": best_command(book.told, best_params(search.chosen.source, search.chosen.name, best["params"])),
    }


def _speed(
    search: Search, way: Fast | Exact, book: SweepBook, rate: float
) -> tuple[dict[str, int | None], dict[str, str]]:
    """What each set was tried on and how quickly, `rate` sets a second; and why bars are not told where they are not.

    The engine reads rows: bars are those that the sets on record judge, which may be none.
    """
    if isinstance(way, Fast):
        return {"bars": way.bars, "bar_combos_per_s": round(rate * way.bars)}, {}
    bars = replace(way, strategies=search.of([one["params"] for one in book.trials]).strategies).bars
    told = {"rows": way.rows, "row_combos_per_s": round(rate * way.rows)}
    if bars is None:
        why = "parameter sets look at no bars, or at different ones"
        return {"bars": None, "bar_combos_per_s": None, **told}, {"bars": why, "bar_combos_per_s": why}
    return {"bars": bars, "bar_combos_per_s": round(rate * bars), **told}, {}


def _span(tape: Tape) -> dict[str, Any]:
    """When, ns, and on which instruments the parameters were tried: a run over any of it is in sample."""
    known = extent_of(tape)
    return {
        "start": known.start,
        "stop": known.stop,
        "instruments": [[one.venue, one.raw] for one in tape.header.instruments],
    }


def worth(trial: Mapping[str, Any], by: str) -> float:
    """What a trial is judged by: its total return, or the Sharpe ratio of its marks.

    Where those do not vary there is no ratio, as of a set that never traded: that ranks behind all that have one.
    """
    told = trial["total_return"] if by == "return" else trial["sharpe_per_mark"]
    return -math.inf if told is None else float(told)


def ranked(trials: Sequence[Mapping[str, Any]], by: str = "return") -> list[Mapping[str, Any]]:
    """The best first; of equals the first that was tried."""
    return sorted(trials, key=lambda one: -worth(one, by))
