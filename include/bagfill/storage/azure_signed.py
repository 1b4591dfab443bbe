"""Azure as the source of a copy by URL: to a container of the same account, or of another.

Sources: Azure Storage REST API, Get Blob Properties, "Create a service SAS", "Create a user delegation SAS".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import quote

from bagfill.storage.azure_client import sdk_credential
from bagfill.storage.azure_errors import translated
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.azure_state import archive_state
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreFailure
from bagfill.storage.lean_http import Answer
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.server_copy import NotFetched, PinnedSource, Refusal
from bagfill.storage.signed_source import URL_LIFE, unsignable
from bagfill.storage.store import ArchiveState

_REFUSALS = {403: Refusal.DENIED, 404: Refusal.MISSING}
_DELEGATION = timedelta(hours=1)
_SKEW = timedelta(minutes=5)
"""A signature that begins now is refused by a server whose clock is late."""


class AzureSignedSource:
    """See :class:`bagfill.storage.signed_source.SignedSource`.

    A location that is opened with a shared access signature hands on that one: nothing shorter can be made of it.

    Args:
        container: the container's name.
        access: account and identity that reads.
        location: the configured location's name.
        limits: times and number of connections.
    """

    takes_conditions = True
    """Azure asks Azure for one ETag only."""

    def __init__(self, container: str, access: AzureAccess, *, location: str, limits: RequestLimits) -> None:
        self._container = container
        self._access = access
        self._lean = AzureLean(container, access, location=location, limits=limits)
        self._base = f"{access.account_url.rstrip('/')}/{container}"
        self._delegation: tuple[datetime, Any] | None = None
        self._asking = Lock()

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._lean.location

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """One HEAD. A blob's Content-MD5 is not compared: whoever committed it may have written anything there."""
        if (unfit := unsignable(key)) is not None:
            return unfit
        answer = self._lean.send("HEAD", key, operation="stat")
        if answer.status == 200:
            return _pinned(key, answer, etag)
        if answer.status >= 500 or answer.status == 429:
            failure = StoreFailure.THROTTLED if answer.status in {429, 503} else StoreFailure.UNAVAILABLE
            raise self._lean.error(failure, key, "stat", f"HTTP {answer.status}")
        return NotFetched(_REFUSALS.get(answer.status, Refusal.UNSUPPORTED), f"HTTP {answer.status}")

    def url(self, source: PinnedSource) -> str:
        """Signed now: by the account's key, or by a key that Entra ID gives to the identity for an hour."""
        signature = self._access.sas_token or self._signature(source.key)
        return f"{self._base}/{quote(source.key, safe='/~')}?{signature}"

    def why_not(self, source: PinnedSource, url: str) -> Refusal:  # noqa: ARG002 - a HEAD tells all that can be told
        """A HEAD tells archived, missing and changed; what is left lies between the two accounts."""
        again = self.pin(source.key, source.etag)
        return again.refusal if isinstance(again, NotFetched) else Refusal.UNREACHABLE

    def close(self) -> None:
        """Close the connections."""
        self._lean.close()

    def _signature(self, key: str) -> str:
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        by: dict[str, Any] = {"account_key": self._access.account_key}
        if not self._access.account_key:
            by = {"user_delegation_key": self._delegation_key(key)}
        return generate_blob_sas(
            self._access.account_name,
            self._container,
            key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + URL_LIFE,
            **by,
        )

    def _delegation_key(self, key: str) -> Any:
        from azure.storage.blob import BlobServiceClient

        with self._asking, translated(location=self.location, key=key, operation="sign URL"):
            now = datetime.now(UTC)
            if self._delegation is None or self._delegation[0] < now + URL_LIFE:
                ends = now + _DELEGATION
                certificates: dict[str, Any] = {}
                if self._access.ca_bundle:
                    certificates["connection_verify"] = self._access.ca_bundle
                with BlobServiceClient(
                    self._access.account_url, sdk_credential(self._access), **certificates
                ) as client:
                    self._delegation = (ends, client.get_user_delegation_key(now - _SKEW, ends))
            return self._delegation[1]


def _pinned(key: str, answer: Answer, etag: str) -> PinnedSource | NotFetched:
    headers = answer.headers
    tier = headers.get("x-ms-access-tier", "")
    if archive_state(tier, headers.get("x-ms-archive-status", "")) is not ArchiveState.READABLE:
        return NotFetched(Refusal.ARCHIVED, f"access tier {tier}")
    found = headers.get("ETag", "").strip('"')
    if found != etag:
        return NotFetched(Refusal.CHANGED, "another ETag")
    return PinnedSource(key, int(headers.get("Content-Length", "0")), found)
