"""Run by Alembic. The connection, already in a transaction, comes from :mod:`bagfill.database.migrate`."""

from __future__ import annotations

from alembic import context

from bagfill.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=METADATA,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
