"""An ingest id is used once (I9 of reference 6.5), whoever opens what at the same time, here and in the service."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Barrier, Lock
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bagfill.bag.identifiers import BagVersionId
from bagfill.demo.storage_service.tracker import Tracker
from bagfill.ingests.model import Ingest, IngestEvent, IngestStatus
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.storage_service.delivery import Delivered, NotNow, Outcome, RefusedForGood
from bagfill.ingests.storage_service.letters import ShownAs, SourcePlace
from bagfill.ingests.storage_service.outbox import Letter
from bagfill.ingests.storage_service.sending import send_due
from bagfill.ingests.storage_service.showing import Showing
from bagfill.ingests.storage_service.sql_outbox import SqlOutbox
from bagfill.ingests.tracker import EventUpdate, IdTaken, Opened, StatusUpdate
from bagfill.steps.open_ingest import ingest_id_of
from contracts.databases import sqlite_url, with_tables

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
IDS = tuple(uuid5(UUID(int=9), str(number)) for number in range(3))
WRITERS = 4


@dataclass
class Service:
    """The stand-in's tracker, whose answers get lost now and then, and everything it was asked to create."""

    lost_answers: int
    tracker: Tracker = field(default_factory=lambda: Tracker(("replicate",)))
    created: dict[str, list[Any]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def send(self, letter: Letter) -> Outcome:
        with self._lock:
            if letter.creates:
                self.created.setdefault(str(letter.ingest_id), []).append(letter.body)
                status, _ = self.tracker.create(letter.body)
            else:
                status, _ = self.tracker.update(str(letter.ingest_id), letter.body)
            if self.lost_answers:
                self.lost_answers -= 1
                return NotNow("the answer was lost")
        if status == HTTPStatus.CONFLICT and letter.creates:
            # It was created, and has moved on since: as the client of its API finds out.
            return Delivered()
        if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return Delivered()
        return NotNow("not found") if status == HTTPStatus.NOT_FOUND else RefusedForGood(f"answered {status}")

    def check(self) -> None: ...

    def close(self) -> None: ...


@st.composite
def openings(draw: st.DrawFn) -> Ingest:
    """Few of everything, so that ids meet under the same names and under others."""
    return Ingest(
        id=draw(st.sampled_from(IDS)),
        bag_version=BagVersionId.parse(draw(st.sampled_from(["s/b1/v1", "s/b1/v2", "s/b2/v1"]))),
        source="primary",
        destination=draw(st.sampled_from(["azure", "shelf"])),
        status=IngestStatus.ACCEPTED,
        created=NOW,
        request_id=draw(st.sampled_from(["bag__1", "bag__2"])),
    )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with with_tables(sqlite_url(tmp_path_factory.mktemp("ids"))) as opened:
        yield opened


def identity(ingest: Ingest) -> tuple[object, ...]:
    return ingest.id, ingest.bag_version, ingest.source, ingest.destination, ingest.request_id


@settings(max_examples=15)
@given(
    asked=st.lists(st.tuples(openings(), st.sampled_from(list(IngestStatus))), min_size=WRITERS, max_size=16),
    lost=st.integers(0, 5),
)
def test_of_all_who_open_an_id_at_once_one_gives_it_its_meaning_for_ever(
    engine: Engine, asked: list[tuple[Ingest, IngestStatus]], lost: int
) -> None:
    # The database is shared: each example has ids of its own.
    example = uuid4()
    service, outbox = Service(lost), SqlOutbox(engine)
    showing = Showing(ShownAs(), lambda _: SourcePlace("bucket", "key"), lambda: NOW)
    tracker = SqlIngestTracker(engine, (showing,))
    barrier = Barrier(WRITERS)
    outcomes: list[tuple[Ingest, Opened | IdTaken]] = []

    def write(number: int) -> None:
        barrier.wait(60)
        for ingest, end in asked[number::WRITERS]:
            wanted = replace(ingest, id=uuid5(example, str(ingest.id)))
            outcome = tracker.open(wanted)
            outcomes.append((wanted, outcome))
            if isinstance(outcome, Opened):
                tracker.update(wanted.id, EventUpdate((IngestEvent.of(f"of writer {number}", NOW),)))
                tracker.update(wanted.id, StatusUpdate(end))
            send_due(outbox, service, lambda: NOW, seconds=5)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    outbox.try_again(NOW)
    for _ in range(20):
        send_due(outbox, service, lambda: NOW, seconds=60)
        outbox.try_again(NOW)
    assert outbox.counts().pending == 0

    for ingest_id in {ingest.id for ingest, _ in outcomes}:
        of_id = [(ingest, outcome) for ingest, outcome in outcomes if ingest.id == ingest_id]
        news = [ingest for ingest, outcome in of_id if isinstance(outcome, Opened) and outcome.is_new]
        assert len(news) == 1
        [first] = news
        for ingest, outcome in of_id:
            assert identity(outcome.ingest) == identity(first)
            assert isinstance(outcome, IdTaken) is (identity(ingest) != identity(first))
        kept = tracker.get(ingest_id)
        assert kept is not None
        assert identity(kept) == identity(first)
        # The service has one ingest of this id, about the same bag version, and was never asked for another.
        shown = service.tracker.get(str(ingest_id))
        assert shown is not None
        assert {str(body) for body in service.created[str(ingest_id)]} == {str(service.created[str(ingest_id)][0])}
        about = f"{shown['space']}/{shown['externalIdentifier']}/v{shown['version']}"
        assert about == str(first.bag_version)
        assert shown["status"]["type"].lower() == kept.status.value
        described = sorted(event["description"] for event in shown["events"])
        assert set(described) == {event.description for event in kept.events}
    assert len(service.tracker.all()) == len({ingest.id for ingest, _ in outcomes})


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\n\r", exclude_categories=["Cc"]), min_size=1, max_size=8
)
ASKED = st.tuples(NAMES, st.sampled_from(["s/b1/v1", "s/b1/v11", "s/b1 1/v1", "s/b/1/v1"]), NAMES)


@given(one=ASKED, other=ASKED)
def test_ids_differ_with_the_request_the_bag_version_and_the_destination_and_with_nothing_else(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    ids = [
        ingest_id_of(request, BagVersionId.parse(about), destination) for request, about, destination in (one, other)
    ]
    assert (ids[0] == ids[1]) is (one == other)
