from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bagfill.demo.postgresql import PostgreSQL
from bagfill.ingests import sql
from bagfill.ingests.request_keys import RequestKeys
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.sql_request_keys import SqlRequestKeys
from bagfill.ingests.tracker import IngestTracker
from bagfill.steps.services import utc_now
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.request_keys_contract import RequestKeysContract
from contracts.tracker_contract import TrackerContract


class SqlTrackerContract(TrackerContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def tracker(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> IngestTracker:
        # Events of a listing come in several queries.
        monkeypatch.setattr(sql, "_IN_ONE_QUERY", 2)
        return SqlIngestTracker(engine)


class SqlKeysContract(RequestKeysContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def keys(self, engine: Engine) -> RequestKeys:
        return SqlRequestKeys(engine, utc_now)


class TestSqlIngestTrackerOnSqlite(SqlTrackerContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield engine


@pytest.mark.servers
class TestSqlIngestTrackerOnPostgresql(SqlTrackerContract):
    @pytest.fixture
    def engine(self, postgresql: PostgreSQL) -> Iterator[Engine]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield engine


class TestSqlRequestKeysOnSqlite(SqlKeysContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield engine


@pytest.mark.servers
class TestSqlRequestKeysOnPostgresql(SqlKeysContract):
    @pytest.fixture
    def engine(self, postgresql: PostgreSQL) -> Iterator[Engine]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield engine
