"""Verify before freeze."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.ingests.reasons import Reason
from bagfill.steps.audit_due import what_is_due
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.freeze import flag_late_verifications, waiting_verifications
from bagfill.storage.errors import StoreFailure
from bagfill.storage.faults import Decide, Fault, FaultKind
from world import World, bag_files

BAG = BagId.parse("digitised/b1234")
V1 = f"{BAG}/v1"
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, {"a.txt": b"alpha", "b.txt": b"beta" * 200}))
    made.locations["azure"] = replace(made.locations["azure"], archives_after=30 * DAY)
    return made


def run(world: World, faults: Decide | None = None, request_id: str = "bag__test") -> BackfillResult:
    return backfill(world.services(destination=faults), world.request(str(BAG), request_id))


def no_reads(operation: str, _: str) -> Fault | None:
    return Fault(FaultKind.REFUSE, StoreFailure.UNAVAILABLE) if operation == "read" else None


def test_what_can_be_verified_in_time_is_replicated_and_the_date_is_in_its_events(world: World) -> None:
    result = run(world)

    assert result.succeeded
    ingest = world.ingests.get(UUID(result.closed[0].ingest_id))
    assert ingest is not None
    assert any("before 2026-05-31T12:00:00Z" in event.description for event in ingest.events)


def test_what_cannot_be_verified_in_time_is_refused_before_anything_is_copied(world: World) -> None:
    world.locations["azure"] = replace(world.locations["azure"], archives_after=DAY, verify_rate=0.01)  # type: ignore[arg-type]

    result = run(world)

    assert [closed.reason for closed in result.closed] == [Reason.FREEZES_FIRST.code]
    assert world.at_destination(V1) == {}
    assert "azure archives after 24.0 hours" in result.closed[0].message


def test_objects_that_lie_there_already_shorten_the_time(world: World) -> None:
    world.put(V1, {"data/a.txt": b"alpha"}, bucket=world.destination)
    world.clock.advance(30 * DAY)

    result = run(world)

    assert [closed.reason for closed in result.closed] == [Reason.FREEZES_FIRST.code]
    assert "counted from the oldest object there" in result.closed[0].message


def test_an_object_that_is_archived_there_exists_and_is_unverified(world: World) -> None:
    world.put(V1, {"data/a.txt": b"alpha"}, bucket=world.destination)
    world.destination.archive(f"{V1}/data/a.txt")

    result = run(world)

    assert [closed.reason for closed in result.closed] == [Reason.DESTINATION_ARCHIVED.code]
    assert "data/a.txt" in result.closed[0].message
    assert "thaw it" in result.closed[0].message
    assert world.destination.keys(f"{V1}/") == [f"{V1}/data/a.txt"]
    assert Reason.DESTINATION_ARCHIVED.retryable is False


def test_what_is_archived_between_copy_and_verify_is_archived_and_not_unreadable(world: World) -> None:
    def archive(operation: str, key: str) -> Fault | None:
        if operation == "read" and key.endswith("data/a.txt"):
            world.destination.archive(key)
        return None

    result = run(world, archive)

    assert [closed.reason for closed in result.closed] == [Reason.DESTINATION_ARCHIVED.code]
    assert not world.is_registered(V1)


def test_a_verification_that_waits_is_flagged_before_its_date(world: World) -> None:
    assert not run(world, no_reads).succeeded
    [waiting] = waiting_verifications(world.services())
    assert (str(waiting.bag_version), waiting.location, waiting.is_late) == (V1, "azure", False)
    assert waiting.before == world.clock.now + 30 * DAY
    assert flag_late_verifications(world.services()) == []

    world.clock.advance(21 * DAY)
    [late] = flag_late_verifications(world.services())

    assert late.is_late
    assert what_is_due(world.services()).is_late
    ingest = world.ingests.get(UUID(late.ingest_id))
    assert ingest is not None
    assert "archived from 2026-05-31T12:00:00Z on" in ingest.events[-1].description


def test_what_is_verified_or_not_there_waits_for_nothing(world: World) -> None:
    assert run(world).succeeded
    assert waiting_verifications(world.services()) == []

    other = BagId.parse("digitised/other")
    world.add(f"{other}/v1", bag_files(other, {"x": b"x"}))
    refused = backfill(
        world.services(destination=lambda name, _: Fault(FaultKind.REFUSE) if name == "create" else None),
        world.request(str(other), "bag__other"),
    )
    assert not refused.succeeded
    assert waiting_verifications(world.services()) == []


def test_a_location_that_does_not_archive_is_not_watched(world: World) -> None:
    world.locations["azure"] = replace(world.locations["azure"], archives_after=None)
    assert not run(world, no_reads).succeeded

    assert waiting_verifications(world.services()) == []
