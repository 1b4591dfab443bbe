"""What a sweep tidies before it begins."""

from __future__ import annotations

from datetime import timedelta

from bagfill.planning.rates import Activity, ShardTiming
from bagfill.rates.log import KEPT, ShardDone
from bagfill.steps.housekeeping import THAWS_KEPT, keep_house
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import ThawTerms, ThawWant
from world import World


def test_finished_thaws_and_old_timings_are_forgotten_in_time() -> None:
    world = World()
    services = world.services()
    terms = ThawTerms("ingest", "chunk", ThawTier.BULK, 5, services.clock())
    services.thaws.reserve("primary", [ThawWant("a", "etag", 1)], terms)
    services.thaws.asked("primary", ["a"], "ingest", paid=True)
    services.thaws.readable("primary", {"a": services.clock() + timedelta(days=5)})
    for number in range(KEPT + 3):
        timing = ShardTiming(1, 1, 1.0, services.clock() + timedelta(seconds=number), 1.0)
        services.rates.shard_done(ShardDone("primary", "azure", Activity.COPY, f"i{number}", 0, timing))

    assert keep_house(services) == 0
    assert services.rates.forget() == 0
    assert set(services.thaws.of("primary", ["a"])) == {"a"}
    world.clock.advance(THAWS_KEPT + timedelta(days=6))
    keep_house(services)
    assert services.thaws.of("primary", ["a"]) == {}
