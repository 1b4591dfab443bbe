"""Databases of their own for tests of what is kept in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine

from bagfill.database.engine import open_database
from bagfill.database.migrate import upgrade
from bagfill.demo.postgresql import PostgreSQL


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/registry.db"


def postgresql_url(server: PostgreSQL) -> str:
    return server.create_database(f"test_{uuid4().hex}")


@contextmanager
def with_tables(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    try:
        upgrade(engine)
        yield engine
    finally:
        engine.dispose()
