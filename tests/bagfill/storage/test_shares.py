from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bagfill.demo.postgresql import PostgreSQL
from bagfill.storage.shares import LocationShares, MemoryShares
from bagfill.storage.sql_shares import SqlShares
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.registry_contract import TurnableClock
from contracts.shares_contract import LocationSharesContract


class TestMemoryShares(LocationSharesContract):
    @pytest.fixture
    def shares(self, clock: TurnableClock) -> LocationShares:
        return MemoryShares(clock)


class TestSqlSharesOnSqlite(LocationSharesContract):
    @pytest.fixture
    def shares(self, clock: TurnableClock, tmp_path: Path) -> Iterator[LocationShares]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield SqlShares(engine, clock)


@pytest.mark.servers
class TestSqlSharesOnPostgreSQL(LocationSharesContract):
    @pytest.fixture
    def shares(self, clock: TurnableClock, postgresql: PostgreSQL) -> Iterator[LocationShares]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield SqlShares(engine, clock)
