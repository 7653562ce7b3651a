"""T4: kill -9 of a paper run that keeps its ledger as it goes, in SQLite and in PostgreSQL, and the same command again.

At the end the run is the unbroken one, and its tables are those that its tape gives, and that the unbroken run has.
"""

from __future__ import annotations

import random

import pytest
from small_ledgers import hashes
from sqlalchemy import select

from killing import case, how_long, is_as_unbroken, killed
from small_runs import market
from tickerml.ledger.metadata import SQL_TABLES
from tickerml.ledger.read import plain, reading
from tickerml.run.backtest import backtest
from tickerml.run.ledger import rebuild
from tickerml.run.sources import open_source
from tickerml.tape.errors import InputError
from tickerml.tape.store import write_store

OWN = ("runs", "progress")  # tables that name the run's folder and how far it was written


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("market") / "store"
    write_store(market("busy", minutes=4), root)
    return root


def tables(to):
    """Rows of every table of a ledger that holds one run, without the run's name."""
    with reading(to) as connection:
        return {
            name: sorted(
                repr([value for c, value in zip(table.columns, plain(row), strict=True) if c.name != "run"])
                for row in connection.execute(select(table))
            )
            for name, table in SQL_TABLES.items()
            if name not in OWN
        }


def written(to):
    """Number of the last row of a run that its ledger holds; 0 before there is one."""
    try:
        with reading(to) as connection:
            return connection.scalar(select(SQL_TABLES["progress"].c.last_seq)) or 0
    except InputError:
        return 0


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_with_its_ledger_is_killed_and_started_again_t4(times, cases, fresh, store, tmp_path, capsys):
    """Each run has a database of its own, in which nothing is left of the lives that were cut short."""
    chosen, places = cases(times), []
    strategy, config = case("setups")
    whole = backtest(strategy, open_source(str(store)), config=config, run_dir=tmp_path / "whole").manifest
    usual = fresh()
    seconds = how_long("setups", store, tmp_path / "run", usual.url)
    expected = tables(usual)
    assert expected["fills"]

    def database():
        places.append(fresh())
        return places[-1].url

    halves = []  # rows in the tables of lives that had written some, and not all

    def hit():
        return 0 < written(places[-1]) < rows

    def after():
        found = written(places[-1])
        halves.extend([found] if 0 < found < rows else [])
        return found == rows

    rng, rows = random.Random(chosen.start), written(usual)
    ended = killed("setups", store, tmp_path, rng, seconds, len(chosen), database, after, hit)
    assert halves or len(chosen) < 10, "no kill met a ledger that was being written"
    for folder, to in zip(ended, places, strict=True):
        is_as_unbroken(folder, whole)
        assert tables(to) == expected
        beside = hashes(to)
        assert rebuild([folder], lambda _, to=to: to)[0]["as_before"] is True
        assert hashes(to) == beside
    with capsys.disabled():
        kind = "sqlite" if usual.file else "postgresql"
        print(f"\nT4 run with its ledger, {kind}: {len(chosen)} real kill -9 in {len(places)} runs of {seconds:.1f} s")
        print(f"counts: kills={len(chosen)} runs={len(places)} with_the_ledger_half_written={len(halves)}")
