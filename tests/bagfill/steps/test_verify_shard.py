"""What is read back, and how it is found: by the copy's own word where there is one, else by looking."""

from __future__ import annotations

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.ingests.reasons import Reason
from bagfill.planning.limits import MIB, Limits
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.verify_shard import ShardVerified, verify_shard
from bagfill.storage.faults import Fault
from world import World, bag_files

BAG = BagId.parse("digitised/b1234")
V1 = "digitised/b1234/v1"
PAYLOAD = {f"{number}.txt": b"page %d" % number for number in range(6)} | {"empty": b""}


class Watched:
    """Lets every call through and remembers it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def __call__(self, operation: str, key: str) -> Fault | None:
        self.calls.append((operation, key))
        return None

    def of(self, operation: str) -> list[str]:
        return [key for called, key in self.calls if called == operation]


def copied(world: World) -> ShardRef:
    """A bag whose only copy shard is done: its verify shard."""
    world.add(V1, bag_files(BAG, PAYLOAD))
    services = world.services()
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    plan = plan_replication(services, opened.refs[0])
    assert isinstance(plan, PlanSummary)
    assert (plan.copy_shards, plan.verify_shards) == (1, 1)
    shard = ShardRef(opened.refs[0], 0)
    assert not isinstance(copy_shard(services, shard), StepFailed)
    return shard


@pytest.fixture
def world() -> World:
    return World(limits=Limits(small_object_bytes=MIB, concurrency=2))


def test_what_the_copy_created_is_read_without_asking_for_it_first(world: World) -> None:
    shard = copied(world)
    watched = Watched()

    outcome = verify_shard(world.services(destination=watched), shard)

    assert isinstance(outcome, ShardVerified)
    assert watched.of("list") == []
    assert watched.of("stat") == [f"{V1}/data/empty"], "of an empty file no byte proves that it is there"
    assert len(watched.of("read")) == outcome.files - 1


def test_without_the_copys_word_one_listing_finds_all(world: World) -> None:
    shard = copied(world)
    [record] = [key for key in world.records.contents() if "/copied/" in key]
    world.records.remove(record)
    watched = Watched()

    assert isinstance(verify_shard(world.services(destination=watched), shard), ShardVerified)
    assert (len(watched.of("list")), watched.of("stat")) == (1, [])


def test_an_object_that_was_replaced_by_other_bytes_after_the_copy_is_found(world: World) -> None:
    shard = copied(world)
    world.put(V1, {"data/3.txt": b"page X"}, bucket=world.destination)

    outcome = verify_shard(world.services(), shard)

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.DESTINATION_CORRUPT
    assert "data/3.txt" in outcome.message


def test_an_object_that_was_replaced_by_the_same_bytes_is_judged_as_it_is_now(world: World) -> None:
    shard = copied(world)
    world.put(V1, {"data/3.txt": PAYLOAD["3.txt"]}, bucket=world.destination)

    assert isinstance(verify_shard(world.services(), shard), ShardVerified)


@pytest.mark.parametrize("path", ["data/3.txt", "data/empty"])
def test_an_object_that_vanished_after_the_copy_is_missed(world: World, path: str) -> None:
    shard = copied(world)
    world.destination.remove(f"{V1}/{path}")

    outcome = verify_shard(world.services(), shard)

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.DESTINATION_INCOMPLETE
    assert path in outcome.message
