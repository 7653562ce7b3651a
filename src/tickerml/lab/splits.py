"""Splits of time into past and future: walk-forward and combinatorial, purged so that no outcome leaks across.

Sources: Lopez de Prado, "Advances in Financial Machine Learning", 2018, chapters 7 (purging, embargo) and 12
(combinatorial purged cross-validation). Times are ns UTC, spans in ns, ranges without their end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.series import Times


class Span(NamedTuple):
    """Time from `start` up to, not including, `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Split:
    """Learn or choose parameters on `train`, judge on `test`. Ranges ascend and do not touch across the two."""

    train: tuple[Span, ...]
    test: tuple[Span, ...]


def walk_forward(
    whole: Span,
    *,
    train: int,
    test: int,
    step: int | None = None,
    purge: int = 0,
    embargo: int = 0,
    anchored: bool = False,
) -> Iterator[Split]:
    """Windows that move on by `step` (a test window when None): `train` ns to learn from, then `test` ns to judge.

    The last `purge` + `embargo` ns before each test are left out of its training: `purge` is the longest time from an
    entry to its known outcome, so that nothing learned from reaches into the test. `anchored` keeps the first training
    start, so that training grows. The last test may be shorter than `test`, never shorter than half of it. Raises
    ValueError where a span does not fit or nothing remains to learn from.
    """
    move = test if step is None else step
    gap = purge + embargo
    if min(train, test, move) <= 0 or min(purge, embargo) < 0 or gap >= train:
        raise ValueError("train, test and step are positive, and purge with embargo shorter than train")
    if whole.start + train + test > whole.end:
        raise ValueError("the whole is shorter than one training and one test window")
    begin = whole.start + train
    while whole.end - begin >= (test + 1) // 2:
        first = whole.start if anchored else begin - train
        yield Split((Span(first, begin - gap),), (Span(begin, min(begin + test, whole.end)),))
        begin += move


def combinatorial(whole: Span, *, groups: int = 6, tests: int = 2, purge: int = 0, embargo: int = 0) -> Iterator[Split]:
    """Every choice of `tests` out of `groups` equal parts as test, in lexicographic order; the rest is training.

    Left out of training are `purge` ns before each test, since outcomes of entries there lie in it, and `purge` +
    `embargo` ns after it, since outcomes of its own entries lie there and what follows still resembles it. Raises
    ValueError unless 1 <= tests < groups, or where the parts would be empty.
    """
    edges = _edges(whole, groups, tests)
    if min(purge, embargo) < 0:
        raise ValueError("purge and embargo are at least 0")
    for chosen in combinations(range(groups), tests):
        test = _joined([Span(edges[g], edges[g + 1]) for g in chosen])
        closed = [Span(t.start - purge, t.end + purge + embargo) for t in test]
        yield Split(tuple(_without(whole, closed)), test)


def paths(groups: int, tests: int) -> NDArray[np.int64]:
    """Which split serves each group on each backtest path, shape (C(groups - 1, tests - 1), groups).

    Each path covers the whole time once, every part judged by a split that did not learn from it; splits are numbered
    as `combinatorial` yields them. Raises ValueError as `combinatorial`.
    """
    _edges(Span(0, max(groups, 1)), groups, tests)
    serves: list[list[int]] = [[] for _ in range(groups)]
    for number, chosen in enumerate(combinations(range(groups), tests)):
        for group in chosen:
            serves[group].append(number)
    found = np.array(serves, np.int64).T
    if found.shape != (comb(groups - 1, tests - 1), groups):
        raise ValueError("every group is tested equally often")
    return found


def purged(start: Times, end: Times, test: Sequence[Span], *, embargo: int = 0) -> NDArray[np.bool_]:
    """Which samples may be learned from: those that share no time with any that is tested.

    A sample lasts from its entry `start` to its known outcome `end`, both included; it is tested when it starts in a
    span of `test`. Tested time is from the start of a span to its end, or to the last outcome of its samples if that is
    later, plus `embargo`. Raises ValueError where lengths differ or a sample ends before it starts.
    """
    if len(start) != len(end) or (end < start).any():
        raise ValueError("each sample needs an end at or after its start")
    keep = np.ones(len(start), bool)
    for span in test:
        mine = (start >= span.start) & (start < span.end)
        last = max(span.end - 1, int(end[mine].max())) if mine.any() else span.end - 1
        keep &= (end < span.start) | (start > last + embargo)
    return keep


def _edges(whole: Span, groups: int, tests: int) -> list[int]:
    if not 1 <= tests < groups or whole.end - whole.start < groups:
        raise ValueError(f"{tests} of {groups} parts of {whole.end - whole.start} ns cannot be tested")
    return [whole.start + (whole.end - whole.start) * g // groups for g in range(groups + 1)]


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Neighbours as one."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].end >= span.start:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def _without(whole: Span, closed: Sequence[Span]) -> Iterator[Span]:
    """What of `whole` lies in none of `closed`."""
    at = whole.start
    for span in _joined(closed):
        if span.start > at:
            yield Span(at, span.start)
        at = max(at, span.end)
    if at < whole.end:
        yield Span(at, whole.end)
