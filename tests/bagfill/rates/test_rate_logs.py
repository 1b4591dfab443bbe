from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bagfill.demo.postgresql import PostgreSQL
from bagfill.rates.log import RateLog
from bagfill.rates.memory import MemoryRateLog
from bagfill.rates.sql import SqlRateLog
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.rates_contract import RatesContract


class TestMemoryRateLog(RatesContract):
    @pytest.fixture
    def rates(self) -> RateLog:
        return MemoryRateLog()


class TestSqlRateLogOnSqlite(RatesContract):
    @pytest.fixture
    def rates(self, tmp_path: Path) -> Iterator[RateLog]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield SqlRateLog(engine)


@pytest.mark.servers
class TestSqlRateLogOnPostgresql(RatesContract):
    @pytest.fixture
    def rates(self, postgresql: PostgreSQL) -> Iterator[RateLog]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield SqlRateLog(engine)
