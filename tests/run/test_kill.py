"""kill -9 at any moment, then the same command again: the run ends as an unbroken one, no order id twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from functools import cache

import numpy as np
import pytest

from small_runs import HERE, eager, market, settings
from small_strategies import Churn
from tickerml.run.backtest import backtest
from tickerml.run.record import RunTape, read_manifest
from tickerml.run.replay import replay
from tickerml.run.sources import open_source
from tickerml.tape.journal import Verdict, verify
from tickerml.tape.rows import Kind
from tickerml.tape.store import write_store

CASES = {"psc": ("psc", eager()), "quoter": ("quoter", settings()), "setups": (Churn(every=0.5), settings())}
CHILD = """
import sys
from pathlib import Path
from test_kill import CASES
from tickerml.run.paper import paper
from tickerml.run.sources import open_source
strategy, config = CASES[sys.argv[1]]
print("begun", flush=True)
paper(strategy, open_source(sys.argv[2]), config=config, run_dir=Path(sys.argv[3]), source={"spec": sys.argv[2]})
print("done", flush=True)
"""


def start(name, store, folder):
    path = os.pathsep.join([str(HERE), str(HERE / "run"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, name, str(store), str(folder)],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("market") / "store"
    write_store(market("busy", minutes=4), root)
    return root


@pytest.fixture(scope="module")
def unbroken(store, tmp_path_factory):
    """Manifest of a strategy's run without a break, and how long a process takes over it once it has begun, s."""

    @cache
    def made(name):
        strategy, config = CASES[name]
        folder = tmp_path_factory.mktemp(name)
        manifest = backtest(strategy, open_source(str(store)), config=config, run_dir=folder / "run").manifest
        child = start(name, store, folder / "timed")
        child.stdout.readline()
        began = time.monotonic()
        child.communicate()
        return manifest, time.monotonic() - began

    return made


def order_ids(folder):
    blocks = RunTape(folder, None).blocks()
    ids = [int(b.orders[r["ref"]]["id"]) for b in blocks for r in b.rows if r["kind"] == Kind.SUBMIT]
    assert ids
    assert all(one > 0 for one in ids)
    return ids


def killed(name, store, folder, rng, longest, times):
    """Start, kill at a random moment, start again, until `times` lives have been cut short; the runs that were ended.

    A run that comes to its end is followed by another: a kill of a finished run proves nothing.
    """
    ended = []
    while times or not ended or not (ended[-1] / "done").exists():
        if not ended or (ended[-1] / "done").exists():
            ended.append(folder / str(len(ended)))
            ended[-1].mkdir()
        child = start(name, store, ended[-1] / "run")
        child.stdout.readline()
        if times:
            time.sleep(rng.uniform(0, longest))
            child.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        out, said = child.communicate()
        if "done" in out:
            (ended[-1] / "done").touch()
        elif times and (os.name != "posix" or child.returncode == -signal.SIGKILL):
            times -= 1
        else:
            pytest.fail(said[-2000:])
    return [one / "run" for one in ended]


@pytest.mark.parametrize(
    ("name", "times"),
    [("setups", 3), *(pytest.param(n, 20, marks=pytest.mark.slow) for n in CASES)],
)
def test_killed_and_started_again(name, times, store, unbroken, tmp_path, capsys):
    whole, seconds = unbroken(name)
    folders = killed(name, store, tmp_path, random.Random(name), seconds, times)
    with capsys.disabled():
        print(f"\nT4 {name}: {times} real kill -9 in {len(folders)} runs of {seconds:.1f} s")
    for folder in folders:
        is_as_unbroken(folder, whole)


def is_as_unbroken(folder, whole):
    """The same decisions and state, no order twice, a sound journal in order of time, and it replays."""
    manifest = read_manifest(folder)
    for key in ("decisions", "decision_hash", "state_hash"):
        assert manifest[key] == whole[key]
    ids = order_ids(folder)
    assert len(ids) == len(set(ids))
    assert verify(folder / "journal").verdict is Verdict.SOUND
    assert replay(folder).identical
    rows = np.concatenate([b.rows for b in RunTape(folder, None).blocks()])
    assert (np.diff(rows["recv"]) >= 0).all()


def test_a_run_that_has_ended_is_only_read_again(store, tmp_path):
    folder = tmp_path / "run"
    for _ in range(2):
        child = start("setups", store, folder)
        out, said = child.communicate()
        assert (child.returncode, out.split()) == (0, ["begun", "done"]), said[-2000:]
    ids = order_ids(folder)
    assert len(ids) == len(set(ids))
