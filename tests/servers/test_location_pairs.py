"""Any location can be source or destination, by the same steps, on real servers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.conclude_replica import ReplicaRegistered, conclude_replica
from bagfill.steps.copy_shard import ShardCopied, copy_shard
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.outcomes import ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.steps.verify_shard import ShardVerified, verify_shard
from bagfill.storage.store import Created
from world import bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("born-digital/PP CRI.1/A 2")
V1 = BagVersionId.parse("born-digital/PP CRI.1/A 2/v1")
# Larger than a shard, so that two tasks stage it; one block more than a whole number of them.
LARGE = hashlib.sha256(b"large").digest() * (11 * 1024 * 1024 // 32) + b"end"
PAYLOAD = {
    "empty": b"",
    "large.bin": LARGE,
    "middle.bin": LARGE[: 2 * 1024 * 1024],
    "Ünïcode 50% + plus & #1?.txt": b"odd name",
    "deep/er/file": b"x" * 70_000,
}

PAIRS = [
    ("ministack", "azurite"),
    ("azurite", "seaweedfs"),
    ("seaweedfs", "ministack"),
    ("shelf", "azurite"),
    ("shelf", "seaweedfs"),
    ("azurite", "shelf"),
    ("shelf", "attic"),
]


def lay(services: Services, location_name: str, files: dict[str, bytes]) -> None:
    """Put a bag version into a location, as its depositor did."""
    location = services.locations[location_name]
    store = services.stores.writing(location)
    for path, data in files.items():
        assert isinstance(store.create(f"{location.version_prefix(V1)}{path}", data), Created)


def run(services: Services, destination: str) -> BackfillResult:
    fields = {"space": "born-digital", "external_identifier": "PP CRI.1/A 2", "destination": destination}
    return backfill(services, BackfillRequest.parse(services, f"test:{destination}", fields), poll_seconds=0.5)


def held(services: Services, location_name: str) -> dict[str, bytes]:
    location = services.locations[location_name]
    store = services.stores.reading(location)
    prefix = location.version_prefix(V1)
    return {info.key.removeprefix(prefix): b"".join(store.read(info.key)) for info in store.list(prefix)}


@pytest.mark.parametrize(("source", "destination"), PAIRS, ids=[f"{a}-to-{b}" for a, b in PAIRS])
def test_a_bag_goes_from_any_location_to_any_other(
    open_world: Callable[[], Services], source: str, destination: str
) -> None:
    services = open_world()
    files = bag_files(BAG, PAYLOAD, algorithms=("sha256", "md5"))
    lay(services, source, files)
    assert import_location(services, source).is_clean

    result = run(services, destination)

    assert result.succeeded, result
    assert held(services, destination) == files
    stored = services.registry.manifest(V1)
    assert stored is not None
    place = services.locations[destination].in_manifest(BAG)
    assert [str(location) for location in stored.manifest.replica_locations] == [str(place)]


@pytest.mark.parametrize("destination", ["azurite", "seaweedfs", "shelf"])
def test_tasks_that_stage_the_same_ranges_at_once_make_one_file(
    open_world: Callable[[], Services], destination: str
) -> None:
    """Each shard twice at the same time, as a scheduler does that took a living task for dead."""
    services = open_world()
    files = bag_files(BAG, {"large.bin": LARGE})
    lay(services, "attic", files)
    assert import_location(services, "attic").is_clean
    fields = {"space": "born-digital", "external_identifier": "PP CRI.1/A 2", "destination": destination}
    opened = open_ingests(services, BackfillRequest.parse(services, "test:twice", fields))
    assert not isinstance(opened, StepFailed)
    (ref,) = opened.refs
    plan = plan_replication(services, ref)
    assert isinstance(plan, PlanSummary)
    assert plan.copy_shards > 1
    twice = [*range(plan.copy_shards)] * 2

    with ThreadPoolExecutor(len(twice)) as pool:
        copied = list(pool.map(lambda shard: copy_shard(services, ShardRef(ref, shard)), twice))

    assert all(isinstance(outcome, ShardCopied) for outcome in copied), copied
    assert held(services, destination) == files
    for shard in range(plan.verify_shards):
        assert isinstance(verify_shard(services, ShardRef(ref, shard)), ShardVerified)
    assert isinstance(conclude_replica(services, ref), ReplicaRegistered)


def test_a_destination_that_refuses_is_unreadable_and_nothing_is_registered(
    open_world: Callable[[], Services], seaweedfs: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = open_world()
    lay(services, "shelf", bag_files(BAG, {"a": b"a"}))
    import_location(services, "shelf")
    location = services.locations["seaweedfs"]
    # The bucket is gone: every answer is a 404 that says nothing about a single object.
    object.__setattr__(location, "bucket", "no-such-bucket")

    result = run(services, "seaweedfs")

    assert [closed.reason for closed in result.closed] == ["access-denied"]
    assert not any(replica.location == "seaweedfs" for replica in services.registry.replicas(V1))
