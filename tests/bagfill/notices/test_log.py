from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bagfill.demo.postgresql import PostgreSQL
from bagfill.notices.log import MemoryNotices, Notices
from bagfill.notices.sql import SqlNotices
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.notices_contract import NoticesContract


class TestMemoryNotices(NoticesContract):
    @pytest.fixture
    def notices(self) -> Notices:
        return MemoryNotices()


class TestSqlNoticesOnSqlite(NoticesContract):
    @pytest.fixture
    def notices(self, tmp_path: Path) -> Iterator[Notices]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield SqlNotices(engine)


@pytest.mark.servers
class TestSqlNoticesOnPostgresql(NoticesContract):
    @pytest.fixture
    def notices(self, postgresql: PostgreSQL) -> Iterator[Notices]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield SqlNotices(engine)
