"""The S3 store against MiniStack: the contract, and everything about archived objects."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest

from bagfill.demo.ministack import MiniStack
from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.s3 import S3Store
from bagfill.storage.store import ArchiveState, Capability, Created, ObjectStore, ThawAnswer, ThawTier
from contracts.store_contract import Home, StoreContract, read

pytestmark = pytest.mark.servers

BUCKET = "store-contract"


@pytest.fixture(scope="module")
def access(ministack: MiniStack) -> S3Access:
    return S3Access(
        endpoint_url=ministack.endpoint,
        region=ministack.region,
        access_key_id=ministack.access_key,
        secret_access_key=ministack.secret_key,
    )


@pytest.fixture(scope="module")
def outside(access: S3Access) -> Any:
    """boto3 without our store."""
    client = boto3.client(
        "s3",
        endpoint_url=access.endpoint_url,
        region_name=access.region,
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
    )
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="module")
def home(access: S3Access, outside: Any) -> Home:
    return Home(
        open=lambda: S3Store(BUCKET, access, location="ministack"),
        shared=S3Store(BUCKET, access, location="ministack"),
        put=lambda key, data: outside.put_object(Bucket=BUCKET, Key=key, Body=data),
        remove=lambda key: outside.delete_object(Bucket=BUCKET, Key=key),
    )


class TestMiniStack(StoreContract):
    many = 1010

    def test_plain_names_go_the_fast_way_whatever_the_environment_says(
        self, access: S3Access, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in (
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "another"),
            ("AWS_SECRET_ACCESS_KEY", "another"),
            ("AWS_SESSION_TOKEN", "another"),
            ("AWS_REGION", "another"),
            ("AWS_SKIP_SIGNATURE", "true"),
            ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true"),
        ):
            monkeypatch.setenv(name, value)
        store = S3Store(BUCKET, access, location="fast")
        # Without boto3's second opinion, which would hide that the fast way fails.
        monkeypatch.delattr(S3Store, "_sdk")
        assert isinstance(store.create(f"{folder}a +%2F é.txt", b"fast"), Created)
        assert read(store, f"{folder}a +%2F é.txt") == b"fast"
        assert read(store, f"{folder}a +%2F é.txt", start=1, length=2) == b"as"

    def test_a_server_without_restore_status_in_listings_claims_none(self, store: ObjectStore) -> None:
        assert Capability.ARCHIVE_STATE_IN_LISTING not in store.capabilities

    @pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
    def test_an_archived_object_is_thawed_and_read(
        self, store: ObjectStore, folder: str, outside: Any, storage_class: str
    ) -> None:
        key = f"{folder}a.tif"
        outside.put_object(Bucket=BUCKET, Key=key, Body=b"frozen", StorageClass=storage_class)
        assert _state(store, key) is ArchiveState.ARCHIVED
        assert [info.archive for info in store.list(folder)] == [ArchiveState.ARCHIVED]
        for options in ({}, {"start": 1, "length": 2}, {"length": 0}):
            with pytest.raises(StoreError) as raised:
                read(store, key, **options)
            assert raised.value.failure is StoreFailure.ARCHIVED
        assert store.request_thaw(key, tier=ThawTier.STANDARD, days=2) is ThawAnswer.REQUESTED
        assert store.request_thaw(key, tier=ThawTier.STANDARD, days=2) is ThawAnswer.ALREADY_IN_PROGRESS
        assert _state(store, key) is ArchiveState.THAWING
        with pytest.raises(StoreError) as raised:
            read(store, key)
        assert raised.value.failure is StoreFailure.ARCHIVED
        deadline = time.monotonic() + 120
        while _state(store, key) is ArchiveState.THAWING and time.monotonic() < deadline:
            time.sleep(0.1)
        info = store.stat(key)
        assert info is not None
        assert info.archive is ArchiveState.THAWED
        assert info.storage_class == storage_class
        assert info.readable_until is not None
        assert info.readable_until.tzinfo is not None
        assert read(store, key) == b"frozen"
        assert store.request_thaw(key, tier=ThawTier.STANDARD, days=3) is ThawAnswer.EXTENDED

    def test_glacier_instant_retrieval_is_read_directly(self, store: ObjectStore, folder: str, outside: Any) -> None:
        outside.put_object(Bucket=BUCKET, Key=f"{folder}a", Body=b"x", StorageClass="GLACIER_IR")
        assert _state(store, f"{folder}a") is ArchiveState.READABLE
        assert [info.archive for info in store.list(folder)] == [ArchiveState.READABLE]
        assert read(store, f"{folder}a") == b"x"

    def test_an_archived_object_exists_for_a_writer(self, store: ObjectStore, folder: str, outside: Any) -> None:
        outside.put_object(Bucket=BUCKET, Key=f"{folder}a", Body=b"x", StorageClass="GLACIER")
        assert type(store.create(f"{folder}a", b"other")).__name__ == "AlreadyExists"
        assert _state(store, f"{folder}a") is ArchiveState.ARCHIVED

    def test_a_bucket_that_does_not_exist_is_no_absent_object(self, access: S3Access) -> None:
        store = S3Store("no-such-bucket", access, location="nowhere")
        for act in (
            lambda: store.stat("a"),
            lambda: list(store.list("a/")),
            lambda: list(store.list_folders("")),
            lambda: read(store, "a"),
            lambda: store.create("a", b"x"),
            lambda: store.stage("a"),
        ):
            with pytest.raises(StoreError) as raised:
                act()
            assert raised.value.failure is StoreFailure.MISCONFIGURED


def _state(store: ObjectStore, key: str) -> ArchiveState:
    info = store.stat(key)
    assert info is not None
    return info.archive
