from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bagfill.audit.log import AuditLog
from bagfill.audit.sql import SqlAuditLog
from bagfill.demo.postgresql import PostgreSQL
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.registry import Registry
from bagfill.registry.sql import SqlRegistry
from bagfill.storage.memory import MemoryStore
from contracts.audit_log_contract import AuditLogContract
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.registry_contract import TurnableClock


class SqlAuditLogContract(AuditLogContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def registry(self, engine: Engine, clock: TurnableClock) -> Registry:
        return SqlRegistry(engine, ManifestStore(MemoryStore(), "manifests/"), clock=clock)

    @pytest.fixture
    def log(self, engine: Engine) -> AuditLog:
        return SqlAuditLog(engine)


class TestSqlAuditLogOnSqlite(SqlAuditLogContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield engine


@pytest.mark.servers
class TestSqlAuditLogOnPostgresql(SqlAuditLogContract):
    @pytest.fixture
    def engine(self, postgresql: PostgreSQL) -> Iterator[Engine]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield engine
