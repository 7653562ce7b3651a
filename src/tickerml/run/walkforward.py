"""Walk-forward: parameters chosen on each window of the past, judged on the time behind it that they never saw.

Windows are those of lab/splits.py, purged and embargoed. Each is a search of its own (a grid, or a tuner where `trials`
are given); all trials are recorded in one book, so that reports count them, and each judgement beside it. What is
judged runs through its own window first, so that features and a strategy's own state are warm, and nothing that it
decides is sent before its time comes: it starts flat.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from tickerml.config import Config
from tickerml.lab.bootstrap import interval, net_sum
from tickerml.lab.grid import Value, grid
from tickerml.lab.metrics import sharpe
from tickerml.lab.splits import Span, Split, walk_forward
from tickerml.lab.tuner import Space, Tuner
from tickerml.run.compiling import compiling
from tickerml.run.judged import Judgement, judge
from tickerml.run.search import ALONE, CEILING_MB, Search, folder_of, ranked, search_of, told_of
from tickerml.run.sweep_book import SweepBook
from tickerml.run.sweep_memory import held_mb, most_since
from tickerml.run.tune import Asked, Asker
from tickerml.tape.errors import InputError
from tickerml.tape.finite_json import from_json, json_text
from tickerml.tape.kernel_garbage import apart
from tickerml.tape.progress import Progress
from tickerml.tape.rows import DAY, HOUR
from tickerml.tape.tape import MemoryTape, Tape
from tickerml.tape.window import window
from tickerml.views.words import iso

JUDGED: Final = "judged.jsonl"
STARTS: Final = "flat: it decided through the window before, and nothing of that was sent"
QUOTES: Final = "flat and cold: it quotes from its first row on"


@dataclass(frozen=True)
class Windows:
    """How time is cut, all in ns: `train` to choose on, then `test` to judge; see lab.splits.walk_forward."""

    train: int
    test: int
    step: int | None = None
    purge: int = DAY
    embargo: int = HOUR
    anchored: bool = False

    def splits(self, tape: Tape) -> list[Split]:
        """The windows of a tape. InputError `walkforward-windows` where none fits."""
        ends = [(int(b.rows["recv"].min()), int(b.rows["recv"].max())) for b in tape.blocks() if len(b)]
        if not ends:
            raise InputError("walkforward-windows", "the source has no rows", means="nothing was run")
        whole = Span(min(first for first, _ in ends), max(last for _, last in ends) + 1)
        try:
            return list(walk_forward(whole, **asdict(self)))
        except ValueError as error:
            days = (whole.end - whole.start) / DAY
            raise InputError(
                "walkforward-windows", f"{error}", means=f"the source has {days:.3g} days; nothing was run",
                try_="--train 60d --test 15d --purge 1d --embargo 1h",
            ) from None  # fmt: skip


@dataclass(frozen=True, eq=False)
class Walk:
    """What a walk-forward found: its figures, and one mapping for each window."""

    folder: Path
    figures: Mapping[str, Any]
    splits: Sequence[Mapping[str, Any]]


def walkforward(
    strategy: str | object,
    tape: Tape,
    *,
    spaces: Mapping[str, Space],
    windows: Windows,
    trials: int = 0,
    by: str = "return",
    config: Config,
    cash: Decimal | None = None,
    seed: int = 0,
    run_dir: Path | None = None,
    pairs: Sequence[str] = (),
    workers: int = 0,
    memory_mb: int = CEILING_MB,
    exact: bool = False,
    progress: Progress | None = None,
) -> Walk:
    """Choose on each window, judge behind it. `trials` 0 tries every combination of the listed values of `spaces`.

    Raises as `sweep` and `tune`, and InputError `walkforward-windows`. Resumable: what was tried or judged is kept.
    """
    ceiling = held_mb() + memory_mb
    combos = _combos(spaces, trials)
    search = search_of(
        strategy, tape, combos, config=config, cash=cash, seed=seed, pairs=pairs, workers=workers, ceiling_mb=ceiling,
        progress=progress,
    )  # fmt: skip
    splits = windows.splits(tape)
    space = {name: one.plain() for name, one in spaces.items()}
    starts = QUOTES if search.chosen.compiled else STARTS
    told = {
        **told_of(search),
        "walkforward": {**asdict(windows), "space": space, "by": by, "trials": trials, "starts": starts},
        "exact": exact,
    }
    with SweepBook(run_dir or folder_of(config, "walk", told), told, search.setting.cash) as book:
        before = len(book.trials)
        if before and progress is not None:
            progress.note(f"{book.folder.name}: {before} trials are on record already")
        each = trials or len(combos)
        known = _known(book.folder)
        with compiling(progress), apart(), (book.folder / JUDGED).open("a", encoding="utf-8") as kept:
            for n, split in enumerate(splits):
                if n < len(known) and each * (n + 1) <= before:
                    continue
                asker: Asker = Tuner(spaces, trials=trials, seed=seed + n) if trials else Once(combos)
                past = search.on(_part(tape, split.train[0]))
                asked = Asked(past, book, by, exact, total=each * len(splits), what="walk-forward", at=each * n)
                asked.follow(asker, split=n, days=(split.train[0].end - split.train[0].start) / DAY)
                best = ranked(book.trials[each * n : each * (n + 1)], by)[0]
                del asked, past
                gc.collect()  # machines refer to themselves: their books would stay until the collector finds the time
                if n >= len(known):
                    known.append(_judged(search, tape, split, best))
                    kept.write(json_text(known[n]) + "\n")
                    kept.flush()
                    gc.collect()
        figures = {**_figures(known[: len(splits)], book, search, seed), "starts": starts, "assumes": ALONE}
        book.write(figures)
    return Walk(book.folder, figures, known[: len(splits)])


class Once:
    """Asks for all combinations at once."""

    def __init__(self, combos: Sequence[Mapping[str, Value]]) -> None:
        self._left = [dict(one) for one in combos]

    def ask(self) -> list[dict[str, Value]]:
        """All of them, then none."""
        found, self._left = self._left, []
        return found

    def tell(self, values: Sequence[float]) -> None:
        """Its questions do not depend on answers."""
        self._left = []


def _combos(spaces: Mapping[str, Space], trials: int) -> list[dict[str, Value]]:
    """The grid; empty where a tuner asks."""
    if not spaces:
        raise InputError("sweep-range", "no parameter is chosen", means="nothing was run", try_="--param fast=5:50:5")
    open_ended = [name for name, one in spaces.items() if not one.values]
    if open_ended and not trials:
        raise InputError(
            "sweep-range",
            f"{open_ended[0]} has no step: there is no end of values between its ends",
            means="nothing was run",
            try_=f"--param {open_ended[0]}=LOW:HIGH:STEP, or --trials 50",
        )
    return [] if trials else grid({name: one.values for name, one in spaces.items()})


def _part(tape: Tape, span: Span) -> MemoryTape:
    """One window in memory; the whole tape never is."""
    blocks = window(tape.blocks(), span.start, span.end, tape.header.names)
    return MemoryTape(tape.header, tuple(b for b in blocks if len(b)))


def _judged(search: Search, tape: Tape, split: Split, best: Mapping[str, Any]) -> dict[str, Any]:
    train, test = split.train[0], split.test[0]
    chosen = search.of([best["params"]])
    one = replace(search.chosen, strategy=chosen.strategies[0])
    first = test.start if one.compiled else train.start  # who quotes at row speed has no wake to hold back
    found: Judgement = judge(one, _part(tape, Span(first, test.end)), search.setting, test)
    cash = float(search.setting.cash)
    return {
        "train": [iso(train.start), iso(train.end)],
        "test": [iso(test.start), iso(test.end)],
        "params": best["params"],
        "in_sample": best["total_return"],
        "return": found.marks[-1] / cash,
        "trades": found.trades,
        "won": found.won,
        "fees": found.fees,
        "marks": [mark / cash for mark in found.marks],
    }


def _known(folder: Path) -> list[dict[str, Any]]:
    """Judgements on record; half a line that a broken run left is cut off."""
    path = folder / JUDGED
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    if len(whole) < len(lines):
        path.write_bytes(b"".join(whole))
    return [from_json(line) for line in whole]


def _figures(judged: Sequence[Mapping[str, Any]], book: SweepBook, search: Search, seed: int) -> dict[str, Any]:
    """The windows behind one another: each began with the same money, so that returns add up."""
    steps = np.concatenate([np.diff(one["marks"], prepend=0.0) for one in judged])
    path = np.cumsum(steps)
    found = interval(steps, net_sum, seed=seed)
    past = float(np.mean([one["in_sample"] for one in judged]))
    return {
        "windows": len(judged),
        "return": float(path[-1]),
        "interval": None if found is None else [found.low, found.high],
        "sharpe_per_mark": sharpe(steps).plain,
        "max_drawdown": float(np.max(np.maximum.accumulate(np.maximum(path, 0.0)) - path)),
        "trades": sum(int(one["trades"]) for one in judged),
        "won": sum(int(one["won"]) for one in judged),
        "in_sample": past,
        "out_of_sample": float(path[-1]) / len(judged),
        "gained": sum(one["return"] > 0 for one in judged),
        "trials": len(book.trials),
        "splits": [{k: v for k, v in one.items() if k != "marks"} for one in judged],
        "memory_mb": most_since(search.peak_mb),
        "ceiling_mb": search.ceiling_mb,
        "folder": str(book.folder),
    }
