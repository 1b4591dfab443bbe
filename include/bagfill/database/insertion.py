"""``INSERT … ON CONFLICT`` for either database."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Table


def insertion(connection: Connection, table: Table) -> Any:
    """An ``INSERT`` that can have an ``ON CONFLICT``, of the database's own dialect.

    Only that dialect is loaded: the other one takes as long to load as all of our own code.
    """
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)


def insert_if_absent(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert one row unless a row with one of its unique keys is there.

    Waits for a concurrent transaction that inserts the same key, and sees its row afterwards.

    Returns:
        Whether the row was inserted.
    """
    return connection.execute(insertion(connection, table).values(**row).on_conflict_do_nothing()).rowcount == 1
