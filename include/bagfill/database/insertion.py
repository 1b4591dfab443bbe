"""``INSERT … ON CONFLICT DO NOTHING`` for either database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_if_absent(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert one row unless a row with one of its unique keys is there.

    Waits for a concurrent transaction that inserts the same key, and sees its row afterwards.

    Returns:
        Whether the row was inserted.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return connection.execute(dialect.insert(table).values(**row).on_conflict_do_nothing()).rowcount == 1
