from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bagfill.demo.postgresql import PostgreSQL
from bagfill.ingests import sql
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.tracker import IngestTracker
from contracts.databases import postgresql_url, sqlite_url, with_tables
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
