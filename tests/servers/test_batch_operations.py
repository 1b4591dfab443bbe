"""S3 Batch Operations: many thaws by one job, what it could not do one by one, and sources hashed before money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import boto3
import pytest

from bagfill.bag.identifiers import BagId
from bagfill.demo.ministack import MiniStack
from bagfill.ingests.reasons import Reason
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.services import Services
from bagfill.storage.batch_rules import BatchRules
from bagfill.storage.credentials import S3Access
from bagfill.storage.location import Location
from bagfill.storage.s3 import S3Store
from bagfill.storage.s3_batch import S3BatchJobs
from bagfill.storage.store import ObjectStore
from bagfill.thaw.batch import BatchRunner
from stub_batch import StubBatch
from world import World, bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("s/b1")
V1 = "s/b1/v1"
PAYLOAD = {name: name.encode() * 30 for name in ("a b+ü.txt", "c,d.txt", "e.txt")}
PATHS = sorted(f"data/{name}" for name in PAYLOAD)


class Scene:
    """A world in memory whose source is a bucket of a real S3 server, with jobs on it."""

    def __init__(self, ministack: MiniStack) -> None:
        self.access = S3Access(
            endpoint_url=ministack.endpoint,
            region=ministack.region,
            access_key_id=ministack.access_key,
            secret_access_key=ministack.secret_key,
        )
        client: Any = boto3.client
        self.s3 = client(
            "s3",
            endpoint_url=self.access.endpoint_url,
            region_name=self.access.region,
            aws_access_key_id=self.access.access_key_id,
            aws_secret_access_key=self.access.secret_access_key,
        )
        self.bucket, self.area = (f"{name}-{uuid4().hex[:8]}" for name in ("cold", "area"))
        for name in (self.bucket, self.area):
            self.s3.create_bucket(Bucket=name)
        self.stub = StubBatch(self.s3, lambda _, key: self.bodies[key])
        self.world = World()
        self.world.locations["primary"] = replace(self.world.locations["primary"], bucket=self.bucket)
        self.files = bag_files(BAG, PAYLOAD)
        self.world.add(V1, self.files)
        self.bodies = {f"{V1}/{path}": body for path, body in self.files.items()}
        for path, body in self.files.items():
            kind = "GLACIER" if path.startswith("data/") else "STANDARD"
            self.s3.put_object(Bucket=self.bucket, Key=f"{V1}/{path}", Body=body, StorageClass=kind)
        self.source = S3Store(self.bucket, self.access, location="primary")
        self.slept: list[float] = []

    def services(self, url: str, *, above: int = 1, check_source: bool = False) -> Services:
        rules = BatchRules(
            "123456789012", "arn:aws:iam::123456789012:role/b", self.area, "x/", above=above, check_source=check_source
        )
        primary = replace(self.world.locations["primary"], batch=rules)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("http_proxy", url)
            patched.setenv("no_proxy", "127.0.0.1")
            jobs = S3BatchJobs(rules, replace(self.access, endpoint_url="http://batch.test"), location="primary")
        area = S3Store(self.area, self.access, location="batch area")
        runner = BatchRunner(jobs, area, "x/", self.bucket, self.slept.append)
        plain = self.world.services()
        return replace(
            plain,
            locations={**plain.locations, "primary": primary},
            stores=_Stores(plain, self.source),
            batch=lambda location: runner if location.name == "primary" else None,
        )

    def planned(self, services: Services) -> IngestRef:
        opened = open_ingests(services, self.world.request(str(BAG), f"bag__{uuid4().hex[:6]}"))
        assert isinstance(opened, OpenedIngests)
        plan = plan_replication(services, opened.refs[0])
        assert isinstance(plan, PlanSummary), plan
        assert plan.archived_files == len(PATHS)
        return opened.refs[0]

    def under_way(self) -> list[str]:
        heads = ((path, self.s3.head_object(Bucket=self.bucket, Key=f"{V1}/{path}")) for path in PATHS)
        return [path for path, head in heads if head.get("Restore")]


class _Stores:
    def __init__(self, plain: Services, source: ObjectStore) -> None:
        self._plain = plain
        self._source = source

    def reading(self, location: Location) -> ObjectStore:
        return self._source if location.name == "primary" else self._plain.stores.reading(location)

    def writing(self, location: Location) -> ObjectStore:
        return self._plain.stores.writing(location)

    def server_copy(self, source: Location, destination: Location) -> Any:
        return None


@pytest.fixture
def scene(ministack: MiniStack) -> Iterator[Scene]:
    made = Scene(ministack)
    yield made
    made.source.close()


@pytest.fixture
def url(scene: Scene) -> Iterator[str]:
    with scene.stub.serving() as url:
        yield url


def test_many_objects_are_asked_for_by_one_job(scene: Scene, url: str) -> None:
    services = scene.services(url)
    ref = scene.planned(services)
    assert request_thaw(services, ref) == ThawSummary(total=3, asked=3, in_progress=0, readable=0)
    assert scene.stub.operations == ["restore"]
    assert [request for _, request in scene.stub.restored] == [
        {"GlacierJobParameters": {"Tier": "Bulk"}, "Days": 5}
    ] * 3
    assert scene.under_way() == PATHS
    assert request_thaw(services, ref) == ThawSummary(total=3, asked=0, in_progress=3, readable=0)
    assert len(scene.stub.jobs) == 1


def test_few_objects_are_asked_for_one_by_one(scene: Scene, url: str) -> None:
    services = scene.services(url, above=3)
    assert request_thaw(services, scene.planned(services)) == ThawSummary(3, 3, 0, 0)
    assert scene.stub.jobs == {}
    assert scene.under_way() == PATHS


def test_what_a_job_could_not_do_is_asked_for_one_by_one(scene: Scene, url: str) -> None:
    scene.stub.refuse = {f"{V1}/{PATHS[0]}": "SlowDown", f"{V1}/{PATHS[1]}": "RestoreAlreadyInProgress"}
    services = scene.services(url)
    assert request_thaw(services, scene.planned(services)) == ThawSummary(3, asked=2, in_progress=1, readable=0)
    assert [key for key, _ in scene.stub.restored] == [f"{V1}/{PATHS[2]}"]
    assert PATHS[0] in scene.under_way()


def test_a_job_that_fails_as_a_whole_says_why_and_is_not_repeated_blindly(scene: Scene, url: str) -> None:
    scene.stub.fail = True
    services = scene.services(url)
    ref = scene.planned(services)
    outcome = request_thaw(services, ref)
    assert isinstance(outcome, StepFailed)
    assert "AccessDenied" in outcome.message
    assert scene.under_way() == []
    request_thaw(services, ref)
    assert len(scene.stub.jobs) == 1


def test_a_task_that_died_while_its_job_ran_finds_the_job(
    scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = scene.services(url)
    ref = scene.planned(services)

    def die(self: S3BatchJobs, job: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(S3BatchJobs, "look", die)
        with pytest.raises(KeyboardInterrupt):
            request_thaw(services, ref)
    scene.world.clock.advance(services.limits.lease / 2)
    outcome = request_thaw(services, ref)
    assert isinstance(outcome, ThawSummary)
    assert len(scene.stub.jobs) == 1
    assert scene.under_way() == PATHS


def test_a_corrupt_source_is_found_before_its_thaw_is_paid(scene: Scene, url: str) -> None:
    scene.bodies[f"{V1}/{PATHS[1]}"] = b"flipped"
    services = scene.services(url, above=1000, check_source=True)
    outcome = request_thaw(services, scene.planned(services))
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.SOURCE_CORRUPT
    assert PATHS[1] in outcome.message
    assert scene.stub.operations == ["checksum SHA256"]
    assert scene.under_way() == []


def test_a_good_source_is_asked_for_and_hashed_once(scene: Scene, url: str) -> None:
    services = scene.services(url, above=1000, check_source=True)
    ref = scene.planned(services)
    for _ in range(2):
        assert isinstance(request_thaw(services, ref), ThawSummary)
    assert scene.stub.operations == ["checksum SHA256"]
    assert scene.under_way() == PATHS


def test_a_file_that_could_not_be_hashed_is_no_finding(scene: Scene, url: str) -> None:
    scene.stub.refuse = {f"{V1}/{PATHS[0]}": "InternalError"}
    services = scene.services(url, above=1000, check_source=True)
    assert isinstance(request_thaw(services, scene.planned(services)), ThawSummary)
    assert scene.under_way() == PATHS
