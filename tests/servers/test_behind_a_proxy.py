"""Where the environment names a proxy: our own sockets do not speak to one, so obstore moves the bytes of objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import boto3
import pytest
from azure.storage.blob import BlobServiceClient

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.storage.azure import AzureStore
from bagfill.storage.credentials import AzureAccess, S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.s3 import S3Store
from bagfill.storage.store import AlreadyExists, Created, ObjectStore
from contracts.store_contract import crc, read
from forward_proxy import ForwardProxy

pytestmark = pytest.mark.servers

NAME = "behind-a-proxy"
LARGE = bytes(range(256)) * (9 * 1024 * 1024 // 256)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForwardProxy]:
    with ForwardProxy() as started:
        for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", started.address)
        # obstore would fill gaps from these.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_TOKEN"):
            monkeypatch.setenv(name, "another")
        yield started


@pytest.fixture(scope="module")
def buckets(ministack: MiniStack, azurite: Azurite) -> dict[str, Callable[[], ObjectStore]]:
    access = S3Access(ministack.endpoint, ministack.region, ministack.access_key, ministack.secret_key)
    boto3.client(
        "s3",
        endpoint_url=access.endpoint_url,
        region_name=access.region,
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
    ).create_bucket(Bucket=NAME)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        service.create_container(NAME)
    account = AzureAccess(azurite.endpoint, account_key=azurite.account_key)
    return {
        "s3": lambda: S3Store(NAME, access, location="proxied"),
        "azure": lambda: AzureStore(NAME, account, location="proxied"),
    }


@pytest.mark.parametrize("provider", ["s3", "azure"])
def test_objects_are_created_once_and_read_exactly(
    buckets: dict[str, Callable[[], ObjectStore]], proxy: ForwardProxy, provider: str
) -> None:
    store = buckets[provider]()
    key = f"{uuid4()}/a +%2F é.txt"
    assert isinstance(made := store.create(key, LARGE), Created)
    assert isinstance(store.create(key, b"other"), AlreadyExists)
    assert read(store, key, etag=made.etag) == LARGE
    for start, length in ((0, 1), (5, 1_000), (1, len(LARGE) - 1), (len(LARGE) - 3, 3)):
        assert read(store, key, start=start, length=length, etag=made.etag) == LARGE[start : start + length]
    # Not asked for through the proxy: `read` is.
    assert not store.read_into(key, memoryview(bytearray(len(LARGE))), etag=made.etag)
    with pytest.raises(StoreError) as raised:
        read(store, key, etag="another")
    assert raised.value.failure is StoreFailure.CHANGED
    assert [info.size for info in store.list(key.partition("/")[0] + "/")] == [len(LARGE)]
    store.close()
    assert {line.partition(" ")[0] for line in proxy.lines} >= {"GET", "PUT"}


@pytest.mark.parametrize("provider", ["s3", "azure"])
def test_bytes_need_no_vendors_library(
    buckets: dict[str, Callable[[], ObjectStore]],
    proxy: ForwardProxy,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
) -> None:
    store = buckets[provider]()
    # Its second opinion would hide that obstore fails.
    monkeypatch.delattr(type(store), "_sdk")
    key = f"{uuid4()}/a +%2F é.txt"
    assert isinstance(made := store.create(key, LARGE), Created)
    assert read(store, key, etag=made.etag) == LARGE
    assert read(store, key, start=5, length=1_000, etag=made.etag) == LARGE[5:1_005]
    store.close()
    assert [line.partition(" ")[0] for line in proxy.lines] == ["PUT", "GET", "GET"]


@pytest.mark.parametrize("provider", ["s3", "azure"])
def test_blocks_are_staged_and_committed(
    buckets: dict[str, Callable[[], ObjectStore]], proxy: ForwardProxy, provider: str
) -> None:
    store = buckets[provider]()
    key = f"{uuid4()}/large"
    write = store.stage(key)
    parts = [LARGE[: 5 * 1024 * 1024], b"end"]
    assert isinstance(
        write.commit([write.stage(number, data, crc(data)) for number, data in enumerate(parts)]), Created
    )
    assert read(store, key) == b"".join(parts)
    store.close()
    assert proxy.lines


@pytest.mark.parametrize("provider", ["s3", "azure"])
def test_a_proxy_that_does_not_answer_is_told_as_such(
    buckets: dict[str, Callable[[], ObjectStore]], monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    store = buckets[provider]()
    with pytest.raises(StoreError) as raised:
        read(store, "a")
    assert raised.value.failure is StoreFailure.UNAVAILABLE
    store.close()
