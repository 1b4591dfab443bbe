"""Tell somebody that an ingest has ended: a POST of its document (storage service: notifier).

Few ingests have somebody to tell: the client and what tries again are loaded with the first callback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ATTEMPTS = 4


class CallbackRefused(Exception):
    """Nobody took the notification. Not retryable any more: the attempts are used up, or the answer was a refusal."""

    retryable = False


class _NotNow(Exception):
    """This attempt failed in a way that another may not."""

    retryable = True


def post_ingest(url: str, document: Mapping[str, Any], timeout_seconds: float) -> None:
    """POST a finished ingest; a few attempts, no redirects, no proxy of the environment.

    Args:
        url: http(s), of a host that the settings allow (checked when the request was made).
        document: the ingest as JSON.
        timeout_seconds: for one attempt.

    Raises:
        CallbackRefused: with the status, or the kind of failure; never with the URL's query.
    """
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

    attempts = Retrying(
        retry=retry_if_exception_type(_NotNow),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential_jitter(multiplier=0.5, max=10),
    )
    try:
        attempts(_post, url, document, timeout_seconds)
    except RetryError as error:
        raise CallbackRefused(str(error.last_attempt.exception())) from None


def _post(url: str, document: Mapping[str, Any], timeout_seconds: float) -> None:
    import httpx

    # The transport itself, not a client: a client writes the whole URL into the log, and a query may be a signature.
    limit = httpx.Timeout(timeout_seconds).as_dict()
    try:
        request = httpx.Request("POST", url, json=dict(document), extensions={"timeout": limit})
        with httpx.HTTPTransport(trust_env=False) as transport:
            response = transport.handle_request(request)
            response.close()
    except httpx.InvalidURL:
        raise CallbackRefused("the callback's URL cannot be used") from None
    except httpx.TransportError as error:
        raise _NotNow(f"no answer ({type(error).__name__})") from None
    status = response.status_code
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        raise _NotNow(f"answered {status}")
    if not httpx.codes.is_success(status):
        raise CallbackRefused(f"answered {status}")
