"""Bearer tokens of the service's API by OAuth2 client credentials (RFC 6749, 4.4)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from threading import Lock

from bagfill.registry.storage_service.api_errors import BagsApiError
from bagfill.registry.storage_service.api_http import ApiHttp, is_for_later

_EARLY_SECONDS = 60.0
"""A token is replaced so long before its end, or in its last tenth if it lives shorter."""
_LIVES_SECONDS = 3600.0
"""Where the answer does not say (RFC 6749, 5.1: it should)."""


class Tokens:
    """Asks for a token, and for the next one before it ends. Safe to share between threads.

    Args:
        http: sends the request.
        url: of the token endpoint.
        client_id: who we are there.
        secret: gives the client's secret when it is needed.
        scope: what is asked for; ``None``: what the client may have.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        http: ApiHttp,
        url: str,
        client_id: str,
        secret: Callable[[], str],
        *,
        scope: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._url = url
        self._client_id = client_id
        self._secret = secret
        self._fields = {"grant_type": "client_credentials"} | ({} if scope is None else {"scope": scope})
        self._clock = clock
        self._lock = Lock()
        self._token: str | None = None
        self._renew_at = 0.0

    def token(self) -> str:
        """A token that is good for the next minute. Raises BagsApiError, and what the secret's giver raises."""
        with self._lock:
            if self._token is None or self._clock() >= self._renew_at:
                self._token = self._ask()
            return self._token

    def refused(self, token: str) -> None:
        """The API did not take it (401): ask for another, unless somebody did already."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _ask(self) -> str:
        about = "the token"
        asked = self._clock()
        status, body = self._http.form(self._url, self._fields, (self._client_id, self._secret()), about=about)
        if status != HTTPStatus.OK:
            hint = "" if is_for_later(status) else "; check client_id, the secret's connection and token_url"
            raise BagsApiError(about, f"the token endpoint answered {status}{hint}", retryable=is_for_later(status))
        try:
            answer = json.loads(body)
            token, lives = answer["access_token"], float(answer.get("expires_in", _LIVES_SECONDS))
        except (ValueError, TypeError, KeyError, AttributeError):
            # Said without the body: a token may be in it.
            detail = "the token endpoint's answer holds no access_token; is token_url right?"
            raise BagsApiError(about, detail, retryable=False) from None
        self._renew_at = asked + lives - min(_EARLY_SECONDS, lives / 10)
        return str(token)
