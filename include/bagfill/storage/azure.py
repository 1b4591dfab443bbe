"""Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from bagfill.storage.azure_blocks import AzureStagedWrite, new_token
from bagfill.storage.azure_heads import stat
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.azure_lists import list_blobs, list_folders
from bagfill.storage.azure_objects import AzureDialect
from bagfill.storage.azure_obstore import open_obstore
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import require_folder, require_name, require_range
from bagfill.storage.names import AZURE_NAMES, NameRules
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.obstore_reads import UNCLEAR, create_once, open_range
from bagfill.storage.plain_objects import AskAgain, open_plain
from bagfill.storage.resuming import OpenRange, resumed
from bagfill.storage.store import AlreadyExists, Capability, Created, ObjectInfo, StagedWrite, ThawAnswer, ThawTier

if TYPE_CHECKING:
    from bagfill.storage.azure_sdk import AzureSdk

_CAPABILITIES = frozenset(
    {Capability.THAW, Capability.ARCHIVE_STATE_IN_LISTING, Capability.SIGNED_URLS, Capability.COPY_FROM_URL}
)


class AzureStore:
    """A container. Blobs, listings, blocks and the state of one blob go by plain requests, blobs behind a proxy through
    obstore, everything else through the SDK.

    Args:
        container: the container's name.
        access: account and identity.
        location: the configured location's name.
        limits: bounds of single requests.
        thaw_to: tier that a thawed blob gets: Azure has no temporary copies.

    Raises:
        StoreError: MISCONFIGURED, no usable credentials.
    """

    def __init__(
        self,
        container: str,
        access: AzureAccess,
        *,
        location: str,
        limits: RequestLimits | None = None,
        thaw_to: str = "Hot",
    ) -> None:
        self._container = container
        self._location = location
        self._thaw_to = thaw_to
        self._access = access
        self._limits = limits or RequestLimits()
        self._lean = AzureLean(container, access, location=location, limits=self._limits)
        self._objects = open_plain(
            access.account_url, access.ca_bundle, AzureDialect(self._lean), location=location, limits=self._limits
        )
        # Only where there are no plain requests: to open it takes as long as to move a hundred small blobs.
        self._obstore = (
            open_obstore(access, container, location=location, limits=self._limits) if self._objects is None else None
        )
        self._loading = Lock()
        self._loaded: AzureSdk | None = None

    def __repr__(self) -> str:
        return f"AzureStore({self._container!r}, location={self._location!r})"

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Tiers and rehydration are in every listing; the service fetches from URLs, its own and others'."""
        return _CAPABILITIES

    @property
    def name_rules(self) -> NameRules:
        """Azure's."""
        return AZURE_NAMES

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`. ``None`` only for Azure's own BlobNotFound."""
        self._require_name(key, "stat")
        return stat(self._lean, key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`."""
        require_folder(AZURE_NAMES, prefix, location=self._location, operation="list")
        return list_blobs(self._lean, prefix)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        require_folder(AZURE_NAMES, prefix, location=self._location, operation="list folders")
        return list_folders(self._lean, prefix)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        self._require_name(key, "read")
        require_range(start, length)
        return resumed(self._open, self, key, start=start, length=length, etag=etag)

    def _open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        try:
            if self._objects is not None:
                return self._objects.open(key, start, length, etag)
            if self._obstore is not None:
                return open_range(self._obstore, key, start, length, etag, partial(self._read_error, key))
        except (AskAgain, *UNCLEAR):
            pass
        return self._sdk.open(key, start, length, etag)

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`."""
        self._require_name(key, "read")
        return self._objects is not None and self._objects.read_into(key, into, etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        self._require_name(key, "create")
        try:
            if self._objects is not None:
                made = self._objects.create(key, data)
            elif self._obstore is not None:
                made = create_once(self._obstore, key, data)
            else:
                return self._sdk.create(key, data)
        except (AskAgain, *UNCLEAR):
            return self._sdk.create(key, data)
        if made is not None:
            return made
        # Refused as existing, or for any other conflict, so look: only a blob that is there exists.
        if self.stat(key) is not None:
            return AlreadyExists()
        raise self._error(StoreFailure.CONFLICT, key, "create", "refused as existing, yet not there")

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """See :meth:`ObjectStore.stage`. Nothing is sent: blocks belong to the name of the blob."""
        self._require_name(key, "stage")
        return AzureStagedWrite(self._lean, key, self, new_token() if token is None else token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:  # noqa: ARG002 - no days at Azure
        """See :meth:`ObjectStore.request_thaw`. The blob moves to another tier for good; Bulk is asked as Standard."""
        self._require_name(key, "request thaw")
        return self._sdk.request_thaw(key, tier=tier)

    def close(self) -> None:
        """Close the connections; obstore's go with the object."""
        if self._objects is not None:
            self._objects.close()
        self._lean.close()
        if self._loaded is not None:
            self._loaded.close()

    @property
    def _sdk(self) -> AzureSdk:
        with self._loading:
            if self._loaded is None:
                from bagfill.storage.azure_client import open_sdk
                from bagfill.storage.azure_sdk import AzureSdk

                client = open_sdk(self._access, self._container, location=self._location, limits=self._limits)
                self._loaded = AzureSdk(client, self, self._thaw_to)
            return self._loaded

    def _require_name(self, key: str, operation: str) -> None:
        require_name(AZURE_NAMES, key, location=self._location, operation=operation)

    def _read_error(self, key: str, failure: StoreFailure, detail: str) -> StoreError:
        return self._error(failure, key, "read", detail)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail=detail)
