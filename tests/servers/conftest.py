"""A settings file over real servers: two S3 providers, Azure and two folders, fresh for each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from azure.storage.blob import BlobServiceClient

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.settings import load_settings
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

Open = Callable[..., Services]


@pytest.fixture
def open_world(ministack: MiniStack, seaweedfs: SeaweedFS, azurite: Azurite, tmp_path: Path) -> Iterator[Open]:
    """Open services on locations ``ministack``, ``seaweedfs``, ``azurite``, ``shelf`` and ``attic``.

    ``bucket`` names the bucket at MiniStack (a fresh one by default), ``azure`` is a connection string for Azurite
    through something else; all locations are writable. The identity of ``seaweedfs-kept`` may read no other bucket.
    """
    with ExitStack() as stack:

        def opened(bucket: str | None = None, azure: str | None = None) -> Services:
            name = f"world-{uuid4()}"
            bucket = bucket or name
            environ: dict[str, str] = {}
            for server, bucket_name in ((ministack, bucket), (seaweedfs, f"other-{name}")):
                client = boto3.client(
                    "s3",
                    endpoint_url=server.endpoint,
                    region_name=server.region,
                    aws_access_key_id=server.access_key,
                    aws_secret_access_key=server.secret_key,
                )
                client.create_bucket(Bucket=bucket_name)
                client.create_bucket(Bucket=f"too-{name}")
                environ[f"AIRFLOW_CONN_{type(server).__name__.upper()}"] = json.dumps(
                    {
                        "conn_type": "aws",
                        "login": server.access_key,
                        "password": server.secret_key,
                        "extra": {"endpoint_url": server.endpoint, "region_name": server.region},
                    }
                )
            client.create_bucket(Bucket=f"kept-{name}")
            keeper = json.loads(environ["AIRFLOW_CONN_SEAWEEDFS"])
            keeper |= {"login": seaweedfs.keeper_access_key, "password": seaweedfs.keeper_secret_key}
            environ["AIRFLOW_CONN_KEEPER"] = json.dumps(keeper)
            BlobServiceClient.from_connection_string(azurite.connection_string).create_container(name)
            BlobServiceClient.from_connection_string(azurite.connection_string).create_container(f"too-{name}")
            environ["AIRFLOW_CONN_AZURITE"] = json.dumps(
                {"conn_type": "wasb", "extra": {"connection_string": azure or azurite.connection_string}}
            )
            for folder in ("shelf", "attic"):
                (tmp_path / folder).mkdir(exist_ok=True)
            settings = tmp_path / "bagfill.toml"
            settings.write_text(_SETTINGS.format(bucket=bucket, name=name, root=tmp_path))
            loaded = load_settings(settings, environ)
            return stack.enter_context(open_services(loaded, EnvironmentCredentials(environ)))

        yield opened


_SETTINGS = """
[registry]
database = "sqlite:///{root}/registry.sqlite"
[work_area]
path = "{root}/work"
[receipts]
path = "{root}/receipts"
[manifests]
path = "{root}/manifests"
[limits]
shard_bytes = "10 MiB"
small_object_bytes = "1 MiB"
block_bytes = "5 MiB"
concurrency = 4
[[locations]]
name = "ministack"
provider = "amazon-s3"
bucket = "{bucket}"
read_connection = "ministack"
write_connection = "ministack"
[[locations]]
name = "seaweedfs"
provider = "amazon-s3"
bucket = "other-{name}"
prefix = "bags/"
read_connection = "seaweedfs"
write_connection = "seaweedfs"
[[locations]]
name = "azurite"
provider = "azure-blob-storage"
container = "{name}"
read_connection = "azurite"
write_connection = "azurite"
[[locations]]
name = "shelf"
provider = "local"
path = "{root}/shelf"
writable = true
[[locations]]
name = "attic"
provider = "local"
path = "{root}/attic"
prefix = "copies/"
writable = true
[[locations]]
name = "seaweedfs-too"
provider = "amazon-s3"
bucket = "too-{name}"
prefix = "second/"
read_connection = "seaweedfs"
write_connection = "seaweedfs"
[[locations]]
name = "seaweedfs-kept"
provider = "amazon-s3"
bucket = "kept-{name}"
read_connection = "keeper"
write_connection = "keeper"
[[locations]]
name = "ministack-too"
provider = "amazon-s3"
bucket = "too-{name}"
prefix = "third/"
read_connection = "ministack"
write_connection = "ministack"
[[locations]]
name = "azurite-too"
provider = "azure-blob-storage"
container = "too-{name}"
read_connection = "azurite"
write_connection = "azurite"
[[policies]]
locations = [
  "ministack", "seaweedfs", "azurite", "shelf", "attic", "seaweedfs-too", "seaweedfs-kept",
  "ministack-too", "azurite-too",
]
"""
