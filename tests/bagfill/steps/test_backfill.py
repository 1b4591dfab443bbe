"""A request from beginning to end, in one process and in memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.fixity.receipts import ReceiptReader
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.steps.backfill import BackfillResult, backfill
from world import World, advance_instead_of_sleeping, bag_files, contents

BAG = BagId.parse("digitised/b1234")
V1 = "digitised/b1234/v1"
V2 = "digitised/b1234/v2"
PAYLOAD = {
    "a.txt": b"alpha",
    "empty": b"",
    "big.bin": bytes(range(256)) * 20_000,
    "sub/ü %41+b.txt": b"beta" * 100,
    "more.txt": b"gamma",
}


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, PAYLOAD, algorithms=("md5", "sha256", "sha512")))
    return made


def run(world: World, **fields: str) -> BackfillResult:
    return backfill(world.services(), world.request(str(BAG), **fields), sleep=advance_instead_of_sleeping(world.clock))


def reasons(result: BackfillResult) -> list[str | None]:
    return [closed.reason for closed in result.closed]


def test_a_bag_arrives_whole_and_is_registered(world: World) -> None:
    result = run(world)

    assert result.succeeded
    assert world.at_destination(V1) == contents(world.source, f"{V1}/")
    assert world.is_registered(V1)
    stored = world.registry.manifest(BagVersionId.parse(V1))
    assert stored is not None
    assert [place.bucket for place in stored.manifest.replica_locations] == ["container"]


def test_the_receipt_records_every_file_with_every_digest_read_back(world: World) -> None:
    run(world)

    replica = world.registry.replicas(BagVersionId.parse(V1))[-1]
    assert replica.receipt is not None
    chunks = world.services().receipts.read_chunks(replica.receipt)
    assert chunks is not None
    files = {file.path: file for file in ReceiptReader(chunks).files()}
    assert files["data/big.bin"].digests == {
        name: hashlib.new(name, PAYLOAD["big.bin"]).hexdigest() for name in ("md5", "sha256", "sha512")
    }
    assert set(files) == set(world.at_destination(V1))


def test_the_ingest_tells_the_story_and_ends_succeeded(world: World) -> None:
    result = run(world)

    ingest = world.ingests.get(UUID(result.closed[0].ingest_id))
    assert ingest is not None
    assert ingest.status is IngestStatus.SUCCEEDED
    texts = [event.description for event in ingest.events]
    assert texts[0].startswith("Replicating to azure accepted")
    assert texts[-1] == "Register succeeded (completed)"
    assert any(text.startswith("Verification (azure) succeeded") for text in texts)


def test_running_again_finds_nothing_to_do_and_writes_nothing(world: World) -> None:
    run(world)
    before = world.at_destination(V1)

    again = backfill(world.services(), world.request(str(BAG), "bag__second"))

    assert again.succeeded
    assert again.closed == ()
    assert again.already_there == (V1,)
    assert world.at_destination(V1) == before


def test_a_second_version_fetches_from_the_first_at_the_destination(world: World) -> None:
    files = bag_files(BAG, {"new.txt": b"new"}, fetched={"old name.txt": ("v1/data/a.txt", b"alpha")})
    world.add(V2, files)

    result = run(world)

    assert result.succeeded
    assert [closed.bag_version for closed in result.closed] == [V1, V2]
    assert set(world.at_destination(V2)) == set(files)


def test_a_version_is_refused_while_the_version_it_needs_is_missing(world: World) -> None:
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"a.txt": ("v1/data/a.txt", b"alpha")}))

    result = run(world, version="v2")

    assert reasons(result) == [Reason.OLDER_VERSION_MISSING.code]
    assert world.at_destination(V2) == {}


def test_a_version_that_needs_a_damaged_one_is_not_registered_either(world: World) -> None:
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"a.txt": ("v1/data/a.txt", b"alpha")}))
    world.put(V1, {"data/more.txt": b"gamme"})

    result = run(world)

    assert reasons(result) == [Reason.SOURCE_CORRUPT.code, Reason.OLDER_VERSION_MISSING.code]
    assert not world.is_registered(V2)


def test_archived_files_are_thawed_and_only_those_are_asked_for(world: World) -> None:
    world.archive(V1, "data/a.txt", "data/big.bin")

    result = run(world)

    assert result.succeeded
    assert sorted(key for key, _, _ in world.source.thaw_requests) == [f"{V1}/data/a.txt", f"{V1}/data/big.bin"]
    assert world.at_destination(V1)["data/a.txt"] == b"alpha"


def test_a_bag_wholly_archived_is_proved_by_all_its_manifests_all_the_same(world: World) -> None:
    world.archive(V1, *contents(world.source, f"{V1}/"), storage_class="DEEP_ARCHIVE")

    assert run(world).succeeded


def test_a_store_whose_listings_hide_restores_is_asked_object_by_object() -> None:
    world = World(trusted_listing=False)
    world.add(V1, bag_files(BAG, PAYLOAD))
    world.archive(V1, "data/a.txt")

    assert run(world).succeeded
    assert len(world.source.thaw_requests) == 1


def test_a_tier_that_a_class_does_not_allow_is_refused_before_anything_is_asked(world: World) -> None:
    world.archive(V1, "data/a.txt", storage_class="DEEP_ARCHIVE")

    result = run(world, thaw_tier="Expedited")

    assert reasons(result) == [Reason.THAW_REFUSED.code]
    assert world.source.thaw_requests == []


def test_a_corrupt_source_file_is_named_and_never_written(world: World) -> None:
    world.put(V1, {"data/a.txt": b"alphA"})

    result = run(world)

    assert reasons(result) == [Reason.SOURCE_CORRUPT.code]
    assert "data/a.txt" in result.closed[0].message
    assert "data/a.txt" not in world.at_destination(V1)
    assert not world.is_registered(V1)


def test_a_corrupt_large_file_is_never_committed_where_digests_come_first(world: World) -> None:
    world.limits = replace(world.limits, hash_before_write=len(PAYLOAD["big.bin"]))
    world.put(V1, {"data/big.bin": PAYLOAD["big.bin"][:-1] + b"!"})

    result = run(world)

    assert reasons(result) == [Reason.SOURCE_CORRUPT.code]
    assert "data/big.bin" not in world.at_destination(V1)


def test_other_bytes_of_the_same_size_at_the_destination_stop_the_copy_and_stay(world: World) -> None:
    world.put(V1, {"data/a.txt": b"ALPHA"}, bucket=world.destination)

    result = run(world)

    assert reasons(result) == [Reason.OTHER_BYTES_AT_DESTINATION.code]
    assert world.at_destination(V1)["data/a.txt"] == b"ALPHA"


def test_other_sizes_at_the_destination_are_found_before_anything_is_paid_or_written(world: World) -> None:
    world.archive(V1, "data/more.txt")
    world.put(V1, {"data/a.txt": b"other"[:3]}, bucket=world.destination)

    result = run(world)

    assert reasons(result) == [Reason.OTHER_BYTES_AT_DESTINATION.code]
    assert world.source.thaw_requests == []
    assert set(world.at_destination(V1)) == {"data/a.txt"}


def test_the_same_bytes_at_the_destination_are_read_and_kept_without_a_thaw(world: World) -> None:
    world.archive(V1, "data/a.txt")
    world.put(V1, {"data/a.txt": b"alpha"}, bucket=world.destination)

    assert run(world).succeeded
    assert world.source.thaw_requests == []


def test_an_extra_object_at_the_destination_stops_the_plan(world: World) -> None:
    world.put(V1, {"data/stray": b"?"}, bucket=world.destination)

    assert reasons(run(world)) == [Reason.EXTRA_OBJECTS_AT_DESTINATION.code]


def test_a_neighbour_version_with_a_longer_number_is_no_extra_object(world: World) -> None:
    world.put("digitised/b1234/v10", {"bagit.txt": b"x"}, bucket=world.destination)

    assert run(world).succeeded


def test_a_name_that_the_destination_cannot_hold_is_refused_before_any_byte_moves() -> None:
    world = World()
    world.add(V1, bag_files(BAG, {"ends with a dot.": b"x", "fine": b"y"}))

    result = run(world)

    assert reasons(result) == [Reason.NAME_REFUSED.code]
    assert world.at_destination(V1) == {}


def test_a_file_missing_at_the_source_is_an_error_not_a_smaller_bag(world: World) -> None:
    world.source.remove(f"{V1}/data/a.txt")

    assert reasons(run(world)) == [Reason.SOURCE_INCOMPLETE.code]


def test_a_vanished_source_folder_is_an_error(world: World) -> None:
    for path in contents(world.source, f"{V1}/"):
        world.source.remove(f"{V1}/{path}")

    assert reasons(run(world)) == [Reason.SOURCE_INCOMPLETE.code]


def test_a_manifest_that_is_not_the_one_that_was_registered_refuses_the_bag(world: World) -> None:
    wrong = bag_files(BAG, PAYLOAD | {"a.txt": b"alphb"}, algorithms=("md5", "sha256", "sha512"))
    world.put(V1, {"manifest-sha512.txt": wrong["manifest-sha512.txt"]})

    assert reasons(run(world)) == [Reason.SOURCE_CORRUPT.code]
    assert world.at_destination(V1) == {}


def test_a_second_request_is_refused_while_the_first_holds_the_claim(world: World) -> None:
    world.registry.acquire(BagVersionId.parse(V1), "azure", holder="another", lease=timedelta(hours=1))

    assert reasons(run(world)) == [Reason.ALREADY_RUNNING.code]


def test_claims_are_released_at_the_end(world: World) -> None:
    run(world)

    assert world.registry.claim_of(BagVersionId.parse(V1), "azure") is None or (
        world.registry.acquire(BagVersionId.parse(V1), "azure", holder="next", lease=timedelta(hours=1))
    )


def test_work_files_hold_no_more_than_names_and_numbers(world: World) -> None:
    run(world)

    for path, data in contents(world.records, "work/").items():
        if path.endswith(".jsonl"):
            assert all(json.loads(line) for line in data.splitlines() if line)
        assert b"alphaalpha" not in data
