"""Bad things that happen while a bag version is replicated, and after: none is registered, none goes unseen.

Each test says where the damage is done; whatever it is, nothing is overwritten or deleted, and the reason names the
file. What a server adds is in ``tests/servers/test_bad_things.py``; audits that are interrupted are in
``test_audit_interrupted.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bagfill.audit.model import AuditMode, AuditOutcome
from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.crc64 import Crc64
from bagfill.ingests.reasons import Reason
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.registry.registry import StoredManifest
from bagfill.steps.audit import audit, findings_of
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.backfill import backfill
from bagfill.steps.close_ingest import ClosedIngest, close_ingests
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import ShardRef, StepFailed
from bagfill.steps.plan_replication import plan_replication
from bagfill.steps.services import Services
from bagfill.steps.verify_shard import verify_shard
from bagfill.storage.faults import Fault, FaultKind
from world import World, bag_files, contents

BAG = BagId.parse("digitised/b1234")
V1 = f"{BAG}/v1"
LARGE = bytes(range(256)) * 8000
FILES = bag_files(BAG, {"a.txt": b"alpha", "b.txt": b"beta", "large.bin": LARGE}, algorithms=("md5", "sha256"))
TAG_MANIFEST = "tagmanifest-sha256.txt"
A, LARGE_PATH = "data/a.txt", "data/large.bin"


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, FILES)
    return made


def flipped(data: bytes) -> bytes:
    """One bit of it is another."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def rot(world: World, path: str, *, at_source: bool = False) -> None:
    """One bit flips at rest; the provider notices nothing, and its ETag is what it was."""
    bucket = world.source if at_source else world.destination
    stored = bucket._objects[f"{V1}/{path}"]
    bucket._objects[f"{V1}/{path}"] = replace(stored, data=flipped(stored.data))


Act = Callable[[World], object]


def replicate(
    world: World,
    *,
    after_plan: Act | None = None,
    after_copy: Act | None = None,
    after_verify: Act | None = None,
    services: Services | None = None,
) -> ClosedIngest:
    """Every step as a workflow runs it, with something happening in between."""
    services = services or world.services()
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    [ref] = opened.refs
    try:
        plan = plan_replication(services, ref)
        if not isinstance(plan, StepFailed):
            _happens(world, after_plan)
            failed = [copy_shard(services, ShardRef(ref, index)) for index in range(plan.copy_shards)]
            _happens(world, after_copy)
            if not any(isinstance(each, StepFailed) for each in failed):
                unread = [verify_shard(services, ShardRef(ref, index)) for index in range(plan.verify_shards)]
                _happens(world, after_verify)
                if not any(isinstance(each, StepFailed) for each in unread):
                    conclude_replica(services, ref)
    finally:
        [closed] = close_ingests(services, "bag__test")
    return closed


def _happens(world: World, act: Act | None) -> None:
    if act is not None:
        world.clock.advance(timedelta(minutes=1))
        act(world)


def assert_refused(world: World, closed: ClosedIngest, reason: Reason, named: str) -> None:
    assert (closed.status, closed.reason) == ("failed", reason.code)
    assert named in closed.message
    assert not world.is_registered(V1)
    stored = world.registry.manifest(BagVersionId.parse(V1))
    assert stored is not None
    assert stored.manifest.replica_locations == ()


def test_without_any_of_it_the_replica_is_registered(world: World) -> None:
    nothing: Act = lambda world: None  # noqa: E731 - the same way as all the others

    assert replicate(world, after_plan=nothing, after_copy=nothing, after_verify=nothing).status == "succeeded"
    assert world.is_registered(V1)


# -- one flipped bit


@pytest.mark.parametrize("path", [A, LARGE_PATH, "bag-info.txt", TAG_MANIFEST])
def test_one_flipped_bit_at_the_source(world: World, path: str) -> None:
    rot(world, path, at_source=True)

    closed = replicate(world)

    assert closed.reason in {Reason.SOURCE_CORRUPT.code, Reason.BAG_INVALID.code}
    assert_refused(world, closed, Reason.of_code(str(closed.reason)), path)
    # A large file is judged when it is read back, and stays there for a person to look at; nothing replaces it.
    assert (path in world.at_destination(V1)) is (path == LARGE_PATH)


@pytest.mark.parametrize("path", [A, LARGE_PATH, "bag-info.txt", TAG_MANIFEST])
def test_one_flipped_bit_at_the_source_is_never_written_where_digests_come_first(world: World, path: str) -> None:
    world.limits = replace(world.limits, hash_before_write=100 * 1024 * 1024)
    rot(world, path, at_source=True)

    closed = replicate(world)

    assert_refused(world, closed, Reason.of_code(str(closed.reason)), path)
    assert path not in world.at_destination(V1)


def fails_once(operation: str, kind: FaultKind, path: str) -> Callable[[str, str], Fault | None]:
    """A fault at the first such call for a file."""
    left = [Fault(kind)]

    def decide(called: str, key: str) -> Fault | None:
        return left.pop() if called == operation and key.endswith(path) and left else None

    return decide


@pytest.mark.parametrize(
    ("where", "operation", "kind", "words"),
    [
        ("source", "read", FaultKind.FLIP_READ, "damaged on the way to"),
        ("destination", "stage block", FaultKind.FLIP_WRITE, "the right bytes were sent"),
    ],
    ids=["read wrongly", "written wrongly"],
)
def test_a_bit_that_flipped_once_is_located(
    world: World, where: str, operation: str, kind: FaultKind, words: str
) -> None:
    # One task sends all blocks: of another's, only the provider's word is known.
    world.limits = replace(world.limits, shard_bytes=100 * 1024 * 1024)

    closed = replicate(world, services=world.services(**{where: fails_once(operation, kind, LARGE_PATH)}))

    assert_refused(world, closed, Reason.DESTINATION_CORRUPT, LARGE_PATH)
    assert words in closed.message


def test_a_bit_that_flipped_once_on_the_way_back_is_read_again_by_the_next_attempt(world: World) -> None:
    services = world.services(destination=fails_once("read", FaultKind.FLIP_READ, LARGE_PATH))
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    [ref] = opened.refs
    plan = plan_replication(services, ref)
    assert not isinstance(plan, StepFailed)
    for index in range(plan.copy_shards):
        assert not isinstance(copy_shard(services, ShardRef(ref, index)), StepFailed)

    def failed() -> list[StepFailed]:
        outcomes = [verify_shard(services, ShardRef(ref, index)) for index in range(plan.verify_shards)]
        return [outcome for outcome in outcomes if isinstance(outcome, StepFailed)]

    [once] = failed()
    assert once.retryable
    assert "read once more they are right" in once.message
    assert failed() == []


def test_a_source_whose_provider_keeps_a_crc_is_found_corrupt_without_being_read_again(world: World) -> None:
    rotten, key = flipped(FILES[LARGE_PATH]), f"{V1}/{LARGE_PATH}"
    world.source.put_unconditionally(key, rotten)
    world.source._objects[key] = replace(world.source._objects[key], crc=Crc64.of(rotten))
    reads: list[str] = []

    def watch(operation: str, key: str) -> Fault | None:
        if operation == "read" and key.endswith(LARGE_PATH):
            reads.append(key)
        return None

    closed = replicate(world, services=world.services(source=watch))

    assert_refused(world, closed, Reason.SOURCE_CORRUPT, LARGE_PATH)
    assert len(reads) == 2, "the two blocks that were copied"


@pytest.mark.parametrize("path", [A, LARGE_PATH])
@pytest.mark.parametrize(
    ("where", "kind", "reason"),
    [
        ("source", FaultKind.FLIP_READ, Reason.SOURCE_CORRUPT),
        ("destination", FaultKind.FLIP_WRITE, Reason.DESTINATION_CORRUPT),
        ("destination", FaultKind.FLIP_READ, Reason.DESTINATION_CORRUPT),
    ],
    ids=["from the source", "to the destination", "back from the destination"],
)
def test_one_flipped_bit_in_transit(world: World, path: str, where: str, kind: FaultKind, reason: Reason) -> None:
    def decide(operation: str, key: str) -> Fault | None:
        return Fault(kind) if operation in {"read", "create", "stage block"} and key.endswith(path) else None

    closed = replicate(world, services=world.services(**{where: decide}))

    assert_refused(world, closed, reason, path)


@pytest.mark.parametrize("path", [A, LARGE_PATH, "bagit.txt", TAG_MANIFEST])
def test_one_flipped_bit_at_rest_before_it_is_read_back(world: World, path: str) -> None:
    closed = replicate(world, after_copy=lambda world: rot(world, path))

    assert_refused(world, closed, Reason.DESTINATION_CORRUPT, path)


@pytest.mark.parametrize("path", [A, LARGE_PATH, "bagit.txt", TAG_MANIFEST])
def test_one_flipped_bit_at_rest_years_later(world: World, path: str) -> None:
    assert replicate(world).status == "succeeded"
    world.clock.advance(timedelta(days=1000))
    rot(world, path)

    listed = audit(world.services(), AuditRequest("list", "azure", AuditMode.LIST))
    read = audit(world.services(), AuditRequest("read", "azure", AuditMode.READ))

    # No metadata tells; only reading does.
    assert listed.outcome is AuditOutcome.GOOD
    [finding] = [each for event in read.events for each in findings_of(world.services(), event)]
    assert (finding.kind.value, finding.path) == ("damaged", path)


# -- other files


@pytest.mark.parametrize("path", [A, LARGE_PATH, TAG_MANIFEST])
def test_a_different_file_of_the_same_size_at_the_destination(world: World, path: str) -> None:
    other = flipped(FILES[path])
    world.put(V1, {path: other}, bucket=world.destination)

    assert_refused(world, replicate(world), Reason.OTHER_BYTES_AT_DESTINATION, path)
    assert world.at_destination(V1)[path] == other


def test_a_different_file_of_the_same_size_at_the_source(world: World) -> None:
    world.put(V1, {A: flipped(FILES[A])})

    assert_refused(world, replicate(world), Reason.SOURCE_CORRUPT, A)
    assert A not in world.at_destination(V1)


def test_a_label_that_lies_is_no_read(world: World) -> None:
    """The receipt's ETag is on the object, and the bytes are others: whoever asks for bytes gets bytes."""
    assert replicate(world).status == "succeeded"
    rot(world, A)
    other = BagId.parse("digitised/other")
    world.add(f"{other}/v1", bag_files(other, {"x": b"x"}))

    read = audit(world.services(), AuditRequest("read", "azure", AuditMode.READ))

    assert read.outcome is AuditOutcome.FINDINGS


# -- files come and go


def remove(path: str) -> Act:
    return lambda world: world.destination.remove(f"{V1}/{path}")


def add(path: str) -> Act:
    return lambda world: world.destination.put_unconditionally(f"{V1}/{path}", b"?")


@pytest.mark.parametrize("path", [A, "bagit.txt"])
@pytest.mark.parametrize("moment", ["after_copy", "after_verify"])
def test_a_file_is_deleted(world: World, moment: str, path: str) -> None:
    closed = replicate(world, **{moment: remove(path)})  # type: ignore[arg-type]

    assert_refused(world, closed, Reason.DESTINATION_INCOMPLETE, path)


@pytest.mark.parametrize("moment", ["after_plan", "after_copy", "after_verify"])
def test_a_file_is_added(world: World, moment: str) -> None:
    closed = replicate(world, **{moment: add("data/extra")})  # type: ignore[arg-type]

    assert_refused(world, closed, Reason.EXTRA_OBJECTS_AT_DESTINATION, "data/extra")
    assert world.at_destination(V1)["data/extra"] == b"?"


def test_a_file_is_deleted_and_another_of_the_same_bytes_added(world: World) -> None:
    def replaced(world: World) -> None:
        world.destination.put_unconditionally(f"{V1}/{A}", FILES[A])

    closed = replicate(world, after_verify=replaced)

    assert_refused(world, closed, Reason.DESTINATION_CORRUPT, A)


def test_an_extra_object_lies_there_from_the_start(world: World) -> None:
    add("deep/er/extra")(world)

    assert_refused(world, replicate(world), Reason.EXTRA_OBJECTS_AT_DESTINATION, "deep/er/extra")
    assert set(world.at_destination(V1)) == {"deep/er/extra"}


# -- the source changes meanwhile


def test_a_manifest_is_changed_at_the_source_meanwhile(world: World) -> None:
    wrong = bag_files(BAG, {"a.txt": b"ALPHA", "b.txt": b"beta", "large.bin": LARGE}, algorithms=("md5", "sha256"))

    def change(world: World) -> None:
        world.put(V1, {"manifest-sha256.txt": wrong["manifest-sha256.txt"]})

    assert_refused(world, replicate(world, after_plan=change), Reason.SOURCE_CHANGED, "manifest-sha256.txt")


@pytest.mark.parametrize("moment", ["after_plan", "after_copy", "after_verify"])
def test_a_bag_is_replaced_under_the_same_version_number(world: World, moment: str) -> None:
    """Files and storage manifest: whoever replaced it did it well."""
    after = World()
    new_files = bag_files(BAG, {"a.txt": b"ALPHA", "b.txt": b"beta", "large.bin": LARGE}, algorithms=("md5", "sha256"))
    after.add(V1, new_files)
    version = BagVersionId.parse(V1)
    new = after.registry.manifest(version)
    assert new is not None

    def change(world: World) -> None:
        world.put(V1, new_files)
        world.registry._known[version].stored = new

    closed = replicate(world, **{moment: change})  # type: ignore[arg-type]

    assert closed.status == "failed"
    assert closed.reason in {Reason.SOURCE_CHANGED.code, Reason.BAG_REPLACED.code}
    assert not world.is_registered(V1)


def test_only_the_storage_manifest_is_replaced(world: World) -> None:
    version = BagVersionId.parse(V1)

    def change(world: World) -> None:
        known = world.registry._known[version]
        raw = known.stored.manifest.raw.replace(b'"createdDate"', b'"note": "new", "createdDate"')
        known.stored = StoredManifest(parse_storage_manifest(raw), "another")

    closed = replicate(world, after_verify=change)

    assert_refused(world, closed, Reason.BAG_REPLACED, V1)


# -- line ends


@pytest.mark.parametrize("ends", [b"\r\n", b"\r"], ids=["CR LF", "CR, of the same size"])
def test_a_tag_manifest_differs_in_nothing_but_line_ends(world: World, ends: bytes) -> None:
    other = FILES[TAG_MANIFEST].replace(b"\n", ends)

    there = World()
    there.add(V1, FILES)
    there.put(V1, {TAG_MANIFEST: other}, bucket=there.destination)
    assert_refused(there, replicate(there), Reason.OTHER_BYTES_AT_DESTINATION, TAG_MANIFEST)
    assert there.at_destination(V1)[TAG_MANIFEST] == other

    # At the source: since the plan, and before it.
    assert_refused(
        world,
        replicate(world, after_verify=lambda world: world.put(V1, {TAG_MANIFEST: other})),
        Reason.SOURCE_CHANGED,
        TAG_MANIFEST,
    )
    before = World()
    before.add(V1, FILES)
    before.put(V1, {TAG_MANIFEST: other})
    closed = replicate(before)
    assert closed.status == "failed"
    assert TAG_MANIFEST in closed.message

    # Years later.
    late = World()
    late.add(V1, FILES)
    assert replicate(late).status == "succeeded"
    stored = late.destination._objects[f"{V1}/{TAG_MANIFEST}"]
    late.destination._objects[f"{V1}/{TAG_MANIFEST}"] = replace(stored, data=other)
    assert audit(late.services(), AuditRequest("read", "azure", AuditMode.READ)).outcome is AuditOutcome.FINDINGS


# -- and a location that is not there


def test_a_location_that_cannot_be_reached_is_unknown_and_nothing_is_lost(world: World) -> None:
    assert backfill(world.services(), world.request(str(BAG))).succeeded
    before = contents(world.destination, f"{V1}/")
    down = world.services(destination=lambda *_: Fault(FaultKind.REFUSE))

    for mode in AuditMode:
        result = audit(down, AuditRequest(f"down {mode}", "azure", mode))
        assert result.outcome is AuditOutcome.UNKNOWN
        assert all(event.findings == 0 for event in result.events)
    assert contents(world.destination, f"{V1}/") == before
    assert world.is_registered(V1)
