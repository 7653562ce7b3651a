"""Judges the strategies of a run: asked again what they were asked, with nothing to read that was not known by then."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from tickerml.run.leaks.explain import Case, explained, too_good
from tickerml.run.leaks.foretell import foretold
from tickerml.run.leaks.found import Leak, Outcome, Unsettled
from tickerml.run.leaks.held import Held, Place, held, tables_of
from tickerml.run.leaks.looks import Look, Looks
from tickerml.run.leaks.own_folds import OwnFold, own_folds
from tickerml.run.leaks.readers import load_readers
from tickerml.run.leaks.settle import Histories, histories, unsettled
from tickerml.run.leaks.shelf import Shelf
from tickerml.run.leaks.times import Bars
from tickerml.run.leaks.world import Answer, World
from tickerml.run.setup import Setting
from tickerml.run.siblings import imported
from tickerml.run.strategies import BUILT_IN, Chosen
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Tape

LEAST_SECONDS: Final = 2.0
SHARE: Final = 0.2  # of the run's time
FEWEST: Final = 3  # decisions that are judged whatever the time
EXPLAINED: Final = 3  # decisions whose column and line are looked for
MOST_BARS: Final = 500_000


@dataclass
class Judged:
    """What was found of one strategy."""

    leaks: list[Leak]
    notes: list[str]
    decisions: int = 0
    skipped: int = 0
    unsettled: list[Unsettled] = field(default_factory=list)


def check(
    chosen: Sequence[Chosen],
    looks: Sequence[Looks],
    tape: Tape,
    setting: Setting,
    *,
    rows: int,
    run_seconds: float,
    share: float = SHARE,
) -> Outcome:
    """Judge every Python strategy of a run of `rows` rows that took `run_seconds`.

    Takes `share` of that time, or a few seconds where that is less; longer where a leak is to be explained.
    """
    began = time.monotonic()
    most = max(LEAST_SECONDS, share * run_seconds)
    until = began + most
    asked = [one for one in chosen if not one.compiled]
    if not asked:
        return Outcome(False, why="a compiled strategy sees one row at a time and reads nothing else")
    part = min(1.0, most / max(run_seconds, 1e-3) / 2)  # two histories, each a part of the run over again
    past = histories(asked, tape, setting, round(part * rows))
    found = [judged(one, each.all(), tape, until, past) for one, each in zip(asked, looks, strict=True)]
    folded, unasked = of_folds(asked, tape, until)
    found += folded
    warm = past.warm() if past is not None else ()
    return Outcome(
        True,
        tuple(leak for one in found for leak in one.leaks),
        sum(one.decisions for one in found),
        warm,
        max((one.settled for one in warm), default=0) if all(one.settled >= 0 for one in warm) else 0,
        tuple(one for each in found for one in each.unsettled),
        notes=tuple(dict.fromkeys([*(note for one in found for note in one.notes), *unasked])),
        seconds=round(time.monotonic() - began, 3),
        skipped=sum(one.skipped for one in found),
    )


def judged(chosen: Chosen, looks: Sequence[Look], tape: Tape, until: float, past: Histories | None = None) -> Judged:
    """Judge one strategy by the decisions in `looks`; `past`: its features with two histories."""
    if ".py" in chosen.source:
        load_readers(imported(Path(chosen.source.partition(".py")[0] + ".py")))
    with tempfile.TemporaryDirectory(prefix="tickerml-leaks-") as folder:
        shelf = Shelf(Path(folder), None)
        whole = World(chosen, shelf)
        answers = [whole.ask(look, detect=False) for look in looks]
        found = Judged([], _odd(chosen, looks, answers))
        if past is not None:
            found.unsettled = unsettled(chosen, whole, looks, past, past.warm())
        kept = [] if ".py" in chosen.source or chosen.source in BUILT_IN else tables_of(chosen.strategy)
        if not whole.reads and not kept:
            found.decisions = len(looks)
            return found
        shelf.bars = bars_of(tape)
        shelf.files.clear()
        shelf.held = [one for place in kept if (one := held(place, shelf.bars)) is not None]
        found.notes += _made_before(chosen, kept, shelf.held)
        _compare(chosen, shelf, looks, found, until, None if found.notes else whole)
        if not found.leaks:
            found.leaks += _made_ahead(chosen, shelf, looks)
        unknown = "was read and cannot be cut: what it foretells is not known"
        found.notes += [f"{path} {unknown}" for path in shelf.unjudged()]
        return found


def _made_ahead(chosen: Chosen, shelf: Shelf, looks: Sequence[Look]) -> list[Leak]:
    """Leaks of columns that knew the future when they were made, as far as that is plain (foretell.py)."""
    if shelf.bars is None:
        return []
    found = []
    for path, file in shelf.files.items():
        if file is None or file.known is None:
            continue
        known = file.known.times
        for column in file.columns:
            why = foretold(file.values(column), known, shelf.bars)
            for look in spread(looks)[:FEWEST] if why is not None else ():
                near = max(0, int(np.searchsorted(known, look.now, "right")) - 100)
                case = Case(chosen, shelf, look, World(chosen, shelf).ask(look, detect=False), Answer(""), False)
                leak = too_good(replace(case, at=int(known[near]) - 1), str(path), column, str(why))
                if leak is not None:
                    found.append(leak)
                    break
    return found


def of_folds(chosen: Sequence[Chosen], tape: Tape, until: float) -> tuple[list[Judged], list[str]]:
    """Judge the features of the user's own that strategies see; and which cannot be judged."""
    folds, unasked = own_folds(chosen, tape)
    return [_of_fold(fold, looks, tape, until) for fold, looks in folds], unasked


def _of_fold(fold: OwnFold, looks: Sequence[Look], tape: Tape, until: float) -> Judged:
    """Judge a feature of the user's own."""
    load_readers(imported(Path(fold.source)))
    with tempfile.TemporaryDirectory(prefix="tickerml-leaks-") as folder:
        shelf, found = Shelf(Path(folder), bars_of(tape)), Judged([], [])
        whole = World(fold, shelf)
        whole.ask(looks[-1], detect=False)
        if whole.reads:
            _compare(fold, shelf, looks, found, until, None)
        return found


def _compare(
    chosen: Chosen, shelf: Shelf, looks: Sequence[Look], found: Judged, until: float, pure: World | None
) -> None:
    """Every look with the history that ends at it against the same look with the whole, as far as the time goes.

    `pure`: its code with the whole history, where it may be asked for any look in any order.
    """
    differing: list[Case] = []
    unloaded = ""
    for look in spread(looks):
        if found.decisions >= FEWEST and time.monotonic() > until:
            found.skipped += 1
            continue
        whole, detect = _whole(pure or World(chosen, shelf), look)
        world = World(chosen, shelf, look.now)
        if world.failed:  # less data than the code was written for
            unloaded = world.failed
            found.skipped += 1
            continue
        cut = world.ask(look, detect=detect)
        found.decisions += 1
        if cut.text != whole.text:
            differing.append(Case(chosen, shelf, look, whole, cut, detect))
    if unloaded:
        found.notes.append(f"with a part of its data {chosen.name} cannot be loaded: {unloaded}")
    for case in differing[:EXPLAINED]:
        known = {(leak.table, leak.column, leak.line) for leak in found.leaks}
        found.leaks += [leak for leak in explained(case) if (leak.table, leak.column, leak.line) not in known]


def _whole(world: World, look: Look) -> tuple[Answer, bool]:
    """The answer with all history; and whether its detector is part of it."""
    answer = world.ask(look)
    if answer.text.startswith("its detector"):  # it was asked for a reason that the look does not show
        return world.ask(look, detect=False), False
    return answer, True


def spread(looks: Sequence[Look]) -> list[Look]:
    """Intents before passes; of each the ends first, then the middle, then what lies between."""
    order: list[Look] = []
    for traded in (True, False):
        some = [look for look in looks if look.traded == traded]
        n = len(some)
        halves = ((k, step) for step in (1, 2, 4, 8, 16, 32, 64) for k in range(step + 1))
        places = dict.fromkeys(int(k * (n - 1) / step + 0.5) for k, step in halves)
        order += [some[place] for place in places if 0 <= place < n]
        order += [look for k, look in enumerate(some) if k not in places]
    return order


def bars_of(tape: Tape) -> Bars | None:
    """Bars of the first instrument of a tape that has some."""
    opened, closed, close = [], [], []
    inst = count = -1
    for block in tape.blocks():
        rows = block.rows[block.rows["kind"] == Kind.BAR]
        if len(rows) and inst < 0:
            inst = int(rows["inst"][0])
        rows = rows[rows["inst"] == inst]
        tick = next((float(i.tick) for i in tape.header.instruments if i.id == inst), 0.0)
        opened.append(block.bars["open_time"][rows["ref"]])
        closed.append(rows["exch"].astype(np.int64))
        close.append(rows["price"] * tick)
        count += len(rows)
        if count > MOST_BARS:
            break
    if inst < 0:
        return None
    return Bars(np.concatenate(opened).astype(np.int64), np.concatenate(closed), np.concatenate(close))


def _made_before(chosen: Chosen, kept: Sequence[Place], judged: Sequence[Held]) -> list[str]:
    """What is not known of tables that a strategy was handed."""
    known = {one.place for one in judged}
    return [
        f"{chosen.name} holds {one.name}, made before the run: how it was made is not judged"
        + ("" if one.name in known else ", nor how it is read, for it has no times")
        + "; as file.py:Class all of it would be"
        for one in kept
    ]


def _odd(chosen: Chosen, looks: Sequence[Look], answers: Sequence[Answer]) -> list[str]:
    """Whether it answers otherwise when it is asked again."""
    other = [(look, answer) for look, answer in zip(looks, answers, strict=True) if look.answer != answer.text]
    if not other:
        return []
    return [
        f"{chosen.name} answers {len(other)} of {len(looks)} decisions otherwise when it is asked again with the same "
        "view: it remembers outside view.state, or reads a clock or chance, so a replay may differ"
    ]
