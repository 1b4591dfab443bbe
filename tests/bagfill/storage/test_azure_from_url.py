"""Azure fetching from S3, through the stand-in that plays its part: each way a fetch goes wrong has its own answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import boto3
import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.storage.azure_from_url import AzureFromUrl
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.azure_signed import AzureSignedSource
from bagfill.storage.credentials import AzureAccess, S3Access, parse_azure_connection_string
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3_lean import S3Lean
from bagfill.storage.s3_signed import S3SignedSource
from bagfill.storage.server_copy import FetchedBlock, FetchedObject, NotFetched, PinnedSource, Refusal
from bagfill.storage.signed_source import SignedSource
from bagfill.storage.store import AlreadyExists
from from_url_proxy import Fetch, FromUrlProxy, Trick

pytestmark = pytest.mark.servers

DATA = hashlib.sha256(b"source").digest() * 40_000
KEY = "v1/data/Ünïcode 50% + plus & #1?~.txt"
LIMITS = RequestLimits(attempts=1, read_seconds=10)


class Bench:
    """A bucket at a provider, a container behind the stand-in, and what the stand-in saw."""

    def __init__(self, proxy: FromUrlProxy, s3: SeaweedFS | MiniStack, keys: tuple[str, str]) -> None:
        self.proxy = proxy
        self.name = f"from-url-{uuid4()}"
        self.client = boto3.client(
            "s3",
            endpoint_url=s3.endpoint,
            region_name=s3.region,
            aws_access_key_id=s3.access_key,
            aws_secret_access_key=s3.secret_key,
        )
        self.client.create_bucket(Bucket=self.name)
        self.access = S3Access(s3.endpoint, s3.region, *keys)
        self.azure = parse_azure_connection_string(proxy.connection_string, source="test")
        self.source = S3SignedSource(S3Lean(self.name, self.access, location="s3", limits=LIMITS))
        self.way = self.way_from(self.source)

    def way_from(self, source: SignedSource, azure: AzureAccess | None = None) -> AzureFromUrl:
        return AzureFromUrl(source, AzureLean(self.name, azure or self.azure, location="azure", limits=LIMITS))

    def put(self, data: bytes = DATA, key: str = KEY, **given: str) -> PinnedSource:
        answer = self.client.put_object(Bucket=self.name, Key=key, Body=data, **given)
        pinned = self.source.pin(key, answer["ETag"].strip('"'))
        assert isinstance(pinned, PinnedSource), pinned
        return pinned

    def stage(self, pinned: PinnedSource, **given: int) -> FetchedBlock | NotFetched:
        span = {"index": 0, "start": 0, "length": pinned.size} | given
        return self.way.stage(pinned, "v1/staged", "0123abcd", **span)

    def play(self, *tricks: Trick | None) -> None:
        """What goes wrong at the next fetches, in order."""
        begun = len(self.proxy.fetches)

        def decide(number: int, _fetch: Fetch) -> Trick | None:
            return tricks[number - begun] if number - begun < len(tricks) else None

        self.proxy.decide = decide


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FromUrlProxy]:
    with FromUrlProxy(azurite.connection_string) as started:
        yield started


@pytest.fixture
def bench(proxy: FromUrlProxy, seaweedfs: SeaweedFS, azurite: Azurite) -> Bench:
    made = Bench(proxy, seaweedfs, (seaweedfs.reader_access_key, seaweedfs.reader_secret_key))
    azurite.create_container(made.name)
    return made


@pytest.fixture
def archive(proxy: FromUrlProxy, ministack: MiniStack, azurite: Azurite) -> Bench:
    made = Bench(proxy, ministack, (ministack.access_key, ministack.secret_key))
    azurite.create_container(made.name)
    return made


def refusal(answer: object) -> Refusal:
    assert isinstance(answer, NotFetched), answer
    return answer.refusal


def test_the_source_tells_size_md5_and_its_own_checksum(bench: Bench) -> None:
    pinned = bench.put(ChecksumAlgorithm="CRC64NVME")
    assert pinned == PinnedSource(
        KEY, len(DATA), hashlib.md5(DATA).hexdigest(), md5=hashlib.md5(DATA).digest(), crc=Crc64.of(DATA)
    )
    assert refusal(bench.source.pin(KEY, "another")) is Refusal.CHANGED
    assert refusal(bench.source.pin("v1/nothing", "another")) is Refusal.MISSING


def test_blocks_are_fetched_with_the_checksum_of_what_arrived(bench: Bench) -> None:
    pinned = bench.put(ChecksumAlgorithm="CRC64NVME")
    half = len(DATA) // 2
    blocks = [
        bench.stage(pinned, index=index, start=start, length=min(half, len(DATA) - start))
        for index, start in enumerate(range(0, len(DATA), half))
    ]
    crcs = [block.crc for block in blocks if isinstance(block, FetchedBlock) and block.crc is not None]
    assert len(crcs) == len(blocks)
    assert Crc64.whole(crcs) == pinned.crc
    assert bench.proxy.fetched_bytes == len(DATA)
    assert bench.proxy.received_bytes == 0


def test_each_try_has_a_url_and_a_block_of_its_own(bench: Bench) -> None:
    pinned = bench.put()
    first, second = (bench.stage(pinned, index=3) for _ in range(2))
    assert isinstance(first, FetchedBlock)
    assert isinstance(second, FetchedBlock)
    assert first.label != second.label
    assert {len(block.label) for block in (first, second)} == {len("000003+0123abcd-") + 16}
    assert all("X-Amz-Expires=600" in fetch.source for fetch in bench.proxy.fetches)


def test_a_small_object_is_created_in_one_request_and_never_replaced(bench: Bench) -> None:
    pinned = bench.put()
    made = bench.way.create(pinned, KEY)
    assert isinstance(made, FetchedObject)
    assert made.crc == Crc64.of(DATA)
    assert isinstance(bench.way.create(bench.put(b"other"), KEY), AlreadyExists)
    held = bench.proxy.service.get_blob_client(bench.name, KEY).download_blob().readall()
    assert held == DATA


def test_an_empty_object_is_created_too(bench: Bench) -> None:
    assert isinstance(bench.way.create(bench.put(b""), KEY), FetchedObject)


def test_a_small_object_that_was_replaced_after_the_look_is_refused_by_its_md5(bench: Bench) -> None:
    pinned = bench.put()
    bench.put(b"other")
    assert refusal(bench.way.create(pinned, KEY)) is Refusal.CHECKSUM


def test_bytes_that_were_damaged_on_their_way_are_told_by_the_checksum(bench: Bench) -> None:
    pinned = bench.put(ChecksumAlgorithm="CRC64NVME")
    bench.play(Trick.WRONG_BYTES, Trick.WRONG_BYTES)
    block = bench.stage(pinned)
    assert isinstance(block, FetchedBlock)
    assert block.crc != pinned.crc
    assert refusal(bench.way.create(pinned, KEY)) is Refusal.CHECKSUM


def test_a_url_that_died_on_its_way_is_signed_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = bench.put()
    monkeypatch.setattr("bagfill.storage.s3_signed.URL_LIFE", timedelta(seconds=2))
    bench.proxy.pause = 3.2
    bench.play(Trick.LATE)
    assert isinstance(bench.stage(pinned), FetchedBlock)
    first, second = bench.proxy.fetches
    assert first.source != second.source


def test_an_identity_whose_keys_ended_is_a_matter_of_the_signature(bench: Bench) -> None:
    pinned = bench.put()
    wrong = replace(bench.access, secret_access_key="ended")

    class Ended(S3SignedSource):
        def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
            return pinned

    ended = Ended(S3Lean(bench.name, wrong, location="s3", limits=LIMITS))
    answer = bench.way_from(ended).stage(pinned, KEY, "0badcafe", index=0, start=0, length=10)
    assert refusal(answer) is Refusal.SIGNATURE


def test_a_source_that_only_we_can_reach_is_unreachable(bench: Bench) -> None:
    bench.play(Trick.REFUSE, Trick.REFUSE)
    answer = bench.stage(bench.put())
    assert refusal(answer) is Refusal.UNREACHABLE
    assert "X-Amz" not in repr(answer)


def test_a_refusal_that_passes_by_itself_is_asked_again_once(bench: Bench) -> None:
    bench.play(Trick.REFUSE)
    assert isinstance(bench.stage(bench.put()), FetchedBlock)


def test_an_object_that_vanished_or_shrank_is_told_apart(bench: Bench) -> None:
    pinned = bench.put()
    bench.put(b"short")
    assert refusal(bench.stage(pinned, start=1000, length=10)) is Refusal.CHANGED
    bench.client.delete_object(Bucket=bench.name, Key=KEY)
    assert refusal(bench.stage(pinned)) is Refusal.MISSING


def test_an_archived_object_is_neither_a_bad_url_nor_a_closed_network(archive: Bench) -> None:
    pinned = archive.put()
    archive.client.copy_object(
        Bucket=archive.name,
        Key=KEY,
        CopySource={"Bucket": archive.name, "Key": KEY},
        StorageClass="GLACIER",
        MetadataDirective="COPY",
    )
    assert refusal(archive.stage(pinned)) is Refusal.ARCHIVED
    assert refusal(archive.source.pin(KEY, pinned.etag)) is Refusal.ARCHIVED


def test_a_version_is_fetched_whatever_comes_later(archive: Bench) -> None:
    archive.client.put_bucket_versioning(Bucket=archive.name, VersioningConfiguration={"Status": "Enabled"})
    pinned = archive.put()
    assert pinned.version_id
    archive.put(b"later")
    assert archive.way.look_again(pinned) is None
    assert isinstance(block := archive.stage(pinned), FetchedBlock)
    assert block.crc == Crc64.of(DATA)


def test_without_versions_a_replaced_source_is_seen_before_the_commit(bench: Bench) -> None:
    pinned = bench.put()
    assert bench.way.look_again(pinned) is None
    bench.put(b"other")
    assert refusal(bench.way.look_again(pinned)) is Refusal.CHANGED


@pytest.mark.parametrize("key", ["v1/data/a.", "v1/../b", "v1//b"])
def test_a_name_that_no_url_carries_is_not_tried(bench: Bench, key: str) -> None:
    assert refusal(bench.source.pin(key, "etag")) is Refusal.NAME


def test_a_provider_without_the_call_says_so(bench: Bench) -> None:
    bench.play(Trick.UNSUPPORTED)
    assert refusal(bench.stage(bench.put())) is Refusal.UNSUPPORTED


def test_a_busy_provider_and_a_lost_answer_are_no_refusals(bench: Bench) -> None:
    pinned = bench.put()
    bench.play(Trick.BUSY, Trick.LOSE_ANSWER)
    for failure in (StoreFailure.THROTTLED, StoreFailure.UNAVAILABLE):
        with pytest.raises(StoreError) as caught:
            bench.stage(pinned)
        assert caught.value.failure is failure
        assert "X-Amz" not in str(caught.value)
    assert isinstance(bench.stage(pinned), FetchedBlock)


def test_an_answer_that_never_comes_is_given_up(bench: Bench) -> None:
    pinned = bench.put()
    bench.proxy.pause = 1.5
    bench.play(Trick.STALL)
    impatient = AzureLean(bench.name, bench.azure, location="azure", limits=replace(LIMITS, read_seconds=1))
    with pytest.raises(StoreError) as caught:
        AzureFromUrl(bench.source, impatient).stage(pinned, KEY, "0badcafe", index=0, start=0, length=10)
    assert caught.value.failure is StoreFailure.UNAVAILABLE


def test_a_destination_that_refuses_us_is_an_error_of_its_own(bench: Bench) -> None:
    stranger = replace(bench.azure, account_key="c3RyYW5nZXI=")
    with pytest.raises(StoreError) as caught:
        bench.way_from(bench.source, stranger).stage(bench.put(), KEY, "", index=0, start=0, length=10)
    assert caught.value.failure is StoreFailure.DENIED
    assert caught.value.location == "azure"


def _by_key(azurite: Azurite) -> AzureAccess:
    return parse_azure_connection_string(azurite.connection_string, source="test")


def _by_signature(azurite: Azurite) -> AzureAccess:
    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    sas = generate_account_sas(
        azurite.account,
        azurite.account_key,
        ResourceTypes(object=True),
        AccountSasPermissions(read=True),
        datetime.now(UTC) + timedelta(hours=1),
    )
    return AzureAccess(azurite.endpoint, sas_token=sas)


@pytest.mark.parametrize("access_of", [_by_key, _by_signature], ids=["key", "signature"])
def test_azure_fetches_from_azure_under_a_condition(
    azurite: Azurite, access_of: Callable[[Azurite], AzureAccess]
) -> None:
    from azure.storage.blob import BlobServiceClient

    access = access_of(azurite)
    name = f"within-{uuid4()}"
    azurite.create_container(name)
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    blob = service.get_blob_client(name, KEY)
    etag = blob.upload_blob(DATA)["etag"].strip('"')
    source = AzureSignedSource(name, access, location="here", limits=LIMITS)
    # Azurite answers 500 to Put Block From URL by a shared access signature.
    way = AzureFromUrl(source, AzureLean(name, _by_key(azurite), location="there", limits=LIMITS))
    pinned = way.pin(KEY, etag)
    assert isinstance(pinned, PinnedSource), pinned
    assert pinned.size == len(DATA)
    assert way.can_create(pinned)

    assert isinstance(way.stage(pinned, "copy", "0badcafe", index=0, start=0, length=len(DATA)), FetchedBlock)

    blob.upload_blob(b"other", overwrite=True)
    assert refusal(way.pin(KEY, etag)) is Refusal.CHANGED
    assert refusal(way.look_again(pinned)) is Refusal.CHANGED
