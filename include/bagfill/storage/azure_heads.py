"""The state of one blob, asked for without the SDK. Source: Azure Storage REST API, Get Blob Properties."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.azure_state import archive_state
from bagfill.storage.store import ObjectInfo


def stat(container: AzureLean, key: str) -> ObjectInfo | None:
    """What a HEAD says; ``None`` only for Azure's own BlobNotFound. Raises StoreError."""
    answer = container.send("HEAD", key, operation="stat")
    headers = answer.headers
    if answer.status == 404 and headers.get("x-ms-error-code") == "BlobNotFound":
        return None
    if answer.status != 200:
        raise container.refusal(answer, key, "stat")
    tier, modified = headers.get("x-ms-access-tier", ""), headers.get("Last-Modified")
    return ObjectInfo(
        key=key,
        size=int(headers.get("Content-Length", "0")),
        etag=headers.get("ETag", "").strip('"'),
        storage_class=tier,
        archive=archive_state(tier, headers.get("x-ms-archive-status", ""), headers.get("x-ms-copy-status", "")),
        last_modified=None if modified is None else parsedate_to_datetime(modified),
        version_id=headers.get("x-ms-version-id"),
    )
