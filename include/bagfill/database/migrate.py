"""Bringing the tables up to date, from an installed package and from several processes at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from bagfill.database.engine import reading, writing
from bagfill.database.revision import VERSION_TABLE
from bagfill.database.tables import METADATA

_FOLDER = Path(__file__).parent / "migrations"
# Alembic hands its context to env.py through a global of its own.
_IN_THIS_PROCESS = Lock()
_LOCK_NUMBER = 0x62616766696C6C  # "bagfill"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Make or change the tables, all in one transaction. Nothing happens when they are up to date.

    Several processes may call it at the same moment: the first does the work, the others wait and find it done.

    Raises:
        DatabaseError: the database refused or could not be reached.
    """
    with _alone(engine) as config:
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to an older revision (``base``: no tables, and all their rows are gone)."""
    with _alone(engine) as config:
        command.downgrade(config, revision)


def known_revisions() -> tuple[str, ...]:
    """Every revision this Bagfill has, newest first."""
    return tuple(script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions())


def differences(engine: Engine) -> list[Any]:
    """What Alembic would change to make the database equal to ``tables.py``; empty when a migration is not missing."""
    with reading(engine) as connection:
        return list(compare_metadata(_context(connection), METADATA))


@contextmanager
def _alone(engine: Engine) -> Iterator[Config]:
    # SQLite's write lock is taken by writing() itself; both locks go away with the transaction.
    with _IN_THIS_PROCESS, writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = '300s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})")
        config = Config()
        # A percent sign is the configuration's escape.
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        yield config


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(
        connection,
        opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True},
    )
