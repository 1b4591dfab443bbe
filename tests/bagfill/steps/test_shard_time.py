"""What steps note for forecasts, and what plans and thaw windows make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from bagfill.database.errors import DatabaseError
from bagfill.planning.rates import LEAST_SHARDS, Activity, ShardTiming
from bagfill.planning.thaw_waits import ThawTiming
from bagfill.rates.log import ShardDone, ThawSeen
from bagfill.rates.memory import MemoryRateLog
from bagfill.steps.backfill import backfill
from bagfill.steps.copy_shard import ShardCopied, copy_shard
from bagfill.steps.forecasting import bounds_of
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef
from bagfill.steps.plan_collection import plan_collection
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.plan_scope import PlanScope
from bagfill.steps.request_thaw import request_thaw
from bagfill.steps.services import Services
from bagfill.steps.shard_time import WorkerTime
from bagfill.steps.thaw_windows import pace_of
from bagfill.steps.verify_shard import ShardVerified, verify_shard
from bagfill.steps.wait_for_thaw import poll_thaw
from bagfill.storage.location import Provider
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import ThawTerms, ThawWant
from invariants_drill import BAG, LIMITS, V1, V1_FILES
from world import THAW_DELAY, World, advance_instead_of_sleeping

WHOLE = replace(LIMITS, shard_bytes=1_000_000, shard_files=100)
ARCHIVED = ("data/a.txt", "data/large.bin")
SIZE = sum(map(len, V1_FILES.values()))


@pytest.fixture
def world() -> World:
    made = World(limits=WHOLE)
    made.add(V1, V1_FILES)
    return made


@pytest.fixture
def services(world: World) -> Services:
    return world.services()


def planned(world: World, services: Services) -> ShardRef:
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    assert isinstance(plan_replication(services, opened.refs[0]), PlanSummary)
    return ShardRef(opened.refs[0], 0)


def amounts(services: Services, activity: Activity) -> list[tuple[int, int]]:
    return [(timing.files, timing.bytes) for timing in services.rates.shards(activity, "azure", "primary")]


def test_a_finished_shard_is_noted_once_however_often_its_step_runs(world: World, services: Services) -> None:
    shard = planned(world, services)
    for _ in range(2):
        assert isinstance(copy_shard(services, shard), ShardCopied)
        assert isinstance(verify_shard(services, shard), ShardVerified)
    for activity in Activity:
        assert amounts(services, activity) == [(len(V1_FILES), SIZE)]


def test_a_shard_of_which_an_earlier_try_had_copied_something_says_nothing_of_rates(
    world: World, services: Services
) -> None:
    shard = planned(world, services)
    world.put(V1, {"data/a.txt": V1_FILES["data/a.txt"]}, bucket=world.destination)
    assert isinstance(copy_shard(services, shard), ShardCopied)
    assert amounts(services, Activity.COPY) == []
    assert isinstance(verify_shard(services, shard), ShardVerified)
    assert amounts(services, Activity.VERIFY) == [(len(V1_FILES), SIZE)]


class OutOfOrder(MemoryRateLog):
    def shard_done(self, done: ShardDone) -> NoReturn:
        raise DatabaseError("disk full", retryable=False)

    def thaw_seen(self, seen: ThawSeen) -> NoReturn:
        raise DatabaseError("disk full", retryable=False)


def test_what_cannot_be_noted_fails_no_shard_and_no_thaw(world: World) -> None:
    world.archive(V1, *ARCHIVED)
    services = world.services(rates=OutOfOrder())
    sleep = advance_instead_of_sleeping(world.clock)
    result = backfill(services, world.request(str(BAG)), poll_seconds=THAW_DELAY.total_seconds(), sleep=sleep)
    assert result.succeeded
    assert world.is_registered(V1)


def test_how_long_a_thaw_took_is_noted_when_it_is_first_seen_to_be_over(world: World, services: Services) -> None:
    world.archive(V1, *ARCHIVED)
    ref = planned(world, services).ingest
    request_thaw(services, ref)
    for wait in (THAW_DELAY, timedelta(hours=1)):
        world.clock.advance(wait)
        poll_thaw(services, ref)
    (seen,) = services.rates.thaws("primary")
    assert (seen.storage_class, seen.tier) == ("GLACIER", ThawTier.BULK)
    assert seen.first == seen.last == pytest.approx(THAW_DELAY.total_seconds(), abs=5)


def test_a_thaw_that_another_run_had_asked_for_says_nothing_since_nobody_may_have_looked(
    world: World, services: Services
) -> None:
    world.archive(V1, *ARCHIVED)
    ref = planned(world, services).ingest
    key = f"{V1}/data/a.txt"
    info = world.source.stat(key)
    assert info is not None
    terms = ThawTerms("another", "its chunk", ThawTier.BULK, 5, services.clock())
    services.thaws.reserve("primary", [ThawWant(key, info.etag, info.size)], terms)
    services.thaws.asked("primary", [key], "another", paid=True)
    world.source.request_thaw(key, ThawTier.BULK, 5)
    world.clock.advance(timedelta(days=3))
    poll_thaw(services, ref)
    assert services.thaws.of("primary", [key])[key].until is not None
    assert list(services.rates.thaws("primary")) == []


def test_a_blob_rehydrated_in_place_counts_as_of_the_archive_class() -> None:
    """It is readable for good, in another class, and every later look finds it so."""
    world = World(limits=WHOLE)
    world.locations["primary"] = replace(world.locations["primary"], provider=Provider.AZURE_BLOB_STORAGE)
    world.add(V1, V1_FILES)
    world.archive(V1, *ARCHIVED)
    services = world.services()
    ref = planned(world, services).ingest
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    for path in ARCHIVED:
        world.source.put_unconditionally(f"{V1}/{path}", V1_FILES[path])
    for _ in range(3):
        poll_thaw(services, ref)
        world.clock.advance(timedelta(hours=1))
    (seen,) = services.rates.thaws("primary")
    assert (seen.storage_class, seen.last) == ("ARCHIVE", pytest.approx(THAW_DELAY.total_seconds(), abs=5))


def learn(services: Services, *, seconds: float, wait: timedelta) -> None:
    now = services.clock()
    for number in range(LEAST_SHARDS):
        for activity, slower in ((Activity.COPY, 1), (Activity.VERIFY, 2)):
            timing = ShardTiming(1, 10**9, seconds * slower, now, seconds)
            services.rates.shard_done(ShardDone("primary", "azure", activity, f"i{number}", 0, timing))
        thaw = ThawTiming("GLACIER", ThawTier.BULK, 60.0, wait.total_seconds(), now)
        services.rates.thaw_seen(ThawSeen("primary", f"c{number}", thaw))


def test_plans_say_what_was_measured_and_forecast_with_it(world: World, services: Services) -> None:
    world.archive(V1, *ARCHIVED)
    before = plan_collection(services, PlanScope(None, None, None, None), destination="azure")
    learn(services, seconds=1000.0, wait=timedelta(hours=20))
    after = plan_collection(services, PlanScope(None, None, None, None), destination="azure")

    assert (before.copy.measured, after.copy.measured, after.verify.measured) == (0, LEAST_SHARDS, LEAST_SHARDS)
    rates = after.to_json()["rates"]
    assert (rates["copy"]["measured_shards"], rates["copy"]["measured_until"]) == (
        LEAST_SHARDS,
        services.clock().isoformat(),
    )
    assert rates["verify"]["bytes_a_second"] == pytest.approx(rates["copy"]["bytes_a_second"] / 2, rel=0.01)
    (thaw,) = rates["thaws"]
    assert (thaw["storage_class"], thaw["tier"], thaw["last_seconds"]) == ("GLACIER", "Bulk", 20 * 3600)
    bulk = next(tier for tier in after.tiers if tier.tier is ThawTier.BULK)
    assert bulk.times.steps[0].bounds["Bulk thaws take"] == 20 * 3600


def test_other_pairs_go_by_what_is_declared(services: Services) -> None:
    learn(services, seconds=1000.0, wait=timedelta(hours=20))
    bounds = bounds_of(services, "azure", "primary")
    assert (bounds.copy.measured, bounds.verify.measured, bounds.waits) == (0, 0, {})
    assert bounds_of(services, "", "azure").copy.measured == 0


@pytest.mark.parametrize(("hours", "reckoned"), [(1, 12), (40, 40)])
def test_thaw_windows_go_by_the_measured_rates_and_by_the_longer_wait(
    world: World, services: Services, hours: int, reckoned: int
) -> None:
    ref: IngestRef = planned(world, services).ingest
    learn(services, seconds=1000.0, wait=timedelta(hours=hours))
    pace = pace_of(services, ref, ["GLACIER"])
    assert pace.copy_rate == pytest.approx(1e6, rel=0.1)
    assert pace.verify_rate == pytest.approx(5e5, rel=0.1)
    assert pace.readable_after == timedelta(hours=reckoned + 1)


def test_a_worker_s_time_is_shared_among_the_shards_it_has_in_hand() -> None:
    now = 100.0
    worker = WorkerTime(lambda: now)
    with worker.shard() as first:
        now += 10
        with worker.shard() as second:
            now += 4
            assert (second().seconds, second().lasted) == (2, 4)
        now += 1
        assert (first().seconds, first().lasted) == (13, 15)
    now += 100
    with worker.shard() as third:
        now += 3
        assert (third().seconds, third().lasted) == (3, 3)
