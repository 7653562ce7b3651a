"""Databases for the ledger's tests: SQLite files, and a real PostgreSQL (DATABASE_URL, else one from a wheel)."""

import itertools
import os
from types import SimpleNamespace

import psycopg
import pytest
from postgres import Server
from small_ledgers import hashes

from tickerml.ledger.link import link
from tickerml.ledger.place import of_file, place

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL of the tests' own, which may be stopped."""
    made = Server()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def postgres_url(request):
    """DATABASE_URL where it names a PostgreSQL, else the tests' own server."""
    given = os.environ.get("DATABASE_URL", "")
    return given if given.startswith("postgres") else request.getfixturevalue("server").url


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request, tmp_path):
    """Makes places of empty databases, of one kind."""
    made = []

    def sqlite():
        return of_file(tmp_path / f"{next(NUMBERS)}.sqlite")

    def postgres():
        url, name = request.getfixturevalue("postgres_url"), f"tickerml_test_{os.getpid()}_{next(NUMBERS)}"
        with psycopg.connect(url, autocommit=True) as held:
            held.execute(f"create database {name}")
        made.append((url, name))
        return place(f"{url.rpartition('/')[0]}/{name}")

    yield {"sqlite": sqlite, "postgres": postgres}[request.param]
    for url, name in made:
        with psycopg.connect(url, autocommit=True) as held:
            held.execute(f"drop database {name} with (force)")


@pytest.fixture
def ledger(fresh):
    """One empty ledger: its `place`, a `link`, and `hashes()` of its tables."""
    to = fresh()
    made = link(to)
    yield SimpleNamespace(place=to, link=made, hashes=lambda run=None: hashes(to, run))
    made.close()
