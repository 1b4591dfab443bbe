"""Blobs of one container by plain requests. Sources: Azure Storage REST API, Get Blob, Put Blob."""

from __future__ import annotations

from collections.abc import Mapping

from bagfill.storage.azure_failures import failure_of
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.errors import StoreFailure
from bagfill.storage.store import Created


class AzureDialect:
    """See :class:`bagfill.storage.plain_objects.Dialect`.

    Args:
        container: signs.
    """

    def __init__(self, container: AzureLean) -> None:
        self._container = container

    def request(
        self, method: str, key: str, headers: Mapping[str, str], body: bytes | memoryview
    ) -> tuple[str, dict[str, str]]:
        """A PUT makes a block blob in one request."""
        if method != "PUT":
            return self._container.prepared(method, key, headers, None, operation="read")
        given = {**headers, "x-ms-blob-type": "BlockBlob"}
        return self._container.prepared(method, key, given, len(body), operation="create")

    def created(self, headers: Mapping[str, str]) -> Created:
        """An account without versions says nothing of one."""
        return Created(headers.get("etag", "").strip('"'), headers.get("x-ms-version-id"))

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> tuple[StoreFailure, str]:  # noqa: ARG002 - the code is a header
        """Azure repeats the code in a header."""
        code = headers.get("x-ms-error-code", "")
        return failure_of(code, status), code
