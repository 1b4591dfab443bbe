"""The scene of a demo beside a storage service: its tables and buckets, a container, settings that name them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from bagfill.demo.leftovers import write_private
from bagfill.demo.scene import DESTINATION, SOURCE, Scene
from bagfill.demo.storage_service.collection import ServiceLocations

if TYPE_CHECKING:
    from bagfill.demo.stack import EmbeddedStack
    from bagfill.demo.storage_service.server import StorageServiceServer

CONTAINER = "service-replicas"
LOCATIONS = ServiceLocations("service-primary", "service-cold")

_SETTINGS = """\
# Settings of the demo beside a storage service: written at its start.
[registry]
database = "${{BAGFILL_DATABASE}}"

[work_area]
path = "work"

[receipts]
path = "receipts"

[manifests]
path = "manifests"

[[locations]]
name = "{source}"
provider = "amazon-s3"
bucket = "{locations.primary}"
read_connection = "bagfill_primary_read"

[[locations]]
name = "cold"
provider = "amazon-s3"
bucket = "{locations.cold}"
read_connection = "bagfill_primary_read"

[[locations]]
name = "{destination}"
provider = "azure-blob-storage"
container = "{container}"
read_connection = "bagfill_azure_read"
write_connection = "bagfill_azure_write"
# Azurite fetches from itself alone.
server_copy = "never"

[[policies]]
spaces = []
locations = ["{destination}"]

[limits]
concurrency = 4
parcel_bags = {parcel_bags}

[storage_service.manifests]
table = "{setting.manifests_table}"
bucket = "{setting.manifests_bucket}"
connection = "bagfill_service"
replicas_table = "{setting.replicas_table}"
responses_bucket = "{setting.responses_bucket}"
reindex_topic = "{setting.reindex_topic}"

[storage_service.ingests]
tracker = "{tracker}"
topic = "{setting.ingests_topic}"
connection = "bagfill_service"
shown_as = "replicate"

[storage_service.listener]
queue = "{setting.registered_queue}"
connection = "bagfill_service"
"""


def service_settings(service: StorageServiceServer, *, parcel_bags: int = 25) -> str:
    """The settings file of an installation beside a service."""
    return _SETTINGS.format(
        source=SOURCE,
        destination=DESTINATION,
        container=CONTAINER,
        locations=LOCATIONS,
        setting=service.setting,
        tracker=service.address,
        parcel_bags=parcel_bags,
    )


def make_places(stack: EmbeddedStack) -> dict[str, str]:
    """Make the buckets and the container; returns the connections that the settings name. Holds secrets."""
    for bucket in (LOCATIONS.primary, LOCATIONS.cold):
        stack.ministack.create_bucket(bucket)
    stack.azurite.create_container(CONTAINER)
    azure = json.dumps({"conn_type": "wasb", "extra": {"connection_string": stack.azurite.connection_string}})
    aws = json.dumps(
        {
            "conn_type": "aws",
            "login": stack.ministack.access_key,
            "password": stack.ministack.secret_key,
            "extra": {"endpoint_url": stack.ministack.endpoint, "region_name": stack.ministack.region},
        }
    )
    return {
        "AIRFLOW_CONN_BAGFILL_PRIMARY_READ": aws,
        "AIRFLOW_CONN_BAGFILL_SERVICE": aws,
        "AIRFLOW_CONN_BAGFILL_AZURE_READ": azure,
        "AIRFLOW_CONN_BAGFILL_AZURE_WRITE": azure,
    }


def set_service_scene(stack: EmbeddedStack, service: StorageServiceServer) -> Scene:
    """Make what is needed, and write the settings. The servers answer, Airflow need not."""
    environment = {
        "BAGFILL_CONFIG": str(stack.work_dir / "bagfill.toml"),
        "BAGFILL_DATABASE": stack.postgresql.create_database("registry"),
        **make_places(stack),
    }
    scene = Scene(stack.work_dir, environment)
    scene.settings_file.write_text(service_settings(service))
    scene.receipts.mkdir(exist_ok=True)
    script = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    write_private(scene.environment_file, script)
    return scene
