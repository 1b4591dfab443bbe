"""What an earlier release began, this one finishes; what a later one wrote, it refuses in words.

The folders beside this file hold what earlier releases left, as they wrote it (``make.py``). A new one is added before
a release changes the form of a record; an old one goes when a release no longer has to finish its work.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from bagfill.bag.identifiers import BagVersionId
from bagfill.database.revision import NEWEST
from bagfill.demo.ministack import MiniStack
from bagfill.ingests.model import IngestStatus
from bagfill.settings import load_settings
from bagfill.steps.close_ingest import close_ingests
from bagfill.steps.conclude_replica import ReplicaRegistered, conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import plan_replication
from bagfill.steps.run_parcel import run_parcel
from bagfill.steps.services import Services
from bagfill.steps.shipments import ShipmentError, ShipmentRecords
from bagfill.steps.verify_shard import verify_shard
from bagfill.steps.work import IngestWork
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

pytestmark = pytest.mark.servers

HERE = Path(__file__).parent
RELEASES = sorted(path.name for path in HERE.iterdir() if (path / "source").is_dir())
STATES = ("opened", "planned", "copied", "verified")
SETTINGS = """\
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[limits]
shard_bytes = "1 MiB"
shard_files = 3
lease = "7 days"
[[locations]]
name = "primary"
provider = "amazon-s3"
bucket = "kept-primary"
read_connection = "s3"
[[locations]]
name = "copy"
provider = "amazon-s3"
bucket = "kept-copy"
read_connection = "s3"
write_connection = "s3"
server_copy = "never"
[[policies]]
locations = ["copy"]
"""


@dataclass
class Left:
    """What a release left, opened by this one."""

    services: Services
    handed: dict[str, Any]
    folder: Path

    @property
    def ref(self) -> IngestRef:
        return IngestRef.from_json(self.handed["ref"])


@pytest.fixture
def client(ministack: MiniStack) -> Iterator[Any]:
    """Of a server with both buckets, empty."""
    client: Any = boto3.client(
        "s3",
        endpoint_url=ministack.endpoint,
        region_name=ministack.region,
        aws_access_key_id=ministack.access_key,
        aws_secret_access_key=ministack.secret_key,
    )
    for bucket in ("kept-primary", "kept-copy"):
        client.create_bucket(Bucket=bucket)
    yield client
    for bucket in ("kept-primary", "kept-copy"):
        for entry in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=entry["Key"])
        client.delete_bucket(Bucket=bucket)


@contextmanager
def left_by(release: str, state: str, folder: Path, ministack: MiniStack, client: Any) -> Iterator[Left]:
    kept = HERE / release / state
    for name in ("work", "manifests"):
        shutil.copytree(kept / name, folder / name)
    with sqlite3.connect(folder / "registry.sqlite") as registry:
        registry.executescript((kept / "registry.sql").read_text())
    source = HERE / release / "source"
    for path in (path for path in source.rglob("*") if path.is_file()):
        key = path.relative_to(source).as_posix()
        client.put_object(Bucket="kept-primary", Key=key, Body=path.read_bytes())
        if state in {"copied", "verified"} and key.startswith("digitised/b1/"):
            client.put_object(Bucket="kept-copy", Key=key, Body=path.read_bytes())
    (folder / "bagfill.toml").write_text(SETTINGS)
    extra = {"endpoint_url": ministack.endpoint, "region_name": ministack.region}
    connection = {"conn_type": "aws", "login": ministack.access_key, "password": ministack.secret_key, "extra": extra}
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_S3": json.dumps(connection)})
    with open_services(load_settings(folder / "bagfill.toml", {}), credentials) as services:
        handed = json.loads((kept / "handed.json").read_text())
        moment = _moment(services, handed)
        yield Left(replace(services, clock=lambda: moment), handed, folder)


def _moment(services: Services, handed: dict[str, Any]) -> datetime:
    """A minute after the ingest was opened: whoever began it still holds its claim."""
    bag_version = BagVersionId.parse(handed["ref"]["bag_version"])
    [ingest] = services.ingests.of_bag(bag_version.bag, "copy")
    return ingest.created + timedelta(minutes=1)


def done(outcome: Any) -> Any:
    assert not isinstance(outcome, StepFailed), outcome.message
    return outcome


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("release", RELEASES)
def test_a_run_that_an_earlier_release_began_ends_well(
    release: str, state: str, tmp_path: Path, ministack: MiniStack, client: Any
) -> None:
    with left_by(release, state, tmp_path, ministack, client) as left:
        services, ref = left.services, left.ref
        plan = done(plan_replication(services, ref))
        if state != "opened":
            assert [plan.copy_shards, plan.verify_shards] == left.handed["shards"]
        before = len(client.list_objects_v2(Bucket="kept-copy").get("Contents", []))
        for number in range(plan.copy_shards):
            done(copy_shard(services, ShardRef(ref, number)))
        for number in range(plan.verify_shards):
            done(verify_shard(services, ShardRef(ref, number)))
        assert isinstance(done(conclude_replica(services, ref)), ReplicaRegistered)
        close_ingests(services, "bag__kept")
        [ingest] = services.ingests.of_bag(ref.id.bag, "copy")
        assert ingest.status is IngestStatus.SUCCEEDED
        assert {replica.location for replica in services.registry.replicas(ref.id)} == {"primary", "copy"}
        after = client.list_objects_v2(Bucket="kept-copy")["Contents"]
        # What the earlier release copied was not copied again, and nothing else is there.
        assert (before > 0) == (state in {"copied", "verified"})
        wanted = {entry["Key"]: entry["Size"] for entry in client.list_objects_v2(Bucket="kept-primary")["Contents"]}
        assert {entry["Key"]: entry["Size"] for entry in after} == {
            key: size for key, size in wanted.items() if key.startswith("digitised/b1/")
        }


@pytest.mark.parametrize("release", RELEASES)
def test_a_parcel_that_an_earlier_release_packed_is_worked_through(
    release: str, tmp_path: Path, ministack: MiniStack, client: Any
) -> None:
    with left_by(release, "opened", tmp_path, ministack, client) as left:
        shipment = ShipmentRecords(left.services.work).read(left.handed["shipment"]["id"])
        assert shipment.to_json() == left.handed["shipment"]
        done(run_parcel(left.services, shipment.id, 0, last_try=True))
        bag_version = BagVersionId.parse("digitised/b2/v1")
        assert {replica.location for replica in left.services.registry.replicas(bag_version)} == {"primary", "copy"}


@pytest.mark.parametrize("release", RELEASES)
def test_the_registry_is_brought_up_to_date(release: str, tmp_path: Path, ministack: MiniStack, client: Any) -> None:
    with left_by(release, "verified", tmp_path, ministack, client) as left:
        with sqlite3.connect(left.folder / "registry.sqlite") as registry:
            [(revision,)] = registry.execute("SELECT version_num FROM bagfill_alembic_version").fetchall()
        assert revision == NEWEST
        assert len(list(left.services.registry.replicas(left.ref.id))) == 1


@pytest.mark.parametrize("release", RELEASES)
def test_a_plan_of_a_later_release_is_refused_in_words(
    release: str, tmp_path: Path, ministack: MiniStack, client: Any
) -> None:
    with left_by(release, "planned", tmp_path, ministack, client) as left:
        [path] = (tmp_path / "work").glob("*/plan.jsonl")
        work = IngestWork(left.services.work, left.ref)
        plan = work.require_plan()
        document = {**plan.to_json(), "format": 99}
        path.unlink()
        work._work.write_json(f"{left.ref.ingest_id}/plan.jsonl", document)
        outcome = copy_shard(left.services, ShardRef(left.ref, 0))
        assert isinstance(outcome, StepFailed)
        # In the middle of an upgrade the next attempt may find a worker that is up to date.
        assert outcome.retryable
        assert "format 99" in outcome.message
        assert "bring this worker up to date" in outcome.message
        assert client.list_objects_v2(Bucket="kept-copy").get("Contents", []) == []


def test_a_shipment_of_a_later_release_is_refused_in_words(tmp_path: Path, ministack: MiniStack, client: Any) -> None:
    with left_by(RELEASES[-1], "opened", tmp_path, ministack, client) as left:
        identifier = left.handed["shipment"]["id"]
        path = tmp_path / "work" / "shipments" / identifier / "shipment.jsonl"
        path.unlink()
        records = ShipmentRecords(left.services.work)
        records._work.write_json(f"shipments/{identifier}/shipment.jsonl", {"format": 99, "id": identifier})
        with pytest.raises(ShipmentError, match="another release"):
            records.read(identifier)
