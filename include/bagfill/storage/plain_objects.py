"""Reading and creating objects by plain requests, for whichever provider: one GET, one PUT.

Whole answers count, and refusals that say plainly to come back later. With everything else the vendor's SDK is asked
again (:class:`AskAgain`), which tells archived, denied, missing and changed apart.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from bagfill.storage.errors import StoreError, StoreFailure, retry_after
from bagfill.storage.http_connection import BodyBroke, Unframed
from bagfill.storage.http_head import Head
from bagfill.storage.lean_http import NoAnswer, proxy_for
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.resuming import OpenRange
from bagfill.storage.retries import WORTH_A_PAUSE, Retries, RetryPolicy
from bagfill.storage.socket_http import Answered, SocketHttp
from bagfill.storage.store import Created

_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_LONGEST_REFUSAL = 64 * 1024
_TAKEN = frozenset({409, 412})
_IF_NOTHING_IS_THERE = {"If-None-Match": "*"}


class AskAgain(Exception):
    """The answer says too little: whoever catches this asks the vendor's SDK."""


class Dialect(Protocol):
    """What a provider does in its own way."""

    def request(
        self, method: str, key: str, headers: Mapping[str, str], body: bytes | memoryview
    ) -> tuple[str, dict[str, str]]:
        """URL and headers of a request, signed. Raises StoreError: no keys, no token."""
        ...

    def created(self, headers: Mapping[str, str]) -> Created:
        """What the headers say of an object that was made."""
        ...

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> tuple[StoreFailure, str]:
        """The kind of failure of a refusal, and the provider's error code."""
        ...


class PlainObjects:
    """The objects of one bucket or container. Safe to use from several threads.

    Args:
        http: connections to the server.
        dialect: the provider's.
        location: the configured location's name.
        limits: how often a request without an answer is sent.
    """

    def __init__(self, http: SocketHttp, dialect: Dialect, *, location: str, limits: RequestLimits) -> None:
        self._http = http
        self._dialect = dialect
        self._location = location
        policy = RetryPolicy(limits.attempts, first_pause=0.1, longest_pause=5.0)
        # Whoever limits the requests to this location has to know at once when fewer are asked for.
        self._again = Retries(policy, time.sleep, WORTH_A_PAUSE - {StoreFailure.THROTTLED})

    def open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        """The body of ``[start, start + length)``, to the end if length is ``None``.

        Args:
            key: checked by the store.
            start, length: the length is at least 1.
            etag: unquoted; the object it has to be.

        Raises:
            StoreError: UNAVAILABLE, THROTTLED, MISCONFIGURED (the certificate).
            AskAgain: anything else than the body.
        """
        headers: dict[str, str] = {}
        if start or length is not None:
            headers["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        if etag is not None:
            headers["If-Match"] = f'"{etag}"'
        answered = self._ask(key, headers)
        span = _span(answered)
        found = answered.headers.get("etag", "").strip('"')
        if span is None or not found:
            raise AskAgain
        return OpenRange(*span, found, self._chunks(key, answered.body))

    def read_into(self, key: str, into: memoryview, etag: str) -> bool:
        """Fill ``into`` with an object of exactly its length and of this ETag, asking once; ``False``: anything else
        than those bytes came, and :meth:`open` learns more. Raises as :meth:`open` does, but never AskAgain.
        """
        try:
            head, other = self._whole("GET", key, {"If-Match": f'"{etag}"'}, b"", into, "read")
        except AskAgain:
            return False
        return other is None and head.headers.get("etag", "").strip('"') == etag

    def create(self, key: str, data: bytes | memoryview) -> Created | None:
        """Write a whole object if and only if nothing is there; ``None``: the provider says that something is, or that
        something keeps it from writing. Raises as :meth:`open`.
        """
        nothing = memoryview(bytearray())

        head = self._again(lambda: self._whole("PUT", key, _IF_NOTHING_IS_THERE, data, nothing, "create")[0])
        if head.status in _TAKEN:
            return None
        if head.status not in {200, 201}:
            raise AskAgain
        return self._dialect.created(head.headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, key: str, headers: Mapping[str, str]) -> Answered:
        return self._again(lambda: self._once(key, headers))

    def _once(self, key: str, headers: Mapping[str, str]) -> Answered:
        url, signed = self._dialect.request("GET", key, headers, b"")
        try:
            answered = self._http.send("GET", url, signed)
        except NoAnswer as nothing:
            raise self._unanswered(nothing, key, "read") from None
        except Unframed:
            raise AskAgain from None
        if _is_refusal(answered.status):
            raise self._refused(answered.status, answered.headers, _beginning(answered), key, "read")
        return answered

    def _whole(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        body: bytes | memoryview,
        into: memoryview,
        operation: str,
    ) -> tuple[Head, bytes | None]:
        url, signed = self._dialect.request(method, key, headers, body)
        try:
            head, other = self._http.whole(method, url, signed, body, into)
        except NoAnswer as nothing:
            raise self._unanswered(nothing, key, operation) from None
        except Unframed:
            raise AskAgain from None
        if _is_refusal(head.status):
            raise self._refused(head.status, head.headers, other or b"", key, operation)
        return head, other

    def _unanswered(self, nothing: NoAnswer, key: str, operation: str) -> StoreError:
        failure = StoreFailure.UNAVAILABLE if nothing.trusted else StoreFailure.MISCONFIGURED
        return self._error(failure, key, operation, nothing.detail)

    def _refused(self, status: int, headers: Mapping[str, str], body: bytes, key: str, operation: str) -> StoreError:
        failure, code = self._dialect.failure(status, headers, body)
        detail = f"{code or 'no error code'}, HTTP {status}"
        return self._error(failure, key, operation, detail, retry_after(headers.get("retry-after")))

    def _chunks(self, key: str, body: Iterator[memoryview]) -> Iterator[bytes | memoryview]:
        try:
            yield from body
        except BodyBroke as broken:
            detail = f"the body broke ({broken.detail})"
            raise self._error(StoreFailure.UNAVAILABLE, key, "read", detail) from None

    def _error(
        self, failure: StoreFailure, key: str, operation: str, detail: str, patience: float | None = None
    ) -> StoreError:
        return StoreError(
            failure, location=self._location, key=key, operation=operation, detail=detail, retry_after=patience
        )


def open_plain(
    base_url: str, ca_bundle: str | None, dialect: Dialect, *, location: str, limits: RequestLimits
) -> PlainObjects | None:
    """The objects behind a URL; ``None`` where the environment names a proxy, which sockets of ours do not speak to.

    Args:
        base_url: scheme and host of the server.
        ca_bundle: file with the certificates to trust, instead of the system's.
        dialect, location, limits: as for :class:`PlainObjects`.

    Raises:
        StoreError: MISCONFIGURED, the file cannot be used.
    """
    if proxy_for(base_url) is not None:
        return None
    try:
        http = SocketHttp(base_url, ca_bundle, limits)
    except (OSError, ValueError) as error:
        detail = f"no usable endpoint or certificates ({type(error).__name__})"
        raise StoreError(
            StoreFailure.MISCONFIGURED, location=location, key="", operation="open", detail=detail
        ) from None
    return PlainObjects(http, dialect, location=location, limits=limits)


def _span(answered: Answered) -> tuple[int, int, int] | None:
    """First byte, byte after the last, and size of the object; ``None`` where the answer does not say them plainly."""
    length = answered.length
    if answered.status == 200 and length is not None:
        return 0, length, length
    said = _RANGE.fullmatch(answered.headers.get("content-range", ""))
    if answered.status != 206 or length is None or said is None:
        return None
    first, last, size = map(int, said.groups())
    return (first, last + 1, size) if last + 1 - first == length else None


def _is_refusal(status: int) -> bool:
    """Whether an answer says plainly to come back later."""
    return status == 429 or (status >= 500 and status != 501)


def _beginning(answered: Answered) -> bytes:
    """Enough of a refusal to find its code in."""
    text = bytearray()
    try:
        for piece in answered.body:
            text += piece
            if len(text) >= _LONGEST_REFUSAL:
                break
    except BodyBroke:
        pass
    return bytes(text)
