"""Requests as they come by HTTP, on a world in memory."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.callback_rules import CallbackRules
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.request_document import parse_request_document
from bagfill.ingests.request_keys import MemoryRequestKeys
from bagfill.ingests.tracker import StatusUpdate
from bagfill.logs.writing import FIELDS
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.steps.accept_request import (
    Acceptance,
    Accepted,
    AlreadyRunning,
    AlreadyThere,
    Client,
    KeyReused,
    Malformed,
    NotFound,
    RunsUnavailable,
    SamePlace,
    accept_request,
)
from bagfill.steps.backfill import backfill
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from stub_runs import StubRuns
from world import World, bag_files

BAG = BagId.parse("digitised/b1")
V1, V2 = (str(BAG.version(number)) for number in (1, 2))


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, {"a.txt": b"one"}))
    made.add(V2, bag_files(BAG, {"b.txt": b"two"}))
    return made


@pytest.fixture
def services(world: World) -> Services:
    rules = CallbackRules(("callbacks.example.org",))
    return replace(world.services(), callbacks=rules, request_keys=MemoryRequestKeys(world.clock))


@pytest.fixture
def runs() -> StubRuns:
    return StubRuns()


def document(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "Ingest",
        "ingestType": {"id": "replicate", "type": "IngestType"},
        "space": {"id": "digitised", "type": "Space"},
        "bag": {"info": {"externalIdentifier": "b1", "type": "BagInfo"}, "type": "Bag"},
        "destination": "azure",
    }
    return {**made, **changes}


def bag(identifier: str = "b1", **info: Any) -> dict[str, Any]:
    return {"info": {"externalIdentifier": identifier, **info}}


def ask(services: Services, runs: StubRuns, *, key: str | None = None, user: str = "me", **changes: Any) -> Acceptance:
    parsed = parse_request_document(document(**changes))
    return accept_request(services, parsed, Client(user, key), runs)


def test_each_request_leaves_a_line_for_each_ingest_or_one_that_says_why_not(
    services: Services, runs: StubRuns, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bagfill")
    ingests = accepted(ask(services, runs, key="k")).ingests
    told = [getattr(record, FIELDS) for record in caplog.records if record.getMessage().startswith("requested")]
    assert [fields["ingest"] for fields in told] == [str(ingest.id) for ingest in ingests]
    assert {(fields["bag"], fields["destination"]) for fields in told} == {(str(ingests[0].bag_version.bag), "azure")}
    caplog.clear()
    assert ask(services, runs, key="k", bag=bag(version="v1")) == KeyReused()
    [refused] = [getattr(record, FIELDS) for record in caplog.records]
    assert refused["why"] == "the idempotency key came with another request"
    assert refused["who"] == told[0]["who"]


def accepted(answer: Acceptance) -> Accepted:
    assert isinstance(answer, Accepted), answer
    return answer


def test_all_missing_versions_get_an_ingest_each_and_one_run(services: Services, runs: StubRuns) -> None:
    ingests = accepted(ask(services, runs)).ingests
    assert [str(ingest.bag_version) for ingest in ingests] == [V1, V2]
    [(request_id, fields)] = runs.started.items()
    assert fields == {"space": "digitised", "external_identifier": "b1", "destination": "azure"}
    assert {ingest.request_id for ingest in ingests} == {request_id}


def test_the_run_finds_the_ingests_that_were_announced(services: Services, runs: StubRuns) -> None:
    announced = accepted(ask(services, runs, bag=bag(version="v2"))).ingests
    [(request_id, fields)] = runs.started.items()
    opened = open_ingests(services, BackfillRequest.parse(services, request_id, fields))
    assert isinstance(opened, OpenedIngests)
    assert [ref.ingest_id for ref in opened.refs] == [str(ingest.id) for ingest in announced]
    assert len(services.ingests.recent()) == 1


def test_everything_that_was_asked_for_reaches_the_run(services: Services, runs: StubRuns) -> None:
    ask(
        services,
        runs,
        bag=bag(version="v1"),
        sourceLocation={"provider": {"id": "amazon-s3"}, "bucket": "primary", "path": "digitised/b1"},
        destination={"provider": {"id": "azure-blob-storage"}, "bucket": "container"},
        callback={"url": "https://callbacks.example.org/done"},
        thaw={"tier": "Bulk", "days": 3},
    )
    [fields] = runs.started.values()
    assert fields == {
        "space": "digitised",
        "external_identifier": "b1",
        "version": "v1",
        "destination": "azure",
        "source": "primary",
        "thaw_tier": "Bulk",
        "thaw_days": 3,
        "callback_url": "https://callbacks.example.org/done",
    }
    [ingest] = services.ingests.recent()
    assert ingest.callback is not None
    assert ingest.callback.url == "https://callbacks.example.org/done"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": {"id": ""}}, "Invalid value at .space.id: must not be empty."),
        ({"space": {"id": "a/b"}}, "Invalid value at .space.id: must not contain slashes."),
        ({"bag": bag("")}, "Invalid value at .bag.info.externalIdentifier: must not be empty."),
        (
            {"bag": bag("PP//1")},
            "Invalid value at .bag.info.externalIdentifier: cannot contain consecutive slashes, was PP//1",
        ),
        (
            {"bag": bag(version="2")},
            "Invalid value at .bag.info.version: found '2', needed is v1, v2, …, or nothing for all that are missing",
        ),
        ({"destination": "moon"}, 'Unrecognised value at .destination: got "moon", valid values are: azure, primary.'),
        ({"destination": "primary"}, "Invalid value at .destination: 'primary' is configured for reading only"),
        (
            {"destination": {"provider": {"id": "tape"}, "bucket": "b"}},
            (
                'Unrecognised value at .destination.provider.id: got "tape", valid values are: amazon-s3, '
                "azure-blob-storage."
            ),
        ),
        (
            {"sourceLocation": {"provider": {"id": "amazon-s3"}, "bucket": "other", "path": "x"}},
            'Unrecognised value at .sourceLocation: got "amazon-s3 other/x", configured locations are: azure, primary.',
        ),
        (
            {"callback": {"url": "http://169.254.169.254/"}},
            (
                "Invalid value at .callback.url: host '169.254.169.254' may not be called; "
                "allowed are callbacks.example.org"
            ),
        ),
    ],
)
def test_a_wrong_request_is_told_in_the_services_words_and_starts_nothing(
    services: Services, runs: StubRuns, changes: dict[str, Any], said: str
) -> None:
    answer = ask(services, runs, **changes)
    assert answer == Malformed((said,))
    assert not runs.started
    assert not services.ingests.recent()


def test_nothing_is_copied_onto_itself(services: Services, runs: StubRuns) -> None:
    assert ask(services, runs, sourceLocation="azure") == SamePlace("azure")
    assert not runs.started


def test_every_problem_is_told_at_once(services: Services, runs: StubRuns) -> None:
    answer = ask(services, runs, space={"id": ""}, destination="moon", callback={"url": "x"})
    assert isinstance(answer, Malformed)
    assert [problem.partition(":")[0].rpartition(" ")[2] for problem in answer.problems] == [
        ".space.id",
        ".destination",
        ".callback.url",
    ]


@pytest.mark.parametrize("wanted", [bag("b2"), bag(version="v3")])
def test_what_is_not_known_is_not_found(services: Services, runs: StubRuns, wanted: dict[str, Any]) -> None:
    assert isinstance(ask(services, runs, bag=wanted), NotFound)
    assert not runs.started


def test_a_bag_with_a_name_from_before_the_rules_is_taken(services: Services, runs: StubRuns) -> None:
    stored = services.registry.manifest(BagVersionId.parse(V1))
    assert stored is not None
    old = parse_storage_manifest(stored.manifest.raw.replace(b'"b1"', b'"b1/"'))
    services.registry.add_bag_version(old, locations=["primary"])
    # It is taken for the bag that it is: what stands in its way is its primary, which its manifest puts elsewhere.
    assert [str(ingest.bag_version) for ingest in accepted(ask(services, runs, bag=bag("b1/"))).ingests] == [
        "digitised/b1//v1"
    ]


def test_what_is_there_already_is_told_and_not_started(world: World, services: Services, runs: StubRuns) -> None:
    assert backfill(services, world.request(str(BAG))).succeeded
    assert ask(services, runs) == AlreadyThere(BAG.version(2), "azure")
    assert ask(services, runs, bag=bag(version="v1")) == AlreadyThere(BAG.version(1), "azure")
    assert not runs.started


def test_what_runs_already_is_told_with_its_ingest(services: Services, runs: StubRuns) -> None:
    first = accepted(ask(services, runs)).ingests
    answer = ask(services, runs, bag=bag(version="v2"))
    assert answer == AlreadyRunning(BAG.version(2), "azure", first[1].id)
    assert len(runs.started) == 1


def test_a_claim_of_another_holder_bars_the_way_until_it_expires(
    world: World, services: Services, runs: StubRuns
) -> None:
    lease = services.limits.lease
    services.registry.acquire(BAG.version(1), "azure", holder="repair", lease=lease)
    assert ask(services, runs) == AlreadyRunning(BAG.version(1), "azure", None)
    world.clock.advance(lease * 2)
    accepted(ask(services, runs))


def test_an_ingest_whose_run_was_lost_bars_no_way(services: Services, runs: StubRuns) -> None:
    accepted(ask(services, runs))
    runs.started.clear()
    accepted(ask(services, runs))


def test_a_finished_ingest_bars_no_way(services: Services, runs: StubRuns) -> None:
    for ingest in accepted(ask(services, runs)).ingests:
        services.ingests.update(ingest.id, StatusUpdate(IngestStatus.FAILED))
    accepted(ask(services, runs))


class TestIdempotencyKeys:
    def test_the_same_request_finds_the_same_ingests(self, services: Services, runs: StubRuns) -> None:
        first = accepted(ask(services, runs, key="k")).ingests
        again = accepted(ask(services, runs, key="k")).ingests
        assert [ingest.id for ingest in again] == [ingest.id for ingest in first]
        assert len(runs.started) == 1

    def test_it_finds_them_after_they_ended_too(self, world: World, services: Services, runs: StubRuns) -> None:
        first = accepted(ask(services, runs, key="k")).ingests
        [(request_id, fields)] = runs.started.items()
        assert backfill(services, BackfillRequest.parse(services, request_id, fields)).succeeded
        again = accepted(ask(services, runs, key="k")).ingests
        assert [ingest.status for ingest in again] == [IngestStatus.SUCCEEDED] * len(first)

    def test_another_request_with_the_key_is_refused(self, services: Services, runs: StubRuns) -> None:
        accepted(ask(services, runs, key="k"))
        assert ask(services, runs, key="k", bag=bag(version="v1")) == KeyReused()

    def test_another_clients_key_is_another_key(self, services: Services, runs: StubRuns) -> None:
        accepted(ask(services, runs, key="k"))
        assert isinstance(ask(services, runs, key="k", user="you", bag=bag(version="v1")), AlreadyRunning)

    def test_a_request_that_died_before_it_opened_its_ingests_goes_on(self, services: Services, runs: StubRuns) -> None:
        runs.broken = True
        with pytest.raises(RunsUnavailable):
            ask(services, runs, key="k")
        assert not services.ingests.recent()
        runs.broken = False
        ingests = accepted(ask(services, runs, key="k")).ingests
        assert {ingest.request_id for ingest in ingests} == set(runs.started)

    def test_a_refused_request_does_not_use_up_its_key(self, services: Services, runs: StubRuns) -> None:
        assert isinstance(ask(services, runs, key="k", destination="moon"), Malformed)
        accepted(ask(services, runs, key="k"))

    def test_the_key_itself_is_not_kept(self, services: Services, runs: StubRuns) -> None:
        client = Client("me", "s3cret")
        accepted(ask(services, runs, key="s3cret"))
        assert client.key_digest is not None
        assert "s3cret" not in client.key_digest
        assert services.request_keys.find(client.key_digest) is not None
