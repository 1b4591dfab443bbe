"""What a task that copies keeps of the plan, whatever the settings have become since."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.planning.limits import MIB
from bagfill.steps.copy_shard import ShardCopied, copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import ShardRef
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.storage.faults import Fault, FaultKind, Killed
from world import World, bag_files

BAG = BagId.parse("digitised/b1234")
V1 = "digitised/b1234/v1"
LARGE = bytes(5 * MIB + 1)
BLOCKS = 6


def test_the_size_of_blocks_is_the_plans_and_what_was_staged_by_it_is_kept() -> None:
    """Killed at the fourth block; somebody sets larger blocks; the next attempt goes on where it was."""
    world = World()
    world.limits = replace(world.limits, shard_bytes=100 * MIB, shard_files=100, block_bytes=MIB, concurrency=1)
    world.add(V1, bag_files(BAG, {"large.bin": LARGE}))
    services = world.services()
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    plan = plan_replication(services, opened.refs[0])
    assert isinstance(plan, PlanSummary)
    assert plan.copy_shards == 1
    shard = ShardRef(opened.refs[0], 0)
    calls: Counter[str] = Counter()

    def dies(operation: str, _key: str) -> Fault | None:
        calls[operation] += 1
        return Fault(FaultKind.KILL_BEFORE) if operation == "stage block" and calls[operation] > 3 else None

    def lives(operation: str, _key: str) -> None:
        calls[f"{operation} again"] += 1

    with pytest.raises(Killed):
        copy_shard(world.services(destination=dies), shard)
    world.limits = replace(world.limits, block_bytes=2 * MIB, small_object_bytes=MIB)

    assert isinstance(copy_shard(world.services(destination=lives), shard), ShardCopied)

    assert world.at_destination(V1)["data/large.bin"] == LARGE
    assert calls["stage block again"] == BLOCKS - 3
