"""OAuth2 client credentials, as the service's Cognito gives them out: bearer tokens that expire."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from threading import Lock
from typing import Any
from urllib.parse import parse_qs


class Tokens:
    """Gives tokens to one client.

    Args:
        client_id, client_secret: of that client.
        seconds: how long a token lives; the real ones live an hour.
    """

    def __init__(self, client_id: str, client_secret: str, seconds: float) -> None:
        self._client = (client_id, client_secret)
        self._seconds = seconds
        self._lock = Lock()
        self._ends: dict[str, float] = {}

    def grant(self, authorization: str, body: bytes) -> dict[str, Any] | None:
        """The answer of the token endpoint, or ``None`` to whoever is not the client."""
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        given = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        is_client = all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, self._client, strict=True))
        if not is_client or form.get("grant_type") != "client_credentials":
            return None
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._ends[token] = time.monotonic() + self._seconds
        return {"access_token": token, "expires_in": int(self._seconds), "token_type": "Bearer"}

    def refusal(self, authorization: str) -> str | None:
        """Why a request is not let in, in the words of the API gateway; ``None`` if it is."""
        kind, _, token = authorization.partition(" ")
        with self._lock:
            ends = self._ends.get(token)
        if kind != "Bearer" or ends is None:
            return "Unauthorized"
        return "The incoming token has expired" if ends <= time.monotonic() else None

    def expire(self) -> None:
        """End every token now."""
        with self._lock:
            self._ends = dict.fromkeys(self._ends, 0.0)


def _basic(authorization: str) -> tuple[str, str] | None:
    kind, _, encoded = authorization.partition(" ")
    if kind != "Basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret
