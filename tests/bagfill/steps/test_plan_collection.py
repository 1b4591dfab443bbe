"""A plan of a registry: what cannot go and why; and streamed, whatever its size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from bagfill.bag.identifiers import BagId
from bagfill.database.engine import writing
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.registry import sql_sizes
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.memory import MemoryRegistry
from bagfill.registry.sizes import SizedBagVersion
from bagfill.registry.sql import SqlRegistry
from bagfill.steps.plan_collection import Look, plan_collection
from bagfill.steps.plan_scope import PlanScope
from bagfill.steps.services import Services
from bagfill.storage.memory import MemoryStore
from contracts.databases import sqlite_url, with_tables
from world import World, bag_files

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


BAG = BagId.parse("digitised/b1")


def refused(world: World, services: Services) -> dict[str, list[tuple[str, str]]]:
    """What cannot go, by reason: which, and why."""
    plan = plan_collection(services, PlanScope(), destination="azure", look=Look.ALL, tag_files=True)
    assert world.destination.contents() == {}
    return {reason: list(each.examples) for reason, each in plan.collection.refused.items()}


def test_a_name_that_the_destination_cannot_hold_keeps_its_bag_version_out() -> None:
    world = World()
    world.add("digitised/b1/v1", bag_files(BAG, {"ends.": b"x"}))
    ((name, problem),) = refused(world, world.services())["name-refused"]
    assert name == "digitised/b1/v1"
    assert "data/ends." in problem


def test_a_bag_version_whose_older_version_will_not_be_there_is_kept_out() -> None:
    world = World()
    world.add("digitised/b1/v1", bag_files(BAG, {"old": b"alpha"}))
    world.add("digitised/b1/v2", bag_files(BAG, {}, fetched={"kept": ("v1/data/old", b"alpha")}))

    class Narrowed(MemoryRegistry):
        """The registry as it is, but for the first versions."""

        def __init__(self) -> None:
            self.__dict__ = world.registry.__dict__

        def sizes(self, **scope: Any) -> Iterator[SizedBagVersion]:
            return (each for each in super().sizes(**scope) if each.bag_version.version.number > 1)

    ((name, problem),) = refused(world, world.services(registry=Narrowed()))["older-version-missing"]
    assert (name, problem) == ("digitised/b1/v2", "has files in v1, which will not be there")
    assert refused(world, world.services()) == {}


def test_tag_files_that_contradict_each_other_are_found_before_anything_is_paid() -> None:
    world = World()
    files = bag_files(BAG, {"a": b"alpha"})
    world.add("digitised/b1/v1", files)
    world.put("digitised/b1/v1", {"bag-info.txt": files["bag-info.txt"].replace(b"5.1", b"6.1")})
    ((name, problem),) = refused(world, world.services())["bag-invalid"]
    assert name == "digitised/b1/v1"
    assert "bag-info.txt" in problem


def test_a_bag_version_of_which_nothing_lies_at_the_source_is_kept_out() -> None:
    world = World()
    world.add("digitised/b1/v1", bag_files(BAG, {"a": b"alpha"}))
    for path in bag_files(BAG, {"a": b"alpha"}):
        world.source.remove(f"digitised/b1/v1/{path}")
    assert set(refused(world, world.services())) == {"source-incomplete"}
