"""What Azure says of one blob, out of HEAD answers and listings, which carry the same properties.

Source: Azure Storage REST API, Get Blob Properties and List Blobs (``AccessTier``, ``ArchiveStatus``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bagfill.storage.store import ArchiveState, ObjectInfo

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties

_ARCHIVE = "Archive"


def archive_state(tier: str, archive_status: str, copy_status: str = "") -> ArchiveState:
    """The state of a blob: the tier stays Archive until a rehydrate is done, and only then changes.

    Args:
        tier, archive_status: as Azure says them.
        copy_status: of a blob that was made by Copy Blob; while it is ``pending`` the blob cannot be read.
    """
    if copy_status == "pending":
        return ArchiveState.THAWING
    if tier != _ARCHIVE:
        return ArchiveState.READABLE
    return ArchiveState.THAWING if archive_status else ArchiveState.ARCHIVED


def is_high(blob: BlobProperties) -> bool:
    """Whether a pending rehydrate has high priority."""
    priority = getattr(blob, "rehydrate_priority", None)
    return str(getattr(priority, "value", priority) or "").lower() == "high"


def object_info(key: str, blob: BlobProperties) -> ObjectInfo:
    """The blob's state in our words."""
    tier = str(getattr(blob.blob_tier, "value", blob.blob_tier) or "")
    return ObjectInfo(
        key=key,
        size=blob.size,
        etag=(blob.etag or "").strip('"'),
        storage_class=tier,
        archive=archive_state(tier, str(blob.archive_status or "")),
        last_modified=blob.last_modified,
        version_id=blob.version_id,
    )
