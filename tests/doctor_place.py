"""For tests of ``bagfill doctor``: a bucket or container at a server, and an examination of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
from azure.storage.blob import BlobServiceClient, ResourceTypes, generate_account_sas, generate_container_sas

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.doctor.examine import Examination, examine_location
from bagfill.doctor.model import Finding, Identity, Verdict
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location, Provider


@dataclass(frozen=True)
class Examined:
    """What was found, easy to ask."""

    examination: Examination

    @property
    def verdict(self) -> Verdict:
        return self.examination.verdict

    @property
    def remains(self) -> list[str]:
        return [key for _place, key in self.examination.remains]

    def of(self, code: str, identity: Identity | None = None) -> list[Finding]:
        found = self.examination.findings
        return [f for f in found if f.code == code and identity in {None, f.identity}]

    def said(self, code: str, identity: Identity | None = None) -> set[Verdict]:
        return {finding.diagnosis.verdict for finding in self.of(code, identity)}

    def to_mend(self, identity: Identity | None = None) -> set[str]:
        found = self.examination.findings
        return {f.code for f in found if f.diagnosis.verdict is Verdict.MEND and identity in {None, f.identity}}


@dataclass
class Place:
    """A bucket, whose connections a test adds."""

    location: Location
    environ: dict[str, str]
    client: Any

    def connect(self, name: str, connection: object) -> None:
        self.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(connection)

    def change(self, **changes: Any) -> None:
        self.location = replace(self.location, **changes)

    def examine(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Examined:
        examination = Examination()
        examine_location(self.location, EnvironmentCredentials(self.environ), now, examination)
        return Examined(examination)


def aws(endpoint: str, key: str, secret: str, region: str = "us-east-1") -> dict[str, object]:
    extra = {"endpoint_url": endpoint, "region_name": region}
    return {"conn_type": "aws", "login": key, "password": secret, "extra": extra}


def location(provider: Provider, bucket: str) -> Location:
    return Location(
        "place",
        provider,
        bucket,
        read_connection="reader",
        write_connection="writer",
        writable=True,
        probe_prefix="bagfill-probe/",
    )


def s3_place(server: MiniStack | SeaweedFS, **bucket: Any) -> Place:
    client: Any = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    name = f"doctor-{uuid4()}"
    client.create_bucket(Bucket=name, **bucket)
    client.put_object(Bucket=name, Key="digitised/b1/v1/bagit.txt", Body=b"BagIt-Version: 1.0\n")
    place = Place(location(Provider.AMAZON_S3, name), {}, client)
    for connection in ("reader", "writer"):
        place.connect(connection, aws(server.endpoint, server.access_key, server.secret_key))
    return place


def azure_place(azurite: Azurite) -> Place:
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    name = f"doctor-{uuid4()}"
    service.create_container(name).upload_blob("digitised/b1/v1/bagit.txt", b"BagIt-Version: 1.0\n")
    place = Place(location(Provider.AZURE_BLOB_STORAGE, name), {}, service.get_container_client(name))
    place.connect("reader", signature(azurite, name, "rl"))
    place.connect("writer", signature(azurite, name, "rlcw"))
    return place


def signature(azurite: Azurite, container: str, permission: str) -> dict[str, object]:
    token = generate_container_sas(
        azurite.account,
        container,
        account_key=azurite.account_key,
        permission=permission,
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    text = f"BlobEndpoint={azurite.endpoint};SharedAccessSignature={token}"
    return {"conn_type": "wasb", "extra": {"connection_string": text}}


def account_signature(azurite: Azurite, permission: str) -> dict[str, object]:
    """For every container of the account."""
    token = generate_account_sas(
        azurite.account,
        azurite.account_key,
        ResourceTypes(object=True, container=True),
        permission,
        datetime.now(UTC) + timedelta(hours=1),
    )
    text = f"BlobEndpoint={azurite.endpoint};SharedAccessSignature={token}"
    return {"conn_type": "wasb", "extra": {"connection_string": text}}


def account_key(azurite: Azurite) -> dict[str, object]:
    return {"conn_type": "wasb", "extra": {"connection_string": azurite.connection_string}}
