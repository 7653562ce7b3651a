"""kill -9 at any moment, then the same command again: the run ends as an unbroken one, no order id twice."""

from __future__ import annotations

import random
from functools import cache

import pytest

from killing import case, how_long, is_as_unbroken, killed, order_ids, start
from small_runs import market
from tickerml.run.backtest import backtest
from tickerml.run.sources import open_source
from tickerml.tape.store import write_store

NAMES = ("psc", "quoter", "setups", "targets")


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
        strategy, config = case(name)
        folder = tmp_path_factory.mktemp(name)
        manifest = backtest(strategy, open_source(str(store)), config=config, run_dir=folder / "run").manifest
        return manifest, how_long(name, store, folder / "timed")

    return made


@pytest.mark.parametrize(
    ("name", "times"),
    [("setups", 3), *(pytest.param(n, 8 if n == "targets" else 20, marks=pytest.mark.slow) for n in NAMES)],
)
def test_killed_and_started_again(name, times, store, unbroken, tmp_path, capsys):
    whole, seconds = unbroken(name)
    folders = killed(name, store, tmp_path, random.Random(name), seconds, times)
    with capsys.disabled():
        print(f"\nT4 {name}: {times} real kill -9 in {len(folders)} runs of {seconds:.1f} s")
    for folder in folders:
        is_as_unbroken(folder, whole)


def test_a_run_that_has_ended_is_only_read_again(store, tmp_path):
    folder = tmp_path / "run"
    for _ in range(2):
        child = start("setups", store, folder)
        out, said = child.communicate()
        assert (child.returncode, out.split()) == (0, ["begun", "done"]), said[-2000:]
    ids = order_ids(folder)
    assert len(ids) == len(set(ids))
