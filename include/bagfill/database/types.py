"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text, TypeDecorator

EXACT_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text compared and ordered byte by byte: PostgreSQL's own collation would order and index by a language's rules.

SQLite compares bytes anyway. The order equals Python's order of ``str``: UTF-8 keeps the order of code points.
"""

ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A number given by the database; only an ``INTEGER`` key counts up by itself on SQLite."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, timezone-aware in Python and kept in UTC with microseconds.

    SQLite has no time zones, so the bare UTC time is stored there; as text of fixed width it also sorts by time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without time zone: whose clock it was is lost."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs its time zone: {value.isoformat()}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read it as UTC, whatever the session's time zone is."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
