"""Whatever happens to an ingest of ours, the service's state machine takes every letter about it, and loses nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagVersionId
from bagfill.demo.storage_service.shown import shown_ingest
from bagfill.demo.storage_service.tracker import Tracker
from bagfill.ingests.model import Callback, CallbackStatus, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.states import apply_update
from bagfill.ingests.storage_service.letters import ShownAs, ShownCallbacks, SourcePlace, creation, messages, so_far
from bagfill.ingests.tracker import CallbackStatusUpdate, EventUpdate, IngestUpdate, StatusUpdate, Updated

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOURCE = SourcePlace("storage", "digitised/b1/v3/")
INGEST = Ingest(
    id=UUID("6a94b4ac-0000-4000-8000-000000000001"),
    bag_version=BagVersionId.parse("digitised/b1/v3"),
    source="primary",
    destination="azure",
    status=IngestStatus.ACCEPTED,
    created=NOW,
    request_id="bag__1",
)
CALLED = replace(INGEST, callback=Callback("https://example.org/cb"))


def events(count: int) -> tuple[IngestEvent, ...]:
    return tuple(IngestEvent.of(f"replicating to azure - {n}", NOW + timedelta(seconds=n)) for n in range(count))


updates = st.one_of(
    st.builds(EventUpdate, st.integers(1, 3).map(events)),
    st.builds(StatusUpdate, st.sampled_from(IngestStatus), st.integers(0, 2).map(events), st.just(Reason.UNEXPECTED)),
    st.builds(CallbackStatusUpdate, st.sampled_from(CallbackStatus), st.integers(0, 2).map(events)),
)


def tell(tracker: Tracker, letters: Any) -> None:
    for letter in letters:
        status, said = tracker.update(str(INGEST.id), letter)
        assert status == HTTPStatus.OK, (letter, said)


@given(st.lists(updates, max_size=8), st.sampled_from(ShownCallbacks))
def test_the_service_shows_what_our_tracker_has(changes: list[IngestUpdate], callbacks: ShownCallbacks) -> None:
    shown = ShownAs(callbacks=callbacks)
    tracker = Tracker(("create", "update", "replicate"))
    assert tracker.create(creation(CALLED, SOURCE, shown))[0] == HTTPStatus.CREATED
    ours = CALLED
    for change in changes:
        if isinstance(change, CallbackStatusUpdate) and not ours.status.is_final:
            # Nobody is called before.
            continue
        outcome = apply_update(ours, change)
        if isinstance(outcome, Updated):
            tell(tracker, messages(ours, change, shown))
            ours = outcome.ingest
    theirs = shown_ingest(tracker.get(str(INGEST.id)) or {})
    assert theirs["status"]["id"] == ours.status.value
    assert sorted(e["description"] for e in theirs["events"]) == sorted(e.description for e in ours.events)
    if callbacks is ShownCallbacks.SHOWN:
        assert ours.callback is not None
        assert theirs["callback"]["status"]["id"] == ours.callback.status.value
    else:
        assert "callback" not in theirs
        assert tracker.notified == []


@given(st.sampled_from(IngestStatus), st.integers(0, 3))
def test_an_ingest_that_is_shown_late_arrives_as_it_is(status: IngestStatus, count: int) -> None:
    if status is IngestStatus.ACCEPTED:
        count = 0
    ours = replace(INGEST, status=status, events=events(count))
    tracker = Tracker(("replicate",))
    tracker.create(creation(ours, SOURCE, ShownAs()))
    tell(tracker, so_far(ours))
    theirs = shown_ingest(tracker.get(str(INGEST.id)) or {})
    assert (theirs["status"]["id"], len(theirs["events"])) == (status.value, count)


def test_events_and_status_travel_apart_so_that_a_refused_status_loses_no_event() -> None:
    change = StatusUpdate(IngestStatus.SUCCEEDED, events(2))
    told = list(messages(replace(INGEST, status=IngestStatus.PROCESSING), change, ShownAs()))
    assert [each["type"] for each in told] == ["IngestEventUpdate", "IngestStatusUpdate"]
    assert (len(told[0]["events"]), told[1]["events"], told[1]["status"]) == (2, [], {"type": "Succeeded"})


def test_a_long_event_is_cut_to_what_the_service_keeps() -> None:
    change = EventUpdate((IngestEvent.of("replicating to azure failed - " + "x" * 400, NOW),))
    [told] = messages(INGEST, change, ShownAs())
    [event] = told["events"]
    assert (len(event["description"]), event["description"][:14]) == (250, "Replicating to")
    assert event["description"].endswith("xxx...")


def test_the_creation_is_what_the_service_decodes() -> None:
    assert creation(CALLED, SOURCE, ShownAs("update", ShownCallbacks.SHOWN)) == {
        "id": "6a94b4ac-0000-4000-8000-000000000001",
        "ingestType": {"id": "update"},
        "sourceLocation": {
            "type": "S3SourceLocation",
            "location": {"bucket": "storage", "key": "digitised/b1/v3/"},
        },
        "space": "digitised",
        "status": {"type": "Accepted"},
        "externalIdentifier": "b1",
        "version": 3,
        "createdDate": "2026-05-01T12:00:00Z",
        "events": [],
        "callback": {"uri": "https://example.org/cb", "status": {"type": "Pending"}},
    }


@pytest.mark.parametrize("type_id", ["create", "update", "replicate"])
def test_the_type_is_the_one_that_was_chosen(type_id: str) -> None:
    assert creation(INGEST, SOURCE, ShownAs(type_id))["ingestType"] == {"id": type_id}
