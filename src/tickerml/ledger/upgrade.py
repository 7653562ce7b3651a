"""Migrations: brings the tables of a database to what this program writes (Alembic)."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from tickerml.ledger.migrated import BUSY, CONNECT
from tickerml.ledger.place import Place
from tickerml.tape.errors import RunError


def engine(to: Place) -> Engine:
    """An SQLAlchemy engine that keeps no connection open; its `repr` hides the password."""
    url: URL = make_url(to.url)
    if to.file is not None:
        return create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY})
    return create_engine(
        url.set(drivername="postgresql+psycopg"), poolclass=NullPool, connect_args={"connect_timeout": CONNECT}
    )


def upgrade(to: Place, revision: str = "head") -> None:
    """Run the migrations that a database lacks, in one transaction. RunError `ledger-version`, `ledger-gone`."""
    config = Config()
    config.set_main_option("script_location", "tickerml.ledger:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with engine(to).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except CommandError as error:
        raise RunError(
            "ledger-version",
            f"the ledger {to.shown} was made by a newer TickerML: {to.clean(str(error))}",
            means="nothing was written to it; the run's tape holds everything",
            try_="pip install --upgrade tickerml   (or another database: TICKERML__LEDGER__URL)",
        ) from None
    except SQLAlchemyError as error:
        text = to.clean(" ".join(str(getattr(error, "orig", error)).split()))
        raise RunError("ledger-gone", f"the ledger {to.shown} cannot be brought up to date: {text}") from None
