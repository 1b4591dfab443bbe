"""The demo's judgement beside a service: nothing to say after a backfill, and something about whatever is amiss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.service_run import fill_service, judge_service, learn_service
from bagfill.demo.service_scene import make_places, service_settings
from bagfill.demo.stack import EmbeddedStack
from bagfill.demo.storage_service.comparison import ServiceState
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.settings import load_settings
from bagfill.steps.backfill import backfill
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

pytestmark = pytest.mark.servers


class Unwatched:
    def step(self, text: str) -> None: ...

    def counted(self, what: str, done: int, total: int) -> None: ...


@pytest.fixture(scope="module")
def judged(
    ministack: MiniStack, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Services, StorageServiceServer, ServiceState]]:
    root = tmp_path_factory.mktemp("beside")
    setting = ServiceSetting(ministack.endpoint, "judged", ingest_types=("create", "update", "replicate"))
    with StorageServiceServer(root / "service", setting) as service:
        environment = make_places(cast("EmbeddedStack", SimpleNamespace(ministack=ministack, azurite=azurite)))
        environment["BAGFILL_DATABASE"] = f"sqlite:///{root}/registry.sqlite"
        file = root / "bagfill.toml"
        file.write_text(service_settings(service))
        with open_services(load_settings(file, environment), EnvironmentCredentials(environment)) as services:
            bags = fill_service(service, 6, Unwatched())
            before = ServiceState.read(setting)
            learn_service(services, 6, Unwatched())
            for number, bag in enumerate(sorted({bag.sample.id.bag for bag in bags})):
                fields = {"space": str(bag.space), "external_identifier": str(bag.external_identifier)}
                request = BackfillRequest.parse(services, f"cli:{number}", {**fields, "destination": "azure"})
                backfill(services, request)
            yield services, service, before


def test_after_a_backfill_nothing_but_the_location_has_changed(
    judged: tuple[Services, StorageServiceServer, ServiceState],
) -> None:
    found, shown = judge_service(*judged)
    assert found == ()
    assert [(bag.status, bag.locations) for bag in shown] == [("succeeded", 3)] * 6


def test_whatever_else_changed_is_told(judged: tuple[Services, StorageServiceServer, ServiceState]) -> None:
    _, service, _ = judged
    setting = service.setting
    table = setting.table(setting.manifests_table)
    rows: list[dict[str, Any]] = sorted(table.scan()["Items"], key=lambda row: (row["id"], row["version"]))
    payload = rows[0]["payload"]
    inner = payload.get("typedStoreId", payload)
    bucket, key = inner.get("bucket", inner.get("namespace")), inner.get("key", inner.get("path"))
    s3 = setting.client("s3")
    document = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    document["createdDate"] = "2026-01-01T00:00:00Z"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document, separators=(",", ":")).encode())
    table.put_item(Item={**rows[1], "payload": {"bucket": "elsewhere", "key": "x", "odd": 1}})
    s3.create_bucket(Bucket="elsewhere")
    s3.put_object(Bucket="elsewhere", Key="x", Body=b'{"replicaLocations": []}')
    found, _ = judge_service(*judged)
    assert any("JSON changed beyond the new location" in problem for problem in found)
    assert any("spelled in another way" in problem for problem in found)
