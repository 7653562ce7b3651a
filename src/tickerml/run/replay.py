"""Replay: drop every row that a run made, compute it again from its inputs, compare byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tickerml.config import from_mapping
from tickerml.engine.machine import Machine, drive
from tickerml.run.pending import facts
from tickerml.run.record import RunTape, header_of, read_manifest
from tickerml.run.reopen import source_of
from tickerml.run.result import Run
from tickerml.run.setup import Setting, build, terms_of
from tickerml.run.strategies import Chosen, again
from tickerml.tape.block import Block
from tickerml.tape.errors import RunError
from tickerml.tape.kernel_cache import kernel_hash, source_hashes
from tickerml.tape.rows import ROW, Kind
from tickerml.tape.tape import ContentHash, Tape


@dataclass(frozen=True)
class Comparison:
    """Two runs of one tape, row by row. `first_difference` is None when they are identical."""

    identical: bool
    decisions: int
    fills: int
    first_difference: dict[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())

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
        first = f"different from row {at.get('row')} of the run on, {at.get('time')}"
        return [first, f"  recorded  {at.get('recorded')}", f"  computed  {at.get('computed')}", *self.notes]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return "<pre>" + str(self).replace("<", "&lt;") + "</pre>"


def replay(run_path: Path, *, chunk: int | None = None) -> Comparison:
    """Compute the run in `run_path` again, `chunk` rows at a time. RunError `no-source` when its source is gone."""
    manifest = read_manifest(run_path)
    tape = source_of(manifest, run_path)
    if tape is None:
        raise RunError(
            "no-source",
            f"the source of this run, {manifest['source'].get('spec') or manifest['source']['title']}, is gone",
            means="nothing was compared",
        )
    chosen = again(manifest["strategy_source"], manifest["params"], from_mapping(manifest["config"]))
    found = _computed(run_path, manifest, tape, chunk, chosen)
    known = vars(chosen.strategy)
    other = {name: told for name, told in manifest["params"].items() if name in known and known[name] != told}
    if found.identical and other:  # settings and parameters of the manifest contradict each other: try both
        told = replace(chosen, strategy=replace(chosen.strategy, **other))
        found = _computed(run_path, manifest, tape, chunk, told)
    return found


def _computed(run_path: Path, manifest: dict[str, Any], tape: Tape, chunk: int | None, chosen: Chosen) -> Comparison:
    made: list[Block] = []
    machine = remade(manifest, made.append, chosen)
    hashed = ContentHash()
    drive(machine, _hashed(tape, hashed), chunk=chunk)
    recorded = RunTape(run_path, header_of(manifest)).blocks()
    found = compared(recorded, iter(made), _notes(manifest, hashed.hexdigest()))
    if found.identical and manifest.get("state_hash") not in (None, machine.loop.states.hash()):
        return Comparison(
            False, found.decisions, found.fills, {"row": "end", "recorded": "states", "computed": "other states"}
        )
    return found


def remade(manifest: dict[str, Any], sink: Any, chosen: Chosen | None = None) -> Machine:
    """A fresh machine with the settings of a recorded run, and its strategy unless another is `chosen`."""
    config = from_mapping(manifest["config"])
    setting = Setting(
        config,
        Decimal(manifest["cash"]),
        manifest["seed"],
        tuple(manifest["pairs"]),
        tuple(manifest["bar_only"]),
        terms_of(config),
    )
    one = chosen or again(manifest["strategy_source"], manifest["params"], config)
    return build([one], header_of(manifest), setting, sink)


def compare(run: Run, other: Run | Comparison) -> Comparison:
    """Two runs row by row; a comparison is its own answer."""
    if isinstance(other, Comparison):
        return other
    return compared(run.tape.blocks(), other.tape.blocks(), ())


def compared(recorded: Iterator[Block], computed: Iterator[Block], notes: tuple[str, ...]) -> Comparison:
    """Walk both sequences of made rows to the first fact that differs."""
    decisions = fills = 0
    mine = (fact for block in recorded for fact in facts(block))
    theirs = (fact for block in computed for fact in facts(block))
    for n, (one, two) in enumerate(zip_longest(mine, theirs)):
        if one != two:
            return Comparison(False, decisions, fills, _difference(n, one, two), notes)
        kind = one[_KIND]
        decisions += kind == Kind.PASS or (kind == Kind.INTENT and one[_FLAGS] & 1)
        fills += kind == Kind.FILL
    return Comparison(True, decisions, fills, None, notes)


_KIND = ROW.fields["kind"][1]  # type: ignore[index]  # a structured dtype has fields
_FLAGS = ROW.fields["flags"][1]  # type: ignore[index]


def _difference(n: int, one: bytes | None, two: bytes | None) -> dict[str, Any]:
    some = one or two or b""
    time = np.frombuffer(some[: ROW.itemsize], ROW)[0]["recv"]
    stamp = str(np.datetime64(int(time), "ns")) + "Z"
    return {"row": n, "time": stamp, "recorded": _told(one), "computed": _told(two)}


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


def _notes(manifest: dict[str, Any], content: str) -> tuple[str, ...]:
    notes = []
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
