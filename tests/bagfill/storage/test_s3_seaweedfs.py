"""The S3 store against SeaweedFS, which checks signatures and sizes of parts as a real provider does."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.s3 import S3Store
from bagfill.storage.store import Created
from contracts.store_contract import Home, StoreContract, crc, read

pytestmark = pytest.mark.servers

BUCKET = "store-contract"


@pytest.fixture(scope="module")
def access(seaweedfs: SeaweedFS) -> S3Access:
    return S3Access(
        endpoint_url=seaweedfs.endpoint,
        region=seaweedfs.region,
        access_key_id=seaweedfs.access_key,
        secret_access_key=seaweedfs.secret_key,
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
        open=lambda: S3Store(BUCKET, access, location="seaweedfs"),
        shared=S3Store(BUCKET, access, location="seaweedfs"),
        put=lambda key, data: outside.put_object(Bucket=BUCKET, Key=key, Body=data),
        remove=lambda key: outside.delete_object(Bucket=BUCKET, Key=key),
    )


class TestSeaweedFS(StoreContract):
    block_size = 5 * 1024 * 1024
    many = 1010
    lists_checksums = False
    # It keeps objects in folders: these come back under another name, or are refused.
    lost_names = frozenset({"back\\slash", "a//double slash", "./dot", "a/../dots", "folder/"})

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

    def _clashing(self, names: set[str]) -> set[str]:
        return {"a"}

    def test_a_part_that_is_too_small_is_an_error(self, home: Home, folder: str) -> None:
        store = home.open()
        write = store.stage(f"{folder}big")
        sent = [write.stage(index, b"small", crc(b"small")) for index in range(2)]
        with pytest.raises(StoreError) as raised:
            write.commit(sent)
        assert raised.value.failure is StoreFailure.UNSUPPORTED
        write.abandon()

    def test_a_wrong_secret_is_denied_and_never_absent(self, access: S3Access, seaweedfs: SeaweedFS) -> None:
        wrong = S3Access(
            endpoint_url=access.endpoint_url,
            region=access.region,
            access_key_id=seaweedfs.access_key,
            secret_access_key="a-wrong-secret",
        )
        self._all_denied(S3Store(BUCKET, wrong, location="seaweedfs"), reading=True)

    def test_an_unknown_key_is_denied_and_never_absent(self, access: S3Access) -> None:
        wrong = S3Access(
            endpoint_url=access.endpoint_url,
            region=access.region,
            access_key_id="UNKNOWNKEY",
            secret_access_key="a-wrong-secret",
        )
        self._all_denied(S3Store(BUCKET, wrong, location="seaweedfs"), reading=True)

    def test_an_identity_that_only_reads_cannot_write(self, access: S3Access, seaweedfs: SeaweedFS) -> None:
        reader = S3Access(
            endpoint_url=access.endpoint_url,
            region=access.region,
            access_key_id=seaweedfs.reader_access_key,
            secret_access_key=seaweedfs.reader_secret_key,
        )
        store = S3Store(BUCKET, reader, location="seaweedfs")
        assert store.stat("nothing") is None
        self._all_denied(store, reading=False)

    def _all_denied(self, store: S3Store, *, reading: bool) -> None:
        acts = [lambda: store.create("new/a", b"x"), lambda: store.stage("new/a")]
        if reading:
            acts += [
                lambda: store.stat("new/a"),
                lambda: list(store.list("new/")),
                lambda: list(store.list_folders("")),
                lambda: read(store, "new/a"),
            ]
        for act in acts:
            with pytest.raises(StoreError) as raised:
                act()
            # A HEAD has no body, so only the other answers tell a wrong signature from a missing permission.
            told = reading and raised.value.operation != "stat"
            assert raised.value.failure is (StoreFailure.UNAUTHENTICATED if told else StoreFailure.DENIED)
            assert "a-wrong-secret" not in str(raised.value)
