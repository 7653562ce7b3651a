"""Migrations of the ledger's tables. Each is SQL for each database, frozen, and a file that tells Alembic its place."""
