"""The stand-in's tracker does what the service's own tests say: all 16 moves, callbacks, versions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest

from bagfill.demo.storage_service.tracker import Tracker

REFUSED = {
    ("Processing", "Accepted"),
    ("Succeeded", "Accepted"),
    ("Succeeded", "Processing"),
    ("Succeeded", "Failed"),
    ("Failed", "Accepted"),
    ("Failed", "Processing"),
}
STATUSES = ("Accepted", "Processing", "Succeeded", "Failed")
EVENT = {"description": "Register started", "createdDate": "2021-07-16T09:00:00Z"}


def an_ingest(status: str = "Accepted", **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "ingestType": {"id": "update"},
        "sourceLocation": {"type": "S3SourceLocation", "location": {"bucket": "b", "key": "k"}},
        "space": "digitised",
        "externalIdentifier": "b1",
        "status": {"type": status},
        "createdDate": "2021-07-16T09:00:00Z",
        "events": [],
        **more,
    }


def opened(ingest: dict[str, Any]) -> tuple[Tracker, str]:
    tracker = Tracker()
    assert tracker.create(ingest)[0] == HTTPStatus.CREATED
    return tracker, ingest["id"]


@pytest.mark.parametrize("was", STATUSES)
@pytest.mark.parametrize("becomes", STATUSES)
def test_a_refused_status_loses_its_events_and_an_allowed_one_keeps_them(was: str, becomes: str) -> None:
    tracker, ingest_id = opened(an_ingest(was))
    update = {"type": "IngestStatusUpdate", "id": ingest_id, "status": {"type": becomes}, "events": [EVENT]}
    status, _ = tracker.update(ingest_id, update)
    after = tracker.get(ingest_id)
    assert after is not None
    if (was, becomes) in REFUSED:
        assert (status, after["status"], after["events"]) == (HTTPStatus.CONFLICT, {"type": was}, [])
    else:
        assert (status, after["status"], after["events"]) == (HTTPStatus.OK, {"type": becomes}, [EVENT])


@pytest.mark.parametrize(("was", "becomes"), [("Accepted", "Processing"), *((s, s) for s in STATUSES[1:])])
def test_an_event_begins_an_accepted_ingest_and_is_added_to_any(was: str, becomes: str) -> None:
    tracker, ingest_id = opened(an_ingest(was))
    _, after = tracker.update(ingest_id, {"type": "IngestEventUpdate", "id": ingest_id, "events": [EVENT]})
    assert (after["status"], after["events"]) == ({"type": becomes}, [EVENT])


def test_the_same_again_is_created_and_other_content_under_the_id_is_a_conflict() -> None:
    ingest = an_ingest()
    tracker, ingest_id = opened(ingest)
    assert tracker.create(ingest)[0] == HTTPStatus.CREATED
    tracker.update(ingest_id, {"type": "IngestEventUpdate", "id": ingest_id, "events": [EVENT]})
    assert tracker.create(ingest)[0] == HTTPStatus.CONFLICT


def test_a_version_is_set_once() -> None:
    tracker, ingest_id = opened(an_ingest())
    answers = [
        tracker.update(ingest_id, {"type": "IngestVersionUpdate", "id": ingest_id, "events": [], "version": version})[0]
        for version in (3, 3, 4)
    ]
    assert answers == [HTTPStatus.OK, HTTPStatus.OK, HTTPStatus.CONFLICT]


def test_a_pending_callback_of_a_finished_ingest_is_made_again_with_every_event() -> None:
    callback = {"uri": "https://example.org/cb", "status": {"type": "Pending"}}
    tracker, ingest_id = opened(an_ingest("Processing", callback=callback))
    event = {"type": "IngestEventUpdate", "id": ingest_id, "events": [EVENT]}
    tracker.update(ingest_id, event)
    assert tracker.notified == []
    tracker.update(ingest_id, {"type": "IngestStatusUpdate", "id": ingest_id, "status": {"type": "Failed"}})
    tracker.update(ingest_id, event)
    assert tracker.notified == [ingest_id, ingest_id]
    done = {"type": "IngestCallbackStatusUpdate", "id": ingest_id, "callbackStatus": {"type": "Succeeded"}}
    assert tracker.update(ingest_id, done)[0] == HTTPStatus.OK
    tracker.update(ingest_id, event)
    assert tracker.notified == [ingest_id, ingest_id]
    back = {**done, "callbackStatus": {"type": "Failed"}}
    assert tracker.update(ingest_id, back)[0] == HTTPStatus.CONFLICT


def test_a_callback_status_without_a_callback_is_a_conflict() -> None:
    tracker, ingest_id = opened(an_ingest())
    done = {"type": "IngestCallbackStatusUpdate", "id": ingest_id, "callbackStatus": {"type": "Succeeded"}}
    assert tracker.update(ingest_id, done)[0] == HTTPStatus.CONFLICT


def test_an_unknown_ingest_is_not_found_and_a_type_it_does_not_know_is_refused() -> None:
    tracker = Tracker()
    assert tracker.update(str(uuid4()), {"type": "IngestEventUpdate", "events": []})[0] == HTTPStatus.NOT_FOUND
    status, why = tracker.create(an_ingest(ingestType={"id": "replicate"}))
    assert (status, why) == (
        HTTPStatus.BAD_REQUEST,
        'ingestType.id: got "replicate", valid values are: create, update.',
    )
    assert Tracker(("create", "update", "replicate")).create(an_ingest(ingestType={"id": "replicate"}))[0] == 201
