"""Which revision a database is at. Apart from :mod:`bagfill.database.migrate`, for a task that finds it up to date must
not pay for loading Alembic.
"""

from __future__ import annotations

from sqlalchemy import Column, Engine, MetaData, String, Table, inspect, select

from bagfill.database.engine import reading

VERSION_TABLE = "bagfill_alembic_version"
"""Not Alembic's default name: Airflow's tables may live in the same database, and their revision in that one."""

NEWEST = "0013"
"""The newest of ``migrations/versions``."""

_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", String))


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at, or ``None`` for a database without our tables. Raises DatabaseError."""
    with reading(engine) as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()
