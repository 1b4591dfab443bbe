"""Tell somebody that an ingest has ended: a POST of its document (storage service: notifier).

With a secret, notifications are signed as https://www.standardwebhooks.com has it: ``webhook-id``,
``webhook-timestamp`` (seconds) and ``webhook-signature``, ``v1,`` and the base64 of HMAC-SHA-256 over
``id.timestamp.body``.

Few ingests have somebody to tell: the client and what tries again are loaded with the first callback.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from bagfill.ingests.callback_rules import CallbackForbidden, CallbackRules

_ATTEMPTS = 4
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what such secrets begin with, and none itself


class CallbackRefused(Exception):
    """Nobody took the notification. Not retryable any more: the attempts are used up, or the answer was a refusal."""

    retryable = False


class _NotNow(Exception):
    """This attempt failed in a way that another may not."""

    retryable = True


def post_ingest(url: str, document: Mapping[str, Any], rules: CallbackRules) -> None:
    """POST a finished ingest; a few attempts with growing pauses, no proxy of the environment.

    Args:
        url: http(s).
        document: the ingest as JSON.
        rules: whom it may reach; judged again now, for a name may have got another address since the request.

    Raises:
        CallbackRefused: with the status, or the kind of failure; never with the URL's query.
        CredentialsError: the secret to sign with cannot be had.
    """
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", **_signature(str(document.get("id", "")), body, rules)}
    attempts = Retrying(
        retry=retry_if_exception_type(_NotNow),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential_jitter(multiplier=0.5, max=10),
    )
    try:
        attempts(_post, url, body, headers, rules)
    except RetryError as error:
        raise CallbackRefused(str(error.last_attempt.exception())) from None


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``.

    Args:
        secret: ``whsec_`` and base64, or any text, whose UTF-8 is the key.
        message_id: value of ``webhook-id``.
        timestamp: value of ``webhook-timestamp``, in seconds.
        body: what is sent.

    Raises:
        ValueError: ``whsec_`` and something that is not base64.
    """
    if secret.startswith(_SECRET_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("what follows whsec_ in the callbacks' secret is not base64") from None
    else:
        key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def _signature(message_id: str, body: bytes, rules: CallbackRules) -> dict[str, str]:
    if rules.secret is None:
        return {}
    now = int(time.time())
    try:
        signature = sign(rules.secret(), message_id, now, body)
    except ValueError as error:
        raise CallbackRefused(str(error)) from None
    return {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": signature}


def _post(url: str, body: bytes, headers: Mapping[str, str], rules: CallbackRules) -> None:
    import httpx

    status = 0
    for _ in range(rules.redirects + 1):
        status, elsewhere = _send(url, body, headers, rules)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
            raise _NotNow(f"answered {status}")
        if httpx.codes.is_success(status):
            return
        # Others than these two would have the POST become a GET.
        if elsewhere is None or status not in {httpx.codes.TEMPORARY_REDIRECT, httpx.codes.PERMANENT_REDIRECT}:
            raise CallbackRefused(f"answered {status}")
        url = elsewhere
    raise CallbackRefused(f"answered {status}, and {rules.redirects} redirects may be followed")


def _send(url: str, body: bytes, headers: Mapping[str, str], rules: CallbackRules) -> tuple[int, str | None]:
    """Status, and the URL that a redirect names."""
    import httpx

    # The transport itself, not a client: a client writes the whole URL into the log, and a query may be a signature.
    limit = httpx.Timeout(rules.timeout_seconds).as_dict()
    try:
        asked = httpx.URL(url)
        address = rules.address_of(url)
        request = httpx.Request(
            "POST",
            asked.copy_with(host=address),
            content=body,
            headers={**headers, "Host": asked.netloc.decode("ascii")},
            # The certificate must be the name's, whatever the address.
            extensions={"timeout": limit, "sni_hostname": asked.host},
        )
        with httpx.HTTPTransport(trust_env=False) as transport:
            response = transport.handle_request(request)
            response.close()
    except CallbackForbidden as error:
        raise CallbackRefused(str(error)) from None
    except httpx.InvalidURL:
        raise CallbackRefused("the callback's URL cannot be used") from None
    except httpx.TransportError as error:
        raise _NotNow(f"no answer ({type(error).__name__})") from None
    except OSError:
        raise _NotNow("the host has no address") from None
    elsewhere = response.headers.get("Location")
    return response.status_code, None if elsewhere is None else str(asked.join(elsewhere))
