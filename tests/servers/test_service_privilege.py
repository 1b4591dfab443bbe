"""What Bagfill does beside a storage service, with exactly the rights of docs/security.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest

from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.doctor.model import Verdict
from bagfill.doctor.service_tables import examine_tables
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.settings import load_settings
from bagfill.steps.backfill import backfill
from bagfill.steps.import_service import import_service
from bagfill.steps.requests import BackfillRequest
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services
from enforcing_ministack import EnforcingMiniStack
from recording_proxy import Recording, Request, recording
from security_page import POLICIES, actions, s3_action
from service_world import ServiceWorld, service_world

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnforcingMiniStack]:
    with EnforcingMiniStack(tmp_path_factory.mktemp("service-server"), restore_delay=1.0) as server:
        yield server


@pytest.fixture(scope="module")
def seen(server: EnforcingMiniStack) -> Iterator[Recording]:
    with recording(server.endpoint) as seen:
        yield seen


@pytest.fixture(scope="module")
def world(seen: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceWorld]:
    with service_world(seen.url, tmp_path_factory.mktemp("service"), bag_versions=4) as world:
        yield world


def policy(setting: ServiceSetting) -> str:
    text = json.dumps(POLICIES["service"])
    for word, value in (
        ("TABLE", setting.manifests_table),
        ("REPLICAS", setting.replicas_table),
        ("BUCKET", setting.manifests_bucket),
        ("RESPONSES", setting.responses_bucket),
        ("TOPIC", setting.reindex_topic),
        ("REGION", setting.region),
        ("ACCOUNT", "000000000000"),
    ):
        text = text.replace(word, value)
    return text


@pytest.fixture(scope="module")
def key(world: ServiceWorld, server: EnforcingMiniStack) -> dict[str, str]:
    make: Any = boto3.client
    iam = make(
        "iam",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    iam.create_user(UserName="service")
    iam.put_user_policy(UserName="service", PolicyName="p", PolicyDocument=policy(world.setting))
    return dict(iam.create_access_key(UserName="service")["AccessKey"])


@pytest.fixture(scope="module")
def requests(
    world: ServiceWorld, key: dict[str, str], seen: Recording, tmp_path_factory: pytest.TempPathFactory
) -> list[Request]:
    """Bags are learnt from the table, and one of them is given a location, with the rights of the page alone."""
    setting, folder = world.setting, tmp_path_factory.mktemp("restricted")
    root = Path(world.services.locations["shelf0"].bucket).parent
    text = (root / "bagfill.toml").read_text().replace(f"{root}/registry.sqlite", f"{folder}/registry.sqlite")
    head, mark, tail = text.partition("[storage_service.manifests]")
    (folder / "bagfill.toml").write_text(head + mark + tail.replace('"aws"', '"service"'))
    extra = {"endpoint_url": setting.endpoint, "region_name": setting.region}
    kept = {"conn_type": "aws", "login": setting.access_key, "password": setting.secret_key, "extra": extra}
    restricted = {**kept, "login": key["AccessKeyId"], "password": key["SecretAccessKey"]}
    environ = {"AIRFLOW_CONN_AWS": json.dumps(kept), "AIRFLOW_CONN_SERVICE": json.dumps(restricted)}
    with open_services(load_settings(folder / "bagfill.toml", environ), EnvironmentCredentials(environ)) as services:
        assert services.beside is not None
        assert import_service(services, services.beside).is_clean
        bag = world.bags[0].sample.id.bag
        fields = {"space": str(bag.space), "external_identifier": str(bag.external_identifier), "destination": "shelf0"}
        result = backfill(services, BackfillRequest.parse(services, "cli:restricted", fields), poll_seconds=0.2)
        assert result.succeeded, result
    return [request for request in seen.requests if request.who == key["AccessKeyId"]]


def action(request: Request) -> str:
    target = request.headers.get("x-amz-target", "")
    if target.startswith("DynamoDB_"):
        return f"dynamodb:{target.rpartition('.')[2]}"
    if request.method == "POST" and request.path == "/":
        return f"sns:{parse_qs(request.body.decode())['Action'][0]}"
    if request.method == "DELETE":
        return "s3:DeleteObject"
    [found] = s3_action(request)
    return found


def test_the_policy_is_what_is_used_and_nothing_else(requests: list[Request]) -> None:
    used = {action(request) for request in requests}
    resuming = {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
    # A query, and a look at what is not there, come with bags of several versions and with retries.
    assert used <= actions("service")
    assert actions("service") - used <= resuming | {"dynamodb:Query", "s3:ListBucket"}


def test_nothing_was_refused(requests: list[Request]) -> None:
    assert requests
    assert [request for request in requests if request.status in {401, 403}] == []


def test_only_cached_answers_are_deleted(requests: list[Request], world: ServiceWorld) -> None:
    deleted = [request.path for request in requests if request.method == "DELETE"]
    assert all(path.startswith(f"/{world.setting.responses_bucket}/responses/") for path in deleted)


def test_the_doctor_finds_the_tables_and_that_no_row_can_be_deleted(
    world: ServiceWorld, key: dict[str, str], server: EnforcingMiniStack
) -> None:
    setting = world.setting
    places = ServiceManifests(setting.manifests_table, setting.manifests_bucket, "c", setting.replicas_table)

    def said(login: str, password: str) -> set[tuple[str, Verdict]]:
        extra = {"endpoint_url": server.endpoint, "region_name": server.region}
        connection = {"conn_type": "aws", "login": login, "password": password, "extra": extra}
        credentials = EnvironmentCredentials({"AIRFLOW_CONN_C": json.dumps(connection)})
        return {(f.code, f.diagnosis.verdict) for f in examine_tables(places, credentials)}

    before = world.rows()
    assert said(key["AccessKeyId"], key["SecretAccessKey"]) == {
        ("table", Verdict.GOOD),
        ("table-may-delete", Verdict.GOOD),
    }
    assert said(server.access_key, server.secret_key) == {("table", Verdict.GOOD), ("table-may-delete", Verdict.MEND)}
    assert said("nobody", "wrong") == {("table", Verdict.MEND)}
    assert world.rows() == before


def test_the_doctor_tells_a_table_that_is_not_there_from_one_that_is_not_ours(
    key: dict[str, str], server: EnforcingMiniStack
) -> None:
    extra = {"endpoint_url": server.endpoint, "region_name": server.region}
    root = {"conn_type": "aws", "login": server.access_key, "password": server.secret_key, "extra": extra}
    ours = {**root, "login": key["AccessKeyId"], "password": key["SecretAccessKey"]}
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_ROOT": json.dumps(root), "AIRFLOW_CONN_OURS": json.dumps(ours)})
    for connection, words in (("root", "no such table"), ("ours", "Permit dynamodb:GetItem")):
        found = examine_tables(ServiceManifests("another-table", "bucket", connection), credentials)
        assert found[0].diagnosis.verdict is Verdict.MEND
        assert words in found[0].diagnosis.advice
