"""Backfills with exactly the rights of docs/security.md, and every request of every identity held against it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import boto3
import pytest
from azure.storage.blob import (
    BlobServiceClient,
    ResourceTypes,
    StandardBlobTier,
    generate_account_sas,
    generate_container_sas,
)

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.demo.azurite import Azurite
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.doctor.everything import examine
from bagfill.doctor.examine import Examination
from bagfill.doctor.model import Verdict
from bagfill.doctor.queue import examine_queue
from bagfill.settings import Settings, load_settings
from bagfill.settings.storage_service import RegisteredBags
from bagfill.steps.backfill import backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.azure import AzureStore
from bagfill.storage.azure_copies import copy_name
from bagfill.storage.credentials import AzureAccess, S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location, Provider, ThawDefaults
from bagfill.storage.providers import open_store
from bagfill.storage.signed_source import URL_LIFE
from bagfill.storage.sqs import SqsQueue
from bagfill.storage.store import ArchiveState, ThawAnswer, ThawTier
from bagfill.wiring import open_services
from enforcing_ministack import EnforcingMiniStack
from recording_proxy import Recording, Request, recording
from security_page import PAGE, POLICIES, actions, s3_action
from world import bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("digitised/b1")
V1 = BagVersionId.parse("digitised/b1/v1")
# Above the size from which S3 copies by itself, and from which blocks are staged.
LARGE = bytes(range(256)) * (9 * 1024 * 1024 // 256)
SETTINGS = """
[registry]
database = "sqlite:///{root}/registry.sqlite"
[work_area]
provider = "amazon-s3"
bucket = "{areas}"
prefix = "work/"
connection = "areas"
[receipts]
provider = "amazon-s3"
bucket = "{areas}"
prefix = "receipts/"
connection = "areas"
[manifests]
provider = "amazon-s3"
bucket = "{areas}"
prefix = "manifests/"
connection = "areas"
[limits]
small_object_bytes = "1 MiB"
block_bytes = "5 MiB"
[[locations]]
name = "source"
provider = "amazon-s3"
bucket = "{name}"
read_connection = "source_reader"
thaw_connection = "source_thawer"
[[locations]]
name = "azure"
provider = "azure-blob-storage"
container = "{name}"
read_connection = "azure_reader"
write_connection = "azure_writer"
probe_prefix = "bagfill-probe/"
server_copy = "never"
[[locations]]
name = "other"
provider = "amazon-s3"
bucket = "other-{name}"
prefix = "bags/"
read_connection = "other_reader"
write_connection = "other_writer"
probe_prefix = "bags/bagfill-probe/"
[[locations]]
name = "within"
provider = "amazon-s3"
bucket = "within-{name}"
read_connection = "within_reader"
write_connection = "within_writer"
inspect_connection = "within_inspector"
probe_prefix = "bagfill-probe/"
[[policies]]
locations = ["azure", "other", "within"]
"""


class RestrictedSeaweedFS(SeaweedFS):
    """With a writer that has no more than SeaweedFS can take away: who may create there may delete."""

    name = "restricted"
    writer_access_key, writer_secret_key = "other-writer", "other-writer-secret"

    def _identities(self) -> dict[str, object]:
        known: Any = super()._identities()
        credentials = [{"accessKey": self.writer_access_key, "secretKey": self.writer_secret_key}]
        known["identities"].append({"name": "w", "credentials": credentials, "actions": ["Read", "List", "Write"]})
        return dict(known)


@dataclass
class World:
    services: Services
    settings: Settings
    credentials: EnvironmentCredentials
    recordings: tuple[Recording, ...]
    roles: dict[str, str]
    main_job: tuple[Request, ...] = ()

    def requests(self, role: str) -> list[Request]:
        """What one role asked for in the main job."""
        names = {who for who, its in self.roles.items() if its == role}
        return [request for request in self.main_job if request.who in names]

    def all_so_far(self) -> list[Request]:
        return [request for seen in self.recordings for request in seen.requests]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnforcingMiniStack]:
    with EnforcingMiniStack(tmp_path_factory.mktemp("enforcing"), restore_delay=1.0) as server:
        yield server


def identity(server: EnforcingMiniStack, name: str, *granted: tuple[str, str]) -> tuple[str, str]:
    """A user of IAM with policies of the page, each for one bucket; its key and secret."""
    iam = _client(server, "iam")
    iam.create_user(UserName=name)
    for number, (policy, bucket) in enumerate(granted):
        text = json.dumps(POLICIES[policy]).replace("BUCKET", bucket).replace("PREFIX", "")
        iam.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=text)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return str(key["AccessKeyId"]), str(key["SecretAccessKey"])


@pytest.fixture(scope="module")
def world(server: EnforcingMiniStack, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("least")
    name = f"least-{uuid4()}"
    with ExitStack() as stack:
        seaweedfs = stack.enter_context(RestrictedSeaweedFS(root))
        s3, other, azure = (
            stack.enter_context(recording(url)) for url in (server.endpoint, seaweedfs.endpoint, _origin(azurite))
        )
        _fill(server, seaweedfs, azurite, name)
        environ, roles = {}, {}

        def aws(connection: str, role: str, url: str, key: str, secret: str) -> None:
            extra = {"endpoint_url": url, "region_name": "us-east-1"}
            document = {"conn_type": "aws", "login": key, "password": secret, "extra": extra}
            environ[f"AIRFLOW_CONN_{connection.upper()}"] = json.dumps(document)
            roles[key] = role

        within = f"within-{name}"
        for connection, role, granted in (
            ("areas", "manifest writer", [("manifest writer", f"areas-{name}")]),
            ("source_reader", "source reader", [("reader", name)]),
            ("source_thawer", "thawer", [("reader", name), ("thaw", name)]),
            ("within_reader", "reader", [("reader", within)]),
            # S3 copies from S3 for the identity that writes alone.
            ("within_writer", "within writer", [("writer", within), ("reader", name)]),
            ("within_inspector", "inspector", [("inspector", within)]),
        ):
            aws(connection, role, s3.url, *identity(server, connection, *granted))
        aws("other_reader", "reader", other.url, seaweedfs.reader_access_key, seaweedfs.reader_secret_key)
        aws("other_writer", "writer", other.url, seaweedfs.writer_access_key, seaweedfs.writer_secret_key)
        for connection, role, permission in (
            ("azure_reader", "azure reader", "rl"),
            ("azure_writer", "azure writer", "rlcw"),
        ):
            token = _signature(azurite, name, permission)
            text = f"BlobEndpoint={azure.url}/{azurite.account};SharedAccessSignature={token}"
            document = {"conn_type": "wasb", "extra": {"connection_string": text}}
            environ[f"AIRFLOW_CONN_{connection.upper()}"] = json.dumps(document)
            roles[parse_qs(token)["sig"][0]] = role
        (root / "bagfill.toml").write_text(SETTINGS.format(root=root, name=name, areas=f"areas-{name}"))
        settings, credentials = load_settings(root / "bagfill.toml", {}), EnvironmentCredentials(environ)
        services = stack.enter_context(open_services(settings, credentials))
        built = World(services, settings, credentials, (s3, other, azure), roles)
        _run(built, server, name)
        yield replace(built, main_job=tuple(built.all_so_far()))


def _origin(azurite: Azurite) -> str:
    parts = urlsplit(azurite.endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def _signature(azurite: Azurite, container: str, permission: str) -> str:
    token: str = generate_container_sas(
        azurite.account,
        container,
        account_key=azurite.account_key,
        permission=permission,
        expiry=datetime.now(UTC) + timedelta(hours=2),
    )
    return token


def _client(server: EnforcingMiniStack | SeaweedFS, service: str = "s3") -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )


def _fill(server: EnforcingMiniStack, seaweedfs: SeaweedFS, azurite: Azurite, name: str) -> None:
    here = _client(server)
    for bucket in (name, f"within-{name}", f"areas-{name}"):
        here.create_bucket(Bucket=bucket)
    here.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    files = bag_files(BAG, {"large.bin": LARGE, "small.txt": b"small"}, algorithms=("sha256",))
    for path, data in files.items():
        here.put_object(Bucket=name, Key=f"{V1}/{path}", Body=data)
    _client(seaweedfs).create_bucket(Bucket=f"other-{name}")
    BlobServiceClient.from_connection_string(azurite.connection_string).create_container(name)


def _run(world: World, server: EnforcingMiniStack, name: str) -> None:
    """The main job: learn a bag, thaw one of its files, replicate it to every destination."""
    assert import_location(world.services, "source").is_clean
    key = f"{V1}/data/small.txt"
    _client(server).copy_object(Bucket=name, Key=key, CopySource={"Bucket": name, "Key": key}, StorageClass="GLACIER")
    for destination in ("azure", "other", "within"):
        fields = {"space": "digitised", "external_identifier": "b1", "destination": destination}
        request = BackfillRequest.parse(world.services, f"least:{destination}", fields)
        result = backfill(world.services, request, poll_seconds=0.5)
        assert result.succeeded, [event.description for closed in result.closed for event in _events(world, closed)]


def _events(world: World, closed: Any) -> Any:
    ingest = world.services.ingests.get(closed.ingest_id)
    return [] if ingest is None else ingest.events


def azure_permission(request: Request) -> str:
    """Which permission of a SAS a request needs. Source: Azure, "Create a service SAS", permissions of operations."""
    comp = request.query.get("comp", "")
    match request.method, comp:
        case "GET", "list":
            return "l"
        case (("GET" | "HEAD"), ("" | "blocklist")):
            return "r"
        case "PUT", "":
            return "c"
        case "PUT", "tier":
            return "w"
        case "PUT", ("block" | "blocklist"):
            return "w"
    raise AssertionError(f"no signature speaks of {request}")


def used(world: World, role: str) -> set[str]:
    requests = world.requests(role)
    assert requests, role
    return set().union(*map(s3_action, requests))


# Beside what the main job uses: an upload that another process goes on with, and one that is given up.
RESUMING = {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}


def test_a_reader_of_a_source_uses_its_policy_and_nothing_else(world: World) -> None:
    assert used(world, "source reader") == actions("reader")


def test_the_identity_that_thaws_does_nothing_else(world: World) -> None:
    assert used(world, "thawer") == actions("thaw")


def test_a_reader_of_replicas_uses_no_more_than_its_policy(world: World) -> None:
    assert used(world, "reader") <= actions("reader")
    assert used(world, "reader") >= {"s3:ListBucket", "s3:GetObject"}


@pytest.mark.parametrize("role", ["writer", "manifest writer"])
def test_a_writer_uses_its_policy_and_nothing_else(world: World, role: str) -> None:
    assert used(world, role) - RESUMING == actions(role) - RESUMING
    assert actions(role) >= RESUMING


def test_every_object_is_created_as_the_conditions_of_the_policies_demand(world: World) -> None:
    """Null s3:if-none-match false, or no creating operation: as AWS would judge it."""
    for role in ("writer", "within writer", "manifest writer"):
        writes = [r for r in world.requests(role) if s3_action(r) == {"s3:PutObject"}]
        assert writes
        for request in writes:
            creates_nothing = "uploads" in request.query or "partNumber" in request.query
            assert creates_nothing or request.headers.get("if-none-match") == "*", request


def test_the_policies_permit_creating_only(world: World) -> None:
    for name in ("writer", "manifest writer"):
        conditions = [s.get("Condition") for s in POLICIES[name]["Statement"] if s["Action"] == "s3:PutObject"]
        assert conditions == [
            {"Null": {"s3:if-none-match": "false"}},
            {"Bool": {"s3:ObjectCreationOperation": "false"}},
        ]


def test_where_s3_copies_by_itself_the_writer_reads_the_source(world: World) -> None:
    copies = [r for r in world.requests("within writer") if "x-amz-copy-source" in r.headers]
    assert copies
    assert all("partNumber" in request.query for request in copies), "CopyObject is refused by the writer's policy"
    assert used(world, "within writer") <= actions("writer", "reader")


def test_signatures_of_azure_hold_what_is_used_and_nothing_else(world: World) -> None:
    for role, documented in (("azure reader", "rl"), ("azure writer", "rlcw")):
        requests = world.requests(role)
        assert requests
        assert {azure_permission(request) for request in requests} == set(documented), role
        assert f"| {role.removeprefix('azure ')} | `{documented}` |" in PAGE


def test_the_page_says_how_long_a_signed_url_lives() -> None:
    assert f"read one object, for {URL_LIFE.total_seconds() / 60:.0f} minutes" in PAGE


def test_no_policy_has_a_right_to_delete_or_to_everything() -> None:
    for name, policy in POLICIES.items():
        text = json.dumps([s for s in policy.get("Statement", [policy]) if s.get("Sid") != "ForgetCachedAnswers"])
        # The one action that knows no resources: what a job may do is its role's business.
        text = text.replace('"Action": "s3:CreateJob", "Resource": "*"', "")
        # Of a queue: messages that were handed over.
        assert "Delete" not in text.replace("sqs:DeleteMessage", "").replace("Deletes nothing", ""), name
        assert not re.search(r'"(s3:|sqs:)?\*"', text), name


def test_a_thaw_at_azure_needs_the_right_to_write(azurite: Azurite) -> None:
    name = f"thaw-{uuid4()}"
    container = BlobServiceClient.from_connection_string(azurite.connection_string).create_container(name)
    container.upload_blob("archived", b"x", standard_blob_tier=StandardBlobTier.ARCHIVE)
    for permission in ("rl", "rlw"):
        access = AzureAccess(azurite.endpoint, sas_token=_signature(azurite, name, permission))
        store = AzureStore(name, access, location="azure")
        if permission == "rl":
            with pytest.raises(StoreError) as refused:
                store.request_thaw("archived", tier=ThawTier.STANDARD, days=1)
            assert refused.value.failure is StoreFailure.DENIED
        else:
            store.request_thaw("archived", tier=ThawTier.STANDARD, days=1)
        store.close()
    assert "| thaw | `rlw` |" in PAGE


class TestThawsByCopies:
    """Two containers at Azure, with signatures for the account: the server knows no roles."""

    @pytest.fixture
    def asked(self, azurite: Azurite) -> dict[tuple[str, str], set[str]]:
        """Which permissions were needed, by role and container, to thaw a blob by a copy and to read it."""
        names = {"bags": f"bags-{uuid4()}", "copies": f"copies-{uuid4()}"}
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        for name in names.values():
            service.create_container(name)
        bags, copies = (service.get_container_client(names[each]) for each in ("bags", "copies"))
        bags.upload_blob("b1/v1/archived", b"frozen", standard_blob_tier=StandardBlobTier.ARCHIVE)
        with recording(_origin(azurite)) as seen:
            roles, environ = {}, {}
            for role, permission in (("reader", "rl"), ("thaw", "rlcw")):
                token = generate_account_sas(
                    azurite.account,
                    azurite.account_key,
                    ResourceTypes(object=True, container=True),
                    permission,
                    datetime.now(UTC) + timedelta(hours=1),
                )
                text = f"BlobEndpoint={seen.url}/{azurite.account};SharedAccessSignature={token}"
                document = {"conn_type": "wasb", "extra": {"connection_string": text}}
                environ[f"AIRFLOW_CONN_{role.upper()}"] = json.dumps(document)
                roles[parse_qs(token)["sig"][0]] = role
            defaults = ThawDefaults(copies=names["copies"], into="Cool")
            location = Location(
                "cold",
                Provider.AZURE_BLOB_STORAGE,
                names["bags"],
                read_connection="reader",
                thaw_connection="thaw",
                thaw=defaults,
            )
            credentials = EnvironmentCredentials(environ)
            store = open_store(location, credentials, writing=False)
            # Azurite takes no archived source that is named by a signature; the request is what counts here.
            with pytest.raises(StoreError, match="CannotVerifyCopySource"):
                store.request_thaw("b1/v1/archived", tier=ThawTier.STANDARD, days=1)
            [info] = store.list("b1/v1/")
            copy = copies.get_blob_client(copy_name(info))
            copy.upload_blob(b"frozen")
            assert store.request_thaw(info.key, tier=ThawTier.STANDARD, days=1) is ThawAnswer.NOT_ARCHIVED
            assert [found.archive for found in store.list("b1/v1/")] == [ArchiveState.THAWED]
            assert b"".join(map(bytes, store.read(info.key))) == b"frozen"
            # Somebody's rule archived the copy: it is rehydrated in place.
            copy.set_standard_blob_tier("Archive")
            assert store.request_thaw(info.key, tier=ThawTier.STANDARD, days=1) is ThawAnswer.REQUESTED
            assert store.stat(info.key) is not None
            store.close()
        assert [request for request in seen.requests if request.status in {401, 403}] == []
        needed: dict[tuple[str, str], set[str]] = {}
        # The server asks itself for the source of a copy, with the signature it was given.
        for request in (each for each in seen.requests if "axios" not in each.headers.get("user-agent", "")):
            container = next(each for each, name in names.items() if f"/{name}" in request.path)
            needed.setdefault((roles[request.who], container), set()).add(azure_permission(request))
        return needed

    @pytest.mark.parametrize("role", ["reader", "thaw"])
    def test_each_container_is_asked_for_what_the_page_says_and_nothing_else(
        self, asked: dict[tuple[str, str], set[str]], role: str
    ) -> None:
        found = re.search(rf"^\| {role}, with copies \| `(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE)
        assert found is not None
        for container, documented in zip(("bags", "copies"), found.groups(), strict=True):
            used = asked[role, container]
            # To list is what the doctor and people want of an identity that thaws.
            assert used <= set(documented), (role, container)
            assert set(documented) - used <= ({"l"} if role == "thaw" else set()), (role, container)

    def test_the_role_that_thaws_by_copies_has_the_data_actions_of_these_permissions(
        self, asked: dict[tuple[str, str], set[str]]
    ) -> None:
        blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
        needed = {
            "r": f"{blobs}/read",
            "l": f"{blobs}/read",
            # Source: Azure, "Permissions for calling data operations": a copy to a new blob, and a change of its tier.
            "c": f"{blobs}/add/action",
            "w": f"{blobs}/write",
        }
        role = POLICIES["azure thaw, with copies"]
        assert set(role["DataActions"]) == {needed[each] for each in asked["thaw", "copies"]}
        assert role["Actions"] == role["NotDataActions"] == []


def examined(world: World, settings: Settings, location: str) -> Examination:
    looks = examine(settings, world.credentials, lambda: datetime.now(UTC), lambda _name: True, location=location)
    *_, (_subject, examination) = looks
    return examination


def test_the_doctor_finds_that_nothing_is_missing_and_what_is_too_much(world: World) -> None:
    findings = examined(world, world.settings, "other").findings
    to_mend = {(f.code, f.identity) for f in findings if f.diagnosis.verdict is Verdict.MEND}
    # SeaweedFS has no right to create without one to delete.
    assert to_mend == {("may-delete", "writer")}
    for location in ("azure", "within", "source"):
        findings = examined(world, world.settings, location).findings
        assert [f for f in findings if f.diagnosis.verdict is Verdict.MEND] == [], location


def test_a_writer_with_its_policy_can_neither_overwrite_nor_delete(world: World) -> None:
    examination = examined(world, world.settings, "within")
    said = {(f.code, f.diagnosis.verdict) for f in examination.findings if f.identity == "writer"}
    assert {verdict for code, verdict in said if code in {"may-overwrite", "may-delete"}} == {Verdict.GOOD}
    assert {verdict for code, verdict in said if code.startswith("may-not")} == {Verdict.GOOD}


def test_an_inspector_finds_out_everything_with_its_policy(world: World) -> None:
    examination = examined(world, world.settings, "within")
    of_inspector = [f for f in examination.findings if f.identity == "inspector"]
    assert {"lifecycle-deletes", "versions-off", "locked", "public"} <= {f.code for f in of_inspector}
    assert [f for f in of_inspector if f.diagnosis.verdict is Verdict.UNKNOWN] == []
    at_server = [r for r in world.recordings[0].requests if world.roles.get(r.who) == "inspector" and r.status == 200]
    asked = {_ASKED[name] for request in at_server for name in request.query.keys() & _ASKED.keys()}
    assert asked <= actions("inspector")


def test_restore_events_need_three_rights_on_the_queue(server: EnforcingMiniStack) -> None:
    root = _client(server, "sqs")
    url = root.create_queue(QueueName="restores")["QueueUrl"]
    root.send_message(QueueUrl=url, MessageBody="one")
    root.send_message(QueueUrl=url, MessageBody="two")
    for name, permitted in (("listener", True), ("stranger", False)):
        iam = _client(server, "iam")
        iam.create_user(UserName=name)
        text = json.dumps(POLICIES["thaw events"])
        text = text.replace("REGION", "us-east-1").replace("ACCOUNT", "000000000000")
        text = text.replace("QUEUE", "restores" if permitted else "another")
        # At AWS the right to an action is the right to its batch; this server asks for the batch by name.
        for action in ("sqs:DeleteMessage", "sqs:ChangeMessageVisibility"):
            text = text.replace(f'"{action}"', f'"{action}", "{action}Batch"')
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=text)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        access = S3Access(
            server.endpoint,
            "us-east-1",
            access_key_id=key["AccessKeyId"],
            secret_access_key=key["SecretAccessKey"],
        )
        queue = SqsQueue(url, access)
        if permitted:
            first, *others = queue.receive(1)
            queue.delete([first])
            queue.give_back(others)
        else:
            with pytest.raises(StoreError) as refused:
                queue.receive(0)
            assert refused.value.failure is StoreFailure.DENIED
        queue.close()


def test_a_listener_counts_receives_and_puts_aside_and_does_nothing_else(server: EnforcingMiniStack) -> None:
    root = _client(server, "sqs")
    url, aside = (root.create_queue(QueueName=name)["QueueUrl"] for name in ("registered", "malformed"))
    for text in ("one", "two"):
        root.send_message(QueueUrl=url, MessageBody=text)
    iam = _client(server, "iam")
    iam.create_user(UserName="registered-listener")
    text = json.dumps(POLICIES["listener"]).replace("MALFORMED", "malformed").replace("QUEUE", "registered")
    text = text.replace("REGION", "us-east-1").replace("ACCOUNT", "000000000000")
    for action in ("sqs:DeleteMessage", "sqs:ChangeMessageVisibility"):
        text = text.replace(f'"{action}"', f'"{action}", "{action}Batch"')
    iam.put_user_policy(UserName="registered-listener", PolicyName="p", PolicyDocument=text)
    key = iam.create_access_key(UserName="registered-listener")["AccessKey"]
    extra = {"endpoint_url": server.endpoint, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": key["AccessKeyId"], "password": key["SecretAccessKey"], "extra": extra}
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_LISTENER": json.dumps(connection)})
    with closing(SqsQueue(url, credentials.s3("listener"))) as queue:
        assert queue.waiting() == 2
        queue.delete(queue.receive(0, most=1))
        with closing(SqsQueue(aside, credentials.s3("listener"))) as malformed:
            malformed.send("not understood")
            with pytest.raises(StoreError):
                malformed.receive(0)
        with pytest.raises(StoreError):
            queue.send("ours")
    [finding] = examine_queue(RegisteredBags(url, "listener"), credentials, "storage_service.listener")
    assert finding.diagnosis.verdict is Verdict.GOOD
    # The right to count is what its watcher lives on.
    without = text.replace('"sqs:GetQueueAttributes", ', "")
    iam.put_user_policy(UserName="registered-listener", PolicyName="p", PolicyDocument=without)
    [finding] = examine_queue(RegisteredBags(url, "listener"), credentials, "storage_service.listener")
    assert finding.diagnosis.verdict is Verdict.MEND


_ASKED = {
    "versioning": "s3:GetBucketVersioning",
    "lifecycle": "s3:GetLifecycleConfiguration",
    "object-lock": "s3:GetBucketObjectLockConfiguration",
    "publicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "policyStatus": "s3:GetBucketPolicyStatus",
}
