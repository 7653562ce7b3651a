"""Debug: the state just before a row of the source, then a debugger in the fold at that row, the compiler off."""

from __future__ import annotations

import inspect
import os
import pdb
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from tickerml.engine import snapshot
from tickerml.engine.machine import Machine, pieces
from tickerml.run.again import upto
from tickerml.run.commands import Commands, on_record
from tickerml.run.record import RunTape, header_of, read_manifest
from tickerml.run.reopen import source_of
from tickerml.run.replay import gone, remade
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError, RunError
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Header, Tape
from tickerml.views.words import iso

SNAPSHOTS: Final = "snapshots"
MOST: Final = 20_000  # rows behind the one asked for that are followed to the next decision, with the compiler off
_FOLDS: Final = "fold_book(b, row)"  # the line of the loop where a row meets the book, and after it the folds
_DECIDES: Final = frozenset(map(int, (Kind.INTENT, Kind.PASS, Kind.REFUSAL)))


class AtRow(pdb.Pdb):
    """A debugger that speaks first when the loop folds row `seq`; `into` and `out` stand in for the terminal."""

    def __init__(self, machine: Machine, seq: int, into: Any = None, out: Any = None) -> None:
        """`seq` counts the rows of the source from 0."""
        super().__init__(stdin=into, stdout=out)
        folds = machine.loop.module.fold_rows
        lines, first = inspect.getsourcelines(folds)
        line = first + next(n for n, text in enumerate(lines) if text.strip() == _FOLDS)
        self.set_break(str(folds.__code__.co_filename), line, cond=f'c["rows"] + i - first == {seq}')
        self.rcLines.append("continue")  # a debugger stops at the first line it sees: on to the breakpoint


def debug(
    run_path: Path, seq: int, *, tell: Callable[[str], object] = print, into: Any = None, out: Any = None
) -> None:
    """Restore the run to just before source row `seq` and open a debugger in the loop's fold of that row.

    The state is computed from the nearest snapshot in the run's folder by a second process with the compiler on, and
    kept there as a snapshot. Works on unfinished runs too: only the manifest and the source are needed. `tell` hears
    what row that is. InputError `row` when the source has no such row; RunError `no-source`, `debug`.
    """
    manifest = read_manifest(run_path)
    tape = _source(manifest, run_path)
    rows = int(manifest.get("rows") or 0) or sum(len(block) for block in tape.blocks())
    if not 0 <= seq < rows:
        has = f"has rows 0 to {rows - 1}" if rows else "has no row"
        raise InputError(
            "row",
            f"the source of this run {has}, not {seq}",
            key="--at",
            try_=f"tickerml debug {shlex.quote(str(run_path))} --at {max(0, rows - 1)}",
        )
    tell(f"computing the state before row {seq} ...")
    made: list[Block] = []
    machine = remade(manifest, made.append, held=1)
    with tempfile.TemporaryDirectory() as spare:
        seen = snapshot.restore(machine, _computed(run_path, seq, Path(spare)))
    ahead = pieces(tape.blocks(), 1, seen)
    first = next(ahead)
    tell(described(first, seq, rows, header_of(manifest)))
    tell("in hand: row, n (its instrument), b (its book, before the row), c (the loop's record)")
    tell("s steps into the folds, c goes on to the next decision (a breakpoint of yours is met), q leaves")
    tell(f"to stop where it decides: {_decide(machine)}")
    AtRow(machine, seq, into, out).runcall(_onward, machine, first, ahead, made)
    tell(_outcome(made))


def described(block: Block, seq: int, rows: int, header: Header) -> str:
    """`row 1000 of 11094: BTC/USDT:USDT bbo ask 63988.3 x 1.671, received 2026-01-04T06:00:23.512Z`."""
    row = block.rows[0]
    kind, inst = Kind(int(row["kind"])), next((i for i in header.instruments if i.id == int(row["inst"])), None)
    said = kind.name.lower()
    if inst is not None:
        said = f"{inst.symbol} {said}"
        if kind in (Kind.DEPTH, Kind.BBO, Kind.TRADE, Kind.BAR):
            side = {1: "bid ", -1: "ask "}.get(int(row["side"]), "") if kind in (Kind.DEPTH, Kind.BBO) else ""
            said += f" {side}{inst.price(int(row['price']))} x {inst.size(int(row['qty']))}"
    return f"row {seq} of {rows} (0 to {rows - 1}): {said}, received {iso(int(row['recv']))}"


def _decide(machine: Machine) -> str:
    """What to type for a breakpoint in the strategy; a compiled one is called by the loop itself."""
    one = next((type(woken.strategy) for woken in machine.trader.strategies), None)
    if one is None:
        return "b quoter.on_wake"
    return f"from {one.__module__} import {one.__qualname__} ;; b {one.__qualname__}.decide"


def _onward(machine: Machine, first: Block, ahead: Iterator[Block], made: list[Block]) -> None:
    """Fold the row, then what follows until the run has decided something: a row may wait for the venue's clock."""
    machine.push(first)
    for _, block in zip(range(MOST), ahead, strict=False):
        if _decided(made):
            return
        machine.push(block)
    if not _decided(made):
        machine.end()


def _decided(made: list[Block]) -> bool:
    return any(_DECIDES & set(block.rows["kind"].tolist()) for block in made)


def _outcome(made: list[Block]) -> str:
    kinds = [Kind(kind).name for block in made for kind in block.rows["kind"].tolist()]
    said = ", ".join(f"{name} x{kinds.count(name)}" for name in dict.fromkeys(kinds))
    return f"behind the row the run made: {said}" if said else "left the debugger"


def _source(manifest: dict[str, Any], run_path: Path) -> Tape:
    tape = source_of(manifest, run_path)
    if tape is None:
        raise gone(manifest, "nothing was started")
    return tape


def _computed(run_path: Path, seq: int, spare: Path) -> Path:
    """The snapshot before row `seq`, written by a process with the compiler on; `spare` if the run is read-only."""
    target = run_path / SNAPSHOTS / f"{seq}.npz"
    folder = target.parent if os.access(run_path, os.W_OK) else spare
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_DISABLE_JIT"}
    command = [sys.executable, "-m", "tickerml.run.debug", str(run_path), str(seq), str(folder)]
    done = subprocess.run(  # noqa: S603  our own module
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it was ended"]
        raise RunError(
            "debug",
            f"the state before row {seq} could not be computed: {last[0]}",
            means="the run was not changed",
            try_=f"tickerml replay {shlex.quote(str(run_path))}",
        )
    return folder / target.name


def save_before(run_path: Path, seq: int, folder: Path) -> None:
    """Run up to source row `seq`, exclusive, from the nearest snapshot, and save the state in `folder`."""
    manifest = read_manifest(run_path)
    tape = _source(manifest, run_path)
    machine, fed = _nearest(manifest, run_path / SNAPSHOTS, seq)
    if fed < seq:
        known = on_record(RunTape(run_path, header_of(manifest)).blocks())
        rest = upto(pieces(tape.blocks(), None, fed), seq - fed)
        for piece in Commands(machine, None, known, fed).through(rest):
            machine.push(piece)
    snapshot.save(machine, folder / f"{seq}.npz", seq)


def _nearest(manifest: dict[str, Any], folder: Path, seq: int) -> tuple[Machine, int]:
    """The machine as the nearest usable snapshot at or before `seq` left it, and how many rows it has seen."""
    kept = sorted((int(p.stem) for p in folder.glob("*.npz") if p.stem.isdigit()), reverse=True)
    for at in (n for n in kept if n <= seq):
        machine = remade(manifest, lambda block: None)
        try:
            return machine, snapshot.restore(machine, folder / f"{at}.npz")
        except (RunError, OSError, ValueError, KeyError, BadZipFile):
            continue  # of other kernels, or damaged: the next older one does, or the start of the source
    return remade(manifest, lambda block: None), 0


if __name__ == "__main__":
    try:
        save_before(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    except (InputError, RunError) as error:
        sys.exit(str(error))
