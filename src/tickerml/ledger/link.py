"""One connection to a ledger's database, for its one writer: plain statements, whole batches, no more.

The writer speaks to the drivers themselves: loading SQLAlchemy takes 0.3 s, more than a short run may lose. It
describes the tables, moves old ones on and reads them (metadata.py, upgrade.py, read.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from tickerml.ledger.migrated import BUSY, CONNECT, HEAD, statements
from tickerml.ledger.place import Place
from tickerml.ledger.schema import TABLES, TableSpec
from tickerml.tape.errors import RunError

AWAY: Final = ("ledger-locked", "ledger-gone")
"""Codes of what may be over when it is tried again."""
FAULT: Final = "ledger-fault"
"""Code of what comes out the same however often it is tried: a value of ours that the database does not take."""
_WRITER: Final = 0x7469636B  # advisory lock of the one writer in a PostgreSQL database

Row = tuple[Any, ...]

_UNTAKEN: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class Link(Protocol):
    """A connection. All raises RunError: those of `AWAY` may be tried again, others (`ledger-fault`) not."""

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """One statement with ? for values; its rows."""
        ...

    def put(self, table: TableSpec, rows: Sequence[Row]) -> None:
        """Write whole rows; those with the same key are replaced. No key may come twice."""
        ...

    def begin(self) -> None:
        """Start a transaction that may write."""
        ...

    def commit(self) -> None:
        """Make it last."""
        ...

    def rollback(self) -> None:
        """Forget it; also after a failure. Never raises."""
        ...

    def close(self) -> None:
        """Hang up; what was not committed is gone. Never raises."""
        ...


def link(to: Place) -> Link:
    """Connect, and bring the tables up to date. RunError as above, and `ledger-version`, `extra-missing`."""
    made: Link = SqliteLink(to) if to.file is not None else PostgresLink(to)
    try:
        known = _version(made, to)
        if known is None and to.file is not None:
            _create(made)
        elif known != HEAD:
            from tickerml.ledger.upgrade import upgrade

            upgrade(to)
    except BaseException:
        made.close()
        raise
    return made


def _version(made: Link, to: Place) -> str | None:
    """What migration the tables are at; None where there are none."""
    there = "select name from sqlite_master where type = 'table' and name = ?"
    if to.file is None:
        there = "select tablename from pg_tables where schemaname = current_schema() and tablename = ?"
    if not made.run(there, ("alembic_version",)):
        return None
    return str(made.run("select version_num from alembic_version")[0][0])


def _create(made: Link) -> None:
    """All tables of a new SQLite file: the migrations' own statements, without the library that runs migrations."""
    made.begin()
    if made.run("select name from sqlite_master where name = ?", ("alembic_version",)):
        made.rollback()  # another process was quicker
        return
    for statement in statements("sqlite"):
        made.run(statement)
    made.run("create table alembic_version (version_num VARCHAR(32) not null primary key)")
    made.run("insert into alembic_version (version_num) values (?)", (HEAD,))
    made.commit()


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file this is, whatever its name; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteLink:
    """A connection to a file: write-ahead log, so that readers never wait for the writer."""

    def __init__(self, to: Place) -> None:
        """Open or create the file."""
        self._place = to
        if to.file is None:
            raise ValueError("not a file")
        self._put: dict[str, str] = {}
        with self._telling():
            to.file.parent.mkdir(parents=True, exist_ok=True)
            self._held = sqlite3.connect(to.file, timeout=BUSY, isolation_level=None, check_same_thread=False)
            try:
                for pragma in ("journal_mode = wal", "synchronous = normal", "temp_store = memory"):
                    self._held.execute(f"pragma {pragma}")
            except BaseException:
                self._held.close()
                raise
        self._opened = _identity(to.file)

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """One statement."""
        with self._telling():
            return self._held.execute(statement, values).fetchall()

    def put(self, table: TableSpec, rows: Sequence[Row]) -> None:
        """Write whole rows."""
        text = self._put.get(table.name)
        if text is None:
            marks = ",".join("?" * len(table.columns))
            text = self._put[table.name] = f"insert or replace into {table.name} values ({marks})"  # noqa: S608 - ours
        with self._telling():
            self._held.executemany(text, rows)

    def begin(self) -> None:
        """Start a transaction; immediate, so that a locked file shows before any work is done.

        A file that was removed or replaced takes all that is written to it, and nobody would ever see that.
        """
        if self._place.file is None or _identity(self._place.file) != self._opened:
            raise RunError("ledger-gone", f"the ledger {self._place.shown} was removed or replaced")
        self.run("begin immediate")

    def commit(self) -> None:
        """Make it last."""
        self.run("commit")

    def rollback(self) -> None:
        """Forget it."""
        try:
            self._held.rollback()
        except sqlite3.Error:
            return  # the connection is no use any more, which the next statement will say

    def close(self) -> None:
        """Hang up."""
        try:
            self._held.close()
        except sqlite3.Error:
            return

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (*_UNTAKEN, OverflowError) as error:
            raise _not_taken(self._place, str(error)) from error
        except (sqlite3.Error, OSError) as error:
            busy = getattr(error, "sqlite_errorname", "") in ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT")
            what = "is locked by another program" if busy else f"cannot be written: {error}"
            code = "ledger-locked" if busy else "ledger-gone"
            raise RunError(code, f"the ledger {self._place.shown} {what}") from error


class PostgresLink:
    """A connection to a PostgreSQL server; a batch of a table is one statement."""

    def __init__(self, to: Place) -> None:
        """Connect."""
        try:
            import psycopg
        except ImportError:
            raise RunError(
                "extra-missing",
                "a ledger in PostgreSQL needs the driver psycopg, which is not installed",
                try_="pip install 'tickerml[postgres]'",
            ) from None
        self._place, self._errors = to, psycopg.Error
        self._ours = psycopg.DataError, psycopg.IntegrityError
        self._unsent = psycopg.ProgrammingError, psycopg.NotSupportedError
        self._put: dict[str, str] = {}
        with self._telling():
            self._held = psycopg.connect(to.url, autocommit=True, connect_timeout=CONNECT, prepare_threshold=None)
            self._held.execute("set synchronous_commit = on; set lock_timeout = '2s'; set timezone = 'UTC'")

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """One statement."""
        with self._telling():
            done = self._held.execute(statement.replace("?", "%s").encode(), values or None)
            return done.fetchall() if done.description is not None else []

    def put(self, table: TableSpec, rows: Sequence[Row]) -> None:
        """Write whole rows: a column is sent as one array."""
        text = self._put.get(table.name)
        if text is None:
            text = self._put[table.name] = _upsert(table)
        self.run(text, [list(column) for column in zip(*rows, strict=True)])

    def begin(self) -> None:
        """Start a transaction, when no other writer is in one."""
        self.run("begin")
        self.run("select pg_advisory_xact_lock(?)", (_WRITER,))

    def commit(self) -> None:
        """Make it last."""
        self.run("commit")

    def rollback(self) -> None:
        """Forget it."""
        try:
            self._held.rollback()
        except self._errors:
            return  # the server is gone, which the next statement will say

    def close(self) -> None:
        """Hang up."""
        try:
            self._held.close()
        except self._errors:
            return

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            text, state = self._place.clean(" ".join(str(error).split())), getattr(error, "sqlstate", None)
            if isinstance(error, self._ours) or (isinstance(error, self._unsent) and state is None):
                raise _not_taken(self._place, text) from None
            busy = state in ("55P03", "40P01")
            code = "ledger-locked" if busy else "ledger-gone"
            # the driver's own error may hold the URL: it is not chained
            raise RunError(code, f"the ledger {self._place.shown} does not answer: {text}") from None


def _not_taken(to: Place, text: str) -> RunError:
    return RunError(
        FAULT,
        f"the ledger {to.shown} does not take what was to be written: {text}",
        means="this is a fault in TickerML, and no fault of the database; the run's tape holds everything",
    )


_TYPES: Final = {"text": "text", "json": "text", "exact": "numeric", "real": "float8", "flag": "int2"}


def _upsert(table: TableSpec) -> str:
    """INSERT ... ON CONFLICT for whole columns."""
    arrays = ", ".join(f"?::{_TYPES.get(column.kind, 'int8')}[]" for column in table.columns)
    keys, rest = table.names[: table.keys], table.names[table.keys :]
    change = ", ".join(f'"{name}" = excluded."{name}"' for name in rest)
    names, key = (", ".join(f'"{name}"' for name in some) for some in (table.names, keys))
    return (
        f"insert into {table.name} ({names}) select * from unnest({arrays}) on conflict ({key}) do update set {change}"  # noqa: S608 - ours
    )


def wipe(to: Link, run: str) -> None:
    """Remove every row of a run, within a transaction."""
    for name in TABLES:
        to.run(f"delete from {name} where run = ?", (run,))  # noqa: S608 - a table of ours
