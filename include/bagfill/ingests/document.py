"""An ingest as JSON for other systems: as the storage service shows it, and what ``replicate`` needs more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bagfill.ingests.model import Callback, Ingest


def ingest_document(
    ingest: Ingest, *, source: Mapping[str, str] | None, destination: Mapping[str, str] | None
) -> dict[str, Any]:
    """Build the document that ``GET /ingests/{id}`` of the storage service answers with.

    Keys are in its order and those without a value are left out. ``destination`` and ``reason`` are ours and stand at
    the end; its clients skip keys they do not know.

    Args:
        ingest: the ingest.
        source: where the bytes are read: ``provider`` (its id), ``bucket`` (or container) and ``path``; ``None`` if
            that location is not configured (any more), and then left out.
        destination: where the replica goes, with the same keys.

    Returns:
        Plain values, ready for ``json.dumps``.
    """
    bag_version = ingest.bag_version
    last_modified = ingest.last_modified
    bag_info = {
        "externalIdentifier": str(bag_version.external_identifier),
        "version": str(bag_version.version),
        "type": "BagInfo",
    }
    document = {
        "id": str(ingest.id),
        "type": "Ingest",
        "sourceLocation": _location(source),
        "callback": None if ingest.callback is None else _callback(ingest.callback),
        "ingestType": {"id": "replicate", "type": "IngestType"},
        "space": {"id": str(bag_version.space), "type": "Space"},
        "status": _status(ingest.status.value),
        "bag": {"info": bag_info, "type": "Bag"},
        "events": [
            {"description": event.description, "createdDate": instant(event.created), "type": "IngestEvent"}
            for event in ingest.events
        ],
        "createdDate": instant(ingest.created),
        "lastModifiedDate": None if last_modified is None else instant(last_modified),
        "destination": _location(destination),
        "reason": None if ingest.reason is None else {"id": ingest.reason.code, "type": "Reason"},
    }
    return {key: value for key, value in document.items() if value is not None}


def instant(moment: datetime) -> str:
    """A moment as Java prints it: UTC, with as many of 0, 3 or 6 fraction digits as it has."""
    utc = moment.astimezone(UTC)
    timespec = "seconds" if utc.microsecond == 0 else "microseconds" if utc.microsecond % 1000 else "milliseconds"
    return utc.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def _location(location: Mapping[str, str] | None) -> dict[str, Any] | None:
    if location is None:
        return None
    return {
        "provider": {"id": location["provider"], "type": "Provider"},
        "bucket": location["bucket"],
        "path": location["path"],
        "type": "Location",
    }


def _callback(callback: Callback) -> dict[str, Any]:
    return {"url": callback.url, "status": _status(callback.status.value), "type": "Callback"}


def _status(status: str) -> dict[str, str]:
    return {"id": status, "type": "Status"}
