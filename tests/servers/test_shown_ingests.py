"""Ingests are shown in the service's own tracker and API: by the topic and by HTTP, whatever the tracker answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.demo.ministack import MiniStack
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.settings import load_settings
from bagfill.steps.backfill import backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services
from world import bag_files

pytestmark = pytest.mark.servers

BAG = "digitised/b1"

_SETTINGS = """
[registry]
database = "sqlite:///{root}/registry.sqlite"
[work_area]
path = "{root}/work"
[receipts]
path = "{root}/receipts"
[manifests]
path = "{root}/manifests"
[[locations]]
name = "primary"
provider = "local"
path = "{root}/primary"
[[locations]]
name = "azure"
provider = "local"
path = "{root}/azure"
writable = true
[storage_service.ingests]
tracker = "{tracker}"
timeout = "1s"
{more}
"""

Open = Callable[..., Services]


@pytest.fixture(scope="module")
def service(ministack: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServiceServer]:
    setting = ServiceSetting(ministack.endpoint, "shown")
    with StorageServiceServer(tmp_path_factory.mktemp("service"), setting) as server:
        yield server


@pytest.fixture
def open_beside(service: StorageServiceServer, tmp_path: Path) -> Iterator[Open]:
    """Services with one bag at ``primary``, beside the service."""
    service.set_faults()
    for path, data in bag_files(BagId.parse(BAG), {"a.txt": b"a", "b.txt": b"b" * 5000}).items():
        file = tmp_path / "primary" / BAG / "v1" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (tmp_path / "azure").mkdir()
    aws = {
        "conn_type": "aws",
        "login": service.setting.access_key,
        "password": service.setting.secret_key,
        "extra": {"endpoint_url": service.setting.endpoint, "region_name": "eu-west-1"},
    }
    environ = {"AIRFLOW_CONN_TOPIC": json.dumps(aws)}
    with ExitStack() as stack:

        def opened(more: str = 'shown_as = "update"', tracker: str | None = None) -> Services:
            file = tmp_path / "bagfill.toml"
            file.write_text(_SETTINGS.format(root=tmp_path, tracker=tracker or service.address, more=more))
            services = stack.enter_context(open_services(load_settings(file, environ), EnvironmentCredentials(environ)))
            import_location(services, "primary")
            return services

        yield opened


def replicated(services: Services, request_id: str | None = None) -> str:
    """Backfill the bag; returns the ingest's id."""
    space, _, identifier = BAG.partition("/")
    fields = {"space": space, "external_identifier": identifier, "destination": "azure"}
    request = BackfillRequest.parse(services, request_id or f"cli:{uuid4()}", fields)
    backfill(services, request)
    [ingest] = services.ingests.of_request(request.request_id)
    assert ingest.status is IngestStatus.SUCCEEDED
    return str(ingest.id)


def shown(service: StorageServiceServer, ingest_id: str, ours: Ingest | None = None) -> dict[str, Any]:
    """The ingest as the service shows it, once it has every event of ``ours`` and nothing more arrives."""
    wanted = {event.description for event in ours.events} if ours else set()
    deadline, last = time.monotonic() + 120, ""
    while time.monotonic() < deadline:
        found = next((each for each in service.ingests() if each["id"] == ingest_id), {})
        now = json.dumps(found)
        ended = found and found["status"]["id"] in {"succeeded", "failed"} and wanted <= set(texts(found))
        if ended and now == last:
            return found
        last = now
        time.sleep(0.3)
    return dict(json.loads(last or "{}"))


def texts(document: dict[str, Any]) -> list[str]:
    return [event["description"] for event in document["events"]]


BY_TOPIC = 'shown_as = "update"\ntopic = "{topic}"\nconnection = "topic"'


@pytest.mark.parametrize("way", ["http", "topic"])
def test_a_backfill_is_seen_as_an_ingest_of_the_service(
    service: StorageServiceServer, open_beside: Open, way: str
) -> None:
    more = 'shown_as = "update"' if way == "http" else BY_TOPIC.format(topic=service.setting.ingests_topic)
    services = open_beside(more)
    ingest_id = replicated(services)
    assert services.post.counts().pending == 0
    ours = services.ingests.of_bag(BagId.parse(BAG), "azure")[0]
    document = shown(service, ingest_id, ours)
    assert document["status"]["id"] == "succeeded"
    assert document["ingestType"]["id"] == "update"
    assert document["bag"]["info"] == {"externalIdentifier": "b1", "type": "BagInfo", "version": "v1"}
    assert sorted(texts(document)) == sorted(event.description for event in ours.events)
    assert "Replicating to azure started" in texts(document)
    assert "Verification (azure) started" in texts(document)
    assert "Register succeeded (completed)" in texts(document)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "status", "status": 500, "count": 4},
        {"fault": "nothing", "count": 3},
        {"fault": "answer-lost", "count": 3},
        {"fault": "slow", "seconds": 3, "count": 2},
    ],
    ids=["500", "nothing", "answer lost", "slow"],
)
def test_a_bag_arrives_while_the_tracker_fails_and_is_shown_later(
    service: StorageServiceServer, open_beside: Open, fault: dict[str, Any]
) -> None:
    services = open_beside()
    service.set_faults({"part": "tracker", **fault})
    ingest_id = replicated(services)
    deadline = time.monotonic() + 120
    while services.post.counts().pending and time.monotonic() < deadline:
        services.post.try_again()
        services.post.send(10)
    ours = services.ingests.of_bag(BagId.parse(BAG), "azure")[0]
    document = shown(service, ingest_id, ours)
    assert document["status"]["id"] == "succeeded"
    # At least once each: an answer that was lost has its event told twice.
    assert set(texts(document)) == {event.description for event in ours.events}


def test_a_tracker_that_is_not_there_stops_nothing_and_what_waits_is_counted(open_beside: Open) -> None:
    services = open_beside(tracker="http://127.0.0.1:9")
    replicated(services)
    counts = services.post.counts()
    assert counts.pending > 3
    assert counts.paused_until is not None
    assert counts.why == "the tracker gave no answer (ConnectError)"


def test_a_conflict_is_recorded_and_the_rest_is_told(service: StorageServiceServer, open_beside: Open) -> None:
    services = open_beside()
    service.set_faults({"part": "tracker", "fault": "status", "status": 409, "count": 1, "method": "PATCH"})
    document = shown(service, replicated(services))
    assert document["status"]["id"] == "succeeded"
    counts = services.post.counts()
    assert (counts.pending, counts.refused) == (0, 1)
    assert counts.why is not None
    assert counts.why.startswith("the tracker answered 409")


def test_a_type_that_the_service_does_not_know_is_held_and_shown_once_it_is_changed(
    service: StorageServiceServer, open_beside: Open
) -> None:
    services = open_beside(more="")
    ingest_id = replicated(services)
    counts = services.post.counts()
    assert counts.held > 3
    assert counts.refused == 1
    assert "valid values are: create, update." in str(counts.why)
    assert all(each["id"] != ingest_id for each in service.ingests())
    changed = open_beside('shown_as = "update"')
    assert changed.post.try_again() == counts.held + 1
    changed.post.send(10)
    document = shown(service, ingest_id)
    assert (document["status"]["id"], document["ingestType"]["id"]) == ("succeeded", "update")


def test_a_topic_that_does_not_exist_is_told_before_anything_is_opened(
    service: StorageServiceServer, open_beside: Open
) -> None:
    services = open_beside(BY_TOPIC.format(topic=f"{service.setting.ingests_topic}_gone"))
    fields = {"space": "digitised", "external_identifier": "b1", "destination": "azure"}
    failed = open_ingests(services, BackfillRequest.parse(services, "cli:1", fields))
    assert isinstance(failed, StepFailed)
    assert failed.reason is Reason.SERVICE_NOT_READY
    assert "shown_ingests_gone" in failed.message
    assert services.ingests.of_request("cli:1") == ()
    assert services.post.counts().pending == 0


def test_a_callback_is_not_shown_unless_it_shall_be(service: StorageServiceServer, open_beside: Open) -> None:
    services = open_beside()
    document = shown(service, replicated(services))
    assert "callback" not in document
    assert service.notified() == []
