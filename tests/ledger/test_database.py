"""G3: migrations, readable views, and that no password is ever shown."""

import sqlite3
from decimal import Decimal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from small_ledgers import recorded
from sqlalchemy import text

from tickerml.ledger.link import link
from tickerml.ledger.metadata import METADATA, readable
from tickerml.ledger.migrated import HEAD, statements
from tickerml.ledger.place import masked, of_file, place
from tickerml.ledger.read import content_hashes, reading, rows
from tickerml.ledger.schema import TABLES
from tickerml.ledger.upgrade import engine, upgrade
from tickerml.ledger.write import project
from tickerml.tape.errors import ConfigError, InputError, RunError


def test_migrations_make_what_the_program_writes(fresh):
    to = fresh()
    upgrade(to)
    with engine(to).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert connection.scalar(text("select version_num from alembic_version")) == HEAD
    upgrade(to)  # once more: nothing to do


def test_a_new_file_is_as_the_migrations_make_it(tmp_path):
    """The writer makes a new file without the migrations' library: table by table, column by column the same."""
    quick, slow = of_file(tmp_path / "quick.sqlite"), of_file(tmp_path / "slow.sqlite")
    link(quick).close()
    upgrade(slow)
    told = []
    for to in (quick, slow):
        with sqlite3.connect(to.file) as held:
            names = [n for (n,) in held.execute("select name from sqlite_master where type in ('table', 'view')")]
            told.append({n: held.execute(f"pragma table_info({n})").fetchall() for n in names})
            assert held.execute("pragma journal_mode").fetchone()[0] == "wal" or to is slow
        held.close()
    assert told[0] == told[1]
    assert set(TABLES) | {f"{n}_readable" for n in TABLES} | {"alembic_version"} == set(told[0])


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_views_are_those_of_the_tables(dialect):
    assert {s for s in statements(dialect) if "create view" in s} == {readable(t, dialect) for t in TABLES.values()}


def test_readable_views_g3(ledger):
    """Times as UTC to the nanosecond; exact numbers are never rounded in the table."""
    one = recorded("setups")
    project(ledger.link, one.facts, lambda: one.blocks)
    with reading(ledger.place) as connection:
        shown = connection.execute(text("select time, price from fills_readable order by seq")).first()
        told = rows(connection, "fills", None, 10**6)[0]
    assert shown[0].startswith("2026-01-04 06:00:")
    assert shown[0].endswith(f".{told['time'] % 10**9:09d}")
    assert Decimal(str(shown[1])) == Decimal(told["price"])


def test_sqlite_keeps_every_digit(tmp_path):
    """NUMERIC in SQLite is float64: money is text there, and comes back digit for digit."""
    to = of_file(tmp_path / "x.sqlite")
    held = link(to)
    row = [None] * len(TABLES["funding"].columns)
    row[0], row[1], row[7] = "r", 1, "12345678901234567890.123456789012345678"
    held.put(TABLES["funding"], [tuple(row)])
    held.close()
    with reading(to) as connection:
        assert rows(connection, "funding", None, 1)[0]["amount"] == row[7]


def test_a_newer_ledger_is_left_alone(fresh):
    to = fresh()
    made = link(to)
    made.run("update alembic_version set version_num = '9999'")
    made.close()
    with pytest.raises(RunError) as error:
        link(to)
    assert error.value.code == "ledger-version"
    assert "nothing was written" in error.value.means


def test_there_is_no_ledger_yet(fresh, tmp_path):
    for to in (fresh(), of_file(tmp_path / "none.sqlite")):
        if to.file is None or not to.file.exists():
            with pytest.raises(InputError) as error, reading(to):
                pass
            assert error.value.code == "ledger-missing"
            assert error.value.try_ == "tickerml ledger rebuild --all"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@ss:w/rd@host:5432/db", "postgresql://u:********@host:5432/db"),
        ("postgresql+psycopg://u:geheim@host/db", "postgresql+psycopg://u:********@host/db"),
        ("postgres://u@host/db?password=geheim&x=1", "postgres://u@host/db?password=********&x=1"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("sqlite:///a/b.sqlite", "sqlite:///a/b.sqlite"),
    ],
)
def test_passwords_are_hidden(url, shown):
    assert masked(url) == shown
    to = place(url)
    assert to.shown == shown
    assert "geheim" not in repr(to)
    assert "p@ss" not in repr(to)


@pytest.mark.parametrize("url", ["", "foo", "mysql://u:geheim@host/db", "sqlite://", "sqlite:///", "postgresql://"])
def test_what_names_no_database(url):
    with pytest.raises(ConfigError) as error:
        place(url)
    assert (error.value.code, error.value.key) == ("ledger-url", "ledger.url")
    assert "geheim" not in str(error.value) + error.value.try_


def test_a_wrong_password_is_not_told(server):
    wrong = place(server.url.replace("s3cret", "geheim"))
    for work in (lambda: link(wrong), lambda: upgrade(wrong), lambda: content_hashes(reading(wrong).__enter__())):
        with pytest.raises(RunError) as error:
            work()
        told = [error.value]
        while told[-1].__cause__ is not None:
            told.append(told[-1].__cause__)
        said = " ".join(f"{e} {getattr(e, 'means', '')} {getattr(e, 'try_', '')}" for e in told)
        assert error.value.code == "ledger-gone"
        assert "password authentication failed" in said
        assert "geheim" not in said


def test_the_one_writer_of_a_file_is_waited_for_and_then_told(tmp_path, monkeypatch):
    monkeypatch.setattr("tickerml.ledger.link.BUSY", 0.05)
    to = of_file(tmp_path / "x.sqlite")
    first, second = link(to), link(to)
    first.begin()
    with pytest.raises(RunError) as error:
        second.begin()
    assert error.value.code == "ledger-locked"
    with reading(to) as connection:  # readers never wait
        assert content_hashes(connection)["fills"][0] == 0
    first.rollback()
    second.begin()
    second.close()
    first.close()
