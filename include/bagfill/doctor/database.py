"""The registry's database: answers, is of this release, may be written, and has about the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from bagfill.database.engine import open_database, reading
from bagfill.database.errors import DatabaseError
from bagfill.database.revision import NEWEST, current_revision
from bagfill.database.tables import METADATA
from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.settings import Settings

_SUBJECT = "registry"
_NOTED = timedelta(minutes=1)


def examine_database(settings: Settings, now: Callable[[], datetime]) -> Sequence[Finding]:
    """What is to be said of the database that the settings name. Nothing is written.

    Args:
        settings: of this installation.
        now: this machine's clock.
    """
    engine = open_database(settings.database.get_secret_value())
    try:
        found = list(_findings(engine, auto_migrate=settings.auto_migrate, now=now))
    except DatabaseError as error:
        advice = "Look whether it runs, and at host, user and password in registry.database."
        found = [("database-answers-not", Diagnosis(Verdict.MEND, f"{error}", advice))]
    finally:
        engine.dispose()
    return [Finding(code, _SUBJECT, None, None, diagnosis) for code, diagnosis in found]


def _findings(engine: Engine, *, auto_migrate: bool, now: Callable[[], datetime]) -> Iterator[tuple[str, Diagnosis]]:
    current = current_revision(engine)
    yield "database-answers-not", good(f"{engine.dialect.name} answers")
    yield "database-revision", _revision(current, auto_migrate=auto_migrate)
    if engine.dialect.name == "postgresql":
        with reading(engine) as connection:
            if current is not None:
                yield "database-rights", _rights(connection)
            yield "database-clock", _clock(connection, now)


def _revision(current: str | None, *, auto_migrate: bool) -> Diagnosis:
    # Alembic is loaded only here: it costs half a second.
    from bagfill.database.migrate import known_revisions

    if current == NEWEST:
        return good(f"at revision {current}")
    if current is not None and current not in known_revisions():
        seen = f"at revision {current}, which a newer Bagfill made; this one knows {NEWEST} and older"
        return Diagnosis(Verdict.MEND, seen, "Use the newer Bagfill, or `bagfill db downgrade` with it first.")
    seen = f"at revision {current or 'none (no tables)'}, this Bagfill needs {NEWEST}"
    if auto_migrate:
        return Diagnosis(Verdict.NOTE, f"{seen}; it is brought up to date when it is opened")
    return Diagnosis(Verdict.MEND, seen, "Run `bagfill db upgrade`.")


def _rights(connection: Connection) -> Diagnosis:
    if _value(connection, "SELECT pg_is_in_recovery()"):
        return Diagnosis(Verdict.MEND, "a standby: it cannot be written", "Name the primary server in the settings.")
    lacking = sorted(
        table
        for table in METADATA.tables
        if not _value(
            connection,
            "SELECT coalesce(bool_and(has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')"
            " AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')), true)"
            " FROM pg_class WHERE relkind IN ('r', 'p') AND relname = :table AND pg_table_is_visible(oid)",
            table=table,
        )
    )
    if lacking:
        advice = "GRANT SELECT, INSERT, UPDATE, DELETE on these tables to the user of registry.database."
        return Diagnosis(Verdict.MEND, f"rights are missing on {', '.join(lacking)}", advice)
    if _value(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        advice = "Use a user of its own that owns the registry's tables and nothing else."
        return Diagnosis(Verdict.ADVICE, "the user is a superuser of the database server", advice)
    return good("the user may read and write the tables")


def _clock(connection: Connection, now: Callable[[], datetime]) -> Diagnosis:
    theirs: datetime = _value(connection, "SELECT clock_timestamp()")
    off = now() - theirs.astimezone(UTC)
    seen = f"this machine is {abs(off.total_seconds()):.0f} s {'ahead of' if off > timedelta(0) else 'behind'} it"
    if abs(off) >= _NOTED:
        return Diagnosis(Verdict.ADVICE, seen, "Set both clocks by NTP: claims end by them.")
    return good(seen)


def _value(connection: Connection, statement: str, **parameters: str) -> Any:
    return connection.execute(text(statement), parameters).scalar()
