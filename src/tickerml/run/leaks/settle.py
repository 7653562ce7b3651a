"""How much history each feature needs, measured: the same features from the start of a tape and from its middle.

A feature has warmed up where the one that began in the middle gives the value of the other from there on, to a
fiftieth of how much it moves from one look to the next. What stores the whole past with falling weight (a Wilder mean,
an exponential one, a filter) needs several times its length; what never forgets (a sum since the start) has no
warm-up, and decisions that lean on it depend on where a tape begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.engine.detectors import short_names
from tickerml.features.own import OWN
from tickerml.run.judged import paused
from tickerml.run.leaks.found import Unsettled, Warm
from tickerml.run.leaks.looks import Look
from tickerml.run.leaks.world import World
from tickerml.run.setup import Setting, build
from tickerml.run.strategies import Chosen
from tickerml.tape.block import Block, part
from tickerml.tape.rows import SECOND, Kind
from tickerml.tape.tape import Tape
from tickerml.tape.window import window
from tickerml.views.words import iso

SAMPLES: Final = 400  # times at which both are compared, at most
CLOSE: Final = 0.02  # of a usual move from one sample to the next
_FEW: Final = 16  # samples below which nothing is said


@dataclass(frozen=True, eq=False)
class Histories:
    """The features of a run at some times, once with all history and once with that from `start` on."""

    names: tuple[str, ...]
    start: int  # ns
    times: NDArray[np.int64]  # behind `start`
    whole: NDArray[np.float64]  # (times, features, instruments)
    short: NDArray[np.float64]

    def warm(self) -> tuple[Warm, ...]:
        """How long each feature needs."""
        return tuple(self._warm(k, name) for k, name in enumerate(self.names))

    def _warm(self, k: int, name: str) -> Warm:
        whole, short = self.whole[:, k], self.short[:, k]
        there = np.asarray(np.isfinite(short).any(axis=1), np.bool_)
        if not there.any():
            return Warm(name, -1, -1)
        with np.errstate(invalid="ignore"):
            room = np.maximum(CLOSE * _moves(whole), 1e-9 * np.abs(whole))
            apart = ~((np.abs(whole - short) <= room) | (np.isnan(whole) & np.isnan(short)))
        first = int(there.argmax())
        last = int(np.flatnonzero(apart.any(axis=1)).max(initial=-1))
        settled = -1 if last == len(self.times) - 1 else max(first, last + 1)
        return Warm(name, self._since(first), self._since(settled) if settled >= 0 else -1)

    def _since(self, n: int) -> int:
        return int(self.times[n]) - self.start


def histories(chosen: Sequence[Chosen], tape: Tape, setting: Setting, rows: int) -> Histories | None:
    """The features that the strategies see, with two histories of the first `rows` rows; None where that is too short.

    The loop of the run itself folds them, so that nothing new is compiled; nobody is woken by it.
    """
    seen = dict.fromkeys(n for one in chosen for n in short_names(one.strategy.sees).values())
    names = tuple(name for name in seen if name not in OWN)  # the account's are no history of the market
    blocks = list(_first(tape, rows))
    times = _times(blocks)
    if not names or len(times) < 2 * _FEW:
        return None
    start = int(times[len(times) // 2 - 1])
    times = times[len(times) // 2 :]
    times = times[:: -(-len(times) // SAMPLES)]
    short = list(window(blocks, start + 1, None, tape.header.names))
    both = [_values(chosen, tape, setting, names, some, times) for some in (blocks, short)]
    return Histories(names, start, times, both[0], both[1])


def unsettled(
    chosen: Chosen, whole: World, looks: Sequence[Look], found: Histories, warm: Sequence[Warm]
) -> list[Unsettled]:
    """Decisions behind the warm-up that turn out otherwise with the shorter history; the feature that does it."""
    needed = max((one.settled if one.settled >= 0 else one.first for one in warm), default=0)
    told = []
    for look in looks:
        n = _place(found, look) if look.now > found.start + needed else -1
        if n < 0:
            continue
        kind = whole.ask(look, detect=False).kind
        for k, name in enumerate(found.names):
            short = float(found.short[n, k, look.instrument.id])
            if warm[k].first < 0:  # it had no value in what was tried, which says nothing of how it settles
                continue
            if name in look.features and whole.ask(_with(chosen, look, name, short), detect=False).kind != kind:
                told.append(Unsettled(chosen.name, name, iso(look.now), look.features[name], short))
    return told


def _place(found: Histories, look: Look) -> int:
    """The sample whose features are those that the strategy saw; -1 where none is."""
    near = int(np.searchsorted(found.times, look.now, "right"))
    seen = np.array([look.features.get(name, np.nan) for name in found.names])
    for n in range(max(0, near - 2), min(len(found.times), near + 3)):
        whole = found.whole[n, :, look.instrument.id]
        there = np.array([name in look.features for name in found.names])
        if (((whole == seen) | (np.isnan(whole) & np.isnan(seen))) | ~there).all():
            return n
    return -1


def _with(chosen: Chosen, look: Look, name: str, value: float) -> Look:
    short = {k: value for k, feature in short_names(chosen.strategy.sees).items() if feature == name}
    return replace(look, features={**look.features, **short, name: value})


def _moves(whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square of each instrument's moves from sample to sample; 0 where there are none."""
    moves = np.diff(whole, axis=0)
    known = np.isfinite(moves)
    squares = np.where(known, moves, 0.0) ** 2
    return np.asarray(np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1)), np.float64)


def _first(tape: Tape, rows: int) -> Iterator[Block]:
    for block in tape.blocks():
        yield block if len(block) <= rows else part(block, 0, rows)
        rows -= len(block)
        if rows <= 0:
            return


def _times(blocks: Sequence[Block]) -> NDArray[np.int64]:
    """When to look: at each time at which bars came, or at each second of books and prints."""
    of_bars = [np.unique(b.rows["recv"][b.rows["kind"] == Kind.BAR]) for b in blocks]
    times = np.unique(np.concatenate(of_bars)) if blocks else np.zeros(0, np.int64)
    if not len(times):
        ends = [b.rows["recv"] for b in blocks if len(b)]
        times = np.arange(int(ends[0][0]), int(ends[-1][-1]), SECOND) if ends else times
    return times.astype(np.int64)


def _values(
    chosen: Sequence[Chosen],
    tape: Tape,
    setting: Setting,
    names: Sequence[str],
    blocks: Sequence[Block],
    times: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The features of all instruments at `times`, folded from `blocks` alone."""
    machine = build(chosen, tape.header, setting, lambda _: None)
    loop = machine.loop
    loop.core[0]["n_timers"] = 0  # nobody wakes: nothing leaves the compiled loop
    places = [(loop.outputs[k], field) for k, field in (loop.columns[name] for name in names)]
    found = np.full((len(times), len(names), len(loop.books)), np.nan)
    for at in paused(machine, blocks, times):
        for k, (output, field) in enumerate(places):
            found[at, k] = output[field]
    return found
