"""Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Iterator

import obstore
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobClient, BlobPrefix, RehydratePriority
from obstore.exceptions import AlreadyExistsError

from bagfill.storage.azure_blocks import AzureStagedWrite
from bagfill.storage.azure_client import open_clients
from bagfill.storage.azure_errors import code_and_status, store_error, translated
from bagfill.storage.azure_reads import AzureReads
from bagfill.storage.azure_state import object_info
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import in_key_order, require_folder, require_name, require_range
from bagfill.storage.names import AZURE_NAMES, NameRules
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.obstore_reads import UNCLEAR
from bagfill.storage.resuming import resumed
from bagfill.storage.store import AlreadyExists, ArchiveState, Capability, Created, ObjectInfo, ThawAnswer, ThawTier

_CAPABILITIES = frozenset({Capability.THAW, Capability.ARCHIVE_STATE_IN_LISTING})


class AzureStore:
    """A container. Reads and small writes go through obstore, everything else through the SDK.

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
        limits = limits or RequestLimits()
        self._client, self._obstore = open_clients(access, container, location=location, limits=limits)
        self._reads = AzureReads(self._client, self._obstore, self)

    def __repr__(self) -> str:
        return f"AzureStore({self._container!r}, location={self._location!r})"

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Both: tiers and rehydration are in every listing."""
        return _CAPABILITIES

    @property
    def name_rules(self) -> NameRules:
        """Azure's."""
        return AZURE_NAMES

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`. ``None`` only for Azure's own BlobNotFound."""
        self._require_name(key, "stat")
        try:
            return object_info(key, self._blob(key).get_blob_properties())
        except AzureError as error:
            code, status = code_and_status(error)
            if status == 404 and code == "BlobNotFound":
                return None
            raise self._translate(error, key, "stat") from None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`."""
        require_folder(AZURE_NAMES, prefix, location=self._location, operation="list")
        return self._list(prefix)

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        with translated(location=self._location, key=prefix, operation="list"):
            for blob in self._client.list_blobs(name_starts_with=prefix or None):
                yield object_info(blob.name, blob)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        require_folder(AZURE_NAMES, prefix, location=self._location, operation="list folders")
        with translated(location=self._location, key=prefix, operation="list folders"):
            folders = {
                str(item.name)[len(prefix) :].removesuffix("/")
                for item in self._client.walk_blobs(name_starts_with=prefix or None, delimiter="/")
                if isinstance(item, BlobPrefix)
            }
        return iter(in_key_order(list(folders)))

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        self._require_name(key, "read")
        require_range(start, length)
        return resumed(self._reads.open, self, key, start=start, length=length, etag=etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        self._require_name(key, "create")
        try:
            # Bytes only: a stream would become an unconditional block upload.
            answer = obstore.put(self._obstore, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # obstore says so for any 409 too, so look: only an object that is there exists.
            if self.stat(key) is not None:
                return AlreadyExists()
            raise self._error(StoreFailure.CONFLICT, key, "create", "refused as existing, yet not there") from None
        except UNCLEAR:
            return self._create_sdk(key, data)
        return Created(etag=(answer["e_tag"] or "").strip('"'), version_id=answer["version"])

    def _create_sdk(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        try:
            answer = self._blob(key).upload_blob(bytes(data), length=len(data), overwrite=False, validate_content=True)
        except AzureError as error:
            _code, status = code_and_status(error)
            if status in {409, 412} and self.stat(key) is not None:
                return AlreadyExists()
            raise self._translate(error, key, "create") from None
        return Created(etag=str(answer["etag"]).strip('"'), version_id=answer.get("version_id"))

    def stage(self, key: str, *, token: str | None = None) -> AzureStagedWrite:  # noqa: ARG002 - the key is enough
        """See :meth:`ObjectStore.stage`. Nothing is sent: blocks belong to the name of the blob."""
        self._require_name(key, "stage")
        return AzureStagedWrite(self._blob(key), key, self)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:  # noqa: ARG002 - no days at Azure
        """See :meth:`ObjectStore.request_thaw`. The blob moves to another tier for good; Bulk is asked as Standard."""
        info = self.stat(key)
        if info is None:
            raise self._error(StoreFailure.MISSING, key, "request thaw", "no such object")
        match info.archive:
            case ArchiveState.READABLE | ArchiveState.THAWED:
                return ThawAnswer.NOT_ARCHIVED
            case ArchiveState.THAWING:
                return ThawAnswer.ALREADY_IN_PROGRESS
            case ArchiveState.ARCHIVED:
                pass
        priority = RehydratePriority.HIGH if tier is ThawTier.EXPEDITED else RehydratePriority.STANDARD
        try:
            self._blob(key).set_standard_blob_tier(self._thaw_to, rehydrate_priority=priority)
        except AzureError as error:
            if code_and_status(error)[0] == "BlobBeingRehydrated":
                return ThawAnswer.ALREADY_IN_PROGRESS
            raise self._translate(error, key, "request thaw") from None
        return ThawAnswer.REQUESTED

    def close(self) -> None:
        """Close the SDK's connections; obstore's go with the object."""
        self._client.close()

    def _blob(self, key: str) -> BlobClient:
        return self._client.get_blob_client(key)

    def _require_name(self, key: str, operation: str) -> None:
        require_name(AZURE_NAMES, key, location=self._location, operation=operation)

    def _translate(self, error: AzureError, key: str, operation: str) -> StoreError:
        return store_error(error, location=self._location, key=key, operation=operation)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail=detail)
