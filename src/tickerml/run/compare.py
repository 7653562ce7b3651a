"""Two runs compared: trades matched one by one, each cause of the difference shown by a re-run, the rest printed.

The second run is made again once for each cause, with only that cause as it was in the first run; what its net changes
by is what the cause did. Causes that act together leave a residual, which is printed. Runs that cannot differ are not
made: where every row of both is the same, there is nothing to explain. Of a run without an end both are compared up to
where it stops (run/cut_short.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from tickerml.config import from_mapping, to_mapping
from tickerml.run.abreast import Abreast
from tickerml.run.again import Variant, chosen_again, recorded, upto
from tickerml.run.causes import CAUSES, DATA, STRATEGY, differences, taken_over
from tickerml.run.compiling import compiling
from tickerml.run.cut_short import SoFar, endless, named_only, told_until, up_to_the_break
from tickerml.run.drive import watchable
from tickerml.run.layers import held
from tickerml.run.matching import WITHIN, Wishes, paired, wishes
from tickerml.run.record import code_told, same_code
from tickerml.run.reopen import source_of
from tickerml.run.replay import Replayed, row_by_row
from tickerml.run.result import Run
from tickerml.tape.apart import Apart, apart
from tickerml.tape.block import Block
from tickerml.tape.errors import ConfigError, InputError
from tickerml.tape.kernel_cache import kernel_hash
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape
from tickerml.views import beside
from tickerml.views.compared import Cause, Compared, Side
from tickerml.views.figures import net
from tickerml.views.words import count, plural

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other. Prints as text, draws itself in a notebook; `found` holds all of it."""

    found: Compared

    @property
    def identical(self) -> bool:
        """Whether every row that the runs made is the same."""
        return self.found.identical

    def summary(self) -> dict[str, Any]:
        """What --json prints."""
        return self.found.as_json()

    def lines(self, width: int = beside.WIDTH) -> list[str]:
        """The answer in words, at most `width` columns."""
        return beside.lines(self.found, width)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return beside.html(self.found)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


def compare(
    a: Run, b: Run | Replayed, *, within: int = WITHIN, progress: Progress | None = None
) -> Comparison | Replayed:
    """What run b did otherwise than run a, and which cause made how much of it; a replay is its own answer.

    Trades are of the same wish when strategy, coin and side agree and the intents lie at most `within` ns apart.
    Raises InputError `not-comparable`.
    """
    if isinstance(b, Replayed):
        return b
    if a.story.head.currency != b.story.head.currency:
        raise InputError(
            "not-comparable",
            f"run {a.id} keeps its money in {a.story.head.currency}, run {b.id} in {b.story.head.currency}",
            means="their results are not of one unit",
        )
    cut = up_to_the_break(a, b)
    if cut is not None:
        return _so_far(cut, within)
    same = row_by_row(a, b)
    one, two = wishes(a), wishes(b)
    told, tapes = differences(_whole(a), _whole(b)), {run.path: source_of(run.manifest, run.path) for run in (a, b)}
    rows = _sources(a, b, tapes) if DATA in told else None
    causes: tuple[Cause, ...] = ()
    if not same.identical:
        if rows is not None and rows.same and not rows.other_times:
            del told[DATA]
        with compiling(progress):
            causes = _explained(a, b, told, tapes, progress)
    sides, pairs = (_side(a, one), _side(b, two)), paired(one, two, within)
    gaps = rows.gaps if rows is not None else ()
    part = "" if same.identical else same.lines()[0].partition(", behind")[0]
    return Comparison(Compared(*sides, a.story.head.currency, same.identical, causes, pairs, gaps, part, _notes(rows)))


def _so_far(both: SoFar, within: int) -> Comparison:
    """The comparison where a run has no end: what differs is named, and not weighed by running again."""
    a, b, until, same = both.a, both.b, both.until, both.same
    one, two = wishes(a), wishes(b)
    causes = () if same.identical else named_only(a, b)
    part = "" if same.identical else same.lines()[0].partition(", behind")[0]
    return Comparison(
        Compared(
            *(_side(a, one), _side(b, two)),
            a.story.head.currency,
            same.identical,
            causes,
            paired(one, two, within),
            first_difference=part,
            until=until,
            cut=told_until((a, b), until),
        )
    )


def _side(run: Run, found: Wishes) -> Side:
    head = run.story.head
    known = (head.run, head.mode, head.strategy, head.source, head.start, head.end, Decimal(net(run.story)))
    return Side(*known, len(found.intents), len(run.story.trades), head.synthetic, endless(run))


def _explained(
    a: Run,
    b: Run,
    told: dict[str, tuple[str, ...]],
    tapes: Mapping[Path, Tape | None],
    progress: Progress | None,
) -> tuple[Cause, ...]:
    """Run b again for each cause that was told, with that one as in run a."""
    old = [run for run in (a, b) if _older(run.manifest)]
    if old:
        names = " and ".join(run.id for run in old)
        told = {**told, STRATEGY: (*told.get(STRATEGY, ()), f"{names}: made by other code than is here")}
    wanted: dict[str | Path, tuple[Manifest, Path]] = {run.path: (_whole(run), run.path) for run in old}
    plain = taken_over("", _whole(b), _whole(b))
    for name in told:
        mixed = taken_over(name, _whole(b), _whole(a))
        if mixed != plain:
            wanted[name] = mixed, (a if name == DATA else b).path
    nets = _nets(wanted, tapes, progress)
    return tuple(_cause(name, told[name], nets, a, b) for name in CAUSES if name in told)


def _whole(run: Run) -> Manifest:
    """The run's manifest with every setting that is known here: one that did not exist then stands at its default."""
    return {**run.manifest, "config": to_mapping(from_mapping(run.manifest["config"]))}


def _older(manifest: Manifest) -> bool:
    """Whether what is here would not make the run again: other kernels, or a strategy's code that was changed."""
    if manifest["kernel_hash"] != kernel_hash():
        return True
    chosen = chosen_again(manifest)
    now = code_told(chosen)
    return not all(same_code(manifest, now, one.source) for one in chosen)


def _sources(a: Run, b: Run, tapes: Mapping[Path, Tape | None]) -> Apart | None:
    """What the rows that the two runs saw differ in; None where a source is gone."""
    one, two = tapes[a.path], tapes[b.path]
    if one is None or two is None:
        return None
    ends = [int(run.manifest["source"].get(at) or 0) for run in (a, b) for at in ("start", "end")]
    seen = [(tape.header, partial(_seen, tape, run.manifest)) for tape, run in ((one, a), (two, b))]
    return apart(seen[0], seen[1], max(ends) - min(ends))


def _seen(tape: Tape, manifest: Manifest) -> Iterator[Block]:
    return upto(tape.blocks(), manifest.get("rows"))


def _nets(
    wanted: Mapping[str | Path, tuple[Manifest, Path]], tapes: Mapping[Path, Tape | None], progress: Progress | None
) -> dict[str | Path, Decimal | str]:
    """What each wanted run earns; or why it could not be made. Those on one tape share a pass of it."""
    nets: dict[str | Path, Decimal | str] = {}
    for path, tape in tapes.items():
        mine = {name: manifest for name, (manifest, source) in wanted.items() if source == path}
        if tape is None:
            nets |= dict.fromkeys(mine, "its source is gone")
            continue
        variants: dict[str | Path, Variant] = {}
        for name, manifest in mine.items():
            try:
                variants[name] = recorded(manifest)
                variants[name].machine()
            except (ConfigError, InputError) as error:
                nets[name] = str(error)
                variants.pop(name, None)
        if variants:
            rows = next(iter(mine.values())).get("rows")
            nets |= _passed(variants, tape, rows, progress)
    return nets


def _passed(
    variants: Mapping[str | Path, Variant], tape: Tape, rows: int | None, progress: Progress | None
) -> dict[str | Path, Decimal]:
    some, what = next(iter(variants.values())), f"{plural(len(variants), 'run')} again"
    blocks = held(some, tape, rows or 0) if rows else []
    again, done = Abreast(variants, blocks), 0
    again.start()
    for block in () if blocks else watchable(upto(tape.blocks(), rows)):
        again.push(block)
        done += len(block)
        if progress is not None:
            progress(done, rows, what)
    return again.nets(progress, what)


def _cause(name: str, differs: tuple[str, ...], nets: Mapping[str | Path, Decimal | str], a: Run, b: Run) -> Cause:
    """What taking this cause over from run a changes; for the code, also what today's code changes in both."""
    recorded_, here = {}, {}
    for run in (a, b):
        recorded_[run.path] = Decimal(net(run.story))
        now = nets.get(run.path, recorded_[run.path])
        if isinstance(now, str):
            return Cause(name, differs, None, f"run {run.id} could not be made again: {now}")
        here[run.path] = now
    other = nets.get(name, here[b.path])
    if isinstance(other, str):
        return Cause(name, differs, None, other)
    money = here[b.path] - other
    if name == STRATEGY:
        money += (recorded_[b.path] - here[b.path]) - (recorded_[a.path] - here[a.path])
    return Cause(name, differs, money)


def _notes(found: Apart | None) -> tuple[str, ...]:
    if found is None:
        return ()
    notes = [f"rows compared: {count(found.rows_a)} and {count(found.rows_b)}"]
    if found.other_times:
        notes.append("both sources hold the same rows, received at other times")
    return tuple(notes)
