from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bagfill.demo.postgresql import PostgreSQL
from bagfill.thaw.ledger import ThawLedger
from bagfill.thaw.pace import SharedPace
from bagfill.thaw.sql_ledger import SqlThawLedger
from bagfill.thaw.sql_pace import SqlPace
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.registry_contract import TurnableClock
from contracts.thaws_contract import SharedPaceContract, ThawLedgerContract


class SqlContract(ThawLedgerContract, SharedPaceContract):
    @pytest.fixture
    def clock(self) -> TurnableClock:
        return TurnableClock()

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def thaws(self, engine: Engine, clock: TurnableClock) -> ThawLedger:
        return SqlThawLedger(engine, clock)

    @pytest.fixture
    def pace(self, engine: Engine, clock: TurnableClock) -> SharedPace:
        return SqlPace(engine, clock)


class TestSqlThawsOnSqlite(SqlContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield engine


@pytest.mark.servers
class TestSqlThawsOnPostgresql(SqlContract):
    @pytest.fixture
    def engine(self, postgresql: PostgreSQL) -> Iterator[Engine]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield engine
