from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, insert, select

from bagfill.database import engine as engine_module
from bagfill.database.engine import open_database, reading, writing
from bagfill.database.errors import DatabaseError, DatabaseUrlError
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.demo.ports import LOOPBACK
from bagfill.demo.postgresql import PostgreSQL
from contracts.databases import postgresql_url, sqlite_url, with_tables

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
ROW: dict[str, Any] = {
    "space": "digitised",
    "external_identifier": "b1",
    "version": 1,
    "pointer": "p",
    "sha256": "s",
    "files": 2**40,
    "bytes": 2**62,
    "added": NOW,
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    on_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if on_sqlite else postgresql_url(request.getfixturevalue("postgresql"))
    with with_tables(url) as engine:
        yield engine


def rows(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(BAG_VERSIONS)).scalar_one()


def test_a_block_is_written_whole_or_not_at_all(engine: Engine) -> None:
    class Stop(BaseException):
        pass

    def stopped() -> None:
        with writing(engine) as connection:
            connection.execute(insert(BAG_VERSIONS), ROW)
            raise Stop

    with pytest.raises(Stop):
        stopped()
    assert rows(engine) == 0
    with writing(engine) as connection:
        connection.execute(insert(BAG_VERSIONS), ROW)
    assert rows(engine) == 1


def test_moments_come_back_in_utc_to_the_microsecond(engine: Engine) -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    with writing(engine) as connection:
        connection.execute(insert(BAG_VERSIONS), ROW | {"added": berlin})
    with reading(engine) as connection:
        found = connection.execute(select(BAG_VERSIONS.c.added)).scalar_one()
        later = connection.execute(select(func.count()).where(BAG_VERSIONS.c.added > NOW)).scalar_one()
    assert found == NOW
    assert found.utcoffset() == timedelta(0)
    assert later == 0


def test_a_moment_without_time_zone_is_refused(engine: Engine) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(Exception, match="a moment needs its time zone"), writing(engine) as connection:
        connection.execute(insert(BAG_VERSIONS), ROW | {"added": naive})


def test_a_replica_needs_its_bag_version(engine: Engine) -> None:
    key = {name: ROW[name] for name in ("space", "external_identifier", "version")}
    with pytest.raises(DatabaseError) as caught, writing(engine) as connection:
        connection.execute(insert(REPLICAS), key | {"location": "azure", "registered": NOW})
    assert not caught.value.retryable
    with writing(engine) as connection:
        connection.execute(insert(BAG_VERSIONS), ROW)
        connection.execute(insert(REPLICAS), key | {"location": "azure", "registered": NOW})
    with pytest.raises(DatabaseError), writing(engine) as connection:
        connection.execute(delete(BAG_VERSIONS))
    assert rows(engine) == 1


def test_a_reader_sees_one_state(engine: Engine) -> None:
    with reading(engine) as connection:
        before = connection.execute(select(func.count()).select_from(BAG_VERSIONS)).scalar_one()
        with writing(engine) as writer:
            writer.execute(insert(BAG_VERSIONS), ROW)
        after = connection.execute(select(func.count()).select_from(BAG_VERSIONS)).scalar_one()
    assert (before, after, rows(engine)) == (0, 0, 1)


def test_a_writer_on_sqlite_is_alone_from_its_first_moment(tmp_path: Path) -> None:
    order: list[str] = []
    with with_tables(sqlite_url(tmp_path)) as engine:

        def second() -> None:
            with writing(engine):
                order.append("second")

        with writing(engine):
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(timeout=0.2)
            order.append("first")
        thread.join(timeout=120)
    assert order == ["first", "second"]


def test_a_lock_that_is_not_to_be_had_is_retryable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_BUSY_SECONDS", 0.05)
    with with_tables(sqlite_url(tmp_path)) as engine, writing(engine):
        with pytest.raises(DatabaseError, match="locked") as caught, writing(engine):
            pass
        assert caught.value.retryable


@pytest.mark.servers
def test_a_row_lock_that_is_not_to_be_had_is_retryable(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_BUSY_SECONDS", 0.05)
    with with_tables(postgresql_url(postgresql)) as engine:
        with writing(engine) as connection:
            connection.execute(insert(BAG_VERSIONS), ROW)
        with writing(engine) as first:
            first.execute(select(BAG_VERSIONS).with_for_update())
            with pytest.raises(DatabaseError, match="lock timeout") as caught, writing(engine) as second:
                second.execute(select(BAG_VERSIONS).with_for_update())
        assert caught.value.retryable


def test_missing_tables_are_not_retryable(tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path))
    with pytest.raises(DatabaseError, match="no such table") as caught:
        rows(engine)
    assert not caught.value.retryable
    engine.dispose()


def test_sqlite_is_set_up_to_last(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/new/folder/registry.db")
    with reading(engine) as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS}
    assert found == PRAGMAS
    engine.dispose()


PRAGMAS = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_sqlite_in_memory_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="SQLite needs a file"):
        open_database(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cr3t/s3cr3t@host:s3cr3t/db",
        "user:s3cr3t@host/db",
        "mysql://user:s3cr3t@host/db",
        "postgresql://user:s3cr3t@[::1/db",
        "postgresql+nonsense://user:s3cr3t@host:x/db",
        "s3cr3t",
        "",
    ],
)
def test_an_error_about_a_url_keeps_its_secrets(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        open_database(url)
    assert "s3cr3t" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "query", ["", "?password=s3cr3t", "?sslmode=prefer&sslpassword=s3cr3t&connect_timeout=1", "?application_name=x"]
)
def test_no_password_is_shown_when_nobody_answers(query: str) -> None:
    # Port 1 of the own machine: nobody listens there.
    engine = open_database(f"postgresql://user:s3cr3t@{LOOPBACK}:1/db{query}")
    with pytest.raises(DatabaseError) as caught:
        rows(engine)
    assert caught.value.retryable
    assert "s3cr3t" not in f"{engine!r} {caught.value!r} {caught.value} {caught.value.__cause__!r}"


@pytest.mark.servers
def test_a_wrong_password_is_not_shown(postgresql: PostgreSQL) -> None:
    engine = open_database(f"postgresql://{postgresql.user}:s3cr3t@{LOOPBACK}:{postgresql.port}/{postgresql.database}")
    with pytest.raises(DatabaseError, match="password authentication failed") as caught:
        rows(engine)
    assert "s3cr3t" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.servers
def test_a_password_in_the_query_works(postgresql: PostgreSQL) -> None:
    url = f"postgresql://{LOOPBACK}:{postgresql.port}/{postgresql.database}"
    engine = open_database(f"{url}?user={postgresql.user}&password={postgresql.password}")
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    assert postgresql.password not in repr(engine)
    engine.dispose()


def test_statements_are_told_without_their_values(tmp_path: Path) -> None:
    with (
        with_tables(sqlite_url(tmp_path)) as engine,
        pytest.raises(DatabaseError) as caught,
        writing(engine) as connection,
    ):
        connection.execute(insert(BAG_VERSIONS), ROW | {"pointer": "s3cr3t", "version": 0})
    assert "version_from_1" in str(caught.value)
    assert "s3cr3t" not in f"{caught.value} {caught.value.__cause__}"


def test_its_error_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(DatabaseError("no answer", retryable=True)))  # noqa: S301 - our own bytes
    assert (str(error), error.detail, error.retryable) == ("no answer", "no answer", True)
