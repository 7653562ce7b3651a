"""`tickerml debug`: a real debugger, driven from a pipe, stops in the fold at the row that was asked for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from small_runs import command, eager, market
from tickerml.run.paper import paper
from tickerml.run.record import JOURNAL, RunTape, read_manifest, write_manifest
from tickerml.run.replay import replay, source_row
from tickerml.run.sources import open_source
from tickerml.tape.errors import InputError
from tickerml.tape.journal import Journal, Sync
from tickerml.tape.rows import Kind
from tickerml.tape.store import write_store

ROWS = 4000
LOOK = 'p "row", c["rows"] + i - first, int(row["recv"]), int(row["kind"]), int(n)'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A recorded run of psc on a stored tape, and the tape."""
    root = tmp_path_factory.mktemp("market") / "store"
    write_store(market("busy", minutes=2, rows=ROWS), root)
    return paper("psc", open_source(str(root)), config=eager(), run_dir=tmp_path_factory.mktemp("run") / "made")


@pytest.fixture(scope="module")
def rows(run):
    return np.concatenate([b.rows for b in open_source(read_manifest(run.path)["source"]["spec"]).blocks()])


def debugged(run_path, at, *typed, cwd=None):
    """The finished process of a debugger into which `typed` was typed."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tickerml", "debug", str(run_path), "--at", str(at), "--plain"],
        input="\n".join(typed) + "\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ,
        timeout=300,
    )


def seen(told):
    """What `LOOK` printed: (source row, receive time, kind, instrument)."""
    found = re.search(r"\('row', (?:np\.int64\()?(\d+)\)?, (\d+), (\d+), (\d+)\)", told.stdout)
    assert found, told.stdout + told.stderr
    return tuple(map(int, found.groups()))


@pytest.mark.parametrize("at", [0, 1, 1777, ROWS - 1], ids=["first", "second", "market", "last"])
def test_it_stops_in_the_fold_at_the_row_with_the_compiler_off(run, rows, at):
    told = debugged(run.path, at, LOOK, "import numba", "p numba.config.DISABLE_JIT", "s", "w", "c")
    assert told.returncode == 0, told.stderr
    assert seen(told) == (at, int(rows[at]["recv"]), int(rows[at]["kind"]), int(rows[at]["inst"]))
    assert "(Pdb) 1" in told.stdout  # the compiler is off
    assert "ladder.py" in told.stdout  # s went into the book's fold
    assert f"row {at} of {ROWS}" in told.stderr
    assert "Traceback" not in told.stderr


def test_it_goes_on_to_the_decision_that_the_run_recorded_there(run, rows):
    made = np.concatenate([b.rows for b in RunTape(run.path, None).blocks()])
    intent = made[made["kind"] == Kind.INTENT][0]
    at = source_row(open_source(read_manifest(run.path)["source"]["spec"]), int(intent["recv"]))
    assert rows[at]["recv"] <= intent["recv"] < rows[at + 1]["recv"]
    told = debugged(run.path, at, LOOK, "c")
    assert seen(told)[0] == at
    assert "behind the row the run made:" in told.stderr
    assert "INTENT" in told.stderr
    assert "from tickerml.strategies.psc import Psc ;; b Psc.decide" in told.stderr
    stopped = debugged(run.path, at, "from tickerml.strategies.psc import Psc", "b Psc.decide", "c", "p view.now", "q")
    assert f"(Pdb) {int(intent['recv'])}" in stopped.stdout


def test_a_second_look_starts_from_the_nearest_snapshot(run):
    kept = run.path / "snapshots"
    assert debugged(run.path, 900, "q").returncode == 0
    assert (kept / "900.npz").is_file()
    for path in kept.glob("*.npz"):  # what lies behind a damaged one is found all the same
        if int(path.stem) > 900:
            path.write_bytes(b"not a snapshot")
    told = debugged(run.path, 905, LOOK, "q")
    assert seen(told)[0] == 905
    assert "left the debugger" in told.stderr


def test_a_row_that_the_source_does_not_have(run):
    told = command("debug", run.path, "--at", str(ROWS))
    assert told.returncode == 2
    assert told.stderr.splitlines()[0] == f"error[row]: the source of this run has rows 0 to {ROWS - 1}, not {ROWS}"
    assert f"--at {ROWS - 1}" in told.stderr
    told = command("debug", run.path, "--at", "999999", "--json")
    assert json.loads(told.stdout.splitlines()[-1])["error"]["key"] == "--at"


def test_from_another_folder_of_a_run_that_was_broken_off(run, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(run.path, broken, ignore=shutil.ignore_patterns("snapshots", "prices.npz", "report.html"))
    manifest = read_manifest(broken)
    for key in ("rows", "state_hash", "decision_hash", "counts", "seconds"):
        manifest.pop(key)
    write_manifest(broken, manifest)
    told = debugged("broken", 2500, LOOK, "q", cwd=tmp_path)
    assert seen(told)[0] == 2500
    assert debugged("broken", ROWS, "q", cwd=tmp_path).returncode == 2
    made = list(RunTape(run.path, None).blocks())
    shutil.rmtree(broken / JOURNAL)
    with Journal.create(broken / JOURNAL, "broken") as journal:
        for block in made[: len(made) // 2]:
            journal.append(block, Sync.FACT)
    found = replay(broken)
    assert found.identical
    assert any("broken off" in note for note in found.notes)


def test_a_run_whose_source_is_gone_says_so(run, tmp_path):
    lost = tmp_path / "lost"
    shutil.copytree(run.path, lost, ignore=shutil.ignore_patterns("snapshots"))
    manifest = read_manifest(lost)
    manifest["source"] = {**manifest["source"], "spec": str(tmp_path / "nowhere"), "content_hash": "0"}
    write_manifest(lost, manifest)
    told = command("debug", lost, "--at", "5")
    assert told.returncode == 1
    assert "error[no-source]" in told.stderr
    assert "Traceback" not in told.stderr
    with pytest.raises(InputError, match="is not a run"):
        read_manifest(tmp_path)
