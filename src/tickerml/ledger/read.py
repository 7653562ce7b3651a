"""Reads a ledger: rows for people, and a content hash of each table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, Text, collate, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from tickerml.ledger.metadata import SQL_TABLES
from tickerml.ledger.place import Place
from tickerml.ledger.schema import TABLES
from tickerml.ledger.upgrade import engine
from tickerml.tape.errors import InputError, RunError

_CHUNK: Final = 10_000  # rows of a table in memory while it is hashed
_ENCODER: Final = msgspec.json.Encoder()


@contextmanager
def reading(place: Place) -> Iterator[Connection]:
    """A connection for reading. InputError `ledger-missing`; RunError `ledger-gone`."""
    missing = place.file is not None and not place.file.is_file()
    try:
        if not missing:
            with engine(place).connect() as connection:
                missing = not inspect(connection).has_table("progress")
                if not missing:
                    yield connection
    except SQLAlchemyError as error:
        text = place.clean(" ".join(str(getattr(error, "orig", None) or error).split()))
        raise RunError(
            "ledger-gone",
            f"the ledger {place.shown} does not answer: {text}",
            means="nothing is lost: it is a copy of what the runs' tapes hold",
            try_="tickerml ledger show   (again, when the database is back)",
        ) from None
    if missing:
        raise InputError(
            "ledger-missing", f"there is no ledger at {place.shown} yet", try_="tickerml ledger rebuild --all"
        )


def content_hashes(connection: Connection, run: str | None = None) -> dict[str, tuple[int, str]]:
    """Rows and SHA-256 of each table, in order of its key: of one run, or of all. The same on every database."""
    found = {}
    for name, table in SQL_TABLES.items():
        chosen = select(table).order_by(*_key(connection, table))
        if run is not None:
            chosen = chosen.where(table.c.run == run)
        digest, count = hashlib.sha256(), 0
        for row in connection.execution_options(yield_per=_CHUNK).execute(chosen):
            digest.update(_ENCODER.encode(plain(row)) + b"\n")
            count += 1
        found[name] = count, digest.hexdigest()
    return found


def _key(connection: Connection, table: Table) -> list[ColumnElement[Any]]:
    """The key's columns, text by its bytes: PostgreSQL would order it by a language."""
    by_bytes = connection.dialect.name == "postgresql"
    return [collate(c, "C") if by_bytes and isinstance(c.type, Text) else c for c in table.primary_key.columns]


def runs(connection: Connection) -> list[str]:
    """Names of all runs in the ledger."""
    return list(connection.scalars(select(SQL_TABLES["progress"].c.run).order_by("run")))


def rows(connection: Connection, name: str, run: str | None, limit: int) -> list[dict[str, Any]]:
    """The last `limit` rows of a table, in order of its key: exact numbers as text, times in ns."""
    table = SQL_TABLES[name]
    key = list(table.primary_key.columns)
    chosen = select(table).order_by(*(column.desc() for column in key)).limit(limit)
    if run is not None:
        chosen = chosen.where(table.c.run == run)
    found = [dict(zip(TABLES[name].names, plain(row), strict=True)) for row in connection.execute(chosen)]
    return found[::-1]


def counts(connection: Connection, run: str | None) -> dict[str, int]:
    """Rows of each table."""
    found = {}
    for name, table in SQL_TABLES.items():
        chosen = select(func.count()).select_from(table)
        found[name] = int(connection.scalar(chosen if run is None else chosen.where(table.c.run == run)) or 0)
    return found


def plain(row: Any) -> list[Any]:
    """A row with exact numbers as the digits that were written."""
    return [format(value, "f") if isinstance(value, Decimal) else value for value in row]
