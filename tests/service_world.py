"""An installation beside the stand-in's tables on MiniStack: bags in a bucket, a folder to backfill to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bagfill.demo.storage_service.collection import ServiceBag, ServiceLocations, put_collection, service_collection
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.settings import load_settings
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

_SETTINGS = """
[registry]
database = "sqlite:///{root}/registry.sqlite"
[work_area]
path = "{root}/work"
[receipts]
path = "{root}/receipts"
[manifests]
path = "{root}/manifests"
[[locations]]
name = "primary"
provider = "amazon-s3"
bucket = "{primary}"
read_connection = "aws"
[[locations]]
name = "cold"
provider = "amazon-s3"
bucket = "{cold}"
read_connection = "aws"
{more}
[[policies]]
locations = ["shelf0"]
[storage_service.manifests]
table = "{setting.manifests_table}"
bucket = "{setting.manifests_bucket}"
connection = "aws"
replicas_table = "{setting.replicas_table}"
responses_bucket = "{setting.responses_bucket}"
reindex_topic = "{setting.reindex_topic}"
"""

_SHELF = """
[[locations]]
name = "shelf{n}"
provider = "local"
path = "{root}/shelf{n}"
writable = true
"""


@dataclass(frozen=True)
class ServiceWorld:
    """The installation.

    Args:
        setting: of the service.
        locations: its buckets.
        bags: its bag versions.
        services: of Bagfill.
    """

    setting: ServiceSetting
    locations: ServiceLocations
    bags: list[ServiceBag]
    services: Services

    def rows(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Every row."""
        items = self.setting.table(self.setting.manifests_table).scan()["Items"]
        return {(item["id"], int(item["version"])): item for item in items}

    def aggregated(self) -> dict[str, dict[str, Any]]:
        """The aggregator's records."""
        return {item["id"]: item for item in self.setting.table(self.setting.replicas_table).scan()["Items"]}

    def objects(self) -> set[str]:
        """Keys in the bucket of manifests."""
        pages = self.setting.client("s3").get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.setting.manifests_bucket)
        return {each["Key"] for page in listed for each in page.get("Contents", [])}

    def text(self, row: dict[str, Any]) -> bytes:
        """The JSON that a row points to."""
        pointer = row["payload"].get("typedStoreId", row["payload"])
        bucket, key = pointer.get("bucket", pointer.get("namespace")), pointer.get("key", pointer.get("path"))
        return bytes(self.setting.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


@contextmanager
def service_world(endpoint: str, root: Path, *, bag_versions: int = 10, shelves: int = 1) -> Iterator[ServiceWorld]:
    """Fill a service, and open Bagfill beside it."""
    setting = ServiceSetting(endpoint, f"s{uuid4().hex[:10]}")
    setting.make()
    locations = ServiceLocations(f"{setting.name}-primary", f"{setting.name}-cold")
    for bucket in (locations.primary, locations.cold):
        setting.client("s3").create_bucket(Bucket=bucket)
    bags = list(service_collection(locations.primary, bag_versions))
    put_collection(setting, bags, locations)
    aws = {
        "conn_type": "aws",
        "login": setting.access_key,
        "password": setting.secret_key,
        "extra": {"endpoint_url": setting.endpoint, "region_name": setting.region},
    }
    environ = {"AIRFLOW_CONN_AWS": json.dumps(aws)}
    more = "".join(_SHELF.format(n=n, root=root) for n in range(shelves))
    for n in range(shelves):
        (root / f"shelf{n}").mkdir(exist_ok=True)
    file = root / "bagfill.toml"
    file.write_text(
        _SETTINGS.format(root=root, primary=locations.primary, cold=locations.cold, setting=setting, more=more)
    )
    with open_services(load_settings(file, environ), EnvironmentCredentials(environ)) as services:
        yield ServiceWorld(setting, locations, bags, services)
