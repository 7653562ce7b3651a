"""The first tables."""

from __future__ import annotations

from alembic import op

from tickerml.ledger.migrated import statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables and their readable views."""
    bind = op.get_bind()
    for statement in statements(bind.dialect.name, revision):
        bind.exec_driver_sql(statement.replace("%", "%%") if bind.dialect.name == "postgresql" else statement)
