"""Jobs of S3 Batch Operations with exactly the rights of docs/security.md, as far as a server can show.

No server that can be installed has these jobs: a stand-in does them, with the role's own key and rights at a server
that enforces IAM. What AWS alone decides, who may create a job and pass a role, is put to the policy engine of that
server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_trust_policy, parse_policy_document

from bagfill.doctor.examine import Examination, examine_location
from bagfill.doctor.model import Identity, Verdict
from bagfill.storage.batch_jobs import TaskResult, checksum_operation, restore_operation
from bagfill.storage.batch_rules import BatchRules
from bagfill.storage.credentials import S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location, Provider
from bagfill.storage.s3 import S3Store
from bagfill.storage.s3_batch import S3BatchJobs
from bagfill.storage.store import ThawTier
from bagfill.thaw.batch import BatchRunner
from enforcing_ministack import EnforcingMiniStack
from recording_proxy import Recording, Request, recording
from security_page import POLICIES, actions, s3_action
from stub_batch import StubBatch

pytestmark = pytest.mark.servers

ROLE = "arn:aws:iam::123456789012:role/bagfill-batch"
COLD, WARM = "bags/s/b1/v1/data/cold.bin", "bags/s/b1/v1/data/warm.bin"


def policy(name: str) -> str:
    text = json.dumps(POLICIES[name])
    for word, value in (
        ("AREAPREFIX", "jobs/"),
        ("AREA", "batch-area"),
        ("BUCKET", "batch-bags"),
        ("PREFIX", "bags/"),
        ("REGION", "us-east-1"),
        ("ACCOUNT", "123456789012"),
        ("ROLE", "bagfill-batch"),
    ):
        text = text.replace(word, value)
    return text


@dataclass(frozen=True)
class Place:
    """A server with bags in one bucket and a batch area in another; who asked for what."""

    seen: Recording
    keys: dict[str, str]
    secret: str
    results: dict[str, list[TaskResult]]

    def requests(self, name: str) -> list[Request]:
        return [request for request in self.seen.requests if request.who == self.keys[name]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("batch")
    with EnforcingMiniStack(root, restore_delay=1.0) as server, recording(server.endpoint) as seen:
        owner = client(server, "s3", server.endpoint, server.access_key, server.secret_key)
        for bucket in ("batch-bags", "batch-area"):
            owner.create_bucket(Bucket=bucket)
        owner.put_object(Bucket="batch-bags", Key=COLD, Body=b"cold", StorageClass="GLACIER")
        owner.put_object(Bucket="batch-bags", Key=WARM, Body=b"warm")
        iam = client(server, "iam", server.endpoint, server.access_key, server.secret_key)
        made = {name: user(iam, name.replace(" ", "-"), policy(name)) for name in ("batch", "batch role")}
        role = client(server, "s3", seen.url, *made["batch role"])
        stub = StubBatch(role, lambda bucket, key: role.get_object(Bucket=bucket, Key=key)["Body"].read())
        with stub.serving() as url:
            runner, area = opened(S3Access(seen.url, server.region, *made["batch"]), url)
            restore = restore_operation(ThawTier.BULK, 5, tiering=False)
            results = {
                "restore": list(runner.run("one", restore, [COLD])),
                "checksum": list(runner.run("two", checksum_operation("SHA256"), [WARM])),
                # The same work again finds its job.
                "again": list(runner.run("one", restore, [COLD])),
            }
            area.close()
        yield Place(seen, {name: key for name, (key, _secret) in made.items()}, made["batch"][1], results)


def client(server: EnforcingMiniStack, service: str, endpoint: str, key: str, secret: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=endpoint,
        region_name=server.region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


def user(iam: Any, name: str, document: str) -> tuple[str, str]:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return str(key["AccessKeyId"]), str(key["SecretAccessKey"])


def opened(access: S3Access, proxy: str) -> tuple[BatchRunner, S3Store]:
    rules = BatchRules("123456789012", ROLE, "batch-area", "jobs/", above=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("http_proxy", proxy)
        patched.setenv("no_proxy", "127.0.0.1")
        jobs = S3BatchJobs(rules, replace(access, endpoint_url="http://batch.test"), location="cold")
    area = S3Store("batch-area", access, location="batch area of cold")
    return BatchRunner(jobs, area, "jobs/", "batch-bags", lambda _seconds: None), area


def test_jobs_are_created_and_done_with_these_rights(place: Place) -> None:
    assert [(each.key, each.succeeded) for each in place.results["restore"]] == [(COLD, True)]
    assert [(each.key, each.succeeded) for each in place.results["checksum"]] == [(WARM, True)]
    assert place.results["again"] == place.results["restore"]
    refused = [request for request in place.seen.requests if request.status in {401, 403}]
    assert refused == []


def test_the_connection_uses_its_policy_and_nothing_else(place: Place) -> None:
    used = set().union(*map(s3_action, place.requests("batch")))
    # What is asked of AWS's control API and of IAM is no request to this server.
    assert used == actions("batch") - {"s3:CreateJob", "s3:DescribeJob", "iam:PassRole"}
    writes = [request for request in place.requests("batch") if request.method == "PUT"]
    assert {request.headers.get("if-none-match") for request in writes} == {"*"}
    assert {request.path.split("/")[1] for request in place.requests("batch")} == {"batch-area"}


def test_the_doctor_finds_nothing_to_mend_at_the_batch_area(place: Place) -> None:
    rules = BatchRules("123456789012", ROLE, "batch-area", "jobs/", connection="batch")
    location = Location("cold", Provider.AMAZON_S3, "batch-bags", "bags/", read_connection="batch", batch=rules)
    extra = {"endpoint_url": place.seen.url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": place.keys["batch"], "password": place.secret, "extra": extra}
    examination = Examination()
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_BATCH": json.dumps(connection)})
    asked = len(place.seen.requests)
    examine_location(location, credentials, lambda: datetime.now(UTC), examination, frozenset({Identity.BATCH}))
    assert {finding.subject for finding in examination.findings} == {"cold: batch"}
    assert [f for f in examination.findings if f.diagnosis.verdict in {Verdict.MEND, Verdict.UNKNOWN}] == []
    codes = {finding.code for finding in examination.findings}
    assert codes >= {"may-not-list", "may-not-read", "may-not-create", "may-overwrite", "may-delete"}
    assert all(key.startswith("jobs/bagfill-probe/") for _, key in examination.remains)
    del place.seen.requests[asked:]


def test_jobs_name_the_bucket_in_the_partition_of_their_role(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    rules = BatchRules("123456789012", "arn:aws-us-gov:iam::123456789012:role/b", "area")
    jobs = S3BatchJobs(rules, S3Access("http://batch.test", "us-gov-west-1", "key", "secret"), location="cold")
    monkeypatch.setattr(
        jobs, "_client", SimpleNamespace(create_job=lambda **asked: told.update(asked) or {"JobId": "1"})
    )
    assert jobs.create("token", {}, "m.csv", "etag", "report") == "1"
    assert told["Manifest"]["Location"]["ObjectArn"] == "arn:aws-us-gov:s3:::area/m.csv"
    assert told["Report"]["Bucket"] == "arn:aws-us-gov:s3:::area"


def test_the_role_uses_its_policy_and_nothing_else(place: Place) -> None:
    used = {
        (action, request.path.split("/")[1])
        for request in place.requests("batch role")
        for action in s3_action(request)
    }
    assert used == {
        ("s3:RestoreObject", "batch-bags"),
        ("s3:GetObject", "batch-bags"),
        ("s3:GetObject", "batch-area"),
        ("s3:PutObject", "batch-area"),
    }
    # The version of a manifest is what AWS asks for in its own example; this stand-in does not.
    assert actions("batch role") == {action for action, _ in used} | {"s3:GetObjectVersion"}


def decided(name: str, action: str, resource: str, **context: str) -> bool:
    asked = EvalContext(
        principal_arn="arn:aws:iam::123456789012:user/batch",
        principal_type="User",
        principal_account="123456789012",
        action=action,
        resource_arn=resource,
        region="us-east-1",
        service_context={key.replace("_", ":", 1).lower(): value for key, value in context.items()},
    )
    return bool(evaluate(asked, [parse_policy_document(policy(name))]).decision == "Allow")


@pytest.mark.parametrize(
    ("operation", "permitted"),
    [
        ("S3InitiateRestoreObject", True),
        ("S3ComputeObjectChecksum", True),
        ("S3PutObjectCopy", False),
        ("LambdaInvoke", False),
        ("S3DeleteObjectTagging", False),
    ],
)
def test_jobs_of_two_operations_may_be_created(operation: str, permitted: bool) -> None:
    assert decided("batch", "s3:CreateJob", "*", s3_RequestJobOperation=operation) is permitted
    assert not decided("batch", "s3:CreateJob", "*")


def test_one_role_may_be_passed_to_these_jobs_alone() -> None:
    to_batch = {"iam_PassedToService": "batchoperations.s3.amazonaws.com"}
    assert decided("batch", "iam:PassRole", ROLE, **to_batch)
    assert not decided("batch", "iam:PassRole", f"{ROLE}-other", **to_batch)
    assert not decided("batch", "iam:PassRole", ROLE, iam_PassedToService="lambda.amazonaws.com")


def test_jobs_are_looked_at_and_neither_changed_nor_cancelled() -> None:
    job = "arn:aws:s3:us-east-1:123456789012:job/0001"
    assert decided("batch", "s3:DescribeJob", job)
    assert not any(decided("batch", f"s3:{action}", job) for action in ("UpdateJobStatus", "UpdateJobPriority"))


def test_neither_reaches_what_is_not_its_business() -> None:
    bag = f"arn:aws:s3:::batch-bags/{COLD}"
    for action in ("s3:GetObject", "s3:PutObject", "s3:RestoreObject", "s3:DeleteObject"):
        assert not decided("batch", action, bag), action
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not decided("batch role", action, bag), action
    assert not decided("batch role", "s3:RestoreObject", "arn:aws:s3:::batch-bags/elsewhere")


def test_nobody_but_the_service_takes_the_role_on() -> None:
    [statement] = json.loads(policy("batch role trust"))["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    assert not evaluate_trust_policy(policy("batch role trust"), "arn:aws:iam::123456789012:user/batch")
