"""Every fold that the features room holds, found by itself, inside the loop that trades."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from functools import cache
from pathlib import Path

import pytest

from small_runs import machine, market, python, run
from small_strategies import Watcher
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.features.catalog import families

ROWS = 9000
FOLDS = tuple(families())


def watcher():
    """Looks at one field of each fold, so that each is in the loop."""
    return Watcher(tuple(next(iter(module.FIELDS)) for module in families().values()))


def tape(rows=ROWS):
    return market("busy", minutes=3, rows=rows)


def bytes_of(one):
    """State and fields of each fold."""
    found = {}
    for k, fold in enumerate(one.loop.plan.folds):
        name = fold.module.__name__.rpartition(".")[2]
        found[name] = one.loop.states[f"s{k}"].tobytes() + one.loop.states[f"f{k}"].tobytes()
    return found


@cache
def folded(chunk=None):
    one, _ = run(watcher(), tape(), chunk=chunk)
    return bytes_of(one)


@cache
def folded_again():
    return bytes_of(run(watcher(), tape())[0])


@cache
def restored(at):
    first, _ = machine(watcher(), tape())
    for piece in pieces(tape(at).blocks(), 1013):
        first.push(piece)
    second, _ = machine(watcher(), tape())
    with tempfile.TemporaryDirectory() as folder:
        snapshot.save(first, Path(folder) / "half.npz", at)
        snapshot.restore(second, Path(folder) / "half.npz")
    drive(second, tape().blocks(), skip=at)
    return bytes_of(second)


@cache
def elsewhere(rows, **environment):
    code = f"""
import json, sys; sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})
from test_fold_contract import digests
print(json.dumps(digests({rows})))
"""
    return python(code, **environment)


def digests(rows):
    one, _ = run(watcher(), tape(rows))
    return {name: hashlib.sha256(data).hexdigest()[:16] for name, data in bytes_of(one).items()}


def test_every_family_is_in_the_loop():
    assert set(folded()) == set(FOLDS)
    assert len(FOLDS) > 10


@pytest.mark.parametrize("name", FOLDS)
class TestFold:
    @pytest.mark.parametrize("chunk", [1, 7, 1000])
    def test_chunks_do_not_matter(self, name, chunk):
        assert folded(chunk)[name] == folded()[name]

    def test_twice(self, name):
        assert folded_again()[name] == folded()[name]

    def test_it_remembers_something(self, name):
        """A fold whose state or fields stay zero or NaN would pass everything else."""
        assert folded()[name] != bytes_of(machine(watcher(), tape())[0])[name]

    def test_a_snapshot_goes_on(self, name):
        assert restored(random.Random(8).randrange(1, ROWS))[name] == folded()[name]

    def test_in_another_process(self, name):
        assert json.loads(elsewhere(ROWS))[name] == digests_here(ROWS)[name]

    def test_without_the_jit(self, name):
        assert json.loads(elsewhere(900, NUMBA_DISABLE_JIT="1"))[name] == digests_here(900)[name]

    @pytest.mark.slow  # compiles everything anew, with checks
    def test_with_bounds_checks(self, name):
        assert json.loads(elsewhere(ROWS, NUMBA_BOUNDSCHECK="1"))[name] == digests_here(ROWS)[name]


@cache
def digests_here(rows):
    return digests(rows)
