"""The thaw's steps, and what a copy does when thawed copies went away: what is asked for, and what never again."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import CopyItem
from bagfill.steps.backfill import backfill
from bagfill.steps.conclude_replica import ReplicaRegistered, conclude_replica
from bagfill.steps.copy_shard import ShardCopied, copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.thaw_permits import ThawChunk, ThawSpent
from bagfill.steps.verify_shard import ShardVerified, verify_shard
from bagfill.steps.wait_for_thaw import ThawState, poll_thaw
from bagfill.steps.work import IngestWork
from bagfill.storage.errors import StoreFailure
from bagfill.storage.faults import Fault, FaultKind
from bagfill.storage.store import ObjectInfo, ThawTier
from invariants_drill import BAG, LIMITS, V1, V1_FILES
from world import THAW_DELAY, World, advance_instead_of_sleeping, bag_files

ARCHIVED = ("data/a.txt", "data/large.bin")
WHOLE = replace(LIMITS, shard_bytes=1_000_000, shard_files=100)
"""Everything in one shard."""


@pytest.fixture
def world() -> World:
    made = World(limits=WHOLE)
    made.add(V1, V1_FILES)
    made.archive(V1, *ARCHIVED)
    return made


@pytest.fixture
def ref(world: World) -> IngestRef:
    services = world.services()
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    assert isinstance(plan_replication(services, opened.refs[0]), PlanSummary)
    return opened.refs[0]


def paid(world: World) -> list[str]:
    return sorted(key.removeprefix(f"{V1}/") for key, _, _ in world.source.thaw_requests)


def test_archived_objects_are_asked_for_once_and_waited_for(world: World, ref: IngestRef) -> None:
    services = world.services()
    assert request_thaw(services, ref) == ThawSummary(total=2, asked=2, in_progress=0, readable=0)
    assert request_thaw(services, ref) == ThawSummary(total=2, asked=0, in_progress=2, readable=0)
    assert poll_thaw(services, ref) == ThawState(total=2, readable=0, thawing=2, asked_again=0)
    world.clock.advance(THAW_DELAY)
    assert request_thaw(services, ref) == ThawSummary(total=2, asked=0, in_progress=0, readable=2)
    state = poll_thaw(services, ref)
    assert state == ThawState(total=2, readable=2, thawing=0, asked_again=0)
    assert isinstance(state, ThawState)
    assert state.done
    assert paid(world) == sorted(ARCHIVED)


def test_what_expired_before_it_was_copied_is_asked_for_again(world: World, ref: IngestRef) -> None:
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(timedelta(days=30))

    outcome = copy_shard(services, ShardRef(ref, 0))

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.THAW_EXPIRED
    assert poll_thaw(services, ref) == ThawState(total=2, readable=0, thawing=2, asked_again=0)
    world.clock.advance(THAW_DELAY)
    assert isinstance(copy_shard(services, ShardRef(ref, 0)), ShardCopied)
    assert paid(world) == sorted(ARCHIVED * 2)


def test_of_what_expired_only_the_files_that_the_destination_lacks_are_asked_for(world: World, ref: IngestRef) -> None:
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(timedelta(days=30))
    world.put(V1, {"data/a.txt": V1_FILES["data/a.txt"]}, bucket=world.destination)

    state = poll_thaw(services, ref)

    assert state == ThawState(total=2, readable=1, thawing=0, asked_again=1)
    assert paid(world) == sorted([*ARCHIVED, "data/large.bin"])
    world.clock.advance(THAW_DELAY)
    state = poll_thaw(services, ref)
    assert isinstance(state, ThawState)
    assert state.done
    assert isinstance(copy_shard(services, ShardRef(ref, 0)), ShardCopied)
    assert world.at_destination(V1) == V1_FILES


def test_an_object_that_vanished_while_it_was_thawed_ends_the_ingest(world: World, ref: IngestRef) -> None:
    world.source.remove(f"{V1}/data/a.txt")
    state = poll_thaw(world.services(), ref)
    assert isinstance(state, StepFailed)
    assert state.reason is Reason.SOURCE_INCOMPLETE
    assert "data/a.txt" in state.message


def test_a_file_archived_after_the_plan_fails_with_a_reason_instead_of_waiting_for_ever(
    world: World, ref: IngestRef
) -> None:
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    world.archive(V1, "bagit.txt")

    outcome = copy_shard(services, ShardRef(ref, 0))

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.SOURCE_CHANGED
    assert "bagit.txt" in outcome.message
    assert f"{V1}/bagit.txt" not in [key for key, _, _ in world.source.thaw_requests]


def test_the_next_request_thaws_what_was_archived_meanwhile(world: World, ref: IngestRef) -> None:
    world.archive(V1, "bagit.txt")
    world.clock.advance(WHOLE.lease * 2)
    result = backfill(
        world.services(), world.request(str(BAG), "bag__next"), sleep=advance_instead_of_sleeping(world.clock)
    )
    assert result.succeeded


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (StoreFailure.DENIED, Reason.ACCESS_DENIED),
        (StoreFailure.THROTTLED, Reason.SOURCE_UNREADABLE),
        (StoreFailure.UNSUPPORTED, Reason.THAW_REFUSED),
        (StoreFailure.MISSING, Reason.SOURCE_INCOMPLETE),
    ],
)
def test_a_refused_thaw_says_why_and_whether_it_may_go_better(
    world: World, ref: IngestRef, failure: StoreFailure, reason: Reason
) -> None:
    def decide(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.REFUSE, failure) if operation == "request thaw" else None

    outcome = request_thaw(world.services(source=decide), ref)

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is reason
    assert len(outcome.problems) == 1


def test_versions_beyond_what_one_run_opens_make_the_result_no_success() -> None:
    world = World(limits=replace(WHOLE, versions_per_run=1))
    world.add(V1, V1_FILES)
    world.add("digitised/b1234/v2", V1_FILES)

    first = backfill(world.services(), world.request(str(BAG), "bag__one"))
    second = backfill(world.services(), world.request(str(BAG), "bag__two"))

    assert [each.status for each in first.closed] == ["succeeded"]
    assert first.left_over == 1
    assert not first.succeeded
    assert second.succeeded


# --- what is due, what is late, what ends

SLOW = 5
"""Bytes a second of copying and reading back, so that three files of a world need days."""


def slow_world(**thaw: object) -> World:
    """A bag of three archived files, each of which takes about two days and a half to copy and verify."""
    made = World(limits=replace(LIMITS, shard_bytes=600_000, shard_files=1, small_object_bytes=10**6))
    payload = {name: bytes([number]) * 500_000 for number, name in enumerate(("a", "b", "c"))}
    made.add(V1, bag_files(BAG, payload))
    made.archive(V1, *(f"data/{name}" for name in payload))
    source, azure = made.locations["primary"], made.locations["azure"]
    made.locations["primary"] = replace(source, thaw=replace(source.thaw, **thaw))  # type: ignore[arg-type]
    made.locations["azure"] = replace(azure, verify_rate=SLOW)
    return made


def opened(world: World, **fields: object) -> IngestRef:
    services = world.services()
    found = open_ingests(services, world.request(str(BAG), **fields))
    assert isinstance(found, OpenedIngests)
    assert isinstance(plan_replication(services, found.refs[0]), PlanSummary)
    return found.refs[0]


def lives(world: World) -> list[tuple[str, int]]:
    return [(key.rpartition("/")[2], days) for key, _, days in world.source.thaw_requests]


def test_a_bag_that_needs_longer_gets_copies_that_live_longer() -> None:
    world = slow_world()
    ref = opened(world)
    assert request_thaw(world.services(), ref) == ThawSummary(total=3, asked=3, in_progress=0, readable=0)
    assert lives(world) == [("a", 10), ("b", 10), ("c", 10)]


def test_a_bag_that_needs_too_long_is_thawed_piece_by_piece_and_nothing_expires() -> None:
    world = slow_world(most_days=7, days=5)
    ref = opened(world, thaw_days=5)
    services = world.services()

    first = request_thaw(services, ref)
    assert first == ThawSummary(total=3, asked=2, in_progress=0, readable=0, later=1)
    world.clock.advance(THAW_DELAY)
    state = poll_thaw(services, ref)
    assert state == ThawState(total=3, readable=2, thawing=0, asked_again=0, later=1)
    assert isinstance(state, ThawState)
    assert state.done

    shards = {item.file.path: i for i in range(20) for item in _items(world, ref, i)}
    waiting = copy_shard(services, ShardRef(ref, shards["data/c"]))
    assert isinstance(waiting, StepFailed)
    assert waiting.reason is Reason.THAW_NOT_DUE
    its_own = poll_thaw(services, ref, shard=shards["data/c"])
    assert isinstance(its_own, ThawState)
    assert not its_own.done

    assert isinstance(copy_shard(services, ShardRef(ref, shards["data/a"])), ShardCopied)
    world.clock.advance(timedelta(days=2, hours=12))
    its_own = poll_thaw(services, ref, shard=shards["data/c"])
    assert its_own == ThawState(total=1, readable=0, thawing=0, asked_again=1)
    world.clock.advance(THAW_DELAY)
    assert isinstance(copy_shard(services, ShardRef(ref, shards["data/b"])), ShardCopied)
    assert isinstance(copy_shard(services, ShardRef(ref, shards["data/c"])), ShardCopied)
    assert services.thaws.expired() == 0


def _items(world: World, ref: IngestRef, index: int) -> list[CopyItem]:
    work = IngestWork(world.services().work, ref)
    plan = work.require_plan()
    return list(work.copy_items(plan, index)) if index < plan.copy_shards else []


def test_a_bag_that_is_thawed_in_pieces_arrives_whole() -> None:
    world = slow_world(most_days=7, days=5)
    result = backfill(
        world.services(),
        world.request(str(BAG), thaw_days=5),
        sleep=advance_instead_of_sleeping(world.clock),
        poll_seconds=1800,
    )
    assert result.succeeded, result
    assert sorted(name for name, _ in lives(world)) == ["a", "b", "c"]


def test_copies_that_end_before_the_rest_is_copied_are_prolonged_and_not_paid_again() -> None:
    world = slow_world(most_days=30, days=5)
    ref = opened(world, thaw_days=5)
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    poll_thaw(services, ref)
    ends = {info.readable_until for info in _listed(world)}
    # The first file took far longer than was reckoned with.
    world.clock.advance(timedelta(days=9, hours=12))

    assert isinstance(copy_shard(services, ShardRef(ref, 0)), ShardCopied)

    assert len(world.source.thaw_requests) == 3
    assert all(info.readable_until not in ends for info in _listed(world))
    assert "prolonged" in _events(world, ref)


def _listed(world: World) -> list[ObjectInfo]:
    found = (world.source.stat(f"{V1}/data/{name}") for name in "abc")
    return [info for info in found if info is not None]


def _events(world: World, ref: IngestRef) -> str:
    ingest = world.ingests.get(UUID(ref.ingest_id))
    assert ingest is not None
    return "\n".join(event.description for event in ingest.events)


def test_copies_that_expire_one_by_one_during_a_slow_copy_are_asked_for_one_by_one_and_counted(
    world: World, ref: IngestRef
) -> None:
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    poll_thaw(services, ref)
    world.archive(V1, "data/large.bin")
    world.clock.advance(timedelta(minutes=1))

    outcome = copy_shard(services, ShardRef(ref, 0))

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.THAW_EXPIRED
    assert paid(world) == sorted([*ARCHIVED, "data/large.bin"])
    assert services.thaws.expired("primary") == 1
    assert poll_thaw(services, ref) == ThawState(total=2, readable=1, thawing=1, asked_again=0)


def test_a_copy_that_ends_between_copying_and_reading_back_is_not_needed_any_more(world: World, ref: IngestRef) -> None:
    """The first windows of a large bag are verified long after they were copied: at the destination."""
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    assert isinstance(copy_shard(services, ShardRef(ref, 0)), ShardCopied)
    world.clock.advance(timedelta(days=30))
    assert isinstance(verify_shard(services, ShardRef(ref, 0)), ShardVerified)
    assert isinstance(conclude_replica(services, ref), ReplicaRegistered)
    assert world.is_registered(V1)
    assert paid(world) == sorted(ARCHIVED)


def test_wrong_bytes_are_reported_as_such_although_the_copy_they_came_from_ended(world: World, ref: IngestRef) -> None:
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    assert isinstance(copy_shard(services, ShardRef(ref, 0)), ShardCopied)
    world.clock.advance(timedelta(days=30))
    good = V1_FILES["data/a.txt"]
    world.put(V1, {"data/a.txt": bytes([good[0] ^ 1]) + good[1:]}, bucket=world.destination)
    outcome = verify_shard(services, ShardRef(ref, 0))
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.DESTINATION_CORRUPT
    assert "data/a.txt" in outcome.message
    assert paid(world) == sorted(ARCHIVED)


def test_each_archived_object_takes_one_request_to_thaw_and_one_to_read_and_listings_tell_the_rest() -> None:
    """What an object of a large bag costs in requests, beside a share of each page of a listing."""
    world, many = World(limits=WHOLE), [f"data/{number:03}" for number in range(60)]
    world.add(V1, bag_files(BAG, {path.removeprefix("data/"): path.encode() for path in many}))
    world.archive(V1, *many)
    asked: Counter[str] = Counter()

    def count(operation: str, key: str) -> None:
        asked[operation] += f"{V1}/data/" in key or operation == "list"

    services = world.services(source=count)
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    ref = opened.refs[0]
    assert isinstance(plan_replication(services, ref), PlanSummary)
    asked.clear()
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    poll_thaw(services, ref)
    assert isinstance(copy_shard(services, ShardRef(ref, 0)), ShardCopied)
    assert asked == {"request thaw": 60, "read": 60, "list": 3}


def test_a_thaw_that_never_completes_is_reported_after_its_deadline(world: World, ref: IngestRef) -> None:
    world.source._thaw_delays = dict.fromkeys(ThawTier, timedelta(days=300))
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(timedelta(hours=36))
    assert isinstance(poll_thaw(services, ref), ThawState)
    world.clock.advance(timedelta(hours=1))

    outcome = poll_thaw(services, ref)

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.THAW_OVERDUE
    assert "2 objects" in outcome.message
    assert "data/a.txt" in outcome.message


def test_somebody_else_s_thaw_that_never_completes_is_reported_too(world: World, ref: IngestRef) -> None:
    world.source._thaw_delays = dict.fromkeys(ThawTier, timedelta(days=300))
    for path in ARCHIVED:
        world.source.request_thaw(f"{V1}/{path}", ThawTier.BULK, 3)
    services = world.services()
    assert request_thaw(services, ref) == ThawSummary(total=2, asked=0, in_progress=2, readable=0)
    world.clock.advance(timedelta(hours=37))
    outcome = poll_thaw(services, ref)
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.THAW_OVERDUE


def test_a_request_with_a_faster_tier_moves_the_thaw_that_runs(world: World, ref: IngestRef) -> None:
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(timedelta(minutes=5))
    faster = replace(ref, thaw_tier="Expedited")
    request_thaw(services, faster)
    request_thaw(services, faster)
    request_thaw(services, replace(ref, thaw_tier="Standard"))
    assert [tier for _, tier, _ in world.source.thaw_requests] == [ThawTier.BULK] * 2 + [ThawTier.EXPEDITED] * 2
    assert services.thaws.expired() == 0


def test_a_tier_that_the_class_does_not_allow_is_refused_before_anything_is_asked(world: World, ref: IngestRef) -> None:
    world.archive(V1, "data/large.bin", storage_class="DEEP_ARCHIVE")
    outcome = request_thaw(world.services(), replace(ref, thaw_tier="Expedited"))
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.THAW_REFUSED
    assert "DEEP_ARCHIVE: no Expedited thaw; allowed: Bulk, Standard" in outcome.message
    assert world.source.thaw_requests == []


def test_a_restored_object_that_is_deleted_ends_the_ingest(world: World, ref: IngestRef) -> None:
    services = world.services()
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    assert poll_thaw(services, ref) == ThawState(total=2, readable=2, thawing=0, asked_again=0)
    world.source.remove(f"{V1}/data/a.txt")
    outcome = copy_shard(services, ShardRef(ref, 0))
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.SOURCE_INCOMPLETE


def test_a_clock_that_jumps_back_neither_stops_nor_repeats_a_thaw(world: World, ref: IngestRef) -> None:
    services = world.services()
    ahead = timedelta(days=400)
    world.clock.advance(ahead)
    request_thaw(services, ref)
    world.clock.advance(-ahead)
    # The provider's own clock was right all along: its thaws run as they did.
    for path in ARCHIVED:
        world.source.archive(f"{V1}/{path}")
        world.source.request_thaw(f"{V1}/{path}", ThawTier.BULK, 5)
    assert poll_thaw(services, ref) == ThawState(total=2, readable=0, thawing=2, asked_again=0)
    world.clock.advance(THAW_DELAY)
    state = poll_thaw(services, ref)
    assert isinstance(state, ThawState)
    assert state.done


def test_a_budget_that_refuses_a_chunk_stops_the_step_with_its_own_reason(world: World, ref: IngestRef) -> None:
    reached = StepFailed(Reason.BUDGET_REACHED, "the cap of this month is reached.")

    class Closed:
        def permit(self, chunk: ThawChunk) -> StepFailed | None:
            assert (chunk.objects, chunk.location, chunk.tier) == (2, "primary", ThawTier.BULK)
            return reached

        def settle(self, chunk: ThawChunk, spent: ThawSpent) -> None:
            raise AssertionError("nothing was booked")

    outcome = request_thaw(world.services(thaw_permits=Closed()), ref)
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.BUDGET_REACHED
    assert world.source.thaw_requests == []


def test_two_runs_of_one_bag_at_once_ask_for_each_object_once(world: World, ref: IngestRef) -> None:
    services = world.services()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: request_thaw(services, ref), range(8)))
    assert paid(world) == sorted(ARCHIVED)
