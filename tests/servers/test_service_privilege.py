"""What Bagfill does beside a storage service, with exactly the rights of docs/security.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest

from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.doctor.examine import Examination
from bagfill.doctor.model import Verdict
from bagfill.doctor.service_manifests import examine_manifests
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


def user(server: EnforcingMiniStack, name: str, document: str) -> dict[str, str]:
    """A user of IAM with one policy; its key."""
    make: Any = boto3.client
    iam = make(
        "iam",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    return dict(iam.create_access_key(UserName=name)["AccessKey"])


@pytest.fixture(scope="module")
def key(world: ServiceWorld, server: EnforcingMiniStack) -> dict[str, str]:
    return user(server, "service", policy(world.setting))


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


def examined(
    server: EnforcingMiniStack, places: ServiceManifests, login: str, password: str
) -> tuple[dict[str, set[Verdict]], Examination]:
    """What the doctor says with one key: its verdicts by code, and everything."""
    extra = {"endpoint_url": server.endpoint, "region_name": server.region}
    connection = {"conn_type": "aws", "login": login, "password": password, "extra": extra}
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_C": json.dumps(connection)})
    examination = Examination()
    examine_manifests(places, credentials, lambda: datetime.now(UTC), examination)
    said: dict[str, set[Verdict]] = {}
    for finding in examination.findings:
        said.setdefault(finding.code, set()).add(finding.diagnosis.verdict)
    return said, examination


def places_of(setting: ServiceSetting, probe_prefix: str | None = None) -> ServiceManifests:
    return ServiceManifests(
        setting.manifests_table,
        setting.manifests_bucket,
        "c",
        setting.replicas_table,
        setting.responses_bucket,
        reindex_topic=setting.reindex_topic,
        probe_prefix=probe_prefix,
    )


def test_the_doctor_finds_that_the_policy_suffices_and_permits_nothing_more(
    world: ServiceWorld, key: dict[str, str], server: EnforcingMiniStack
) -> None:
    objects, rows = world.objects(), world.rows()
    said, examination = examined(
        server, places_of(world.setting, "bagfill-probe/"), key["AccessKeyId"], key["SecretAccessKey"]
    )
    assert {code: verdicts for code, verdicts in said.items() if verdicts != {Verdict.GOOD}} == {}
    assert said.keys() >= {
        *("table", "table-may-delete", "responses-may-not-forget", "reindex-topic"),
        *("may-not-list", "may-not-stat", "may-not-read", "may-not-create", "may-not-stage"),
        *("may-overwrite", "may-delete", "conditions-ignored"),
    }
    tables = {f.diagnosis.seen.split(":")[0] for f in examination.findings if f.code.startswith("table")}
    assert tables == {world.setting.manifests_table, world.setting.replicas_table}
    tried = {f.diagnosis.seen.split(": ")[1] for f in examination.findings if f.code == "table"}
    assert tried == {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem"}
    # Below the probe prefix, and named; no row, and none of the service's objects.
    assert world.rows() == rows
    assert world.objects() - objects == {key for _, key in examination.remains}
    assert all(key.startswith("bagfill-probe/") for _, key in examination.remains)
    assert examination.remains


def test_without_a_probe_prefix_nothing_is_written_and_the_doctor_says_what_it_could_not_try(
    world: ServiceWorld, key: dict[str, str], server: EnforcingMiniStack
) -> None:
    before = world.objects()
    said, examination = examined(server, places_of(world.setting), key["AccessKeyId"], key["SecretAccessKey"])
    assert {code for code, verdicts in said.items() if verdicts != {Verdict.GOOD}} == {"may-not-create"}
    assert said["may-not-create"] == {Verdict.UNKNOWN}
    assert examination.remains == []
    assert world.objects() == before


def test_an_identity_that_may_do_everything_is_told_to_lose_its_rights_to_delete(
    world: ServiceWorld, server: EnforcingMiniStack
) -> None:
    rows = world.rows()
    said, _ = examined(server, places_of(world.setting), server.access_key, server.secret_key)
    assert said["table"] == {Verdict.GOOD}
    assert {code for code, verdicts in said.items() if Verdict.MEND in verdicts} == {"table-may-delete", "may-delete"}
    assert world.rows() == rows


def test_a_stranger_is_told_so_at_every_part(world: ServiceWorld, server: EnforcingMiniStack) -> None:
    said, examination = examined(server, places_of(world.setting), "nobody", "wrong-secret")
    for code in ("table", "identity-refused", "responses-may-not-forget", "reindex-topic"):
        assert said[code] == {Verdict.MEND}, code
    assert "wrong-secret" not in json.dumps([finding.to_json() for finding in examination.findings])


@pytest.mark.parametrize(
    ("taken", "code", "words"),
    [
        ("dynamodb:Scan", "table", "Permit dynamodb:Scan"),
        ("dynamodb:UpdateItem", "table", "Permit dynamodb:UpdateItem"),
        ("s3:ListBucket", "may-not-list", "Permit s3:ListBucket on arn:aws:s3:::"),
        ("s3:DeleteObject", "responses-may-not-forget", "/responses/*"),
        ("sns:GetTopicAttributes", "reindex-topic", "permit sns:GetTopicAttributes"),
    ],
)
def test_a_right_that_is_missing_is_named(
    world: ServiceWorld, server: EnforcingMiniStack, taken: str, code: str, words: str
) -> None:
    name = f"without-{taken.replace(':', '-')}"
    key = user(server, name, policy(world.setting).replace(f'"{taken}"', '"s3:GetBucketTagging"'))
    _, examination = examined(server, places_of(world.setting), key["AccessKeyId"], key["SecretAccessKey"])
    to_mend = [f for f in examination.findings if f.diagnosis.verdict is Verdict.MEND]
    assert {f.code for f in to_mend} == {code}
    assert all(words in f.diagnosis.advice for f in to_mend)


def test_the_doctor_tells_a_table_that_is_not_there_from_one_that_is_not_ours(
    world: ServiceWorld, key: dict[str, str], server: EnforcingMiniStack
) -> None:
    places = replace(places_of(world.setting), table="another-table")
    for (login, password), words in (
        ((server.access_key, server.secret_key), "no such table"),
        ((key["AccessKeyId"], key["SecretAccessKey"]), "Permit dynamodb:GetItem"),
    ):
        _, examination = examined(server, places, login, password)
        first = examination.findings[0].diagnosis
        assert first.verdict is Verdict.MEND
        assert words in first.advice
