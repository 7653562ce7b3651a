"""What the writer and the migrations share: how far the tables are, the SQL that makes them, how long to wait."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

HEAD: Final = "0001"
"""The newest migration; what an up-to-date database says of itself."""
BUSY: Final = 2.0  # seconds that SQLite waits for another writer before it says that it is locked
CONNECT: Final = 5  # seconds until a server that does not answer counts as gone


def statements(dialect: str, revision: str = "") -> list[str]:
    """The SQL of one migration, or of all of them in order, for `sqlite` or `postgresql`."""
    folder = files("tickerml.ledger.migrations").joinpath("versions")
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(f".{dialect}.sql"))
    text = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names if name.startswith(revision))
    return [one.strip() for one in text.split(";\n") if one.strip()]
