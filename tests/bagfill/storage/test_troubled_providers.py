"""Providers that refuse, break off or cannot be reached: the right failure, never "absent", never a short read."""

from __future__ import annotations

import base64
import pickle
import socket
from collections.abc import Callable
from typing import Any

import pytest

from bagfill.storage.azure import AzureStore
from bagfill.storage.azure_from_url import AzureFromUrl
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.credentials import AzureAccess, S3Access
from bagfill.storage.errors import LONGEST_RETRY_AFTER, StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3 import S3Store
from bagfill.storage.s3_lean import S3Lean
from bagfill.storage.s3_signed import S3SignedSource
from bagfill.storage.s3_within import S3Within
from bagfill.storage.server_copy import PinnedSource
from bagfill.storage.store import ObjectStore, ThawTier
from contracts.store_contract import crc, read
from contracts.stub_provider import Scripted, breaking, refusing, scripted

ONE_TRY = RequestLimits(attempts=1, connect_seconds=2, read_seconds=5)
SECRET = "never-shown-secret"


def s3(url: str) -> ObjectStore:
    access = S3Access(endpoint_url=url, region="eu-west-1", access_key_id="key", secret_access_key=SECRET)
    return S3Store("bucket", access, location="stub", limits=ONE_TRY)


def azure(url: str) -> ObjectStore:
    key = base64.b64encode(SECRET.encode()).decode()
    return AzureStore("bucket", AzureAccess(f"{url}/account", account_key=key), location="stub", limits=ONE_TRY)


Open = Callable[[str], ObjectStore]
BOTH = pytest.mark.parametrize("open_store", [s3, azure])


def _acts(store: ObjectStore) -> dict[str, Callable[[], Any]]:
    token = "md5:upload" if isinstance(store, S3Store) else "0123abcd"
    return {
        "stat": lambda: store.stat("a/b"),
        "list": lambda: list(store.list("a/")),
        "list folders": lambda: list(store.list_folders("")),
        "read": lambda: read(store, "a/b"),
        "read range": lambda: read(store, "a/b", start=1, length=2),
        "read nothing": lambda: read(store, "a/b", length=0),
        "create": lambda: store.create("a/b", b"x"),
        "stage block": lambda: store.stage("a/b").stage(0, b"x", crc(b"x")),
        "list blocks": lambda: store.stage("a/b", token=token).staged(),
        "commit": lambda: store.stage("a/b", token=token).commit([]),
        "request thaw": lambda: store.request_thaw("a/b", tier=ThawTier.STANDARD, days=1),
    }


def _failures(store: ObjectStore) -> dict[str, StoreFailure]:
    failures = {}
    for name, act in _acts(store).items():
        with pytest.raises(StoreError) as raised:
            act()
        failures[name] = raised.value.failure
        assert SECRET not in str(raised.value)
        assert "http://" not in str(raised.value)
        assert raised.value.__cause__ is None
    return failures


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDenied", {StoreFailure.DENIED}),
        (401, "NoAuthenticationInformation", {StoreFailure.UNAUTHENTICATED}),
        # Again: only an answer with a body tells a wrong signature from a missing permission.
        (403, "SignatureDoesNotMatch", {StoreFailure.UNAUTHENTICATED, StoreFailure.DENIED}),
        (403, "AuthenticationFailed", {StoreFailure.UNAUTHENTICATED, StoreFailure.DENIED}),
        (409, "OperationAborted", {StoreFailure.CONFLICT}),
        (500, "InternalError", {StoreFailure.UNAVAILABLE}),
        (502, "BadGateway", {StoreFailure.UNAVAILABLE}),
        # HEAD answers have no body, so the code is not always known: both can be tried again.
        (503, "SlowDown", {StoreFailure.THROTTLED, StoreFailure.UNAVAILABLE}),
        (503, "ServerBusy", {StoreFailure.THROTTLED, StoreFailure.UNAVAILABLE}),
        (429, "TooManyRequests", {StoreFailure.THROTTLED}),
        (400, "SomethingElse", {StoreFailure.MISCONFIGURED}),
        (404, "ContainerNotFound", {StoreFailure.MISCONFIGURED, StoreFailure.MISSING}),
    ],
)
@BOTH
def test_a_refusal_is_a_failure_of_its_kind_and_never_absent(
    open_store: Open, status: int, code: str, expected: set[StoreFailure]
) -> None:
    with refusing(status, code) as stub:
        failures = _failures(open_store(stub.url))
    assert {name: failure for name, failure in failures.items() if failure not in expected} == {}


@BOTH
@pytest.mark.parametrize(
    ("header", "seconds"), [("1", 1.0), ("100000", LONGEST_RETRY_AFTER), ("Fri, 31 Dec 1999 23:59:59 GMT", None)]
)
def test_the_patience_that_a_provider_asks_for_is_told(open_store: Open, header: str, seconds: float | None) -> None:
    with refusing(429, "TooManyRequests", retry_after=header) as stub:
        store = open_store(stub.url)
        for act in (lambda: store.create("a/b", b"x"), lambda: store.stage("a/b").stage(0, b"x", crc(b"x"))):
            with pytest.raises(StoreError) as raised:
                act()
            assert (raised.value.failure, raised.value.retry_after) == (StoreFailure.THROTTLED, seconds)
            assert pickle.loads(pickle.dumps(raised.value)).retry_after == seconds  # noqa: S301 - made here


@BOTH
def test_a_404_of_no_storage_service_is_not_absent(open_store: Open) -> None:
    with refusing(404, "") as stub, pytest.raises(StoreError) as raised:
        open_store(stub.url).stat("a")
    assert raised.value.failure is StoreFailure.MISCONFIGURED


@BOTH
def test_a_server_that_cannot_be_reached_is_unavailable(open_store: Open) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        failures = _failures(open_store(f"http://127.0.0.1:{unused.getsockname()[1]}"))
    assert set(failures.values()) == {StoreFailure.UNAVAILABLE}


@BOTH
@pytest.mark.parametrize("span", [(0, None), (0, 3_000_000), (1000, None), (1000, 2_000_000)])
def test_a_body_that_breaks_off_is_resumed_where_it_broke(open_store: Open, span: tuple[int, int | None]) -> None:
    data = bytes(range(250)) * 12_000
    start, length = span
    with breaking(data, [1_500_000, 70_000]) as stub:
        got = read(open_store(stub.url), "a/b", start=start, length=length)
    assert got == data[start:][:length]
    gets = [request for request in stub.requests if request[0] == "GET"]
    assert len(gets) >= 3
    # What follows the break is asked of the same object.
    assert all(condition == '"first"' for _method, _range, condition in gets[1:])


@BOTH
def test_a_read_that_is_throttled_when_it_goes_on_is_told_at_once(open_store: Open) -> None:
    """Whoever limits the requests waits as long as was asked for, and goes on where the read broke."""
    broken = Scripted("0123456789", headers={"ETag": '"first"'}, cut=4)
    said = {"Retry-After": "7", "x-ms-error-code": "ServerBusy"}
    busy = Scripted("<Error><Code>SlowDown</Code></Error>", status=503, headers=said)
    with scripted(broken, busy) as server:
        chunks = open_store(server.url).read("a/b", etag="first")
        assert bytes(next(chunks)) == b"0123"
        with pytest.raises(StoreError) as raised:
            next(chunks)
    assert (raised.value.failure, raised.value.retry_after) == (StoreFailure.THROTTLED, 7.0)
    assert len(server.targets) == 2


@BOTH
def test_a_body_that_keeps_breaking_is_an_error_and_never_short(open_store: Open) -> None:
    data = bytes(10_000)
    got = bytearray()
    with breaking(data, [100] + [0] * 50) as stub, pytest.raises(StoreError) as raised:
        got.extend(byte for chunk in open_store(stub.url).read("a/b") for byte in chunk)
    assert raised.value.retryable
    assert len(got) < len(data)


@BOTH
def test_an_object_replaced_while_it_is_read_is_never_mixed(open_store: Open) -> None:
    data = bytes(3_000_000)
    with breaking(data, [1_500_000], replaced_after=1) as stub, pytest.raises(StoreError) as raised:
        read(open_store(stub.url), "a/b")
    assert raised.value.failure is StoreFailure.CHANGED


@BOTH
def test_a_range_that_the_object_does_not_hold_is_an_error(open_store: Open) -> None:
    with breaking(b"0123456789", []) as stub, pytest.raises(StoreError) as raised:
        read(open_store(stub.url), "a/b", start=5, length=6)
    assert raised.value.failure is StoreFailure.CHANGED


@BOTH
def test_no_secret_is_in_a_repr(open_store: Open) -> None:
    assert SECRET not in repr(open_store("http://127.0.0.1:9"))


def test_a_pause_that_a_provider_asks_a_copy_for_is_told() -> None:
    with refusing(503, "ServerBusy", retry_after="7") as stub:
        keys = S3Access(stub.url, "us-east-1", "key", "secret")
        source = S3SignedSource(S3Lean("bucket", keys, location="s3", limits=ONE_TRY))
        access = AzureAccess(f"{stub.url}/account", account_key=base64.b64encode(b"k" * 32).decode())
        azure = AzureFromUrl(source, AzureLean("bucket", access, location="azure", limits=ONE_TRY))
        within = S3Within(source, "bucket", S3Lean("bucket", keys, location="s3", limits=ONE_TRY))
        pinned = PinnedSource("k", 1, "etag", md5=b"m" * 16)
        block: dict[str, int] = {"index": 0, "start": 0, "length": 1}
        for act in (
            lambda: azure.pin("k", "etag"),
            lambda: azure.stage(pinned, "k", "0123456789abcdef", **block),
            lambda: azure.create(pinned, "k"),
            lambda: within.stage(pinned, "k", "a:b", **block),
        ):
            with pytest.raises(StoreError) as raised:
                act()
            assert raised.value.failure is StoreFailure.THROTTLED
            assert raised.value.retry_after == 7.0
