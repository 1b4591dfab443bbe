from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from bagfill.database.engine import reading
from bagfill.database.tables import COVERAGE_COUNTS
from bagfill.demo.postgresql import PostgreSQL
from bagfill.registry import sql_missing, sql_queries, sql_sizes
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.registry import Registry
from bagfill.registry.sql import SqlRegistry
from bagfill.storage.memory import MemoryStore
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.registry_contract import RegistryContract, TurnableClock


class SqlRegistryContract(RegistryContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def registry(self, engine: Engine, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
        # Small pages, so that every listing of the contract turns some.
        monkeypatch.setattr(sql_queries, "_PAGE", 4)
        monkeypatch.setattr(sql_sizes, "_PAGE", 3)
        monkeypatch.setattr(sql_missing, "BAGS_IN_ONE_PAGE", 2)
        registry = SqlRegistry(engine, ManifestStore(MemoryStore(), "manifests/"), clock=clock)
        yield registry
        # Whatever a test of the contract did: what is kept is what a count of the rows comes to.
        with reading(engine) as connection:
            kept = sorted(connection.execute(select(COVERAGE_COUNTS)).all())
        registry.recount()
        with reading(engine) as connection:
            assert kept == sorted(connection.execute(select(COVERAGE_COUNTS)).all())


class TestSqlRegistryOnSqlite(SqlRegistryContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield engine


@pytest.mark.servers
class TestSqlRegistryOnPostgresql(SqlRegistryContract):
    @pytest.fixture
    def engine(self, postgresql: PostgreSQL) -> Iterator[Engine]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield engine
