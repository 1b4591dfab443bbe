"""Folders, the database, the queue of events, and the command over all of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from bagfill.cli.app import app
from bagfill.database.engine import open_database
from bagfill.database.migrate import downgrade, upgrade
from bagfill.demo.ministack import MiniStack
from bagfill.demo.postgresql import PostgreSQL
from bagfill.doctor.connections import examine_connections
from bagfill.doctor.database import examine_database
from bagfill.doctor.folder import examine_folder
from bagfill.doctor.model import Finding, Verdict
from bagfill.doctor.queue import examine_queue
from bagfill.settings import load_settings
from bagfill.settings.thaw_events import ThawEvents
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location, Provider
from contracts.stub_provider import refusing
from doctor_place import aws

SETTINGS = """\
[registry]
database = "{database}"
auto_migrate = {auto_migrate}
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[[locations]]
name = "primary"
provider = "local"
path = "source"
[[locations]]
name = "shelf"
provider = "local"
path = "shelf"
writable = true
[[policies]]
locations = ["shelf"]
"""


def settings_in(folder: Path, database: str = "sqlite:///registry.sqlite", *, auto_migrate: bool = True) -> Path:
    path = folder / "bagfill.toml"
    path.write_text(SETTINGS.format(database=database, auto_migrate=str(auto_migrate).lower()))
    return path


def verdicts(findings: Any) -> dict[str, Verdict]:
    return {finding.code: finding.diagnosis.verdict for finding in findings}


def test_a_folder_is_looked_at(tmp_path: Path) -> None:
    here = Location("shelf", Provider.LOCAL, str(tmp_path))
    found = verdicts(examine_folder(here, needs_writing=True))
    assert found["folder-missing"] is Verdict.GOOD
    assert found["folder-access"] is Verdict.GOOD
    gone = Location("shelf", Provider.LOCAL, str(tmp_path / "gone"))
    assert verdicts(examine_folder(gone, needs_writing=False)) == {"folder-missing": Verdict.MEND}
    # A disk that is not mounted must not look like an empty one; an area of ours is made.
    assert verdicts(examine_folder(gone, needs_writing=True)) == {"folder-missing": Verdict.MEND}
    assert verdicts(examine_folder(gone, needs_writing=True, is_area=True)) == {"folder-missing": Verdict.NOTE}


def test_a_full_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": 1024})())
    found = examine_folder(Location("shelf", Provider.LOCAL, str(tmp_path)), needs_writing=True)
    assert verdicts(found)["disk-full"] is Verdict.MEND


def database(path: Path, now: datetime | None = None) -> dict[str, Finding]:
    found = examine_database(load_settings(path, {}), lambda: now or datetime.now(UTC))
    return {finding.code: finding for finding in found}


def test_a_database_of_another_release_is_told(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, auto_migrate=False)
    assert database(settings)["database-revision"].diagnosis.verdict is Verdict.MEND
    assert database(settings_in(tmp_path))["database-revision"].diagnosis.verdict is Verdict.NOTE
    engine = open_database(f"sqlite:///{tmp_path}/registry.sqlite")
    upgrade(engine)
    assert database(settings)["database-revision"].diagnosis.verdict is Verdict.GOOD
    downgrade(engine, "0007")
    older = database(settings_in(tmp_path, auto_migrate=False))["database-revision"].diagnosis
    assert older.verdict is Verdict.MEND
    assert "bagfill db upgrade" in older.advice
    with engine.begin() as connection:
        connection.execute(text("UPDATE bagfill_alembic_version SET version_num = '9999'"))
    newer = database(settings)["database-revision"].diagnosis
    assert newer.verdict is Verdict.MEND
    assert "newer Bagfill" in newer.seen
    engine.dispose()


@pytest.mark.servers
def test_missing_rights_in_postgresql_are_named(postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = postgresql.create_database("doctor_rights")
    upgrade(open_database(url))
    owner = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"), isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("CREATE ROLE onlooker LOGIN PASSWORD 'secret'"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker"))
    try:
        poor = owner.url.set(username="onlooker", password="secret").render_as_string(hide_password=False)
        poor = poor.replace("postgresql+psycopg2://", "postgresql://")
        found = database(settings_in(tmp_path, poor))
        assert found["database-rights"].diagnosis.verdict is Verdict.MEND
        assert "replicas" in found["database-rights"].diagnosis.seen
        assert found["database-clock"].diagnosis.verdict is Verdict.GOOD
        rich = database(settings_in(tmp_path, url))["database-rights"].diagnosis
        assert rich.verdict in {Verdict.GOOD, Verdict.ADVICE}
        late = database(settings_in(tmp_path, url), datetime(2020, 1, 1, tzinfo=UTC))
        assert late["database-clock"].diagnosis.verdict is Verdict.ADVICE
    finally:
        with owner.connect() as connection:
            connection.execute(text("DROP OWNED BY onlooker"))
            connection.execute(text("DROP ROLE onlooker"))
        owner.dispose()


def test_a_database_that_does_not_answer_shows_no_password(tmp_path: Path) -> None:
    found = database(settings_in(tmp_path, "postgresql://somebody:marked-secret@127.0.0.1:1/bagfill"))
    assert found["database-answers-not"].diagnosis.verdict is Verdict.MEND
    assert "marked-secret" not in json.dumps([finding.to_json() for finding in found.values()])


@pytest.mark.servers
def test_a_queue_is_received_from_and_keeps_its_messages(ministack: MiniStack) -> None:
    client = boto3.client(
        "sqs",
        endpoint_url=ministack.endpoint,
        region_name=ministack.region,
        aws_access_key_id=ministack.access_key,
        aws_secret_access_key=ministack.secret_key,
    )
    url = client.create_queue(QueueName="doctor")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="kept")
    connection = json.dumps(aws(ministack.endpoint, ministack.access_key, ministack.secret_key))
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_QUEUE": connection})
    found = examine_queue(ThawEvents(url, "queue"), credentials)
    assert verdicts(found) == {"queue": Verdict.GOOD}
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    there = int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])
    assert there == 1


@pytest.mark.parametrize(("code", "verdict"), [("AccessDenied", Verdict.MEND), ("ServiceUnavailable", Verdict.UNKNOWN)])
def test_a_queue_that_refuses_is_told_from_one_in_trouble(code: str, verdict: Verdict) -> None:
    status = 403 if code == "AccessDenied" else 503
    with refusing(status, code) as stub:
        credentials = EnvironmentCredentials({"AIRFLOW_CONN_QUEUE": json.dumps(aws(stub.url, "key", "secret"))})
        found = examine_queue(ThawEvents(f"{stub.url}/000000000000/events", "queue"), credentials)
    assert verdicts(found) == {"queue": verdict}


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["doctor", *(str(a) for a in arguments)], catch_exceptions=False)


def test_the_command_says_what_to_mend_and_its_exit_code_too(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    answer = run("--config", settings)
    assert answer.exit_code == 1
    assert "folder-missing" in answer.stdout
    for name in ("source", "shelf"):
        (tmp_path / name).mkdir()
    assert run("--config", settings).exit_code == 0
    assert run("shelf", "--config", settings, "--all").exit_code == 0
    unknown = run("nowhere", "--config", settings)
    assert unknown.exit_code == 2
    assert "primary, shelf" in unknown.stderr.replace("\n", " ")


def test_what_looks_like_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.write_text(settings.read_text().replace('"source"', '"[old] [/x]"'))
    assert "[old] [/x]" in run("--config", settings).stdout.replace("\n", "")


def test_the_document_has_every_finding(tmp_path: Path) -> None:
    document = json.loads(run("--json", "--config", settings_in(tmp_path)).stdout)
    assert document["verdict"] == "mend"
    assert {"code", "subject", "identity", "connection", "verdict", "seen", "advice"} == set(document["findings"][0])
    subjects = {finding["subject"] for finding in document["findings"]}
    assert subjects == {"primary", "shelf", "work area", "receipts", "manifests", "registry"}
    assert document["remains"] == []


EVERY_CONNECTION = """
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
provider = "amazon-s3"
bucket = "areas"
prefix = "work/"
connection = "c_work"
[receipts]
provider = "amazon-s3"
bucket = "areas"
prefix = "receipts/"
connection = "c_receipts"
[manifests]
provider = "amazon-s3"
bucket = "areas"
prefix = "manifests/"
connection = "c_manifests"
[reports]
provider = "amazon-s3"
bucket = "areas"
prefix = "reports/"
connection = "c_reports"
[[locations]]
name = "primary"
provider = "amazon-s3"
bucket = "bags"
read_connection = "c_read"
write_connection = "c_write"
thaw_connection = "c_thaw"
inspect_connection = "c_inspect"
[locations.batch]
account = "123456789012"
role = "arn:aws:iam::123456789012:role/batch"
bucket = "batch"
connection = "c_batch"
[[policies]]
locations = ["primary"]
[thaw_events]
queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/restores"
connection = "c_queue"
[signing]
connection = "c_signing"
[callbacks]
secret_connection = "c_callbacks"
[storage_service.manifests]
table = "manifests"
bucket = "service"
connection = "c_service"
[storage_service.listener]
queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/registered"
connection = "c_listener"
"""


def test_every_connection_that_the_settings_name_is_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "bagfill.toml"
    path.write_text(EVERY_CONNECTION)
    named = {value for line in EVERY_CONNECTION.splitlines() if (value := line.partition('= "c_')[2].rstrip('"'))}
    loaded = load_settings(path, {})
    found = examine_connections(loaded, lambda name: name == "c_read")
    assert {finding.subject for finding in found} == {f"c_{name}" for name in named}
    verdicts_by_name = {finding.subject: finding.diagnosis.verdict for finding in found}
    assert verdicts_by_name.pop("c_read") is Verdict.GOOD
    assert set(verdicts_by_name.values()) == {Verdict.NOTE}
    assert "AIRFLOW_CONN_C_THAW" in next(f for f in found if f.subject == "c_thaw").diagnosis.advice
