"""The receipt that concluding leaves: what is in it, and what happens when something else lies in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.crc64 import Crc64
from bagfill.fixity.receipt_form import FileLine, Header
from bagfill.fixity.receipts import ReceiptReader
from bagfill.fixity.seals import read_seal, seal_name, signature_problem
from bagfill.fixity.signing import load_signing_key
from bagfill.ingests.reasons import Reason
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.leave_receipt import configuration_sha256
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.services import Services
from bagfill.steps.write_seals import write_seals
from bagfill.storage.faults import Fault, FaultKind, FaultyStore
from bagfill.storage.memory import MemoryStore
from world import World, advance_instead_of_sleeping, bag_files

BAG = BagId.parse("digitised/b1234")
V1, V2 = "digitised/b1234/v1", "digitised/b1234/v2"
PAYLOAD = {"a.txt": b"alpha", "big.bin": bytes(range(256)) * 20_000}


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, PAYLOAD, algorithms=("md5", "sha256")))
    return made


def run(world: World, services: Services | None = None, request_id: str = "bag__test") -> BackfillResult:
    sleep = advance_instead_of_sleeping(world.clock)
    return backfill(services or world.services(), world.request(str(BAG), request_id), sleep=sleep)


def receipt(world: World, bag_version: str = V1) -> tuple[str, Header, dict[str, FileLine]]:
    name = world.registry.replicas(BagVersionId.parse(bag_version))[-1].receipt
    assert name is not None
    chunks = world.services().receipts.read_chunks(name)
    assert chunks is not None
    reader = ReceiptReader(chunks)
    return name, reader.header, {file.path: file for file in reader.files()}


def test_each_digest_says_how_and_when_it_was_obtained(world: World) -> None:
    assert run(world).succeeded
    _, header, files = receipt(world)
    small = {entry.how: entry for entry in files["data/a.txt"].obtained}
    assert set(small) == {"manifest", "source-read", "destination-read"}
    assert small["manifest"].algorithms == ["md5", "sha256"]
    assert small["source-read"].algorithms == ["sha256"]
    assert small["destination-read"].algorithms == ["md5", "sha256"]
    assert small["manifest"].at == header.concluded
    # Tag manifests are in no payload manifest; the storage manifest knows them.
    tag = {entry.how: entry.algorithms for entry in files["tagmanifest-md5.txt"].obtained}
    assert tag["manifest"] == ["sha256"]
    assert files["data/a.txt"].object.outcome == "copied"
    assert files["data/a.txt"].object.transit is None


def test_a_file_that_several_tasks_staged_is_known_by_the_one_that_committed_it() -> None:
    world = World()
    world.limits = replace(world.limits, shard_bytes=2 * 1024 * 1024, block_bytes=1024 * 1024)
    world.add(V1, bag_files(BAG, PAYLOAD))
    assert run(world).succeeded
    big = receipt(world)[2]["data/big.bin"]
    assert big.object.outcome == "staged"
    assert big.object.transit is not None
    assert big.object.transit.block_bytes == 1024 * 1024
    assert big.object.transit.crc64 == Crc64.of(PAYLOAD["big.bin"]).s3
    assert [entry.how for entry in big.obtained] == ["manifest", "destination-read"]


def test_where_every_digest_comes_before_writing_the_source_read_is_in_the_receipt() -> None:
    world = World()
    careful = {"hash_before_write": 100 * 1024 * 1024, "shard_bytes": 2 * 1024 * 1024}
    world.limits = replace(world.limits, block_bytes=1024 * 1024, **careful)
    world.add(V1, bag_files(BAG, PAYLOAD))
    assert run(world).succeeded
    big = receipt(world)[2]["data/big.bin"]
    assert [entry.how for entry in big.obtained] == ["manifest", "source-read", "destination-read"]


def test_what_was_there_before_is_said_to_be(world: World) -> None:
    world.put(V1, {"data/a.txt": b"alpha"}, bucket=world.destination)
    assert run(world).succeeded
    line = receipt(world)[2]["data/a.txt"]
    assert line.object.outcome == "already-there"
    assert [entry.how for entry in line.obtained] == ["manifest", "destination-read", "destination-read"]


def test_versions_that_are_fetched_from_are_named_with_their_receipts(world: World) -> None:
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"a.txt": ("v1/data/a.txt", b"alpha")}))
    assert run(world).succeeded
    name, _, _ = receipt(world)
    _, header, files = receipt(world, V2)
    (dependency,) = header.dependencies
    sealed = world.registry.seal_of(BagVersionId.parse(V1), "azure")
    assert sealed is not None
    assert (dependency.bag_version, dependency.receipt) == (V1, name)
    assert dependency.sha256 == read_seal(sealed.document).receipt.sha256
    assert "data/a.txt" not in files


@pytest.mark.parametrize("harm", ["digest", "gone", "cut", "other"])
def test_a_receipt_that_is_not_the_sealed_one_proves_nothing_and_the_files_are_read(world: World, harm: str) -> None:
    assert run(world).succeeded
    name, _, _ = receipt(world)
    key = f"receipts/{name}"
    text = world.records.contents()[key]
    harmed = {"digest": text.replace(b'"size":5', b'"size":6'), "cut": text[:-5], "other": b"{}\n"}
    if harm == "gone":
        world.records.remove(key)
    else:
        world.records.put_unconditionally(key, harmed[harm])
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"a.txt": ("v1/data/a.txt", b"alpha")}))
    read: list[str] = []

    def watch(operation: str, where: str) -> None:
        if operation == "read":
            read.append(where)

    assert run(world, world.services(destination=watch), "bag__second").succeeded
    assert f"{V1}/data/a.txt" in read


def test_an_intact_receipt_saves_the_read(world: World) -> None:
    assert run(world).succeeded
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"a.txt": ("v1/data/a.txt", b"alpha")}))
    read: list[str] = []

    def watch(operation: str, where: str) -> None:
        if operation == "read":
            read.append(where)

    assert run(world, world.services(destination=watch), "bag__second").succeeded
    assert read
    assert f"{V1}/data/a.txt" not in read


def test_something_else_in_the_receipts_place_stops_the_registration(world: World) -> None:
    def flip(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.FLIP_WRITE) if operation == "create" and key.endswith(".jsonl") else None

    plain = world.services()
    store = FaultyStore(MemoryStore(world.records, location="receipts"), flip)
    result = run(world, replace(plain, receipts=type(plain.receipts)(store, "receipts/")))
    assert [closed.reason for closed in result.closed] == [Reason.UNEXPECTED.code]
    assert not world.is_registered(V1)
    assert list(world.registry.seals("azure")) == []


def test_a_receipt_store_that_fails_after_the_registration_leaves_the_seal_to_the_next(world: World) -> None:
    def refuse(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.REFUSE) if operation == "create" and "_seals" in key else None

    plain = world.services()
    store = FaultyStore(MemoryStore(world.records, location="receipts"), refuse)
    assert run(world, replace(plain, receipts=type(plain.receipts)(store, "receipts/"))).succeeded
    assert not plain.receipts.exists(seal_name("azure", 1))
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}))
    assert run(world, request_id="bag__second").succeeded
    assert plain.receipts.exists(seal_name("azure", 1))
    assert plain.receipts.exists(seal_name("azure", 2))
    assert list(world.registry.seals("azure", unwritten=True)) == []


def test_something_else_in_a_seals_place_is_said_in_the_ingest_and_kept(world: World) -> None:
    world.records.put_unconditionally("receipts/azure/_seals/000000000001.json", b"theirs")
    result = run(world)
    assert result.succeeded
    ingest = world.ingests.of_request("bag__test")[0]
    assert any("000000000001.json is another than was made" in event.description for event in ingest.events)
    assert world.records.contents()["receipts/azure/_seals/000000000001.json"] == b"theirs"
    assert write_seals(world.services(), "azure").damaged == ("azure/_seals/000000000001.json",)


def test_seals_are_signed_where_a_key_is_configured(world: World) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = load_signing_key(pem, source="test")
    assert run(world, replace(world.services(), signing=lambda: key)).succeeded
    (seal,) = world.registry.seals("azure")
    assert signature_problem(seal.document, {key.public.fingerprint: key.public}) is None
    assert json.loads(seal.document)["sealed"].endswith("Z")


def test_the_configuration_has_one_identity_that_connections_do_not_touch(world: World) -> None:
    ref = IngestRef("i", V1, "primary", "azure", 1, "Bulk", 5)
    first = configuration_sha256(world.services(), ref)
    world.locations["azure"] = replace(world.locations["azure"], write_connection="another")
    assert configuration_sha256(world.services(), ref) == first
    lease = replace(world.limits, lease=timedelta(hours=7))
    assert configuration_sha256(replace(world.services(), limits=lease), ref) != first
    world.locations["azure"] = replace(world.locations["azure"], prefix="p/")
    assert configuration_sha256(world.services(), ref) != first
