"""The storage service beside us: what the doctor says of its tables, topics and interfaces, on two servers of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from moto.server import ThreadedMotoServer

from bagfill.demo.ministack import MiniStack
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.doctor.examine import Examination
from bagfill.doctor.model import Diagnosis, Verdict
from bagfill.doctor.service import examine_bags_api, examine_ingests
from bagfill.doctor.service_manifests import examine_manifests
from bagfill.ingests.storage_service.rules import ServiceIngests
from bagfill.registry.storage_service.api_rules import ApiRules
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.storage.environment_credentials import EnvironmentCredentials
from contracts.stub_provider import refusing
from doctor_place import aws

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module", params=["ministack", "moto"])
def setting(request: pytest.FixtureRequest, ministack: MiniStack) -> Iterator[ServiceSetting]:
    """A service's tables, buckets and topics."""
    if request.param == "ministack":
        made = ServiceSetting(ministack.endpoint, f"d{uuid4().hex[:8]}")
        made.make()
        yield made
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    made = ServiceSetting(f"http://{host}:{port}", "moto")
    for bucket in (made.manifests_bucket, made.responses_bucket):
        made.client("s3").create_bucket(Bucket=bucket)
    # Its account, and so its topics and queues, are others: tables and buckets are enough here.
    for table, columns in (
        (made.manifests_table, (("id", "S", "HASH"), ("version", "N", "RANGE"))),
        (made.replicas_table, (("id", "S", "HASH"),)),
    ):
        made.client("dynamodb").create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": column, "AttributeType": kind} for column, kind, _ in columns],
            KeySchema=[{"AttributeName": column, "KeyType": role} for column, _, role in columns],
            BillingMode="PAY_PER_REQUEST",
        )
    yield made
    server.stop()


def examined(setting: ServiceSetting, places: ServiceManifests) -> Examination:
    connection = aws(setting.endpoint, setting.access_key, setting.secret_key)
    examination = Examination()
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_C": json.dumps(connection)})
    examine_manifests(places, credentials, lambda: datetime.now(UTC), examination)
    return examination


def of(examination: Examination, code: str) -> list[Diagnosis]:
    return [finding.diagnosis for finding in examination.findings if finding.code == code]


def rows(setting: ServiceSetting) -> list[object]:
    return [setting.table(name).scan()["Items"] for name in (setting.manifests_table, setting.replicas_table)]


def test_rows_are_read_and_their_change_is_tried_without_changing_one(setting: ServiceSetting) -> None:
    row = {"id": "digitised/b1", "version": 1, "payload": {"bucket": "b", "key": "k"}}
    setting.table(setting.manifests_table).put_item(Item=row)
    before = rows(setting)
    places = ServiceManifests(setting.manifests_table, setting.manifests_bucket, "c", setting.replicas_table)
    examination = examined(setting, places)
    assert {d.verdict for d in of(examination, "table")} == {Verdict.GOOD}
    calls = [d.seen.split(": ", 1)[1] for d in of(examination, "table")]
    assert calls == [
        *("dynamodb:GetItem: HTTP 200", "dynamodb:Query: HTTP 200", "dynamodb:Scan: HTTP 200"),
        "dynamodb:UpdateItem: HTTP 400 ConditionalCheckFailedException",
        *("dynamodb:GetItem: HTTP 200", "dynamodb:UpdateItem: HTTP 400 ConditionalCheckFailedException"),
    ]
    # Neither server asks who somebody is, so everything is permitted.
    assert {d.verdict for d in of(examination, "table-may-delete")} == {Verdict.MEND}
    assert rows(setting) == before
    assert examination.remains == []


def test_a_table_with_other_keys_is_not_the_service_s(setting: ServiceSetting) -> None:
    places = ServiceManifests(setting.replicas_table, setting.manifests_bucket, "c", "no-such-table")
    wrong, absent = of(examined(setting, places), "table")
    assert (wrong.verdict, absent.verdict) == (Verdict.MEND, Verdict.MEND)
    assert "`id` (text) and `version` (number)" in wrong.advice
    assert "no such table" in absent.advice


def test_a_cache_that_keeps_versions_gets_a_marker_that_is_named(setting: ServiceSetting) -> None:
    s3, bucket = setting.client("s3"), setting.responses_bucket
    s3.put_object(Bucket=bucket, Key="responses/digitised/b1/v1", Body=b"{}")
    places = ServiceManifests(setting.manifests_table, setting.manifests_bucket, "c", responses_bucket=bucket)
    examination = examined(setting, places)
    assert [d.verdict for d in of(examination, "responses-may-not-forget")] == [Verdict.GOOD]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    examination = examined(setting, places)
    markers = s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", [])
    # moto leaves none for what was never there; AWS does.
    assert markers or setting.name == "moto"
    assert examination.remains == [
        ("storage_service.manifests", f"{bucket}/{marker['Key']} (a delete marker)") for marker in markers
    ]
    assert all(marker["Key"].startswith("responses/bagfill-probe/") for marker in markers)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["responses/digitised/b1/v1"]


def test_what_is_not_there_is_told_by_name(setting: ServiceSetting) -> None:
    arn = f"arn:aws:sns:{setting.region}:000000000000:nowhere"
    places = ServiceManifests("no-such-table", "no-such-bucket-at-all", "c", None, "no-such-cache-at-all")
    examination = examined(setting, replace(places, reindex_topic=arn))
    for code, words in (
        ("table", "no such table"),
        ("bucket-unknown", "Correct the name"),
        ("responses-may-not-forget", "no such bucket"),
        ("reindex-topic", "Make the topic"),
    ):
        [diagnosis] = of(examination, code)
        assert diagnosis.verdict is Verdict.MEND, code
        assert words in diagnosis.advice


def ingests(url: str, topic: str | None = None) -> dict[str, Verdict]:
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_C": json.dumps(aws(url, "key", "secret"))})
    rules = ServiceIngests(url, topic, "c", timeout_seconds=2)
    return {finding.code: finding.diagnosis.verdict for finding in examine_ingests(rules, credentials)}


def test_a_topic_that_gives_no_answer_is_not_said_to_be_there() -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:ingests"
    with refusing(503, "ServiceUnavailable") as trouble:
        assert ingests(trouble.url, topic) == {"ingests-tracker": Verdict.UNKNOWN, "ingests-topic": Verdict.UNKNOWN}
    with refusing(403, "AuthorizationError") as refused:
        assert ingests(refused.url, topic)["ingests-topic"] is Verdict.MEND


@pytest.fixture(scope="module")
def service(ministack: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServiceServer]:
    setting = ServiceSetting(ministack.endpoint, f"d{uuid4().hex[:8]}")
    with StorageServiceServer(tmp_path_factory.mktemp("service"), setting) as server:
        yield server


def test_the_bags_api_is_asked_with_our_secret(service: StorageServiceServer) -> None:
    rules = ApiRules(service.api, service.token_address, service.setting.client_id, "api")

    def said(secret: str | None, **changes: str) -> Diagnosis:
        environ = {} if secret is None else {"AIRFLOW_CONN_API": json.dumps({"conn_type": "http", "password": secret})}
        [finding] = examine_bags_api(replace(rules, **changes), EnvironmentCredentials(environ))
        assert finding.code == "bags-api"
        assert secret is None or secret not in json.dumps(finding.to_json())
        return finding.diagnosis

    secret = service.setting.client_secret
    assert said(secret).verdict is Verdict.GOOD
    assert said(None).verdict is Verdict.MEND
    assert said("marked-secret").verdict is Verdict.MEND
    with refusing(404, "NotFound") as gateway:
        assert said(secret, url=gateway.url).verdict is Verdict.MEND


def test_the_service_s_tracker_and_topic_are_asked_for(service: StorageServiceServer) -> None:
    setting = service.setting
    credentials = EnvironmentCredentials(
        {"AIRFLOW_CONN_C": json.dumps(aws(setting.endpoint, setting.access_key, setting.secret_key))}
    )
    found = examine_ingests(ServiceIngests(service.address, setting.ingests_topic, "c"), credentials)
    assert [(f.code, f.diagnosis.verdict) for f in found] == [
        ("ingests-tracker", Verdict.GOOD),
        ("ingests-topic", Verdict.GOOD),
    ]
