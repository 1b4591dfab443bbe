"""Bad things that only a server can do: bits that flip on the wire, labels that lie, objects that vanish."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from azure.storage.blob import BlobServiceClient, ContentSettings

from bagfill.audit.model import AuditMode, AuditOutcome, Finding
from bagfill.audit.rules import AuditRules
from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digester import digest_bytes
from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.steps.audit import audit, findings_of
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.records import RecordStore
from bagfill.steps.repair_replica import RepairOutcome, RepairRequest, repair_replica
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.sealed_records import SealedRecords
from bagfill.steps.services import Services
from bagfill.steps.work import WorkStagingLedger
from bagfill.storage.azure import AzureStore
from bagfill.storage.credentials import AzureAccess, S3Access
from bagfill.storage.location import Location
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.retries import RetryPolicy
from bagfill.storage.retrying import RetryingStore
from bagfill.storage.s3 import S3Store
from bagfill.storage.store import Created, ObjectStore
from bagfill.transfer.copy_object import ObjectCopier
from bagfill.transfer.outcomes import Copied, Staged
from breaking_proxy import BreakingProxy
from flipping_proxy import FILLER, FlippingProxy
from world import bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("digitised/b1234")
V1 = BagVersionId.parse(f"{BAG}/v1")
SMALL, LARGE = "data/small.bin", "data/large.bin"
# One in a single request, one in blocks: settings of these tests say 1 MiB.
PAYLOAD = {SMALL: FILLER * 100_000, LARGE: FILLER * (6 * 1024 * 1024)}
BAGS = {
    path: bag_files(
        BAG, {path.removeprefix("data/"): data, "note.txt": b"nothing to flip"}, algorithms=("md5", "sha256")
    )
    for path, data in PAYLOAD.items()
}
BOTH = pytest.mark.parametrize("path", [SMALL, LARGE])
QUICK = RetryPolicy(attempts=2, first_pause=0.05, longest_pause=0.1)

OpenWorld = Callable[[], Services]


@pytest.fixture
def services(open_world: OpenWorld) -> Services:
    return open_world()


@dataclass
class Through:
    """The stores of some services, with other ones for some locations."""

    inner: Any
    stores: dict[str, ObjectStore]

    def reading(self, location: Location) -> ObjectStore:
        return self.stores.get(location.name) or self.inner.reading(location)

    def writing(self, location: Location) -> ObjectStore:
        return self.stores.get(location.name) or self.inner.writing(location)

    def server_copy(self, source: Location, destination: Location) -> None:
        """Everything passes through the worker."""


def through(
    services: Services, name: str, proxy: FlippingProxy, server: SeaweedFS | Azurite, *, read_seconds: int = 20
) -> Services:
    """The same services, with one location behind a proxy."""
    location = services.locations[name]
    limits = RequestLimits(attempts=1, connect_seconds=2, read_seconds=read_seconds)
    store: ObjectStore
    if isinstance(server, Azurite):
        access = AzureAccess(proxy.endpoint, account_key=server.account_key)
        store = AzureStore(location.bucket, access, location=name, limits=limits)
    else:
        keys = {"access_key_id": server.access_key, "secret_access_key": server.secret_key}
        s3 = S3Access(endpoint_url=proxy.endpoint, region=server.region, **keys)
        store = S3Store(location.bucket, s3, location=name, limits=limits)
    return replace(services, stores=Through(services.stores, {name: RetryingStore(store, QUICK)}))


def lay(services: Services, name: str, files: dict[str, bytes], *, learn: bool = True) -> None:
    """Put files into a version's folder, as somebody else did; ``learn`` it as a bag version."""
    location = services.locations[name]
    store = services.stores.writing(location)
    for path, data in files.items():
        assert isinstance(store.create(f"{location.version_prefix(V1)}{path}", data), Created)
    if learn:
        assert import_location(services, name).is_clean


def run(services: Services, destination: str, request_id: str = "test:1") -> BackfillResult:
    fields = {"space": str(BAG.space), "external_identifier": "b1234", "destination": destination}
    return backfill(services, BackfillRequest.parse(services, request_id, fields), poll_seconds=0.1)


def reasons(result: BackfillResult) -> list[str | None]:
    return [closed.reason for closed in result.closed]


def is_registered(services: Services, name: str) -> bool:
    return any(replica.location == name for replica in services.registry.replicas(V1))


def flipped(data: bytes) -> bytes:
    return data[:50] + bytes([data[50] ^ 1]) + data[51:]


def look(services: Services, name: str, mode: AuditMode) -> tuple[AuditOutcome, set[tuple[str, str]]]:
    result = audit(services, AuditRequest(f"test:{mode}:{os.urandom(4).hex()}", name, mode))
    findings: list[Finding] = [each for event in result.events for each in findings_of(services, event)]
    return result.outcome, {(finding.kind.value, finding.path) for finding in findings}


def blobs(azurite: Azurite, services: Services) -> Any:
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    return service.get_container_client(services.locations["azurite"].bucket)


def s3_client(server: MiniStack | SeaweedFS) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )


# -- on the wire


@BOTH
def test_a_bit_that_flips_between_the_source_and_us_is_never_written_where_digests_come_first(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite, path: str
) -> None:
    lay(services, "seaweedfs", BAGS[path])
    careful = replace(services, limits=replace(services.limits, hash_before_write=len(PAYLOAD[path])))
    with FlippingProxy(seaweedfs.endpoint, responses=True) as proxy:
        result = run(through(careful, "seaweedfs", proxy, seaweedfs), "azurite")

    assert proxy.flipped
    assert reasons(result) == [Reason.SOURCE_CORRUPT.code]
    assert not is_registered(services, "azurite")
    assert f"{V1}/{path}" not in {blob.name for blob in blobs(azurite, services).list_blobs()}


def test_a_bit_that_flips_once_between_the_source_and_us_is_found_when_reading_back(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite
) -> None:
    lay(services, "seaweedfs", BAGS[LARGE])
    with FlippingProxy(seaweedfs.endpoint, responses=True, times=1) as proxy:
        result = run(through(services, "seaweedfs", proxy, seaweedfs), "azurite")

    assert proxy.flipped == 1
    assert reasons(result) == [Reason.DESTINATION_CORRUPT.code]
    assert "damaged on the way" in result.closed[0].message
    assert not is_registered(services, "azurite")


def test_a_bit_that_flips_on_the_way_to_the_destination_is_found_when_reading_back(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite
) -> None:
    """Of an object written in one request: Azure does not check what nobody has told it the MD5 of."""
    lay(services, "seaweedfs", BAGS[SMALL])
    with FlippingProxy(azurite.endpoint, requests=True) as proxy:
        result = run(through(services, "azurite", proxy, azurite), "azurite")

    assert proxy.flipped
    assert reasons(result) == [Reason.DESTINATION_CORRUPT.code]
    assert SMALL in result.closed[0].message
    assert not is_registered(services, "azurite")


def test_a_block_whose_bit_flips_on_the_way_is_refused_by_the_provider_and_sent_again(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite
) -> None:
    lay(services, "seaweedfs", BAGS[LARGE])
    with FlippingProxy(azurite.endpoint, requests=True, times=1) as proxy:
        result = run(through(services, "azurite", proxy, azurite), "azurite")

    assert proxy.flipped == 1
    assert result.succeeded, result
    assert look(services, "azurite", AuditMode.READ) == (AuditOutcome.GOOD, set())


def test_a_bit_that_flips_on_the_way_to_s3_is_never_registered(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite
) -> None:
    lay(services, "azurite", BAGS[SMALL])
    with FlippingProxy(seaweedfs.endpoint, requests=True) as proxy:
        result = run(through(services, "seaweedfs", proxy, seaweedfs), "seaweedfs")

    assert proxy.flipped
    assert not result.succeeded
    assert not is_registered(services, "seaweedfs")


@BOTH
def test_a_bit_that_flips_while_reading_back_registers_nothing(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite, path: str
) -> None:
    lay(services, "seaweedfs", BAGS[path])
    with FlippingProxy(azurite.endpoint, responses=True) as proxy:
        result = run(through(services, "azurite", proxy, azurite), "azurite")

    assert proxy.flipped
    assert reasons(result) == [Reason.DESTINATION_CORRUPT.code]
    assert not is_registered(services, "azurite")
    # The bytes that lie there are right: the next run finds that out, and writes nothing.
    assert run(services, "azurite", "test:2").succeeded


MID_BLOCK = 3 * 1024 * 1024
SILENT = pytest.mark.parametrize("stalls", [False, True], ids=["reset", "stall"])


@SILENT
def test_a_connection_that_breaks_in_the_middle_of_a_block_costs_that_block_only(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite, stalls: bool
) -> None:
    lay(services, "seaweedfs", BAGS[LARGE])
    with BreakingProxy(azurite.endpoint, requests=True, after=MID_BLOCK, stalls=stalls) as proxy:
        result = run(through(services, "azurite", proxy, azurite, read_seconds=2), "azurite")

    assert proxy.broken == 1
    assert result.succeeded, result
    assert look(services, "azurite", AuditMode.READ) == (AuditOutcome.GOOD, set())


@SILENT
def test_a_source_that_breaks_off_in_the_middle_of_a_block_is_read_on(
    services: Services, seaweedfs: SeaweedFS, azurite: Azurite, stalls: bool
) -> None:
    lay(services, "seaweedfs", BAGS[LARGE])
    with BreakingProxy(seaweedfs.endpoint, responses=True, after=MID_BLOCK, stalls=stalls) as proxy:
        result = run(through(services, "seaweedfs", proxy, seaweedfs, read_seconds=2), "azurite")

    assert proxy.broken == 1
    assert result.succeeded, result


@pytest.mark.parametrize("name", ["seaweedfs", "ministack"])
def test_staged_blocks_that_the_provider_dropped_are_sent_again(
    services: Services, seaweedfs: SeaweedFS, ministack: MiniStack, name: str
) -> None:
    """A lifecycle rule ends uploads that are not completed; here it comes between two attempts."""
    client = s3_client(seaweedfs if name == "seaweedfs" else ministack)
    bucket, data = services.locations[name].bucket, PAYLOAD[LARGE]
    source = MemoryBucket()
    etag = source.put_unconditionally("k", data)
    digests = digest_bytes(data, [Algorithm.SHA256])
    file = PlannedFile(LARGE, len(data), etag, False, False, digests, services.limits.block_bytes)
    store = services.stores.writing(services.locations[name])
    ledger = WorkStagingLedger(SealedRecords(RecordStore(MemoryStore(MemoryBucket()))), "staging/")
    copier = ObjectCopier(MemoryStore(source, location="source"), store, ledger, lambda: None, services.limits)
    key = f"bags/{V1}/{LARGE}"

    assert copier.copy(CopyItem(file, 0, 1), "k", key) == Staged(1, committed=False)
    (upload,) = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    assert isinstance(copier.copy(CopyItem(file), "k", key), Copied)
    assert b"".join(store.read(key)) == data


# -- labels that lie


def test_tags_and_metadata_with_the_right_checksums_are_taken_for_nothing_at_the_source(
    services: Services, ministack: MiniStack
) -> None:
    lay(services, "ministack", BAGS[SMALL])
    client, bucket = s3_client(ministack), services.locations["ministack"].bucket
    right = hashlib.sha256(PAYLOAD[SMALL]).hexdigest()
    client.put_object(
        Bucket=bucket,
        Key=f"{V1}/{SMALL}",
        Body=flipped(PAYLOAD[SMALL]),
        Tagging=f"Content-SHA256={right}",
        Metadata={"sha256": right},
    )

    result = run(services, "azurite")

    assert reasons(result) == [Reason.SOURCE_CORRUPT.code]
    assert not is_registered(services, "azurite")


def test_tags_with_the_right_checksums_are_taken_for_nothing_at_the_destination(
    services: Services, ministack: MiniStack
) -> None:
    lay(services, "seaweedfs", BAGS[SMALL])
    client, bucket = s3_client(ministack), services.locations["ministack"].bucket
    right = hashlib.sha256(PAYLOAD[SMALL]).hexdigest()
    wrong = flipped(PAYLOAD[SMALL])
    client.put_object(Bucket=bucket, Key=f"{V1}/{SMALL}", Body=wrong, Tagging=f"Content-SHA256={right}")

    result = run(services, "ministack")

    assert reasons(result) == [Reason.OTHER_BYTES_AT_DESTINATION.code]
    assert client.get_object(Bucket=bucket, Key=f"{V1}/{SMALL}")["Body"].read() == wrong


def test_a_stored_content_md5_is_taken_for_nothing(services: Services, azurite: Azurite) -> None:
    lay(services, "seaweedfs", BAGS[SMALL])
    right = bytearray(hashlib.md5(PAYLOAD[SMALL], usedforsecurity=False).digest())
    blob = blobs(azurite, services).get_blob_client(f"{V1}/{SMALL}")
    blob.upload_blob(flipped(PAYLOAD[SMALL]))
    blob.set_http_headers(ContentSettings(content_md5=right))
    assert blob.get_blob_properties().content_settings.content_md5 == right

    assert reasons(run(services, "azurite")) == [Reason.OTHER_BYTES_AT_DESTINATION.code]
    assert not is_registered(services, "azurite")


@BOTH
def test_an_audit_takes_labels_for_nothing(services: Services, azurite: Azurite, path: str) -> None:
    lay(services, "seaweedfs", BAGS[path])
    assert run(services, "azurite").succeeded
    blob = blobs(azurite, services).get_blob_client(f"{V1}/{path}")
    blob.upload_blob(flipped(PAYLOAD[path]), overwrite=True)
    right = hashlib.md5(PAYLOAD[path], usedforsecurity=False).digest()
    blob.set_http_headers(ContentSettings(content_md5=bytearray(right)))
    blob.set_blob_metadata({"sha256": hashlib.sha256(PAYLOAD[path]).hexdigest()})

    assert look(services, "azurite", AuditMode.LIST) == (AuditOutcome.FINDINGS, {("replaced", path)})
    assert look(services, "azurite", AuditMode.READ) == (AuditOutcome.FINDINGS, {("damaged", path)})


@BOTH
@pytest.mark.parametrize("destination", ["seaweedfs", "azurite"])
def test_verification_tags_and_metadata_are_not_copied(
    services: Services, ministack: MiniStack, seaweedfs: SeaweedFS, azurite: Azurite, path: str, destination: str
) -> None:
    """A tag says that somebody verified the object it is on; on a copy it would be a lie."""
    lay(services, "ministack", BAGS[path])
    client, bucket = s3_client(ministack), services.locations["ministack"].bucket
    for name, data in BAGS[path].items():
        tag = f"Content-SHA256={hashlib.sha256(data).hexdigest()}"
        labels: dict[str, Any] = {"Tagging": tag, "Metadata": {"verified": "yes"}}
        client.put_object(Bucket=bucket, Key=f"{V1}/{name}", Body=data, **labels)
    assert client.get_object_tagging(Bucket=bucket, Key=f"{V1}/{path}")["TagSet"]

    assert run(services, destination).succeeded

    for name in BAGS[path]:
        if destination == "azurite":
            properties = blobs(azurite, services).get_blob_client(f"{V1}/{name}").get_blob_properties()
            assert not properties.metadata
            assert not properties.tag_count
        else:
            other = s3_client(seaweedfs)
            place = {"Bucket": services.locations["seaweedfs"].bucket, "Key": f"bags/{V1}/{name}"}
            assert other.get_object_tagging(**place)["TagSet"] == []
            assert other.head_object(**place)["Metadata"] == {}


# -- at rest


def test_an_object_that_is_deleted_comes_back_by_a_repair(services: Services, azurite: Azurite) -> None:
    lay(services, "seaweedfs", BAGS[LARGE])
    assert run(services, "azurite").succeeded
    manifest = services.registry.manifest(V1)
    blobs(azurite, services).delete_blob(f"{V1}/{LARGE}")
    blobs(azurite, services).delete_blob(f"{V1}/bagit.txt")
    missing = {("missing", LARGE), ("missing", "bagit.txt")}
    assert look(services, "azurite", AuditMode.LIST) == (AuditOutcome.FINDINGS, missing)

    fields = {"bag": str(BAG), "version": "v1", "location": "azurite"}
    result = repair_replica(services, RepairRequest.parse(services, "cli:repair", fields), poll_seconds=0.1)

    assert result.outcome is RepairOutcome.REPAIRED, result
    assert services.registry.manifest(V1) == manifest
    held = {blob.name: None for blob in blobs(azurite, services).list_blobs()}
    assert set(held) == {f"{V1}/{path}" for path in BAGS[LARGE]}
    for mode in AuditMode:
        assert look(services, "azurite", mode) == (AuditOutcome.GOOD, set())


def test_a_flipped_bit_on_a_disk_is_found_by_reading_though_its_date_is_unchanged(services: Services) -> None:
    lay(services, "seaweedfs", BAGS[SMALL])
    assert run(services, "shelf").succeeded
    file = Path(services.locations["shelf"].bucket) / str(V1) / SMALL
    before = file.stat()
    file.chmod(0o600)
    with file.open("r+b") as stream:
        stream.seek(50)
        stream.write(b"Y")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    outcome, findings = look(services, "shelf", AuditMode.READ)

    assert outcome is AuditOutcome.FINDINGS
    assert findings == {("damaged", SMALL)}


def test_every_kind_of_server_is_audited_good_right_after_a_backfill(services: Services) -> None:
    lay(services, "ministack", BAGS[SMALL])
    for name in ("seaweedfs", "azurite", "shelf"):
        assert run(services, name, f"test:{name}").succeeded
    for name in ("ministack", "seaweedfs", "azurite", "shelf"):
        for mode in AuditMode:
            assert look(services, name, mode) == (AuditOutcome.GOOD, set()), (name, mode)


def test_a_sample_of_a_glacier_is_thawed_and_read(services: Services, ministack: MiniStack) -> None:
    lay(services, "ministack", BAGS[SMALL])
    client, bucket = s3_client(ministack), services.locations["ministack"].bucket
    for name, data in BAGS[SMALL].items():
        client.put_object(Bucket=bucket, Key=f"{V1}/{name}", Body=data, StorageClass="GLACIER")
    rules = AuditRules(confidence=0.9, detectable_loss=0.5, thaw_bytes=10**9)
    request = AuditRequest("test:glacier", "ministack", AuditMode.READ)
    thawing = replace(services, audit_rules=rules)

    first = audit(thawing, request)
    assert (first.waiting, first.audit.finished) == (3, None)

    deadline = time.monotonic() + 120
    while (last := audit(thawing, request)).waiting and time.monotonic() < deadline:
        time.sleep(0.3)
    assert last.outcome is AuditOutcome.GOOD, last
    assert last.statement is not None
    assert (last.statement.population, last.statement.drawn, last.statement.bad) == (len(BAGS[SMALL]), 3, 0)


# -- a location that is not there


def test_a_server_that_went_away_is_unknown_and_not_missing(services: Services, azurite: Azurite) -> None:
    lay(services, "seaweedfs", BAGS[SMALL])
    assert run(services, "azurite").succeeded
    with FlippingProxy(azurite.endpoint) as proxy:
        behind = through(services, "azurite", proxy, azurite)
        assert look(behind, "azurite", AuditMode.READ) == (AuditOutcome.GOOD, set())
    for mode in AuditMode:
        assert look(behind, "azurite", mode) == (AuditOutcome.UNKNOWN, set())
    assert is_registered(services, "azurite")


def test_a_bucket_that_is_gone_is_unknown_and_not_empty(services: Services) -> None:
    lay(services, "seaweedfs", BAGS[SMALL])
    assert run(services, "azurite").succeeded
    object.__setattr__(services.locations["azurite"], "bucket", "no-such-container")

    assert look(services, "azurite", AuditMode.LIST) == (AuditOutcome.UNKNOWN, set())
