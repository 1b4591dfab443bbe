"""The thaw's steps, and what a copy does when thawed copies went away: what is asked for, and what never again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bagfill.ingests.reasons import Reason
from bagfill.steps.backfill import backfill
from bagfill.steps.copy_shard import ShardCopied, copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.wait_for_thaw import ThawState, poll_thaw
from bagfill.storage.errors import StoreFailure
from bagfill.storage.faults import Fault, FaultKind
from invariants_drill import BAG, LIMITS, V1, V1_FILES
from world import THAW_DELAY, World, advance_instead_of_sleeping

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
