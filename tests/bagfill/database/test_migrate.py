from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from bagfill.database.engine import open_database, reading, writing
from bagfill.database.migrate import differences, downgrade, known_revisions, upgrade
from bagfill.database.revision import NEWEST, VERSION_TABLE, current_revision
from bagfill.database.tables import METADATA
from bagfill.demo.postgresql import PostgreSQL
from contracts.databases import postgresql_url, sqlite_url, with_tables


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    on_sqlite = request.param == "sqlite"
    return sqlite_url(tmp_path) if on_sqlite else postgresql_url(request.getfixturevalue("postgresql"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def uncompared(engine: Engine) -> dict[str, list[str]]:
    """Checks and collations, which Alembic does not compare."""
    found = inspect(engine)
    return {
        table: [
            *sorted(str(check["name"]) for check in found.get_check_constraints(table)),
            *(f"{column['name']} {column['type']!r}" for column in found.get_columns(table)),
        ]
        for table in METADATA.tables
    }


def test_the_migrations_make_exactly_the_tables(engine: Engine) -> None:
    assert current_revision(engine) is None
    assert differences(engine)
    upgrade(engine)
    assert current_revision(engine) == NEWEST
    assert differences(engine) == []
    assert tables(engine) == {*METADATA.tables, VERSION_TABLE}
    migrated = uncompared(engine)
    downgrade(engine, "base")
    with writing(engine) as connection:
        METADATA.create_all(connection)
    assert uncompared(engine) == migrated


def test_the_newest_revision_is_the_last_one_in_the_folder() -> None:
    assert known_revisions()[0] == NEWEST


def test_opening_services_needs_no_migrations_where_the_database_is_up_to_date() -> None:
    program = "import sys; import bagfill.wiring; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_column_that_no_migration_makes_is_noticed(engine: Engine) -> None:
    upgrade(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE replicas DROP COLUMN receipt")
    assert [difference[0] for difference in differences(engine)] == ["add_column"]


def test_up_and_down_and_up_again(engine: Engine) -> None:
    upgrade(engine)
    upgrade(engine)
    downgrade(engine, "base")
    assert tables(engine) == {VERSION_TABLE}
    assert current_revision(engine) is None
    upgrade(engine)
    assert differences(engine) == []


def test_a_migration_that_fails_leaves_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE ingests (x integer)")
    with pytest.raises(Exception, match="ingests"):
        upgrade(engine)
    assert tables(engine) == {"ingests"}


def test_several_threads_may_upgrade_at_once(url: str) -> None:
    engines = [open_database(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, engines))
    assert differences(engines[0]) == []
    for engine in engines:
        engine.dispose()


def test_several_processes_may_upgrade_at_once(url: str, engine: Engine) -> None:
    # They wait for a line, so that the imports are behind them when they start together.
    program = (
        "import sys; from bagfill.database.engine import open_database; from bagfill.database.migrate import upgrade;"
        "url = sys.stdin.readline().strip(); engine = open_database(url);"
        "print('ready', flush=True); sys.stdin.readline(); upgrade(engine)"
    )
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    for process in started:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{url}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors
    assert differences(engine) == []


@pytest.mark.servers
def test_names_are_ordered_by_bytes_whatever_the_database_is_set_to(postgresql: PostgreSQL) -> None:
    query = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' ORDER BY 1, 2"
    )
    with with_tables(postgresql_url(postgresql)) as engine, reading(engine) as connection:
        other = [tuple(row) for row in connection.exec_driver_sql(query)]
    prose = [
        ("audits", "summary"),
        ("campaign_documents", "document"),
        ("campaign_events", "what"),
        ("campaigns", "caps"),
        ("campaigns", "definition"),
        ("campaigns", "why"),
        ("fixity_events", "detail"),
        ("ingest_events", "description"),
        ("ingest_outbox", "refused"),
        ("ingests", "callback_url"),
        ("outbox_senders", "why"),
        ("releases", "why"),
        ("shown_ingests", "refused"),
        ("waivers", "why"),
    ]
    assert other == prose
