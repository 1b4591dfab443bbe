"""Listings of a bucket without boto3. Source: Amazon S3 API reference, ListObjectsV2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from bagfill.storage.errors import StoreError, StoreFailure, retry_after
from bagfill.storage.keys import in_key_order
from bagfill.storage.lean_http import Answer, LeanHttp, NoAnswer
from bagfill.storage.listing_pages import LONGEST_PAGE, PAGE, Page, PageUnsound, each_item, parse_page
from bagfill.storage.s3_failures import failure_of_answer
from bagfill.storage.s3_place import S3Place
from bagfill.storage.s3_signing import query_of, signed_headers
from bagfill.storage.s3_state import TIERING_CLASS, RestoreState, archive_state
from bagfill.storage.store import ArchiveState, ObjectInfo

Item = TypeVar("Item")

_CODE = re.compile(rb"<Code>([A-Za-z0-9_.-]{1,100})</Code>")
_ELSEWHERE = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"})
_LOOKS_AT_ONCE = 8


class BucketElsewhere(Exception):
    """The bucket is in another region than the one that was asked: boto3 knows how to find it."""


class S3Lists:
    """Lists one bucket, for one identity.

    Args:
        bucket: the bucket's name.
        place: endpoint and identity.
        location: the configured location's name.
        http: connections to the endpoint.
    """

    def __init__(self, bucket: str, place: S3Place, *, location: str, http: LeanHttp) -> None:
        self._bucket = bucket
        self._place = place
        self._location = location
        self._http = http

    def list(self, prefix: str, stat: Callable[[str], ObjectInfo | None]) -> Iterator[ObjectInfo]:
        """Every object whose key starts with ``prefix``.

        Args:
            prefix: checked by the store.
            stat: asks for an object of INTELLIGENT_TIERING, whose tier no listing tells; several at a time.

        Raises:
            StoreError: the listing, or a look at an object, failed.
            BucketElsewhere: with the first item only.
        """
        with ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="look") as pool:
            for page in self._each(prefix, "list", lambda document: [_objects(document)]):
                looked = pool.map(stat, [info.key for info in page if info.storage_class == TIERING_CLASS])
                for info in page:
                    seen = next(looked) if info.storage_class == TIERING_CLASS else info
                    if seen is not None:
                        yield seen

    def list_folders(self, prefix: str) -> Iterator[str]:
        """The distinct next path segments below ``prefix``, ascending. Raises as :meth:`list`."""
        found = self._each(prefix, "list folders", partial(_folders, prefix), delimiter="/")
        return iter(in_key_order(list(dict.fromkeys(found))))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _each(
        self, prefix: str, operation: str, items: Callable[[Element], Sequence[Item]], **parameters: str
    ) -> Iterator[Item]:
        asked = {"list-type": "2", "encoding-type": "url", "max-keys": str(PAGE), "prefix": prefix, **parameters}

        def fetch(token: str | None) -> Page[Item]:
            given = asked if token is None else {**asked, "continuation-token": token}
            answer = self._send(given, prefix, operation)
            if answer.status != 200:
                raise self._refusal(answer, prefix, operation, first=token is None)
            try:
                document = parse_page(answer, "ListBucketResult")
                return Page(items(document), _following(document))
            except PageUnsound as unsound:
                raise self._error(StoreFailure.UNAVAILABLE, prefix, operation, unsound.detail) from None

        def stuck() -> StoreError:
            return self._error(StoreFailure.UNAVAILABLE, prefix, operation, "a page leads back")

        return each_item(fetch, stuck)

    def _send(self, parameters: dict[str, str], prefix: str, operation: str) -> Answer:
        place = self._place
        url = f"{place.endpoint}/{self._bucket}?{query_of(parameters)}"
        wanted = {"x-amz-optional-object-attributes": "RestoreStatus"}
        headers = signed_headers("GET", url, wanted, keys=place.keys(), region=place.region, now=datetime.now(UTC))
        try:
            return self._http.send("GET", url, headers, longest=LONGEST_PAGE)
        except NoAnswer as nothing:
            failure = StoreFailure.UNAVAILABLE if nothing.trusted else StoreFailure.MISCONFIGURED
            raise self._error(failure, prefix, operation, nothing.detail) from None

    def _refusal(self, answer: Answer, prefix: str, operation: str, *, first: bool) -> Exception:
        found = _CODE.search(answer.body[:4096])
        code = found[1].decode() if found else ""
        if first and (code in _ELSEWHERE or answer.status in {301, 307}):
            return BucketElsewhere(self._bucket)
        failure = failure_of_answer(code, answer.status)
        # A listing that is not there is a bucket that is not there, or a wrong endpoint.
        failure = StoreFailure.MISCONFIGURED if failure is StoreFailure.MISSING else failure
        return StoreError(
            failure,
            location=self._location,
            key=prefix,
            operation=operation,
            detail=f"{code or 'no error code'}, HTTP {answer.status}",
            retry_after=retry_after(answer.headers.get("Retry-After")),
        )

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail=detail)


def _following(document: Element) -> str | None:
    truncated = document.findtext("{*}IsTruncated")
    if truncated not in {"true", "false"}:
        raise PageUnsound("the answer does not say whether more follows")
    if truncated == "false":
        return None
    token = document.findtext("{*}NextContinuationToken")
    if not token:
        raise PageUnsound("a truncated page without a next one")
    return token


def _objects(document: Element) -> list[ObjectInfo]:
    encoded, now = _is_encoded(document), datetime.now(UTC)
    space = document.tag[: document.tag.index("}") + 1] if document.tag.startswith("{") else ""
    return [_info(item, space, now, encoded=encoded) for item in document.iterfind(f"{space}Contents")]


def _info(item: Element, space: str, now: datetime, *, encoded: bool) -> ObjectInfo:
    key, size = item.findtext(f"{space}Key"), item.findtext(f"{space}Size")
    if not key or size is None or not size.isdecimal():
        raise PageUnsound("an object without key or size")
    storage_class = item.findtext(f"{space}StorageClass") or "STANDARD"
    restore = _restore(item.find(f"{space}RestoreStatus"), space)
    state = archive_state(storage_class, restore, now=now)
    modified = item.findtext(f"{space}LastModified")
    return ObjectInfo(
        key=unquote_plus(key, errors="strict") if encoded else key,
        size=int(size),
        etag=(item.findtext(f"{space}ETag") or "").strip('"'),
        storage_class=storage_class,
        archive=state,
        readable_until=restore.expires_at if restore and state is ArchiveState.THAWED else None,
        last_modified=_moment(modified) if modified else None,
    )


def _restore(status: Element | None, space: str) -> RestoreState | None:
    """``None`` unless a restore is under way or there is a copy with an end."""
    if status is None:
        return None
    expiry = status.findtext(f"{space}RestoreExpiryDate")
    restore = RestoreState(
        status.findtext(f"{space}IsRestoreInProgress") == "true", _moment(expiry) if expiry else None
    )
    return restore if restore.ongoing or restore.expires_at is not None else None


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise PageUnsound("a date that is none") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _folders(prefix: str, document: Element) -> list[str]:
    encoded = _is_encoded(document)
    found = (common.findtext("{*}Prefix") or "" for common in document.iterfind("{*}CommonPrefixes"))
    names = (unquote_plus(name, errors="strict") if encoded else name for name in found)
    return [name[len(prefix) :].removesuffix("/") for name in names]


def _is_encoded(document: Element) -> bool:
    """S3 encodes keys as forms do, if asked, and says so; a server that knows nothing of it says nothing."""
    return document.findtext("{*}EncodingType") == "url"
