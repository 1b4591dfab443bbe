"""Requests to the service's public API: tried again where that can help, redirects never followed by themselves."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from bagfill.registry.storage_service.api_errors import BagsApiError

if TYPE_CHECKING:
    import httpx

_ATTEMPTS = 5
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_LATER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
_ANSWER_BYTES = 64 * 1024
"""Of an answer that is not a manifest."""


def is_for_later(status: int) -> bool:
    """Whether the same request may be answered later."""
    return status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR


class ApiHttp:
    """Connections to the API and to the addresses that it hands out. Safe to share between threads.

    Args:
        timeout_seconds: to connect, and without a byte before a connection counts as broken.
        sleep: waits some seconds before a request is made again.
    """

    def __init__(self, timeout_seconds: float = 60.0, *, sleep: Callable[[float], None] = time.sleep) -> None:
        # Loaded where there is an API to be asked: most tasks have none.
        import httpx

        self._client = httpx.Client(timeout=timeout_seconds, follow_redirects=False)
        self._broken = httpx.RequestError
        self._unusable = httpx.InvalidURL
        self._sleep = sleep

    def form(self, url: str, fields: Mapping[str, str], auth: tuple[str, str], *, about: str) -> tuple[int, bytes]:
        """POST a form; the status and the beginning of the body. Raises BagsApiError."""
        with self._answered("POST", url, about, {}, data=dict(fields), auth=auth) as answer:
            return answer.status_code, beginning(answer)

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str], *, about: str) -> Iterator[httpx.Response]:
        """GET; the body is not read yet, and a connection that breaks while it is read is a BagsApiError too.

        Args:
            url: where.
            headers: a bearer token, or none.
            about: what is asked for, for errors.

        Raises:
            BagsApiError: no answer after several tries; retryable, unless the server's certificate is not trusted.
        """
        with self._answered("GET", url, about, headers) as answer:
            yield answer

    @contextmanager
    def _answered(
        self, method: str, url: str, about: str, headers: Mapping[str, str], **parts: Any
    ) -> Iterator[httpx.Response]:
        answer = self._open(method, url, about, headers, **parts)
        try:
            yield answer
        except self._broken as error:
            raise BagsApiError(about, f"the answer broke off ({type(error).__name__})", retryable=True) from None
        finally:
            answer.close()

    def _open(self, method: str, url: str, about: str, headers: Mapping[str, str], **parts: Any) -> httpx.Response:
        auth = parts.pop("auth", None)
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(1, _ATTEMPTS + 1):
            is_last = attempt == _ATTEMPTS
            try:
                request = self._client.build_request(method, url, headers=dict(headers), **parts)
                answer = self._client.send(request, auth=auth, stream=True)
            except self._unusable:
                # Without its text: what the service hands out may be signed.
                raise BagsApiError(about, "an address that cannot be asked", retryable=False) from None
            except self._broken as error:
                if _is_mistrusted(error):
                    detail = "the server's certificate is not trusted"
                    raise BagsApiError(about, detail, retryable=False) from None
                if is_last:
                    raise BagsApiError(about, f"no answer ({type(error).__name__})", retryable=True) from None
            else:
                if is_last or not is_for_later(answer.status_code):
                    return answer
                answer.close()
                pause = max(pause, _asked_to_wait(answer))
            self._sleep(min(pause, _LONGEST_PAUSE_SECONDS))
            pause *= 2
        raise AssertionError("unreachable")  # pragma: no cover - the last attempt returns or raises

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def beginning(answer: httpx.Response) -> bytes:
    """The first 64 KiB of a body: enough of every answer that is not a manifest."""
    held = bytearray()
    for chunk in answer.iter_bytes():
        held += chunk
        if len(held) >= _ANSWER_BYTES:
            break
    return bytes(held[:_ANSWER_BYTES])


def _is_mistrusted(error: BaseException | None) -> bool:
    """Whether a certificate is at the root of it: no later try makes it good."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _asked_to_wait(answer: httpx.Response) -> float:
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdecimal() else 0.0
