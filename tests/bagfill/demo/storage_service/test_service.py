"""The stand-in over HTTP, on MiniStack."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bagfill.demo.storage_service.server import StorageServiceServer

pytestmark = pytest.mark.servers

EVENT = {"description": "Replicating to azure started", "createdDate": "2021-07-16T09:00:00Z"}


def stored(space: str, identifier: str, version: int, *, files: int = 1) -> dict[str, Any]:
    listed = [
        {"checksum": "ab", "name": f"data/{n}.txt", "path": f"v{version}/data/{n}.txt", "size": n}
        for n in reversed(range(files))
    ]
    prefix = f"{space}/{identifier}"
    return {
        "space": space,
        "info": {
            "externalIdentifier": identifier,
            "payloadOxum": {"payloadBytes": 15, "numberOfPayloadFiles": files},
            "baggingDate": "2021-07-16",
            "sourceOrganisation": {"underlying": "X"},
        },
        "version": version,
        "manifest": {"checksumAlgorithm": {"type": "SHA256"}, "files": listed},
        "tagManifest": {"checksumAlgorithm": {"SHA256": {}}, "files": []},
        "location": {"prefix": {"bucket": "B", "keyPrefix": prefix}, "type": "PrimaryS3StorageLocation"},
        "replicaLocations": [
            {"SecondaryS3StorageLocation": {"prefix": {"namespace": "B2", "path": prefix}}},
            {"prefix": {"container": "C", "namePrefix": prefix}, "type": "SecondaryAzureStorageLocation"},
        ],
        "createdDate": "2021-07-16T09:00:00Z",
        "ingestId": "6a94",
    }


def put(service: StorageServiceServer, manifest: dict[str, Any], *, old_pointer: bool = False) -> None:
    setting = service.setting
    bag = f"{manifest['space']}/{manifest['info']['externalIdentifier']}"
    key = f"{bag}/{manifest['version']}/{uuid4()}"
    setting.client("s3").put_object(Bucket=setting.manifests_bucket, Key=key, Body=json.dumps(manifest).encode())
    names = ("namespace", "path") if old_pointer else ("bucket", "key")
    payload = dict(zip(names, (setting.manifests_bucket, key), strict=True))
    row = {"id": bag, "version": Decimal(manifest["version"]), "payload": payload}
    setting.table(setting.manifests_table).put_item(Item=row)


@pytest.fixture
def client(service: StorageServiceServer) -> httpx.Client:
    auth = (service.setting.client_id, service.setting.client_secret)
    answer = httpx.post(service.token_address, data={"grant_type": "client_credentials"}, auth=auth)
    token = answer.json()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    return httpx.Client(base_url=service.api, headers={"Authorization": f"Bearer {token['access_token']}"})


def test_a_bag_is_shown_as_the_service_shows_it(service: StorageServiceServer, client: httpx.Client) -> None:
    put(service, stored("miro", "A images", 1, files=3), old_pointer=True)
    put(service, stored("miro", "A images", 2, files=1))
    latest = client.get("/bags/miro/A%20images")
    assert (latest.json()["version"], latest.headers["ETag"]) == ("v2", '"miro/A images/v2"')
    first = client.get("/bags/miro/A%20images?version=v1").json()
    assert [file["name"] for file in first["manifest"]["files"]] == ["data/0.txt", "data/1.txt", "data/2.txt"]
    assert first["manifest"]["checksumAlgorithm"] == first["tagManifest"]["checksumAlgorithm"] == "SHA-256"
    assert first["info"]["payloadOxum"] == "15.3"
    assert first["info"]["sourceOrganization"] == "X"
    assert "ingestId" not in first
    assert [(place["provider"]["id"], place["bucket"], place["path"]) for place in first["replicaLocations"]] == [
        ("amazon-s3", "B2", "miro/A images"),
        ("azure-blob-storage", "C", "miro/A images"),
    ]


def test_versions_are_listed_newest_first_and_before_is_exclusive(
    service: StorageServiceServer, client: httpx.Client
) -> None:
    for version in (1, 2, 3):
        put(service, stored("digitised", "alfa/bravo", version))
    assert [each["version"] for each in client.get("/bags/digitised/alfa%2Fbravo/versions").json()["results"]] == [
        "v3",
        "v2",
        "v1",
    ]
    before = client.get("/bags/digitised/alfa/bravo/versions?before=v3").json()
    assert [each["version"] for each in before["results"]] == ["v2", "v1"]


@pytest.mark.parametrize(
    ("path", "status", "description"),
    [
        ("/bags/a/none", 404, "Storage manifest a/none not found"),
        ("/bags/a/none?version=v4", 404, "Storage manifest a/none v4 not found"),
        ("/bags/a/none?version=four", 404, "Storage manifest a/none four not found"),
        ("/bags/a/none/versions", 404, "No storage manifest versions found for a/none"),
        ("/bags/a/none/versions?before=v4", 404, "No storage manifest versions found for a/none before v4"),
        ("/bags/a/none/versions?before=x", 400, "Cannot parse version string: x"),
    ],
)
def test_what_is_not_there_is_told_in_the_services_words(
    client: httpx.Client, path: str, status: int, description: str
) -> None:
    answer = client.get(path)
    label = "Not Found" if status == 404 else "Bad Request"
    body = {"errorType": "http", "httpStatus": status, "label": label, "description": description, "type": "Error"}
    assert (answer.status_code, answer.json()) == (status, body)


def test_a_large_body_is_had_from_a_signed_address_that_refuses_the_token_and_stays_as_it_was(
    service: StorageServiceServer, client: httpx.Client
) -> None:
    large = stored("digitised", "b19974760", 1, files=400)
    put(service, large)
    answer = client.get("/bags/digitised/b19974760")
    assert answer.status_code == 307
    assert httpx.get(answer.headers["Location"], headers=client.headers).status_code == 400
    assert len(httpx.get(answer.headers["Location"]).json()["manifest"]["files"]) == 400
    put(service, {**large, "replicaLocations": []})
    again = httpx.get(client.get("/bags/digitised/b19974760").headers["Location"])
    assert len(again.json()["replicaLocations"]) == 2


def test_nobody_is_let_in_without_a_token_or_with_one_that_expired(
    service: StorageServiceServer, client: httpx.Client
) -> None:
    assert httpx.get(f"{service.api}/bags/a/b").status_code == 401
    assert httpx.post(service.token_address, data={"grant_type": "client_credentials"}).status_code == 400
    service.expire_tokens()
    expired = client.get("/bags/a/b")
    assert (expired.status_code, expired.json()) == (401, {"message": "The incoming token has expired"})


def new_ingest(service: StorageServiceServer) -> str:
    ingest_id = str(uuid4())
    document = {
        "id": ingest_id,
        "ingestType": {"id": "update"},
        "sourceLocation": {"type": "S3SourceLocation", "location": {"bucket": "B", "key": "digitised/b1/v1"}},
        "space": "digitised",
        "externalIdentifier": "b1",
        "version": 1,
        "status": {"type": "Accepted"},
        "createdDate": "2021-07-16T09:00:00Z",
        "events": [],
    }
    assert httpx.post(f"{service.address}/ingest", json=document).status_code == 201
    return ingest_id


def test_messages_to_the_topic_reach_the_tracker_and_a_refused_one_is_dropped(
    service: StorageServiceServer, client: httpx.Client
) -> None:
    ingest_id = new_ingest(service)
    sns = service.setting.client("sns")
    updates: list[dict[str, Any]] = [
        {"type": "IngestStatusUpdate", "status": {"type": "Succeeded"}, "events": [EVENT]},
        {"type": "IngestStatusUpdate", "status": {"type": "Failed"}, "events": [EVENT]},
    ]
    for update in updates:
        message = json.dumps({**update, "id": ingest_id})
        sns.publish(TopicArn=service.setting.ingests_topic, Message=message)
        deadline = time.monotonic() + 120
        while not (service.seen().get("PATCH tracker 200") and time.monotonic() < deadline):
            time.sleep(0.05)
    deadline = time.monotonic() + 120
    while not service.seen().get("PATCH tracker 409") and time.monotonic() < deadline:
        time.sleep(0.05)
    shown = client.get(f"/ingests/{ingest_id}").json()
    assert shown["status"]["id"] == "succeeded"
    assert [event["description"] for event in shown["events"]] == [EVENT["description"]]
    assert shown["bag"]["info"] == {"externalIdentifier": "b1", "type": "BagInfo", "version": "v1"}
    assert client.get(f"/ingests/{uuid4()}").json()["description"].endswith(" not found")


def test_faults_are_switched_on_for_so_many_requests(service: StorageServiceServer) -> None:
    ingest_id = new_ingest(service)
    address = f"{service.address}/ingest/{ingest_id}"
    update = {"type": "IngestEventUpdate", "id": ingest_id, "events": [EVENT]}
    service.set_faults(
        {"part": "tracker", "fault": "status", "status": 500, "count": 1},
        {"part": "tracker", "fault": "nothing", "count": 1},
        {"part": "tracker", "fault": "answer-lost", "method": "PATCH", "count": 1},
    )
    assert httpx.patch(address, json=update).status_code == 500
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.patch(address, json=update)
    assert len(httpx.get(address).json()["events"]) == 1
