"""A bag whose source thaws by copying (Azure): asked for once, read from the copies, and said so in the receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bagfill.bag.identifiers import BagVersionId
from bagfill.fixity.receipt_form import ObjectFromCopy
from bagfill.fixity.receipts import ReceiptReader
from bagfill.steps.backfill import backfill
from bagfill.steps.services import Services
from bagfill.storage.azure_copies import ThawedByCopy
from bagfill.storage.location import Location
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import ObjectStore, ThawTier
from invariants_drill import BAG, LIMITS, V1, V1_FILES
from world import THAW_DELAY, World, advance_instead_of_sleeping

ARCHIVED = ("data/a.txt", "data/large.bin")


class Maker:
    container = "thawed"

    def __init__(self, world: World) -> None:
        self._world = world
        self.copies = MemoryBucket(clock=world.clock, thaw_delays=dict.fromkeys(ThawTier, THAW_DELAY))
        self.made: list[str] = []

    def make(self, key: str, _etag: str, name: str, tier: ThawTier) -> bool:
        _, data = self._world.source.snapshot(key) or pytest.fail("no such blob")
        assert self.copies.put_if_absent(name, data) is not None
        self.made.append(key)
        self.copies.archive(name)
        self.copies.request_thaw(name, tier, 30)
        return True

    def close(self) -> None:
        """Nothing is open."""


class Stores:
    def __init__(self, inner: Any, maker: Any) -> None:
        self._inner = inner
        self._maker = maker

    def reading(self, location: Location) -> ObjectStore:
        store: ObjectStore = self._inner.reading(location)
        return (
            ThawedByCopy(store, MemoryStore(self._maker.copies), self._maker) if location.name == "primary" else store
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(self._inner, name)  # type: ignore[no-any-return]


def prepared() -> tuple[World, Services, Maker]:
    world = World(limits=replace(LIMITS, shard_bytes=1_000_000, shard_files=100))
    world.add(V1, V1_FILES)
    world.archive(V1, *ARCHIVED)
    maker = Maker(world)
    services = world.services()
    return world, replace(services, stores=Stores(services.stores, maker)), maker


def run(world: World, services: Services) -> bool:
    sleep = advance_instead_of_sleeping(world.clock)
    poll = THAW_DELAY.total_seconds()
    return backfill(services, world.request(str(BAG)), poll_seconds=poll, sleep=sleep).succeeded


def test_archived_files_are_read_from_copies_and_the_receipt_names_them() -> None:
    world, services, maker = prepared()
    assert run(world, services)
    assert world.at_destination(V1) == V1_FILES
    assert sorted(maker.made) == sorted(f"{V1}/{path}" for path in ARCHIVED)
    # The bag's own blobs were not touched.
    assert world.source.thaw_requests == []
    name = world.registry.replicas(BagVersionId.parse(V1))[-1].receipt
    assert name is not None
    chunks = services.receipts.read_chunks(name)
    assert chunks is not None
    reader = ReceiptReader(chunks)
    seen = {file.path: file.object for file in reader.files()}
    for path, each in seen.items():
        assert isinstance(each, ObjectFromCopy) is (path in ARCHIVED)
        if isinstance(each, ObjectFromCopy):
            info = world.source.stat(f"{V1}/{path}")
            assert info is not None
            assert each.read_from == f"thawed/{V1}/{path}.{info.etag}"


def test_how_long_copies_took_is_learnt_from() -> None:
    world, services, _ = prepared()
    assert run(world, services)
    (timing,) = services.rates.thaws("primary")
    assert timing.last == pytest.approx(THAW_DELAY.total_seconds(), rel=0.1)
