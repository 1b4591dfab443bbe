"""Idempotency keys in a database (SQLite or PostgreSQL)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.tables import REQUEST_KEYS
from bagfill.ingests.request_keys import RequestKey


class SqlRequestKeys:
    """See :class:`bagfill.ingests.request_keys.RequestKeys`. Every method may raise DatabaseError.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
        clock: by which keys are dated.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def find(self, key: str) -> RequestKey | None:
        """See :meth:`RequestKeys.find`."""
        with reading(self._engine) as connection:
            return _stored(connection, key)

    def claim(self, key: str, *, content: str, request_id: str) -> RequestKey:
        """See :meth:`RequestKeys.claim`."""
        wanted = RequestKey(key, content, request_id, self._clock())
        row = {name: getattr(wanted, name) for name in wanted.__slots__}
        with writing(self._engine) as connection:
            if insert_if_absent(connection, REQUEST_KEYS, row):
                return wanted
            # Rows are never deleted, so whoever was first is there.
            return _stored(connection, key) or wanted


def _stored(connection: Connection, key: str) -> RequestKey | None:
    row = connection.execute(select(REQUEST_KEYS).where(REQUEST_KEYS.c.key == key)).one_or_none()
    return None if row is None else RequestKey(row.key, row.content, row.request_id, row.created)
