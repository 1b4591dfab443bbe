"""Rows survive every migration, forward and back: whatever is in them, in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Double, Engine, Integer, MetaData, Table, Uuid, insert, select

from bagfill.database.engine import open_database, reading, writing
from bagfill.database.migrate import downgrade, known_revisions, upgrade
from bagfill.database.tables import METADATA
from bagfill.database.types import UtcDateTime
from bagfill.demo.postgresql import PostgreSQL
from contracts.databases import postgresql_url, sqlite_url

REVISIONS = tuple(reversed(known_revisions()))
# What CHECK constraints ask for, which no reflection tells.
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "ingests.status": ("accepted", "processing", "succeeded", "failed"),
    "audits.mode": ("list", "read", "sample"),
    "fixity_events.mode": ("list", "read", "sample"),
    "fixity_events.outcome": ("good", "findings", "unknown"),
    "campaign_bookings.kind": ("thaw", "copy"),
    "thaws.stand": ("reserved", "asked"),
    "thaws.kind": ("archived", "faster", "longer"),
    "shard_timings.activity": ("copy", "verify"),
    "thaw_timings.first": (0.0, 0.5),
    "thaw_timings.last": (0.5, 1e9),
}
# Of pairs that are empty together.
EMPTY = {
    *("ingests.callback_url", "ingests.callback_status", "audits.finished", "audits.outcome"),
    *("campaign_bookings.actual_money", "campaign_bookings.actual_requests", "campaign_bookings.actual_bytes"),
}
Rows = dict[str, list[dict[str, Any]]]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


def value(table: Table, column: Any) -> st.SearchStrategy[Any]:
    name = f"{table.name}.{column.name}"
    if name in EMPTY:
        return st.none()
    if name in CHOICES:
        return st.sampled_from(CHOICES[name])
    kind = column.type
    known = METADATA.tables[table.name].columns.get(column.name)
    if known is not None:
        kind = known.type
    if isinstance(kind, Boolean):
        return st.booleans()
    if isinstance(kind, Uuid):
        return st.uuids()
    if isinstance(kind, UtcDateTime):
        return MOMENTS
    if isinstance(kind, Double):
        return st.floats(0, 1e15)
    if isinstance(kind, BigInteger):
        return st.integers(1, 2**62)
    if isinstance(kind, Integer):
        return st.integers(1, 2**31 - 1)
    return TEXTS.map(lambda text: text + "x")


@st.composite
def rows_of(draw: st.DrawFn, tables: list[Table]) -> Rows:
    """One row of each table, whose foreign keys are those of the row before."""
    rows: Rows = {}
    for table in tables:
        row = {column.name: draw(value(table, column)) for column in table.columns}
        for key in table.foreign_key_constraints:
            parent = rows[key.referred_table.name][0]
            for element in key.elements:
                row[element.parent.name] = parent[element.column.name]
        rows[table.name] = [row]
    return rows


def known_tables(engine: Engine) -> list[Table]:
    """Our tables as they are now, with our types: the database's own lose time zones and UUIDs."""
    found = MetaData()
    found.reflect(engine, only=lambda name, _: name in METADATA.tables)
    for table in found.tables.values():
        for column in table.columns:
            known = METADATA.tables[table.name].columns.get(column.name)
            if known is not None:
                column.type = known.type
    return found.sorted_tables


def everything(engine: Engine, tables: list[Table]) -> Rows:
    with reading(engine) as connection:
        return {table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in tables}


@contextmanager
def fresh(kind: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    with TemporaryDirectory() as folder:
        server: PostgreSQL | None = None if kind == "sqlite" else request.getfixturevalue("postgresql")
        engine = open_database(sqlite_url(Path(folder)) if server is None else postgresql_url(server))
        try:
            yield engine
        finally:
            engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_survive_the_way_to_the_newest_revision_and_back(
    revision: str, kind: str, request: pytest.FixtureRequest
) -> None:
    @settings(max_examples=2 if kind == "sqlite" else 1)
    @given(st.data())
    def survive(data: st.DataObject) -> None:
        with fresh(kind, request) as engine:
            upgrade(engine, revision)
            tables = known_tables(engine)
            rows = data.draw(rows_of(tables))
            with writing(engine) as connection:
                for table in tables:
                    connection.execute(insert(table), rows[table.name])
            before = everything(engine, tables)
            assert {name: len(found) for name, found in before.items()} == {table.name: 1 for table in tables}
            upgrade(engine)
            newest = everything(engine, known_tables(engine))
            for name, found in before.items():
                kept = [{column: row[column] for column in found[0]} for row in newest[name]]
                assert kept == found, name
            downgrade(engine, revision)
            assert everything(engine, tables) == before

    survive()


def test_every_choice_is_one_of_a_table_that_is_there() -> None:
    names = {f"{table.name}.{column.name}" for table in METADATA.tables.values() for column in table.columns}
    assert set(CHOICES) | EMPTY <= names
