"""Debug: the state just before a row of the source, then a debugger in the fold at that row, the compiler off."""

from __future__ import annotations

import os
import pdb
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tickerml.engine import snapshot
from tickerml.engine.machine import pieces
from tickerml.run.record import read_manifest
from tickerml.run.reopen import source_of
from tickerml.run.replay import remade
from tickerml.tape.errors import InputError, RunError


def debug(run_path: Path, seq: int, *, stop: Any = None) -> None:
    """Restore the run to just before source row `seq` and stop in the loop there. `stop` stands in for the debugger.

    The state is computed by a second process with the compiler on, so that a late row is reached quickly. InputError
    `row` when the source has no such row.
    """
    manifest = read_manifest(run_path)
    tape = source_of(manifest, run_path)
    if tape is None:
        raise RunError("no-source", "the source of this run is not to be found", means="nothing was started")
    rows = int(manifest.get("rows") or 0)
    if not 0 <= seq < max(rows, 1):
        raise InputError("row", f"the source of this run has rows 0 to {rows - 1}, not {seq}", key="--at")
    machine = remade(manifest, lambda block: None)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "before.npz"
        _computed(run_path, seq, saved)
        seen = snapshot.restore(machine, saved)
    block = next(pieces(tape.blocks(), 1, seen))
    (stop or pdb.set_trace)()  # the next call folds row `seq`: step into push, then into the generated loop
    machine.push(block)


def _computed(run_path: Path, seq: int, target: Path) -> None:
    """Let a process with the compiler on write the snapshot before row `seq`."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_DISABLE_JIT"}
    command = [sys.executable, "-m", "tickerml.run.debug", str(run_path), str(seq), str(target)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  our own module
    if done.returncode:
        raise RunError("debug", f"the state before row {seq} could not be computed: {done.stderr.strip()[-400:]}")


def save_before(run_path: Path, seq: int, target: Path) -> None:
    """Run up to source row `seq`, exclusive, and save the state."""
    manifest = read_manifest(run_path)
    tape = source_of(manifest, run_path)
    if tape is None:
        raise RunError("no-source", "the source of this run is not to be found")
    machine = remade(manifest, lambda block: None)
    fed = 0
    for block in tape.blocks():
        for piece in pieces(iter([block]), max(1, seq - fed)):
            if fed >= seq:
                break
            machine.push(piece)
            fed += len(piece)
        if fed >= seq:
            break
    snapshot.save(machine, target, fed)


if __name__ == "__main__":
    save_before(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
