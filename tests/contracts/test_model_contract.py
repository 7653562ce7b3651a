"""Every latency, queue and fee model of the simulated venue, found by itself, in the loop of the quoter."""

from __future__ import annotations

import importlib
import pkgutil
import random
from functools import cache
from pathlib import Path

import pytest

from small_runs import counted, machine, market, print_of, python, run, settings
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.tape.rows import Kind

ROWS = 4000


def shipped(kind):
    """Names of the models in sim/`kind`."""
    room = importlib.import_module(f"tickerml.sim.{kind}")
    names = [info.name for info in pkgutil.iter_modules(room.__path__)]
    return [n for n in names if hasattr(importlib.import_module(f"{room.__name__}.{n}"), "Params")]


def sets():
    """As few sets as there are queue models, such that every model is in one."""
    queues, delays, fees = shipped("queue"), shipped("latency"), shipped("fees")
    most = max(len(queues), len(delays), len(fees))
    return [(queues[k % len(queues)], delays[k % len(delays)], fees[k % len(fees)]) for k in range(most)]


SETS = {"+".join(one): one for one in sets()}


def config(name):
    queue, delay, fees = SETS[name]
    return settings(queue={"model": queue}, latency={"model": delay}, fees={"model": fees})


def tape(rows=ROWS):
    return market("busy", minutes=2, rows=rows)


@cache
def whole(name, rows=ROWS):
    one, made = run("quoter", tape(rows), config(name))
    assert counted(made)[Kind.FILL] > 0 or rows < ROWS
    return print_of(one, made)


def elsewhere(name, rows, **environment):
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})
from test_model_contract import whole
print(*whole(sys.argv[1], int(sys.argv[2])))
"""
    return tuple(python(code, name, rows, **environment).split())


def test_every_model_is_in_a_set():
    for place, kind in enumerate(("queue", "latency", "fees")):
        assert {one[place] for one in SETS.values()} == set(shipped(kind))
    assert (len(shipped("queue")), len(shipped("latency"))) >= (7, 3)


@pytest.mark.parametrize("name", list(SETS))
class TestModels:
    @pytest.mark.parametrize("chunk", [1, 7, 1000])
    def test_chunks_do_not_matter(self, name, chunk):
        assert print_of(*run("quoter", tape(), config(name), chunk=chunk)) == whole(name)

    def test_a_snapshot_goes_on(self, name, tmp_path):
        at = random.Random(name).randrange(1, ROWS)
        first, before = machine("quoter", tape(), config(name))
        for piece in pieces(tape(at).blocks(), 811):
            first.push(piece)
        snapshot.save(first, tmp_path / "half.npz", at)
        second, after = machine("quoter", tape(), config(name))
        snapshot.restore(second, tmp_path / "half.npz")
        drive(second, tape().blocks(), skip=at)
        assert print_of(second, before + after) == whole(name)

    def test_twice(self, name):
        assert print_of(*run("quoter", tape(), config(name))) == whole(name)

    def test_without_the_jit_in_another_process(self, name):
        assert elsewhere(name, 700, NUMBA_DISABLE_JIT="1") == whole(name, 700)

    @pytest.mark.slow  # a process for each
    def test_in_another_process(self, name):
        assert elsewhere(name, ROWS) == whole(name)

    @pytest.mark.slow  # compiles everything anew, with checks
    def test_with_bounds_checks(self, name):
        assert elsewhere(name, ROWS, NUMBA_BOUNDSCHECK="1") == whole(name)
