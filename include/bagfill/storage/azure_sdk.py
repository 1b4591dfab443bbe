"""Azure Blob Storage through its SDK: all but the plain reads and small writes that obstore does with less work.

Loaded when first needed: that costs half a second of processor time, and most tasks only read and create.
"""

from __future__ import annotations

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobClient, ContainerClient, RehydratePriority

from bagfill.storage.azure_errors import code_and_status, store_error
from bagfill.storage.azure_reads import AzureReads
from bagfill.storage.azure_state import is_high, object_info
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.resuming import OpenRange
from bagfill.storage.store import AlreadyExists, ArchiveState, Created, ObjectInfo, ObjectStore, ThawAnswer, ThawTier


class AzureSdk:
    """The SDK's part of an :class:`AzureStore`; names were checked by it.

    Args:
        client: of the container.
        store: the store this is a part of.
        thaw_to: tier that a thawed blob gets.
    """

    def __init__(self, client: ContainerClient, store: ObjectStore, thaw_to: str) -> None:
        self.client = client
        self._store = store
        self._thaw_to = thaw_to
        self._reads = AzureReads(client, store)

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`. ``None`` only for Azure's own BlobNotFound."""
        try:
            return object_info(key, self._blob(key).get_blob_properties())
        except AzureError as error:
            code, status = code_and_status(error)
            if status == 404 and code == "BlobNotFound":
                return None
            raise self._translate(error, key, "stat") from None

    def open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        """Open the body of a range of at least one byte; tells failures apart. Raises StoreError."""
        return self._reads.open(key, start, length, etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        try:
            answer = self._blob(key).upload_blob(bytes(data), length=len(data), overwrite=False, validate_content=True)
        except AzureError as error:
            _code, status = code_and_status(error)
            if status in {409, 412} and self.stat(key) is not None:
                return AlreadyExists()
            raise self._translate(error, key, "create") from None
        return Created(etag=str(answer["etag"]).strip('"'), version_id=answer.get("version_id"))

    def request_thaw(self, key: str, *, tier: ThawTier) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`. The blob moves to another tier for good; Bulk is asked as Standard."""
        try:
            blob = self._blob(key).get_blob_properties()
        except AzureError as error:
            raise self._translate(error, key, "request thaw") from None
        match object_info(key, blob).archive:
            case ArchiveState.READABLE | ArchiveState.THAWED:
                return ThawAnswer.NOT_ARCHIVED
            case ArchiveState.THAWING if tier is not ThawTier.EXPEDITED or is_high(blob):
                return ThawAnswer.ALREADY_IN_PROGRESS
            case ArchiveState.THAWING | ArchiveState.ARCHIVED:
                # A rehydrate of standard priority may be moved to high, and not back.
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
        """Close the SDK's connections."""
        self.client.close()

    def _blob(self, key: str) -> BlobClient:
        return self.client.get_blob_client(key)

    def _translate(self, error: AzureError, key: str, operation: str) -> StoreError:
        return store_error(error, location=self._store.location, key=key, operation=operation)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=key, operation=operation, detail=detail)
