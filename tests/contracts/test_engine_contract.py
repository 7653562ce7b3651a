"""Whole runs: the same bytes for every chunking, from every snapshot, in every process, with every compiler flag."""

from __future__ import annotations

import random

import pytest

from small_runs import counted, eager, machine, market, print_of, python, run, settings
from small_strategies import Churn
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.tape.errors import RunError
from tickerml.tape.rows import Kind

LOSSY = {"model": "distribution", "params": {"lost": 0.05}}
STRATEGIES = {
    "psc": ("psc", eager()),
    "psc-superp": ("psc", eager(superp={"enabled": True})),
    "quoter": ("quoter", settings()),
    "setups": (Churn(), settings()),
    "setups-lossy": (Churn("ladder"), settings(latency=LOSSY)),
}
ROWS = 6000


def tape(rows=ROWS):
    return market("busy", minutes=2, rows=rows)


@pytest.fixture(scope="module", params=list(STRATEGIES))
def case(request):
    """A strategy, its settings, and what an unbroken run of it gives."""
    strategy, config = STRATEGIES[request.param]
    one, made = run(strategy, tape(), config)
    assert counted(made)[Kind.SUBMIT] > 0
    return strategy, config, print_of(one, made)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_chunks_do_not_matter(case, chunk):
    strategy, config, whole = case
    assert print_of(*run(strategy, tape(), config, chunk=chunk)) == whole


def test_chunks_of_random_sizes_do_not_matter(case):
    strategy, config, whole = case
    sizes, (one, made) = random.Random(5), machine(strategy, tape(), config)
    for block in tape().blocks():
        at = 0
        while at < len(block):
            size = min(sizes.choice((1, 2, 13, 400)), len(block) - at)
            one.push(next(pieces(iter([block]), size, at)))
            at += size
    one.end()
    assert print_of(one, made) == whole


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_goes_on_as_if_nothing_had_happened(case, seed, tmp_path):
    strategy, config, whole = case
    at = random.Random(seed).randrange(1, ROWS)
    first, before = machine(strategy, tape(), config)
    for piece in pieces(tape(at).blocks(), 997):
        first.push(piece)
    snapshot.save(first, tmp_path / "half.npz", at)
    second, after = machine(strategy, tape(), config)
    assert snapshot.restore(second, tmp_path / "half.npz") == at
    assert second.loop.states.hash() == first.loop.states.hash()
    drive(second, tape().blocks(), skip=at)
    assert print_of(second, before + after) == whole


def test_twice_in_one_process(case):
    strategy, config, whole = case
    assert print_of(*run(strategy, tape(), config)) == whole


CHILD = """
import sys
from test_engine_contract import STRATEGIES, tape
from small_runs import print_of, run
strategy, config = STRATEGIES[sys.argv[1]]
print(*print_of(*run(strategy, tape(int(sys.argv[2])), config)))
"""


def in_a_child(name, rows, **environment):
    from pathlib import Path

    here = str(Path(__file__).resolve().parent)
    return tuple(python(f"import sys; sys.path.insert(0, {here!r})\n{CHILD}", name, rows, **environment).split())


def here(name, rows):
    strategy, config = STRATEGIES[name]
    return print_of(*run(strategy, tape(rows), config))


@pytest.mark.parametrize("name", ["psc", "quoter"])
def test_in_two_processes(name):
    assert in_a_child(name, ROWS) == here(name, ROWS)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_without_the_jit(name):
    rows = 1500
    assert in_a_child(name, rows, NUMBA_DISABLE_JIT="1") == here(name, rows)


@pytest.mark.slow  # compiles everything anew, with checks
@pytest.mark.parametrize("name", ["psc", "psc-superp", "quoter"])
def test_with_bounds_checks(name):
    assert in_a_child(name, ROWS, NUMBA_BOUNDSCHECK="1") == here(name, ROWS)


CANARY = """
import numpy as np, sys
from tickerml.tape.kernel import kernel
from tickerml.tape.kernel_cache import kernel_folder
assert kernel_folder().name.endswith("-checked") == (sys.argv[1] == "checked"), kernel_folder()
@kernel
def canary(records, n):
    return records[n]["x"]
try:
    canary(np.zeros(2, [("x", "i8")]), 2)
except IndexError:
    print("raised")
else:
    print("silent")
"""


def test_the_canary_raises_when_bounds_are_checked(tmp_path):
    """Both flags over one cache root: each must find its own code, or the check would be a show."""
    cache = {"TICKERML_CACHE": str(tmp_path)}
    script = tmp_path / "canary.py"
    script.write_text(CANARY)
    call = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    for flag, told in (("0", "silent"), ("1", "raised"), ("0", "silent"), ("1", "raised")):
        assert python(call, "checked" if flag == "1" else "fast", NUMBA_BOUNDSCHECK=flag, **cache) == told


def test_a_snapshot_of_other_code_or_folds_is_refused(tmp_path, monkeypatch):
    one, _ = machine("psc", tape(), eager())
    path = tmp_path / "start.npz"
    snapshot.save(one, path, 0)
    other, _ = machine("quoter", tape())
    with pytest.raises(RunError, match="other folds"):
        snapshot.restore(other, path)
    monkeypatch.setattr(snapshot, "kernel_hash", lambda: "0" * 64)
    with pytest.raises(RunError, match="not by this code"):
        snapshot.restore(machine("psc", tape(), eager())[0], path)
