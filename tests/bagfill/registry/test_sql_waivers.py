from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bagfill.demo.postgresql import PostgreSQL
from bagfill.registry.sql_waivers import SqlWaivers
from bagfill.registry.waivers import Waivers
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.waivers_contract import WaiversContract


class SqlWaiversContract(WaiversContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def waivers(self, engine: Engine) -> Waivers:
        return SqlWaivers(engine)


class TestSqlWaiversOnSqlite(SqlWaiversContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield engine


@pytest.mark.servers
class TestSqlWaiversOnPostgresql(SqlWaiversContract):
    @pytest.fixture
    def engine(self, postgresql: PostgreSQL) -> Iterator[Engine]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield engine
