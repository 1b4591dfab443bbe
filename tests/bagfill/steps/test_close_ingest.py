"""Closing: every ingest of a request gets an end, its claim back, and whoever asked is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.callback import CallbackRefused
from bagfill.ingests.model import CallbackStatus, Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import CallbackStatusUpdate, IngestUpdate
from bagfill.steps.backfill import backfill
from bagfill.steps.close_ingest import close_ingests
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.failures import record_failure
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import CallbackRules, Services
from bagfill.storage.faults import Killed
from invariants_drill import BAG, LIMITS, V1, V1_FILES, V2, V2_FILES
from stub_receiver import Receiver
from world import World

REQUEST = "bag__test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def world() -> World:
    made = World(limits=LIMITS)
    made.add(V1, V1_FILES)
    return made


def services_of(world: World, receiver: Receiver | None = None) -> Services:
    hosts = () if receiver is None else (receiver.host,)
    return replace(world.services(), callbacks=CallbackRules(private_hosts=hosts, timeout_seconds=5))


def opened(world: World, receiver: Receiver | None = None, **fields: str) -> IngestRef:
    services = services_of(world, receiver)
    if receiver is not None:
        fields["callback_url"] = receiver.url
    given = {"space": "digitised", "external_identifier": "b1234", "destination": "azure", **fields}
    answer = open_ingests(services, BackfillRequest.parse(services, REQUEST, given))
    assert isinstance(answer, OpenedIngests)
    return answer.refs[0]


def ingest_of(world: World, ref: IngestRef) -> Ingest:
    return next(each for each in world.ingests.of_request(REQUEST) if str(each.id) == ref.ingest_id)


def test_a_task_that_was_killed_leaves_an_interrupted_ingest_and_a_free_claim(world: World) -> None:
    ref = opened(world)

    closed = close_ingests(world.services(), REQUEST)

    assert [(each.status, each.reason) for each in closed] == [("failed", Reason.INTERRUPTED.code)]
    assert Reason.INTERRUPTED.advice in closed[0].message
    assert world.registry.claim_of(ref.id, "azure") is None


def test_the_reason_of_the_last_failed_step_is_the_ingest_s_and_its_text_is_whole(world: World) -> None:
    ref = opened(world)
    long = f"{V1}: {'x' * 400} at azure."
    record_failure(world.services(), ref, "copying", StepFailed(Reason.DESTINATION_UNREADABLE, long))

    closed = close_ingests(world.services(), REQUEST)

    assert closed[0].reason == Reason.DESTINATION_UNREADABLE.code
    assert closed[0].message == f"{long} {Reason.DESTINATION_UNREADABLE.advice}"


def test_a_later_failure_for_another_reason_lends_no_text_to_the_first(world: World) -> None:
    ref = opened(world)
    record_failure(world.services(), ref, "copying", StepFailed(Reason.SOURCE_CORRUPT, "the first"))
    world.clock.advance(LIMITS.lease / 10)
    record_failure(world.services(), ref, "copying", StepFailed(Reason.SOURCE_UNREADABLE, "the second"))

    closed = close_ingests(world.services(), REQUEST)

    assert closed[0].reason == Reason.SOURCE_CORRUPT.code
    assert closed[0].message.startswith("the first")


def test_damaged_notes_do_not_keep_an_ingest_open(world: World) -> None:
    ref = opened(world)
    record_failure(world.services(), ref, "copying", StepFailed(Reason.SOURCE_UNREADABLE, "unreadable"))
    for name in [name for name in world.records.contents() if "/failures/" in name]:
        world.records.put_unconditionally(name, b'{"step": "cop')

    assert [each.reason for each in close_ingests(world.services(), REQUEST)] == [Reason.INTERRUPTED.code]


def test_a_replica_that_was_registered_before_the_task_died_has_succeeded(world: World) -> None:
    services = world.services()
    result = backfill(services, world.request(str(BAG)))
    assert result.succeeded
    # As if the task had died between registering and saying so.
    (ingest,) = world.ingests.of_request(REQUEST)
    world.ingests._ingests[ingest.id] = replace(ingest, status=IngestStatus.PROCESSING)

    assert [each.status for each in close_ingests(services, REQUEST)] == ["succeeded"]


def test_closing_twice_changes_nothing(world: World) -> None:
    opened(world)
    first = close_ingests(world.services(), REQUEST)
    kept = world.ingests.of_request(REQUEST)
    world.clock.advance(LIMITS.lease)
    assert close_ingests(world.services(), REQUEST) == first
    assert world.ingests.of_request(REQUEST) == kept


def test_the_claim_of_another_is_not_released(world: World) -> None:
    ref = opened(world)
    world.clock.advance(LIMITS.lease * 2)
    world.registry.acquire(ref.id, "azure", holder="another", lease=LIMITS.lease)
    close_ingests(world.services(), REQUEST)
    claim = world.registry.claim_of(ref.id, "azure")
    assert claim is not None
    assert claim.holder == "another"


def test_a_request_that_opened_nothing_closes_nothing(world: World) -> None:
    assert close_ingests(world.services(), "bag__nobody") == ()


def test_whoever_asked_is_sent_the_ingest_s_document(world: World, receiver: Receiver) -> None:
    ref = opened(world, receiver)

    close_ingests(services_of(world, receiver), REQUEST)

    (request,) = receiver.requests
    document = json.loads(request.body)
    assert document["id"] == ref.ingest_id
    assert document["status"]["id"] == "failed"
    assert document["reason"]["id"] == Reason.INTERRUPTED.code
    assert document["sourceLocation"] == {
        "provider": {"id": "amazon-s3", "type": "Provider"},
        "bucket": "primary",
        "path": "digitised/b1234",
        "type": "Location",
    }
    assert document["destination"]["bucket"] == "container"
    callback = ingest_of(world, ref).callback
    assert callback is not None
    assert callback.status is CallbackStatus.SUCCEEDED


def test_a_callback_is_sent_once_however_often_the_request_is_closed(world: World, receiver: Receiver) -> None:
    opened(world, receiver)
    for _ in range(3):
        close_ingests(services_of(world, receiver), REQUEST)
    assert len(receiver.requests) == 1


def test_a_refused_callback_is_an_event_and_ends_nothing_else(world: World, receiver: Receiver) -> None:
    receiver.answers = [404]
    ref = opened(world, receiver)

    closed = close_ingests(services_of(world, receiver), REQUEST)

    assert closed[0].status == "failed"
    ingest = ingest_of(world, ref)
    assert ingest.callback is not None
    assert ingest.callback.status is CallbackStatus.FAILED
    assert ingest.events[-1].description == "Callback failed - answered 404"
    assert len(receiver.requests) == 1


def test_a_location_that_is_configured_no_more_is_left_out_of_the_document(world: World, receiver: Receiver) -> None:
    opened(world, receiver)
    services = services_of(world, receiver)
    gone = replace(services, locations={"azure": services.locations["azure"]})
    close_ingests(gone, REQUEST)
    assert "sourceLocation" not in json.loads(receiver.requests[0].body)


def test_no_receiver_delays_the_release_of_any_claim(world: World, receiver: Receiver) -> None:
    world.add(V2, V2_FILES)
    opened(world, receiver)
    held: list[bool] = []

    def post(url: str, document: Mapping[str, Any], rules: CallbackRules) -> None:
        held.extend(world.registry.claim_of(BagVersionId.parse(name), "azure") is not None for name in (V1, V2))
        raise CallbackRefused("busy")

    close_ingests(services_of(world, receiver), REQUEST, post=post)

    assert held == [False] * 4


def test_a_close_that_died_after_the_callback_tells_again_rather_than_never(world: World, receiver: Receiver) -> None:
    opened(world, receiver)

    class DiesAtTheCallbackStatus:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.ingests, name)

        def update(self, ingest_id: UUID, update: IngestUpdate) -> Any:
            if isinstance(update, CallbackStatusUpdate):
                raise Killed
            return world.ingests.update(ingest_id, update)

    services = services_of(world, receiver)
    with pytest.raises(Killed):
        close_ingests(replace(services, ingests=DiesAtTheCallbackStatus()), REQUEST)
    close_ingests(services, REQUEST)

    assert len(receiver.requests) == 2


def test_a_step_of_a_closed_ingest_is_refused_its_claim(world: World) -> None:
    ref = opened(world)
    close_ingests(world.services(), REQUEST)
    outcome = conclude_replica(world.services(), ref)
    assert isinstance(outcome, StepFailed)
    assert not world.is_registered(V1)
