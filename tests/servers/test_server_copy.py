"""Whole bags between real servers that copy by themselves; a stand-in before Azurite plays Azure's part of it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import boto3
import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.crc64 import Crc64
from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import Created
from from_url_proxy import Fetch, FromUrlProxy, Trick
from world import bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("born-digital/PP CRI.1/A 2")
V1 = BagVersionId.parse("born-digital/PP CRI.1/A 2/v1")
# Larger than a shard, so that two tasks have it fetched; one block more than a whole number of them.
LARGE = hashlib.sha256(b"large").digest() * (11 * 1024 * 1024 // 32) + b"end"
PAYLOAD = {"large.bin": LARGE, "Ünïcode 50% + plus & #1?.bin": LARGE[: 6 * 1024 * 1024], "small.txt": b"small"}

Open = Callable[..., Services]


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FromUrlProxy]:
    with FromUrlProxy(azurite.connection_string) as started:
        yield started


def lay(services: Services, location_name: str) -> dict[str, bytes]:
    files = bag_files(BAG, PAYLOAD)
    location = services.locations[location_name]
    store = services.stores.writing(location)
    for path, data in files.items():
        assert isinstance(store.create(f"{location.version_prefix(V1)}{path}", data), Created)
    assert import_location(services, location_name).is_clean
    return files


def put_with_checksum(services: Services, ministack: MiniStack) -> None:
    """Put the large file once more, so that the provider keeps a CRC-64 of the whole object."""
    location = services.locations["ministack"]
    client = boto3.client(
        "s3",
        endpoint_url=ministack.endpoint,
        region_name=ministack.region,
        aws_access_key_id=ministack.access_key,
        aws_secret_access_key=ministack.secret_key,
    )
    key = f"{location.version_prefix(V1)}data/large.bin"
    client.put_object(Bucket=location.bucket, Key=key, Body=LARGE, ChecksumAlgorithm="CRC64NVME")


def run(services: Services, destination: str) -> BackfillResult:
    fields = {"space": "born-digital", "external_identifier": "PP CRI.1/A 2", "destination": destination}
    return backfill(services, BackfillRequest.parse(services, f"test:{destination}", fields), poll_seconds=0.5)


def held(services: Services, location_name: str) -> dict[str, bytes]:
    location = services.locations[location_name]
    store = services.stores.reading(location)
    prefix = location.version_prefix(V1)
    return {info.key.removeprefix(prefix): b"".join(store.read(info.key)) for info in store.list(prefix)}


def transits(services: Services, destination: str) -> dict[str, Any]:
    """What the receipt says of each file's way."""
    names = [name for name in services.receipts.names(f"{destination}/") if name.endswith(".jsonl")]
    (text,) = [services.receipts.read_bytes(name) for name in names]
    assert text is not None
    lines = [json.loads(line) for line in text.splitlines()]
    return {line["path"]: line["object"]["transit"] for line in lines if line["type"] == "file"}


def events(services: Services, result: BackfillResult) -> str:
    (closed,) = result.closed
    ingest = services.ingests.get(UUID(closed.ingest_id))
    assert ingest is not None
    return "\n".join(event.description for event in ingest.events)


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("seaweedfs", "azurite"),
        ("ministack", "azurite"),
        ("seaweedfs", "seaweedfs-too"),
        ("ministack", "ministack-too"),
        ("azurite", "azurite-too"),
    ],
)
def test_a_bag_goes_from_provider_to_provider(
    open_world: Open,
    proxy: FromUrlProxy,
    ministack: MiniStack,
    caplog: pytest.LogCaptureFixture,
    source: str,
    destination: str,
) -> None:
    caplog.set_level(logging.DEBUG, logger="bagfill")
    # Azurite copies from itself without the stand-in.
    services = open_world(azure=None if source == "azurite" else proxy.connection_string)
    files = lay(services, source)
    if source == "ministack":
        put_with_checksum(services, ministack)
    before = proxy.received_bytes

    result = run(services, destination)

    assert result.succeeded, result
    assert held(services, destination) == files
    ways = transits(services, destination)
    # Between buckets of one provider, files up to 8 MiB cost less through the worker.
    within = destination in {"seaweedfs-too", "ministack-too"}
    for path in ("data/large.bin", *(() if within else ("data/Ünïcode 50% + plus & #1?.bin",))):
        assert ways[path]["check"] == "crc64 of fetched bytes", ways
        assert ways[path]["crc64"] in {None, Crc64.of(files[path]).s3}
        assert ways[path]["blockBytes"] == 5 * 1024 * 1024
    assert ways["data/small.txt"] is None
    if destination == "azurite":
        # What clients sent is the rest: small files and tag files; every byte of the large ones was fetched.
        large = sum(len(data) for data in files.values() if len(data) > 1024 * 1024)
        assert proxy.fetched_bytes == large
        assert proxy.received_bytes - before < 64 * 1024
        assert ways["data/large.bin"]["crc64"] == Crc64.of(LARGE).s3
        # Combined of the blocks that Azure received, and held against the one that the source keeps, if it does.
        kept = Crc64.of(LARGE).s3 if source == "ministack" else None
        assert ways["data/large.bin"]["sourceCrc64"] == kept
    assert "X-Amz-Signature" not in caplog.text
    assert "sig=" not in caplog.text


def test_bytes_damaged_between_the_providers_are_never_committed_and_the_worker_copies(
    open_world: Open, proxy: FromUrlProxy, ministack: MiniStack
) -> None:
    def damage(number: int, fetch: Fetch) -> Trick | None:
        return Trick.WRONG_BYTES if fetch.key.endswith("large.bin") and fetch.range.startswith("bytes=0-") else None

    proxy.decide = damage
    services = open_world(azure=proxy.connection_string)
    files = lay(services, "ministack")
    put_with_checksum(services, ministack)

    result = run(services, "azurite")

    assert result.succeeded, result
    assert held(services, "azurite") == files
    way = transits(services, "azurite")["data/large.bin"]
    assert (way["notFetched"], way["crc64"]) == ("checksum", Crc64.of(LARGE).s3)
    assert "not fetched (checksum)" in events(services, result)


def test_a_url_that_expires_in_the_middle_of_a_file_is_signed_anew_and_the_file_is_fetched(
    open_world: Open, proxy: FromUrlProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second block's fetch begins when its URL is dead; SeaweedFS refuses it as AWS does."""
    late: list[Fetch] = []

    def dawdle(_number: int, fetch: Fetch) -> Trick | None:
        if late or not (fetch.key.endswith("large.bin") and fetch.range.startswith(f"bytes={5 * 1024 * 1024}-")):
            return None
        late.append(fetch)
        return Trick.LATE

    monkeypatch.setattr("bagfill.storage.s3_signed.URL_LIFE", timedelta(seconds=4))
    proxy.decide, proxy.pause = dawdle, 5.2
    services = open_world(azure=proxy.connection_string)
    files = lay(services, "seaweedfs")

    result = run(services, "azurite")

    assert result.succeeded, result
    assert held(services, "azurite") == files
    way = transits(services, "azurite")["data/large.bin"]
    assert way["check"] == "crc64 of fetched bytes"
    assert way.get("notFetched") is None
    same_block = [fetch for fetch in proxy.fetches if (fetch.key, fetch.range) == (late[0].key, late[0].range)]
    assert len({fetch.source for fetch in same_block}) == len(same_block) == 2
    # Every other block was asked for once: nothing that was there was fetched again.
    assert len(proxy.fetches) == len({(fetch.key, fetch.range) for fetch in proxy.fetches}) + 1


def test_a_provider_that_cannot_reach_the_source_is_said_in_event_and_receipt(
    open_world: Open, proxy: FromUrlProxy
) -> None:
    proxy.decide = lambda _number, _fetch: Trick.REFUSE
    services = open_world(azure=proxy.connection_string)
    files = lay(services, "seaweedfs")

    result = run(services, "azurite")

    assert result.succeeded, result
    assert held(services, "azurite") == files
    way = transits(services, "azurite")["data/large.bin"]
    assert way["notFetched"] == "unreachable"
    assert way["crc64"] == Crc64.of(LARGE).s3
    assert "not fetched (unreachable)" in events(services, result)


def test_where_the_writing_identity_may_not_read_the_source_the_worker_copies_and_says_so(open_world: Open) -> None:
    """S3 copies for one identity alone; the server enforces that this one sees nothing of the source's bucket."""
    services = open_world()
    files = lay(services, "seaweedfs")
    source, kept = services.locations["seaweedfs"], services.locations["seaweedfs-kept"]
    key = f"{source.version_prefix(V1)}data/large.bin"
    with pytest.raises(StoreError) as raised:
        services.stores.reading(replace(kept, name="other", bucket=source.bucket)).stat(key)
    assert raised.value.failure is StoreFailure.DENIED

    result = run(services, "seaweedfs-kept")

    assert result.succeeded, result
    assert held(services, "seaweedfs-kept") == files
    way = transits(services, "seaweedfs-kept")["data/large.bin"]
    assert way["notFetched"] == "denied"
    assert "not fetched (denied)" in events(services, result)


def test_server_copy_is_switched_off_by_the_location(open_world: Open, proxy: FromUrlProxy) -> None:
    services = open_world(azure=proxy.connection_string)
    location = services.locations["azurite"]
    off = {**services.locations, "azurite": type(location)(**{**_fields(location), "server_copy": False})}
    assert services.stores.server_copy(off["seaweedfs"], location) is not None
    assert services.stores.server_copy(off["seaweedfs"], off["azurite"]) is None
    assert services.stores.server_copy(services.locations["shelf"], location) is None
    assert services.stores.server_copy(services.locations["seaweedfs"], services.locations["ministack"]) is None


def _fields(location: object) -> dict[str, Any]:
    return {name: getattr(location, name) for name in location.__slots__}  # type: ignore[attr-defined]
