from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bagfill.demo.postgresql import PostgreSQL
from bagfill.ingests.releases import MemoryReleases, Releases
from bagfill.ingests.sql_releases import SqlReleases
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.releases_contract import ReleasesContract


class TestMemoryReleases(ReleasesContract):
    @pytest.fixture
    def releases(self) -> Releases:
        return MemoryReleases()


class TestSqlReleasesOnSqlite(ReleasesContract):
    @pytest.fixture
    def releases(self, tmp_path: Path) -> Iterator[Releases]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield SqlReleases(engine)


@pytest.mark.servers
class TestSqlReleasesOnPostgresql(ReleasesContract):
    @pytest.fixture
    def releases(self, postgresql: PostgreSQL) -> Iterator[Releases]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield SqlReleases(engine)
