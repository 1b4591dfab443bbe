"""Authorised requests to one container without the SDK, for calls that are sent by the thousand.

Source: Azure Storage REST API, "Authorize with Shared Key", "Authorize with Microsoft Entra ID", "Service SAS".
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bagfill.storage.azure_failures import failure_of
from bagfill.storage.azure_obstore import token_credential, usable
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreError, StoreFailure, retry_after
from bagfill.storage.lean_http import Answer, LeanHttp, NoAnswer
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.url_path import url_path

_VERSION = "2024-08-04"
_SCOPE = "https://storage.azure.com/.default"
LONGEST_ANSWER = 64 * 1024
"""Bytes of an answer's body that are kept, unless a call says otherwise."""


class AzureLean:
    """A container, for one identity.

    Args:
        container: the container's name.
        access: account and identity.
        location: the configured location's name.
        limits: times and number of connections.

    Raises:
        StoreError: MISCONFIGURED, no usable credentials.
    """

    def __init__(self, container: str, access: AzureAccess, *, location: str, limits: RequestLimits) -> None:
        self.location = location
        self._access = access
        self._base = f"{access.account_url.rstrip('/')}/{container}"
        # Of every request the same; taken apart once, since they are sent by the thousand.
        self._base_path = urlsplit(self._base).path
        self._account = access.account_name
        self._http = LeanHttp(access.account_url, access.ca_bundle, limits)
        with usable(location):
            self._key = base64.b64decode(access.account_key, validate=True) if access.account_key else None
            self._token: Any = None if access.account_key or access.sas_token else token_credential(access)

    def send(
        self,
        method: str,
        key: str,
        *,
        operation: str,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | memoryview = b"",
        longest: int = LONGEST_ANSWER,
    ) -> Answer:
        """One request. Raises StoreError (UNAVAILABLE, MISCONFIGURED): no answer, or no token.

        Args:
            method, key: what to do with which blob; empty: with the container.
            operation: for errors.
            parameters, headers: of the call; signed.
            body: sent as it is, without a copy.
            longest: bytes of the answer's body that are kept.
        """
        length = len(body) if method == "PUT" else None
        url, given = self.prepared(method, key, headers or {}, length, operation=operation, parameters=parameters)
        try:
            return self._http.send(method, url, given, body=body, longest=longest)
        except NoAnswer as nothing:
            failure = StoreFailure.UNAVAILABLE if nothing.trusted else StoreFailure.MISCONFIGURED
            raise self.error(failure, key, operation, nothing.detail) from None

    def prepared(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        length: int | None,
        *,
        operation: str,
        parameters: Mapping[str, str] | None = None,
    ) -> tuple[str, dict[str, str]]:
        """URL and headers of a request, with what proves who sends it. Arguments as for :meth:`send`.

        Args:
            length: of the body, in bytes; ``None``: the method has none.
        """
        given = {**headers, "x-ms-version": _VERSION, "x-ms-date": _date(int(time.time()))}
        if length is not None:
            given["Content-Length"] = str(length)
        query = urlencode(parameters, quote_via=quote) if parameters else ""
        path = f"/{url_path(key)}" if key else ""
        url = f"{self._base}{path}?{query}" if query else self._base + path
        if self._key is not None:
            given["Authorization"] = self._shared_key(method, self._base_path + path, parameters or {}, given)
        elif self._access.sas_token:
            url += ("&" if query else "?") + self._access.sas_token
        else:
            given["Authorization"] = f"Bearer {self._bearer(key, operation)}"
        return url, given

    def refusal(self, answer: Answer, key: str, operation: str) -> StoreError:
        """The StoreError for an answer that is none of those wanted."""
        code = answer.headers.get("x-ms-error-code", "")
        detail = f"{code or 'no error code'}, HTTP {answer.status}"
        return StoreError(
            failure_of(code, answer.status),
            location=self.location,
            key=key,
            operation=operation,
            detail=detail,
            retry_after=retry_after(answer.headers.get("Retry-After")),
        )

    def error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        """A StoreError of this location."""
        return StoreError(failure, location=self.location, key=key, operation=operation, detail=detail)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _bearer(self, key: str, operation: str) -> str:
        from azure.core.exceptions import AzureError

        try:
            return str(self._token.get_token(_SCOPE).token)
        except AzureError as error:
            detail = f"no token ({type(error).__name__})"
            raise self.error(StoreFailure.MISCONFIGURED, key, operation, detail) from None

    def _shared_key(self, method: str, path: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """The value of ``Authorization``.

        To be signed: the method, eleven standard headers of which ours have four, the ``x-ms-`` headers by name, and
        the resource: account, path of the URL, parameters by name. A length of 0 is signed as nothing.
        """
        get = headers.get
        length = get("Content-Length", "")
        standard = f"{'' if length == '0' else length}\n\n\n\n\n{get('If-Match', '')}\n{get('If-None-Match', '')}\n\n"
        ours = sorted([header for header in headers.items() if header[0].startswith("x-ms-")])
        named = "".join([f"{name}:{value}\n" for name, value in ours])
        resource = f"/{self._account}{path}"
        if parameters:
            resource += "".join(f"\n{name}:{value}" for name, value in sorted(parameters.items()))
        text = f"{method}\n\n\n{standard}{get('Range', '')}\n{named}{resource}"
        signature = hmac.digest(self._key or b"", text.encode(), "sha256")
        return f"SharedKey {self._account}:{base64.b64encode(signature).decode()}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    """As HTTP writes it."""
    return formatdate(second, usegmt=True)
