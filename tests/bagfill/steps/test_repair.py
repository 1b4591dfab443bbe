"""Repairs: what is missing comes back by the same steps, and nothing is overwritten."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest

from bagfill.audit.model import AuditMode, AuditOutcome
from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.steps.audit import audit
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.backfill import backfill
from bagfill.steps.repair_replica import RepairOutcome, RepairRequest, RepairResult, repair_replica
from bagfill.steps.requests import RequestError
from bagfill.steps.sweep import find_unbackfilled
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Fault, FaultKind, Killed
from world import World, advance_instead_of_sleeping, bag_files, contents

BAG = BagId.parse("digitised/b1234")
V1, V2 = f"{BAG}/v1", f"{BAG}/v2"
PAYLOAD = {"a.txt": b"alpha", "empty": b"", "big.bin": bytes(range(256)) * 6_000, "sub/ü %41.txt": b"beta" * 100}


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, PAYLOAD))
    made.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"old.txt": ("v1/data/a.txt", b"alpha")}))
    assert backfill(made.services(), made.request(str(BAG))).succeeded
    made.clock.advance(timedelta(days=1))
    return made


def repair(world: World, version: str = "v1", request_id: str = "cli:repair", **fields: str) -> RepairResult:
    given = {"bag": str(BAG), "version": version, "location": "azure", **fields}
    request = RepairRequest.parse(world.services(), request_id, given)
    return repair_replica(world.services(), request, sleep=advance_instead_of_sleeping(world.clock))


def state(world: World) -> tuple[object, ...]:
    version = BagVersionId.parse(V1)
    stored = world.registry.manifest(version)
    assert stored is not None
    return (stored, tuple(world.registry.replicas(version)))


def lose(world: World, *paths: str) -> None:
    for path in paths:
        world.destination.remove(f"{V1}/{path}")


def test_what_is_missing_comes_back_and_the_manifest_is_not_touched(world: World) -> None:
    before = state(world)
    chain = tuple(world.registry.seals("azure"))
    lose(world, "data/a.txt", "data/empty", "data/big.bin", "manifest-sha256.txt")

    result = repair(world)

    assert result.outcome is RepairOutcome.REPAIRED
    assert set(result.missing) == {"data/a.txt", "data/empty", "data/big.bin", "manifest-sha256.txt"}
    assert world.at_destination(V1) == contents(world.source, f"{V1}/")
    assert state(world) == before
    # What it proves is sealed behind what was proved before.
    assert tuple(world.registry.seals("azure"))[: len(chain)] == chain


def test_a_repair_has_an_ingest_a_receipt_and_an_event_of_its_own(world: World) -> None:
    lose(world, "data/a.txt")

    result = repair(world)

    assert result.ingest is not None
    ingest = world.ingests.get(UUID(result.ingest.ingest_id))
    assert ingest is not None
    assert ingest.status is IngestStatus.SUCCEEDED
    texts = [event.description for event in ingest.events]
    assert texts[0] == "Repairing azure accepted - 1 files from primary"
    assert result.event is not None
    assert (result.event.mode, result.event.outcome) == (AuditMode.READ, AuditOutcome.GOOD)
    assert result.event.files_read == result.event.files
    record = json.loads(world.services().receipts.read_bytes(result.event.record) or b"")
    assert record["repaired"] == ["data/a.txt"]
    assert world.services().receipts.exists(record["receipt"])
    claim = world.registry.claim_of(BagVersionId.parse(V1), "azure")
    assert claim is None


@pytest.mark.parametrize("mode", AuditMode)
def test_after_a_repair_every_audit_is_good(world: World, mode: AuditMode) -> None:
    lose(world, "data/a.txt", "bagit.txt")
    assert repair(world).outcome is RepairOutcome.REPAIRED
    world.clock.advance(timedelta(days=1))

    assert audit(world.services(), AuditRequest("test", "azure", mode)).outcome is AuditOutcome.GOOD


def test_nothing_missing_is_nothing_to_do(world: World) -> None:
    assert repair(world).outcome is RepairOutcome.WHOLE
    assert [ingest.request_id for ingest in world.ingests.recent()] == ["bag__test", "bag__test"]


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [("data/a.txt", b"longer", "wrong-size"), ("data/extra", b"?", "stray")],
)
def test_what_is_damaged_is_told_with_the_steps_and_nothing_is_written(
    world: World, path: str, data: bytes, kind: str
) -> None:
    lose(world, "data/empty")
    world.destination.put_unconditionally(f"{V1}/{path}", data)
    before = world.destination.contents()

    result = repair(world)

    assert result.outcome is RepairOutcome.BY_HAND
    [finding] = result.by_hand
    assert (finding.kind.value, finding.path) == (kind, path)
    assert any("az storage blob delete" in step and path in step for step in finding.steps)
    assert world.destination.contents() == before
    assert result.ingest is None


def test_damage_that_an_audit_has_read_is_told_before_anything_is_copied(world: World) -> None:
    world.destination.put_unconditionally(f"{V1}/data/a.txt", b"ALPHA")
    lose(world, "data/empty")
    world.clock.advance(timedelta(hours=1))
    audit(world.services(), AuditRequest("test", "azure", AuditMode.READ))

    result = repair(world)

    assert result.outcome is RepairOutcome.BY_HAND
    assert [finding.path for finding in result.by_hand] == ["data/a.txt"]

    # A person keeps and deletes it; then it is missing, and comes back.
    lose(world, "data/a.txt")
    world.clock.advance(timedelta(hours=1))
    assert repair(world, request_id="cli:again").outcome is RepairOutcome.REPAIRED
    assert world.at_destination(V1)["data/a.txt"] == b"alpha"


def test_damage_is_not_forgotten_when_the_location_was_away_at_the_next_audit(world: World) -> None:
    world.destination.put_unconditionally(f"{V1}/data/a.txt", b"ALPHA")
    world.clock.advance(timedelta(hours=1))
    audit(world.services(), AuditRequest("test", "azure", AuditMode.READ))
    world.clock.advance(timedelta(hours=1))

    def away(operation: str, key: str) -> Fault | None:
        away_for = operation == "list" or key.endswith("a.txt")
        return Fault(FaultKind.REFUSE, StoreFailure.UNAVAILABLE) if away_for else None

    later = audit(world.services(destination=away), AuditRequest("later", "azure", AuditMode.READ))
    assert later.outcome is AuditOutcome.UNKNOWN

    result = repair(world)

    assert result.outcome is RepairOutcome.BY_HAND
    assert [finding.path for finding in result.by_hand] == ["data/a.txt"]


def test_damage_that_nobody_has_read_yet_stops_the_copy_and_stays(world: World) -> None:
    world.destination.put_unconditionally(f"{V1}/data/a.txt", b"ALPHA")
    lose(world, "data/empty")

    result = repair(world)

    assert result.outcome is RepairOutcome.FAILED
    assert result.ingest is not None
    assert result.ingest.reason == Reason.OTHER_BYTES_AT_DESTINATION.code
    assert world.at_destination(V1)["data/a.txt"] == b"ALPHA"


def test_a_corrupt_source_repairs_nothing(world: World) -> None:
    lose(world, "data/a.txt")
    world.put(V1, {"data/a.txt": b"ALPHA"})

    result = repair(world)

    assert result.outcome is RepairOutcome.FAILED
    assert "data/a.txt" not in world.at_destination(V1)


def test_an_archived_source_is_thawed_for_what_is_missing_alone(world: World) -> None:
    world.archive(V1, "data/a.txt", "data/big.bin")
    lose(world, "data/a.txt")

    assert repair(world).outcome is RepairOutcome.REPAIRED
    assert [key for key, _, _ in world.source.thaw_requests] == [f"{V1}/data/a.txt"]


def test_while_somebody_writes_there_nothing_is_done(world: World) -> None:
    lose(world, "data/a.txt")
    world.registry.acquire(BagVersionId.parse(V1), "azure", holder="another", lease=timedelta(hours=1))

    result = repair(world)

    assert result.outcome is RepairOutcome.BUSY
    assert "another" in result.message


def test_a_location_that_does_not_answer_is_not_repaired(world: World) -> None:
    lose(world, "data/a.txt")
    request = RepairRequest.parse(world.services(), "cli:1", {"bag": str(BAG), "version": "v1", "location": "azure"})
    refuse = world.services(destination=lambda name, _: Fault(FaultKind.REFUSE) if name == "list" else None)

    with pytest.raises(StoreError):
        repair_replica(refuse, request)
    assert "data/a.txt" not in world.at_destination(V1)


def test_a_killed_repair_is_done_again(world: World) -> None:
    lose(world, "data/a.txt", "data/big.bin")
    request = RepairRequest.parse(world.services(), "cli:1", {"bag": str(BAG), "version": "v1", "location": "azure"})
    dying = world.services(destination=lambda name, _: Fault(FaultKind.KILL_AFTER) if name == "create" else None)
    with pytest.raises(Killed):
        repair_replica(dying, request)
    world.clock.advance(timedelta(hours=2))

    assert repair(world, request_id="cli:2").outcome is RepairOutcome.REPAIRED
    assert world.at_destination(V1) == contents(world.source, f"{V1}/")


def test_a_file_that_a_later_version_fetches_is_repaired_where_it_lives(world: World) -> None:
    lose(world, "data/a.txt")

    assert repair(world, "v2").outcome is RepairOutcome.WHOLE
    assert repair(world, "v1", "cli:v1").outcome is RepairOutcome.REPAIRED


def test_a_repair_that_failed_is_nothing_that_a_sweep_would_start(world: World) -> None:
    lose(world, "data/a.txt")
    world.put(V1, {"data/a.txt": b"ALPHA"})
    repair(world)

    assert find_unbackfilled(world.services(), limit=10).starts == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"version": "v9"}, "registered at nowhere"),
        ({"version": "nine"}, "version"),
        ({"location": "primary"}, "reading only"),
        ({"location": "mars"}, "configured locations"),
        ({"source": "azure"}, "no replica at 'azure'"),
    ],
)
def test_a_wrong_request_is_refused(world: World, fields: dict[str, str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        RepairRequest.parse(
            world.services(), "cli:1", {"bag": str(BAG), "version": "v1", "location": "azure", **fields}
        )
