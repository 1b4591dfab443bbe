"""Answers of the service's tracker that are told apart: taken, refused for good, and nobody knows."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from bagfill.ingests.storage_service.delivery import Delivered, NotNow, RefusedForGood
from bagfill.ingests.storage_service.outbox import Letter
from bagfill.ingests.storage_service.tracker_api import TrackerApi
from contracts.stub_provider import Scripted, scripted

INGEST = UUID("6a94b4ac-0000-4000-8000-000000000001")
BODY = {
    "id": str(INGEST),
    "space": "digitised",
    "externalIdentifier": "b1",
    "version": 1,
    "createdDate": "2026-05-01T12:00:00.120Z",
}
CREATION = Letter(1, INGEST, BODY, 0, creates=True)


def said(*answers: Scripted) -> Any:
    with scripted(*answers) as server:
        tracker = TrackerApi(server.url, "replicate", 2)
        outcome = tracker.send(CREATION)
        tracker.close()
    return outcome


@pytest.mark.parametrize(
    "created", ["2026-05-01T12:00:00.120Z", "2026-05-01T12:00:00.120000Z", "2026-05-01T12:00:00.12Z"]
)
def test_an_ingest_that_is_there_already_is_known_however_its_date_is_printed(created: str) -> None:
    known = json.dumps({**BODY, "createdDate": created, "status": {"type": "Processing"}})
    assert said(Scripted(status=409), Scripted(known)) == Delivered()


@pytest.mark.parametrize("other", [{"space": "other"}, {"createdDate": "2026-05-01T12:00:01Z"}, {"createdDate": 1}])
def test_another_ingest_under_the_same_id_is_refused_for_good(other: dict[str, Any]) -> None:
    assert isinstance(said(Scripted(status=409), Scripted(json.dumps({**BODY, **other}))), RefusedForGood)


def test_an_answer_that_cannot_be_decoded_is_no_answer() -> None:
    outcome = said(Scripted("no gzip", headers={"Content-Encoding": "gzip"}))
    assert isinstance(outcome, NotNow)
    assert outcome.nobody
