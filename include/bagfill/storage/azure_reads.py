"""Reading from Azure with the SDK, which tells failures apart that obstore cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import ContainerClient

from bagfill.storage.azure_errors import translated
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.resuming import OpenRange, require_readable
from bagfill.storage.store import ObjectStore


class AzureReads:
    """Opens bodies of one container.

    Args:
        client: the SDK's.
        store: the same container's store, asked for an object's state.
    """

    def __init__(self, client: ContainerClient, store: ObjectStore) -> None:
        self._client = client
        self._store = store

    def open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        """Open the body of a range of at least one byte. Raises StoreError."""
        condition: dict[str, Any] = {}
        if etag is not None:
            condition = {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}
        # The state tells archived from denied and the true size; a range that runs over the end is cut silently.
        info = require_readable(self._store, key)
        end = info.size if length is None else min(start + length, info.size)
        if start >= end > 0 or (start and not info.size):
            raise self._error(key, StoreFailure.CHANGED, f"the object ends at byte {info.size}")
        with translated(location=self._store.location, key=key, operation="read"):
            body = self._client.get_blob_client(key).download_blob(
                start, end - start if end else None, max_concurrency=1, decompress=False, **condition
            )
        found = (body.properties.etag or "").strip('"')
        return OpenRange(start, end, info.size, found or info.etag, self._chunks(key, body))

    def _chunks(self, key: str, body: Any) -> Iterator[bytes | memoryview]:
        with translated(location=self._store.location, key=key, operation="read"):
            yield from body.chunks()

    def _error(self, key: str, failure: StoreFailure, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=key, operation="read", detail=detail)
