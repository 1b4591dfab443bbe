"""Whether an S3 object's bytes can be read now, out of HEAD answers and listings.

The storage class stays GLACIER while a restored copy exists, so the class alone says nothing.
Sources: HeadObject (``x-amz-restore``, ``x-amz-archive-status``), ListObjectsV2 (``RestoreStatus``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bagfill.storage.store import ArchiveState

ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
TIERING_CLASS = "INTELLIGENT_TIERING"
_PAIR = re.compile(r'([a-z-]+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class RestoreState:
    """What ``x-amz-restore`` says.

    Args:
        ongoing: a restore was asked for and is not finished.
        expires_at: when the restored copy goes away, timezone-aware, if it says so.
    """

    ongoing: bool
    expires_at: datetime | None = None


def parse_restore(header: str | None) -> RestoreState | None:
    """Parse ``ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"``; ``None`` without a header."""
    if not header:
        return None
    fields = dict(_PAIR.findall(header))
    expiry = fields.get("expiry-date")
    # Anything but an explicit "false" is not yet readable.
    return RestoreState(fields.get("ongoing-request") != "false", _date(expiry) if expiry else None)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def archive_state(
    storage_class: str, restore: RestoreState | None, *, archive_status: str = "", now: datetime
) -> ArchiveState:
    """The state of one object.

    Args:
        storage_class: as the provider says it; empty means STANDARD.
        restore: parsed restore status, ``None`` if none was given.
        archive_status: HEAD's ``ArchiveStatus`` of an Intelligent-Tiering object, if it is in an archive tier.
        now: a copy whose expiry has passed counts as archived, though S3 may still serve it for a while.
    """
    if storage_class not in ARCHIVE_CLASSES and not archive_status:
        return ArchiveState.READABLE
    if restore is None:
        return ArchiveState.ARCHIVED
    if restore.ongoing:
        return ArchiveState.THAWING
    if restore.expires_at is not None and restore.expires_at <= now:
        return ArchiveState.ARCHIVED
    return ArchiveState.THAWED
