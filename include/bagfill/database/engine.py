"""Opening the database, and the two kinds of transaction: reading and writing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bagfill.database.errors import DatabaseError, DatabaseUrlError

_BUSY_SECONDS = 30
_WRITER = "bagfill_writer"
_SECRET_QUERY_KEYS = ("password", "sslpassword")
_UNREADABLE = (
    "database URL cannot be read; expected sqlite:////path/to/file.db or "
    "postgresql://user:password@host:port/name, with special characters of the password percent-encoded"
)
_SQLITE_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


def open_database(url: str) -> Engine:
    """Open the database; nothing is connected before the first transaction.

    Args:
        url: ``sqlite:////absolute/path.db`` (its folder is made when it is missing; a local disk, as WAL needs shared
            memory) or ``postgresql://user:password@host:port/name`` (driver psycopg2).

    Returns:
        An engine for one process: after a fork, open it again. Its ``repr`` shows no password.

    Raises:
        DatabaseUrlError: the URL cannot be read, or names another kind of database.
    """
    parsed = _parse(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed)
        case "postgresql":
            return _open_postgresql(parsed)
        case other:
            raise DatabaseUrlError(f"database URL: scheme {other!r}; allowed: sqlite, postgresql")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, from one snapshot. Raises DatabaseError for what the database refuses."""
    with _told_apart(), engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; committed at the end of the block, rolled back by an exception.

    On SQLite it is the only writer from its first moment (``BEGIN IMMEDIATE``), so what it reads stays true until it
    commits. On PostgreSQL it is READ COMMITTED: rows that a decision rests on are read ``FOR UPDATE``. Never talk to a
    store inside the block.

    Raises:
        DatabaseError: what the database refuses; also a lock that was not to be had for half a minute.
    """
    with _told_apart(), engine.connect() as connection:
        connection = connection.execution_options(**{_WRITER: True})  # noqa: PLW2901 - the same connection, marked
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s'")
            yield connection


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The parser's own message may quote a part of the password as "port".
        raise DatabaseUrlError(_UNREADABLE) from None


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise DatabaseUrlError("database URL: SQLite needs a file (sqlite:////path/to/file.db); tests too")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _create(url, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _open_postgresql(url: URL) -> Engine:
    # SQLAlchemy 2.1 means psycopg 3 by a bare postgresql://; Airflow's requirements bring psycopg2.
    url = url.set(drivername="postgresql+psycopg2")
    secrets = {key: value for key, value in url.query.items() if key in _SECRET_QUERY_KEYS}
    # Arguments of the connection are in no repr; a URL's query is.
    url = url.difference_update_query(list(secrets))
    defaults = {"connect_timeout": 10, "application_name": "bagfill"}
    arguments = {key: value for key, value in defaults.items() if key not in url.query}
    return _create(url, connect_args={**arguments, **secrets}, pool_pre_ping=True)


def _create(url: URL, **arguments: Any) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, **arguments)
    except (ArgumentError, NoSuchModuleError):
        raise DatabaseUrlError(f"database URL: no such driver: {url.drivername!r}") from None


def _set_up_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # The driver begins no transaction by itself; _begin_sqlite does.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA foreign_keys = ON")
        # A registration that was reported survives a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        _use_wal(cursor)
    finally:
        cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    # SQLite does not wait for its busy timeout here when several processes open a new file at once.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    writer = connection.get_execution_options().get(_WRITER, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseError(f"no connection became free: {error}", retryable=True) from error
    except DBAPIError as error:
        raise DatabaseError(f"{type(error.orig).__name__}: {error.orig}".strip(), retryable=_may_pass(error)) from error


def _may_pass(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        # An error that the driver itself raises has no code.
        code: int = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF in _SQLITE_PASSING
    # psycopg2: no connection, deadlock, serialization failure, lock time-out, shutting down, out of memory or disk.
    return isinstance(error, OperationalError | InterfaceError)
