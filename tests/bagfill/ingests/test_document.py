from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from bagfill.ingests.document import ingest_document, instant
from bagfill.ingests.model import Callback, CallbackStatus, IngestStatus
from bagfill.ingests.reasons import Reason
from contracts.sample_manifests import bag_version
from contracts.tracker_contract import an_event, an_ingest

SOURCE = {"provider": "amazon-s3", "bucket": "B", "path": "digitised/b1"}
DESTINATION = {"provider": "azure-blob-storage", "bucket": "container", "path": "digitised/b1"}
ID = UUID("6a940c0b-77ab-4b9b-b6d1-0d7a1a1d4a5c")


def test_a_whole_ingest_is_written_as_the_storage_service_shows_it() -> None:
    ingest = replace(
        an_ingest(bag_version("b1", 3), events=(an_event("Copied"), an_event("Failed", 1))),
        id=ID,
        status=IngestStatus.FAILED,
        callback=Callback("https://example.org/cb", CallbackStatus.PENDING),
        reason=Reason.SOURCE_CORRUPT,
        created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    document = ingest_document(ingest, source=SOURCE, destination=DESTINATION)
    # Compared as text: the order of the keys is part of it.
    assert json.dumps(document, indent=1) == json.dumps(
        {
            "id": "6a940c0b-77ab-4b9b-b6d1-0d7a1a1d4a5c",
            "type": "Ingest",
            "sourceLocation": {
                "provider": {"id": "amazon-s3", "type": "Provider"},
                "bucket": "B",
                "path": "digitised/b1",
                "type": "Location",
            },
            "callback": {
                "url": "https://example.org/cb",
                "status": {"id": "pending", "type": "Status"},
                "type": "Callback",
            },
            "ingestType": {"id": "replicate", "type": "IngestType"},
            "space": {"id": "digitised", "type": "Space"},
            "status": {"id": "failed", "type": "Status"},
            "bag": {"info": {"externalIdentifier": "b1", "version": "v3", "type": "BagInfo"}, "type": "Bag"},
            "events": [
                {"description": "Copied", "createdDate": "2026-01-02T03:04:05.678901Z", "type": "IngestEvent"},
                {"description": "Failed", "createdDate": "2026-01-02T03:04:06.678901Z", "type": "IngestEvent"},
            ],
            "createdDate": "2026-01-02T03:04:05Z",
            "lastModifiedDate": "2026-01-02T03:04:06.678901Z",
            "destination": {
                "provider": {"id": "azure-blob-storage", "type": "Provider"},
                "bucket": "container",
                "path": "digitised/b1",
                "type": "Location",
            },
            "reason": {"id": "source-corrupt", "type": "Reason"},
        },
        indent=1,
    )


def test_what_is_not_there_is_left_out() -> None:
    document = ingest_document(an_ingest(), source=SOURCE, destination=DESTINATION)
    assert document.keys().isdisjoint({"callback", "lastModifiedDate", "reason"})
    assert document["events"] == []


@pytest.mark.parametrize(
    ("microsecond", "written"),
    [(0, "12:00:00Z"), (120_000, "12:00:00.120Z"), (1, "12:00:00.000001Z"), (123_456, "12:00:00.123456Z")],
)
def test_moments_are_written_as_java_does(microsecond: int, written: str) -> None:
    east = timezone(timedelta(hours=2))
    assert instant(datetime(2020, 9, 1, 14, 0, 0, microsecond, tzinfo=east)) == f"2020-09-01T{written}"
