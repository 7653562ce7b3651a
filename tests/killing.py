"""Runs that are killed and started again: what the tests of kill -9 share.

A child process makes a paper run of a small market; it is killed at a random moment and the same command is given
again, until it ends. A run that came to its end is followed by another: a kill of a finished run proves nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from small_runs import HERE, eager, settings
from small_strategies import Churn, Sways
from tickerml.run.record import RunTape, read_manifest
from tickerml.run.replay import replay
from tickerml.tape.journal import Verdict, verify
from tickerml.tape.rows import Kind

OFTEN = 0.02  # seconds between two writes of the ledger: with the usual ones a small run has ended before the first


def case(name, **sections):
    """A strategy, and settings under which it trades all the time."""
    strategies = {"psc": "psc", "quoter": "quoter", "setups": Churn(every=0.5), "targets": Sways(every=0.5)}
    return strategies[name], eager(**sections) if name == "psc" else settings(**sections)


def live(name, store, folder, database=""):
    """One life of a run, in a process of its own, with a ledger in `database`."""
    from tickerml.ledger import follow
    from tickerml.run.paper import paper
    from tickerml.run.sources import open_source

    enter = follow.Follower.__enter__

    def begin(follower):
        print("begun", flush=True)  # all is loaded: from here on a kill meets the run
        return enter(follower)

    follow.EVERY = follow.Follower.__init__.__kwdefaults__["first"] = OFTEN
    follow.Follower.__enter__ = begin
    strategy, config = case(name, **({"ledger": {"url": database}} if database else {}))
    paper(strategy, open_source(store), config=config, run_dir=Path(folder), source={"spec": store})
    print("done", flush=True)


def start(name, store, folder, database=""):
    """The process of one life; it says `begun` when it begins and `done` when it has ended."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    code = "import sys; from killing import live; live(*sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", code, name, str(store), str(folder), database],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def how_long(name, store, folder, database=""):
    """Seconds that a process takes over a run once it has begun."""
    child = start(name, store, folder, database)
    child.stdout.readline()
    began = time.monotonic()
    out, said = child.communicate()
    assert "done" in out, said[-2000:]
    return time.monotonic() - began


def until(child, reached):
    """Wait until `reached` says so or the process has ended, on a busy machine for longer than was measured."""
    end = time.monotonic() + 300
    while time.monotonic() < end and child.poll() is None and not reached():
        time.sleep(0.002)


def killed(name, store, folder, rng, longest, times, database=str, after=None, hit=None):
    """Start, kill at a random moment, start again, until `times` lives have been cut short; the runs that were ended.

    `database` gives each run the URL of its ledger. `after` is called after each kill, and says whether the run has
    made all that it makes: what is left of it then goes to its end, and the next kills meet another run. Every other
    kill comes as soon as `hit` says so, where it does: what it waits for may be over within a tenth of a second.
    """
    ended, url, over = [], "", False
    while times or not ended or not (ended[-1] / "done").exists():
        born = not ended or (ended[-1] / "done").exists()
        if born:
            ended.append(folder / str(len(ended)))
            ended[-1].mkdir()
            url, over = database(), False
        child = start(name, store, ended[-1] / "run", url)
        child.stdout.readline()
        began = time.monotonic()
        if times and not over:
            if hit is not None and times % 2 == 0:
                until(child, hit)
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(rng.uniform(0, longest))
            met = time.monotonic() - began
            child.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        out, said = child.communicate()
        if "done" in out:
            (ended[-1] / "done").touch()
            longest = min(longest, time.monotonic() - began)  # the machine was busier when it was measured
        elif times and not over and (os.name != "posix" or child.returncode == -signal.SIGKILL):
            times -= 1
            over = after is not None and after()
            longest = min(longest, met) if over and born else longest  # behind that nothing is left to meet
        else:
            pytest.fail(out + said[-2000:])
    return [one / "run" for one in ended]


def order_ids(folder):
    """The ids of all orders that a run sent."""
    blocks = RunTape(folder, None).blocks()
    ids = [int(b.orders[r["ref"]]["id"]) for b in blocks for r in b.rows if r["kind"] == Kind.SUBMIT]
    assert ids
    assert all(one > 0 for one in ids)
    return ids


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
