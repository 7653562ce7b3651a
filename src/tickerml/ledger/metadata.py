"""The tables as SQLAlchemy knows them, and the readable view of each: times as UTC text, in SQLite numbers as REAL."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, MetaData, Numeric, SmallInteger, Table, Text
from sqlalchemy.types import TypeEngine

from tickerml.ledger.schema import TABLES, TableSpec

METADATA: Final = MetaData()


def _type(kind: str) -> TypeEngine[Any]:
    if kind == "exact":
        return Numeric().with_variant(Text(), "sqlite")
    if kind in ("text", "json"):
        return Text()
    others: dict[str, TypeEngine[Any]] = {"real": Double(), "flag": SmallInteger()}
    return others.get(kind, BigInteger())


def _made(spec: TableSpec) -> Table:
    columns = [
        Column(one.name, _type(one.kind), primary_key=n < spec.keys, autoincrement=False)
        for n, one in enumerate(spec.columns)
    ]
    return Table(spec.name, METADATA, *columns, sqlite_with_rowid=False)


SQL_TABLES: Final = {name: _made(spec) for name, spec in TABLES.items()}
"""By name."""

_UTC: Final = {
    "sqlite": """strftime('%Y-%m-%d %H:%M:%S', "{0}" / 1000000000, 'unixepoch') || """
    """printf('.%09d', "{0}" % 1000000000)""",
    "postgresql": """to_char(to_timestamp("{0}" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || """
    """'.' || lpad(("{0}" % 1000000000)::text, 9, '0')""",
}
_REAL: Final = 'cast("{0}" as real)'


def readable(spec: TableSpec, dialect: str) -> str:
    """The statement that makes `NAME_readable`; a number in it may be rounded, the table's never is."""
    shown = []
    for one in spec.columns:
        form = '"{0}"'
        if one.kind == "time":
            form = _UTC[dialect]
        elif one.kind == "exact" and dialect == "sqlite":
            form = _REAL
        shown.append(f'{form.format(one.name)} as "{one.name}"')
    return f"create view {spec.name}_readable as select {', '.join(shown)} from {spec.name}"  # noqa: S608 - ours
