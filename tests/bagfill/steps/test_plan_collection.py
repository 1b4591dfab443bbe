"""A plan of a large registry: streamed, whatever its size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from bagfill.database.engine import writing
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.registry import sql_sizes
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.sql import SqlRegistry
from bagfill.steps.plan_collection import Look, plan_collection
from bagfill.steps.plan_scope import PlanScope
from bagfill.storage.memory import MemoryStore
from contracts.databases import sqlite_url, with_tables
from world import World

ADDED = datetime(2020, 9, 1, tzinfo=UTC)
PAGE = 500
"""Rows of the registry that are read at once; in use ten times as many."""


@contextmanager
def registry(folder: Path, bags: int) -> Iterator[SqlRegistry]:
    """Bags with one version each, of 3 files and 10 bytes, at ``primary``."""
    folder.mkdir()
    keys = [{"space": "digitised", "external_identifier": f"b{number:08d}", "version": 1} for number in range(bags)]
    rows = [{**key, "pointer": "p", "sha256": "s", "files": 3, "bytes": 10, "added": ADDED} for key in keys]
    replicas = [{**key, "location": "primary", "registered": ADDED} for key in keys]
    with with_tables(sqlite_url(folder)) as engine:
        with writing(engine) as connection:
            connection.execute(insert(BAG_VERSIONS), rows)
            connection.execute(insert(REPLICAS), replicas)
        yield SqlRegistry(engine, ManifestStore(MemoryStore()))


def peak(folder: Path, bags: int) -> int:
    """Bytes that a plan of so many bags needs at most."""
    with registry(folder, bags) as known:
        services = World().services(registry=known)
        tracemalloc.start()
        try:
            plan = plan_collection(services, PlanScope(), destination="azure", look=Look.NONE)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    found = plan.collection
    assert (found.bag_versions, found.files, found.bytes) == (bags, 3 * bags, 10 * bags)
    return most


def test_a_plan_takes_no_more_memory_for_more_bag_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sizes, "_PAGE", PAGE)
    # A page is read while the one before is in hand.
    small, large = peak(tmp_path / "small", 2 * PAGE), peak(tmp_path / "large", 16 * PAGE)
    assert large < 1.3 * small
