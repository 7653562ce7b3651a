"""Replay: drop every row that a run made, compute it again from its inputs, compare byte for byte."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tickerml.engine.machine import Machine, drive
from tickerml.engine.outbox import DECISIONS, HELD, decided
from tickerml.run.again import as_told, chosen_again, recorded, upto
from tickerml.run.commands import Commands, on_record
from tickerml.run.compiling import compiling
from tickerml.run.drive import breaks_off, said_of, watchable
from tickerml.run.pending import facts
from tickerml.run.record import RunTape, code_told, header_of, read_manifest, same_code
from tickerml.run.reopen import source_of
from tickerml.run.result import Run
from tickerml.run.strategies import Chosen
from tickerml.tape.block import Block
from tickerml.tape.errors import RunError
from tickerml.tape.kernel_cache import kernel_hash, source_hashes
from tickerml.tape.progress import Progress
from tickerml.tape.rows import ROW, Kind
from tickerml.tape.tape import ContentHash, Tape
from tickerml.views.words import iso


@dataclass(frozen=True)
class Replayed:
    """Two runs of one tape, row by row. `first_difference` is None when they are identical."""

    identical: bool
    decisions: int
    fills: int
    first_difference: dict[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())
    run: str = ""  # what `debug` calls the first of the two

    def summary(self) -> dict[str, Any]:
        """What --json prints."""
        return {
            "identical": self.identical,
            "decisions": self.decisions,
            "fills": self.fills,
            "first_difference": self.first_difference,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The answer in words."""
        if self.identical:
            return [f"identical: {self.decisions} decisions and {self.fills} fills, byte for byte", *self.notes]
        at = self.first_difference or {}
        decided = f", behind {self.decisions} decisions and {self.fills} fills that are equal"
        lines = [f"different from row {at.get('row')} of the run on, {at.get('time', '')}{decided}"]
        if at.get("row") == "end":
            lines = ["the same decisions, but the states at the end differ"]
        else:
            lines += [f"  {line}" for line in _beside(at.get("recorded"), at.get("computed"))]
        if self.run and "source_row" in at:
            lines.append(f"  try:   tickerml debug {shlex.quote(self.run)} --at {at['source_row']}")
        return [*lines, *self.notes]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return "<pre>" + str(self).replace("<", "&lt;") + "</pre>"


def replay(run_path: Path, *, chunk: int | None = None, progress: Progress | None = None) -> Replayed:
    """Compute the run in `run_path` again, `chunk` rows at a time; of a run that was broken off, what there is of it.

    RunError `no-source` when its source is gone.
    """
    manifest = read_manifest(run_path)
    tape = source_of(manifest, run_path)
    if tape is None:
        raise gone(manifest, "nothing was compared")
    chosen = chosen_again(manifest)
    with compiling(progress):
        found = _computed(run_path, manifest, tape, chunk, chosen, progress)
    told = tuple(as_told(one, kept["params"]) for one, kept in zip(chosen, manifest["strategies"], strict=True))
    if found.identical and told != chosen:  # settings and parameters of the manifest contradict each other: try both
        found = _computed(run_path, manifest, tape, chunk, told, progress)
    return found


def gone(manifest: Mapping[str, Any], means: str) -> RunError:
    """The error for a run whose source is not to be found any more."""
    place = manifest["source"].get("spec") or manifest["source"]["title"]
    again = f"tickerml data import PATH --store {place}" if manifest["source"].get("spec") else ""
    return RunError("no-source", f"the source of this run, {place}, is gone", means=means, try_=again)


def _computed(
    run_path: Path,
    manifest: dict[str, Any],
    tape: Tape,
    chunk: int | None,
    chosen: tuple[Chosen, ...],
    progress: Progress | None,
) -> Replayed:
    rows = manifest.get("rows")
    recorded = RunTape(run_path, header_of(manifest)).blocks()
    comparing = Comparing(recorded, whole=rows is not None)
    machine = remade(manifest, comparing.take, chosen)
    hashed = ContentHash()
    blocks = upto(_hashed(tape, hashed), rows)
    commands = Commands(machine, None, on_record(RunTape(run_path, header_of(manifest)).blocks()))
    fed = commands.through(blocks if chunk else watchable(blocks))
    notes: tuple[str, ...] = ()
    try:
        drive(machine, fed, chunk=chunk, after=_watched(progress, rows, comparing))
    except Exception as fault:  # whatever broke the run off, which has all that was done before
        if rows is not None or not breaks_off(fault):
            raise
        machine.outbox.break_off()
        notes = (f"the run was broken off here, by what breaks it off again: {said_of(fault)}",)
    if manifest["source"].get("content_hash") is not None:
        for _ in blocks:  # behind a difference nothing is computed any more, yet the rest may have changed too
            pass
    notes += _notes(manifest, hashed.hexdigest(), chosen)
    found = comparing.end(notes)
    if found.first_difference is not None:
        row = source_row(tape, int(found.first_difference.pop("at")))
        return replace(found, first_difference={**found.first_difference, "source_row": row}, run=str(run_path))
    if found.identical and manifest.get("state_hash") not in (None, machine.loop.states.hash()):
        return Replayed(
            False, found.decisions, found.fills, {"row": "end", "recorded": "states", "computed": "other states"}, notes
        )
    return found


def _watched(progress: Progress | None, total: int | None, comparing: Comparing) -> Callable[[int], bool]:
    def after(rows: int) -> bool:
        """Tell how far it is; stop when the answer is known."""
        if progress is not None:
            progress(rows, total, "replay")
        return comparing.over

    return after


def source_row(tape: Tape, time: int) -> int:
    """The number of the last row of the source that was received by `time`, ns: where to `debug` a made row."""
    seen = found = newest = 0
    for block in tape.blocks():
        received = np.maximum.accumulate(np.maximum(block.rows["recv"], newest))
        n = int(received.searchsorted(time, side="right"))
        if n:
            found = seen + n - 1
        if n < len(block):
            break
        seen, newest = seen + len(block), int(received[-1]) if len(block) else newest
    return found


def remade(manifest: dict[str, Any], sink: Any, chosen: Sequence[Chosen] = (), held: int = HELD) -> Machine:
    """A fresh machine with the settings of a recorded run, and its strategies unless others are `chosen`."""
    return recorded(manifest, chosen).machine(sink, held)


def row_by_row(run: Run, other: Run) -> Replayed:
    """Two runs row by row, to the first that differs."""
    comparing = Comparing(run.tape.blocks())
    for block in other.tape.blocks():
        if comparing.over:
            break
        comparing.take(block)
    return comparing.end(())


_KIND = ROW.fields["kind"][1]  # type: ignore[index]  # a structured dtype has fields


class Comparing:
    """Walks recorded and computed rows to the first fact that differs, each as it comes; of neither more is kept."""

    def __init__(self, recorded: Iterator[Block], *, whole: bool = True) -> None:
        """`recorded` in sequence; not `whole`: only to where it ends, for a run that was broken off."""
        self._recorded = (fact for block in recorded for fact in facts(block))
        self._whole = whole
        self._decisions = self._fills = 0
        self.equal = 0  # rows
        self._first: dict[str, Any] | None = None
        self.over = False  # what is computed from here on changes nothing

    def take(self, block: Block) -> None:
        """Compare the next computed rows."""
        if self.over:
            return
        for fact in facts(block):
            known = next(self._recorded, None)
            if known != fact:
                self.over = True
                if known is not None or self._whole:
                    self._first = _difference(self.equal, known, fact)
                return
            self.equal += 1
            if fact[_KIND] in DECISIONS:
                self._decisions += decided(np.frombuffer(fact[: ROW.itemsize], ROW))
            self._fills += fact[_KIND] == Kind.FILL

    def end(self, notes: tuple[str, ...]) -> Replayed:
        """The answer, when all is computed; `notes` go with it."""
        left = None if self.over else next(self._recorded, None)
        first = self._first if left is None else _difference(self.equal, left, None)
        if self.over and first is None:
            notes = (*notes, "the run was broken off here: the command that started it goes on with it")
        return Replayed(first is None, self._decisions, self._fills, first, notes)


def _difference(n: int, one: bytes | None, two: bytes | None) -> dict[str, Any]:
    some = one or two or b""
    time = np.frombuffer(some[: ROW.itemsize], ROW)[0]["recv"]
    return {"row": n, "at": int(time), "time": iso(int(time)), "recorded": _told(one), "computed": _told(two)}


def _beside(recorded: object, computed: object) -> Iterator[str]:
    """Both rows, without what is equal in them; what only one has stands alone."""
    one, two = _flat(recorded), _flat(computed)
    kinds = str(one.pop("kind", "")), str(two.pop("kind", ""))
    yield f"recorded  {kinds[0]}  {_pairs(one, two)}" if recorded else "recorded  nothing: the run ends before it"
    yield f"computed  {kinds[1]}  {_pairs(two, one)}" if computed else "computed  nothing: the run ends before it"


def _flat(told: object) -> dict[str, object]:
    if not isinstance(told, dict):
        return {}
    inner = {**told.get("figures", {}), **{f"order {k}": v for k, v in told.get("order", {}).items()}}
    return {**{k: v for k, v in told.items() if k not in ("figures", "order")}, **inner}


def _pairs(one: Mapping[str, object], two: Mapping[str, object]) -> str:
    named = {k: v for k, v in one.items() if two.get(k, None) != v or k not in two}
    return ", ".join(f"{k} {v}" for k, v in named.items()) or "nothing else"


def _told(fact: bytes | None) -> dict[str, Any] | None:
    if fact is None:
        return None
    row = np.frombuffer(fact[: ROW.itemsize], ROW)[0]
    told: dict[str, Any] = {"kind": Kind(int(row["kind"])).name}
    told.update({name: int(row[name]) for name in ("recv", "inst", "side", "price", "qty", "flags")})
    rest = fact[ROW.itemsize :]
    if rest[:1] == b"{":
        told["figures"] = msgspec.json.decode(rest)
    elif rest:
        from tickerml.tape.tables import ORDER

        order = np.frombuffer(rest, ORDER)[0]
        told["order"] = {name: int(order[name]) for name in ORDER.names or ()}
    return told


def _notes(manifest: dict[str, Any], content: str, chosen: Sequence[Chosen]) -> tuple[str, ...]:
    now = code_told(chosen)
    changed = [one.name for one in chosen if not same_code(manifest, now, one.source)]
    notes = [f"the code of {name} was changed since the run was made" for name in changed]
    if manifest["kernel_hash"] != kernel_hash():
        here = source_hashes()
        then = manifest.get("kernel_sources", {})
        changed = sorted(name for name in {*here, *then} if here.get(name) != then.get(name))
        notes.append(
            f"the run was made by kernels {manifest['kernel_hash'][:6]}, the code here is {kernel_hash()[:6]}: "
            f"{', '.join(changed[:5])} changed"
        )
    if manifest["source"].get("content_hash") not in (None, content):
        notes.append("the source holds other rows than when the run was made")
    return tuple(notes)


def _hashed(tape: Tape, digest: ContentHash) -> Iterator[Block]:
    for block in tape.blocks():
        digest.update(block)
        yield block
