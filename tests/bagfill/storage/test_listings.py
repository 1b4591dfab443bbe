"""Listings as providers write them, whole and broken: an answer that is no whole page never ends a listing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from bagfill.storage.azure import AzureStore
from bagfill.storage.credentials import AzureAccess, S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.pace import Pace
from bagfill.storage.retries import RetryPolicy
from bagfill.storage.retrying import RetryingStore
from bagfill.storage.s3 import S3Store
from bagfill.storage.s3_place import Keys, usual_endpoint
from bagfill.storage.s3_signing import query_of, signed_headers
from bagfill.storage.store import ArchiveState, Capability, ObjectInfo, ObjectStore
from contracts.stub_provider import Scripted, scripted

LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
QUICK = RequestLimits(attempts=1)


def s3(url: str, **more: bool) -> S3Store:
    access = S3Access(endpoint_url=url, region="eu-west-1", access_key_id="k", secret_access_key="s")
    return S3Store("bucket", access, location="here", limits=QUICK, **more)


def azure(url: str) -> AzureStore:
    access = AzureAccess(f"{url}/account", account_key=base64.b64encode(b"key").decode())
    return AzureStore("container", access, location="here", limits=QUICK)


def s3_object(key: str, storage_class: str = "STANDARD", more: str = "") -> str:
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-05-01T10:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
        f"<Size>7</Size><StorageClass>{storage_class}</StorageClass>{more}</Contents>"
    )


def s3_page(*contents: str, following: str | None = None, encoded: bool = True) -> Scripted:
    more = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    encoding = "<EncodingType>url</EncodingType>" if encoded else ""
    return Scripted(
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bucket</Name>{encoding}<IsTruncated>{'true' if following else 'false'}</IsTruncated>{more}"
        f"{''.join(contents)}</ListBucketResult>"
    )


def azure_blob(name: str, more: str = "", name_attributes: str = "") -> str:
    return (
        f"<Blob><Name{name_attributes}>{name}</Name><Properties><Last-Modified>Fri, 01 May 2026 10:00:00 GMT"
        f"</Last-Modified><Etag>0x8D</Etag><Content-Length>7</Content-Length>{more}</Properties></Blob>"
    )


def azure_page(*blobs: str, following: str = "") -> Scripted:
    return Scripted(
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="c"><Prefix>f/</Prefix>'
        f"<Blobs>{''.join(blobs)}</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>"
    )


Page = Callable[..., Scripted]
PROVIDERS = pytest.mark.parametrize(
    ("open_", "page", "item"), [(s3, s3_page, s3_object), (azure, azure_page, azure_blob)], ids=["s3", "azure"]
)


def listed(store: ObjectStore) -> list[ObjectInfo]:
    return list(store.list("f/"))


def patient(store: ObjectStore) -> RetryingStore:
    return RetryingStore(store, RetryPolicy(attempts=2, throttled=2), sleep=lambda _: None)


@PROVIDERS
def test_pages_follow_one_another(open_: Callable[[str], ObjectStore], page: Page, item: Callable[[str], str]) -> None:
    answers = [page(item("f/a"), item("f/b"), following="next"), page(following="more"), page(item("f/c"))]
    with scripted(*answers) as asked:
        assert [info.key for info in listed(open_(asked.url))] == ["f/a", "f/b", "f/c"]
    assert len(asked.targets) == 3
    assert "next" in asked.targets[1]
    assert "more" in asked.targets[2]


@PROVIDERS
@pytest.mark.parametrize(
    "trouble",
    [
        Scripted("<Error><Code>SlowDown</Code></Error>", 503, {"x-ms-error-code": "ServerBusy"}),
        Scripted("<Error><Code>InternalError</Code></Error>", 500),
        "cut",
        "no xml",
    ],
    ids=["503", "500", "cut", "no xml"],
)
def test_a_later_page_is_asked_for_again_and_nothing_is_repeated_or_left_out(
    open_: Callable[[str], ObjectStore], page: Page, item: Callable[[str], str], trouble: Scripted | str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("time.sleep", lambda _: None)
    last = page(item("f/c"))
    if trouble == "cut":
        trouble = Scripted(last.body, cut=len(last.body) // 2)
    elif isinstance(trouble, str):
        trouble = Scripted("<html><body>Please sign in</html>")
    with scripted(page(item("f/a"), item("f/b"), following="next"), trouble, last) as asked:
        assert [info.key for info in listed(open_(asked.url))] == ["f/a", "f/b", "f/c"]
    assert asked.targets[1] == asked.targets[2]


@PROVIDERS
@pytest.mark.parametrize("which", ["cut", "another document", "entities", "no size", "no word of an end", "too long"])
def test_what_is_no_whole_page_is_an_error_that_may_pass(
    open_: Callable[[str], ObjectStore], page: Page, item: Callable[[str], str], which: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    whole = page(item("f/a")).body
    body = {
        "another document": "<html/>",
        "entities": '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + whole.partition("?>")[2],
        "no size": whole.replace("<Size>7</Size>", "").replace("<Content-Length>7</Content-Length>", ""),
        "no word of an end": whole.replace("<IsTruncated>false</IsTruncated>", "").replace(
            "<NextMarker></NextMarker>", ""
        ),
    }.get(which, whole)
    if which == "too long":
        monkeypatch.setattr("bagfill.storage.s3_lists.LONGEST_PAGE", 100)
        monkeypatch.setattr("bagfill.storage.azure_lists.LONGEST_PAGE", 100)
    answer = Scripted(body, cut=len(body) - 30 if which == "cut" else None)
    with scripted(answer) as asked, pytest.raises(StoreError) as raised:
        listed(open_(asked.url))
    assert (raised.value.failure, raised.value.retryable) == (StoreFailure.UNAVAILABLE, True)


@PROVIDERS
@pytest.mark.parametrize("tokens", [("same", "same"), ("one", "two", "one")])
def test_a_page_that_leads_back_is_an_error(
    open_: Callable[[str], ObjectStore], page: Page, item: Callable[[str], str], tokens: tuple[str, ...]
) -> None:
    pages = [page(item(f"f/{number}"), following=token) for number, token in enumerate(tokens)]
    with scripted(*pages) as asked, pytest.raises(StoreError, match="leads back"):
        listed(open_(asked.url))


def test_a_truncated_page_without_a_next_one_is_an_error() -> None:
    page = s3_page(s3_object("f/a")).body.replace("false</IsTruncated>", "true</IsTruncated>")
    with scripted(Scripted(page)) as asked, pytest.raises(StoreError) as raised:
        listed(s3(asked.url))
    assert raised.value.retryable


@PROVIDERS
def test_an_empty_listing_is_empty(open_: Callable[[str], ObjectStore], page: Page, item: Callable[[str], str]) -> None:
    assert item
    with scripted(page()) as asked:
        assert listed(open_(asked.url)) == []


@PROVIDERS
def test_the_first_page_is_tried_as_often_as_any_call_and_no_more(
    open_: Callable[[str], ObjectStore], page: Page, item: Callable[[str], str]
) -> None:
    assert page
    assert item
    busy = Scripted("<Error><Code>SlowDown</Code></Error>", 503, {"x-ms-error-code": "ServerBusy", "Retry-After": "7"})
    with scripted(busy) as asked, pytest.raises(StoreError) as raised:
        listed(patient(open_(asked.url)))
    assert (raised.value.failure, raised.value.retry_after) == (StoreFailure.THROTTLED, 7.0)
    assert len(asked.targets) == 2


@pytest.mark.parametrize(
    ("code", "status", "failure"),
    [
        ("NoSuchBucket", 404, StoreFailure.MISCONFIGURED),
        ("", 404, StoreFailure.MISCONFIGURED),
        ("AccessDenied", 403, StoreFailure.DENIED),
        ("SignatureDoesNotMatch", 403, StoreFailure.UNAUTHENTICATED),
        ("RequestTimeTooSkewed", 403, StoreFailure.UNAUTHENTICATED),
    ],
)
def test_refusals_of_s3_are_told_apart_and_are_never_nothing(code: str, status: int, failure: StoreFailure) -> None:
    refused = Scripted(f"<Error><Code>{code}</Code><Message>no</Message></Error>" if code else "", status)
    with scripted(refused) as asked, pytest.raises(StoreError) as raised:
        listed(s3(asked.url))
    assert raised.value.failure is failure
    assert str(status) in raised.value.detail


def test_s3_tells_restores_in_listings() -> None:
    going = "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>"
    done = (
        "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>"
        f"<RestoreExpiryDate>{LATER:%Y-%m-%dT%H:%M:%S.000Z}</RestoreExpiryDate></RestoreStatus>"
    )
    never = "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus>"
    page = s3_page(
        s3_object("f/a", "GLACIER"),
        s3_object("f/b", "GLACIER", going),
        s3_object("f/c", "GLACIER", done),
        s3_object("f/d", "DEEP_ARCHIVE", never),
        s3_object("f/e", "GLACIER_IR"),
    )
    with scripted(page) as asked:
        store = s3(asked.url, restore_status_in_listing=True)
        found = listed(store)
    assert Capability.ARCHIVE_STATE_IN_LISTING in store.capabilities
    assert [info.archive.name for info in found] == ["ARCHIVED", "THAWING", "THAWED", "ARCHIVED", "READABLE"]
    assert found[2].readable_until == LATER
    assert found[0].last_modified == datetime(2026, 5, 1, 10, tzinfo=UTC)


def test_objects_of_intelligent_tiering_are_asked_for_and_stay_in_their_place() -> None:
    page = s3_page(
        s3_object("f/a"), *(s3_object(f"f/b{n}", "INTELLIGENT_TIERING") for n in range(20)), s3_object("f/c")
    )
    with scripted(page) as asked:
        store = s3(asked.url)

        def stat(key: str) -> ObjectInfo | None:
            state = ArchiveState.ARCHIVED if key.endswith("3") else ArchiveState.READABLE
            return None if key == "f/b7" else ObjectInfo(key, 7, "e", "INTELLIGENT_TIERING", state)

        store.stat = stat  # type: ignore[method-assign]
        found = listed(store)
    assert [info.key for info in found] == ["f/a", *(f"f/b{n}" for n in range(20) if n != 7), "f/c"]
    assert [info.key for info in found if info.archive is ArchiveState.ARCHIVED] == ["f/b3", "f/b13"]


def test_they_are_asked_for_at_the_declared_rate() -> None:
    waits: list[float] = []
    page = s3_page(*(s3_object(f"f/b{n}", "INTELLIGENT_TIERING") for n in range(20)), s3_object("f/c"))
    with scripted(page) as asked:
        store = s3(asked.url, looks=Pace(0.01, sleep=waits.append))
        store.stat = lambda key: ObjectInfo(key, 7, "e", "INTELLIGENT_TIERING", ArchiveState.READABLE)  # type: ignore[method-assign]
        assert len(listed(store)) == 21
    # One hundred seconds apart, less what the test itself took.
    assert [round(wait, -2) for wait in sorted(waits)] == [100.0 * n for n in range(1, 20)]


@pytest.mark.parametrize(
    ("written", "encoded", "key"),
    [
        ("f/a+b%2Bc%20d", True, "f/a b+c d"),
        ("f/%E2%82%AC%26%3C%0A", True, "f/€&<\n"),
        ("f/a+b%2Bc", False, "f/a+b%2Bc"),
        ("f/&amp;&lt;", False, "f/&<"),
    ],
)
def test_keys_of_s3_are_decoded_if_and_only_if_it_encoded_them(written: str, encoded: bool, key: str) -> None:
    with scripted(s3_page(s3_object(written), encoded=encoded)) as asked:
        assert [info.key for info in listed(s3(asked.url))] == [key]
    assert parse_qs(urlsplit(asked.targets[0]).query)["encoding-type"] == ["url"]


def test_azure_tells_tiers_and_rehydrates_in_listings() -> None:
    archived = "<AccessTier>Archive</AccessTier>"
    going = archived + "<ArchiveStatus>rehydrate-pending-to-cool</ArchiveStatus>"
    page = azure_page(
        azure_blob("f/a", archived),
        azure_blob("f/b", going),
        azure_blob("f/c", "<AccessTier>Cold</AccessTier>"),
        azure_blob("f/%EF%BF%BE", "", ' Encoded="true"'),
        azure_blob("f/%20"),
    )
    with scripted(page) as asked:
        found = listed(azure(asked.url))
    assert [info.archive.name for info in found] == ["ARCHIVED", "THAWING", "READABLE", "READABLE", "READABLE"]
    assert [info.key for info in found] == ["f/a", "f/b", "f/c", "f/\ufffe", "f/%20"]
    assert found[0].last_modified == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert {info.etag for info in found} == {"0x8D"}


def test_a_bucket_in_another_region_is_left_to_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    redirect = Scripted("<Error><Code>PermanentRedirect</Code></Error>", 301, {"x-amz-bucket-region": "us-west-2"})
    with scripted(redirect) as asked:
        store = s3(asked.url)
        asked_of: list[str] = []

        def by_sdk(prefix: str) -> list[ObjectInfo]:
            asked_of.append(prefix)
            return []

        monkeypatch.setattr(store._sdk, "list", by_sdk)
        assert listed(store) == listed(store) == []
    assert asked_of == ["f/", "f/"]
    assert len(asked.targets) == 1


@pytest.mark.parametrize(
    ("region", "environment", "endpoint"),
    [
        ("eu-west-1", {}, "https://s3.eu-west-1.amazonaws.com"),
        (None, {}, None),
        ("cn-north-1", {}, None),
        ("eu-west-1", {"AWS_ENDPOINT_URL_S3": "https://elsewhere.example"}, None),
        ("eu-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, None),
    ],
)
def test_the_usual_endpoint_is_taken_only_where_nothing_leads_elsewhere(
    region: str | None, environment: dict[str, str], endpoint: str | None
) -> None:
    assert usual_endpoint(region, {"AWS_CONFIG_FILE": "/nowhere", **environment}) == endpoint


def test_a_configuration_file_may_lead_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("aws") / "config"
    file.write_text("[default]\nendpoint_url = https://elsewhere.example\n")
    assert usual_endpoint("eu-west-1", {"AWS_CONFIG_FILE": str(file)}) is None


def test_the_signature_is_that_of_the_published_example() -> None:
    """Amazon S3 API reference, "Signature Calculations for the Authorization Header", example GET Bucket."""
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    url = f"https://examplebucket.s3.amazonaws.com/?{query_of({'prefix': 'J', 'max-keys': '2'})}"
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    signed = signed_headers("GET", url, {}, keys=keys, region="us-east-1", now=moment)
    assert signed["Authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


@given(
    parameters=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=4),
    token=st.none() | st.just("session"),
)
def test_signatures_are_botocores(parameters: dict[str, str], token: str | None) -> None:
    class Fixed(S3SigV4Auth):
        def _modify_request_before_signing(self, request: AWSRequest) -> None:
            request.context["timestamp"] = "20260501T100000Z"
            super()._modify_request_before_signing(request)

    parameters = {k: v for k, v in parameters.items() if not any(0xD800 <= ord(c) <= 0xDFFF for c in k + v)}
    url = f"https://s3.eu-west-1.amazonaws.com/bucket?{query_of(parameters)}"
    ours = signed_headers(
        "GET", url, {"x-amz-optional-object-attributes": "RestoreStatus"}, keys=Keys("k", "s", token),
        region="eu-west-1", now=datetime(2026, 5, 1, 10, tzinfo=UTC),
    )  # fmt: skip
    request = AWSRequest("GET", url, headers={"x-amz-optional-object-attributes": "RestoreStatus"})
    request.context["timestamp"] = "20260501T100000Z"
    signer = Fixed(Credentials("k", "s", token), "s3", "eu-west-1")
    request.headers["X-Amz-Date"] = "20260501T100000Z"
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert ours["Authorization"].endswith(f"Signature={signature}")
