"""The demo's scene: a bucket with bags, an empty container, and the settings and connections that name them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bagfill.demo.leftovers import write_private

if TYPE_CHECKING:
    from bagfill.demo.stack import EmbeddedStack

BUCKET = "sample-storage"
CONTAINER = "sample-replicas"
SOURCE = "primary"
DESTINATION = "azure"

_SETTINGS = f"""\
# Settings of the demo: written at its start, with the addresses and keys of its servers in the environment.
[registry]
database = "${{BAGFILL_DATABASE}}"

[work_area]
path = "work"

[receipts]
path = "receipts"

[manifests]
path = "manifests"

[[locations]]
name = "{SOURCE}"
provider = "amazon-s3"
bucket = "{BUCKET}"
read_connection = "bagfill_primary_read"
thaw.tier = "Standard"
thaw.days = 1

[[locations]]
name = "{DESTINATION}"
provider = "azure-blob-storage"
container = "{CONTAINER}"
read_connection = "bagfill_azure_read"
write_connection = "bagfill_azure_write"
# Azurite fetches from itself alone.
server_copy = "never"

[[policies]]
spaces = []
locations = ["{DESTINATION}"]

[limits]
concurrency = 4
# A run for each sample, small as they are: so each can be watched.
parcel_bags = 0
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the demo's files are, and what a command needs in its environment to work on them.

    Args:
        folder: of the stack.
        environment: settings file, database and connections; holds secrets.
    """

    folder: Path
    environment: Mapping[str, str]

    @property
    def settings_file(self) -> Path:
        """The settings."""
        return self.folder / "bagfill.toml"

    @property
    def environment_file(self) -> Path:
        """A shell script that sets the environment, for a person who wants to look around."""
        return self.folder / "environment.sh"

    @property
    def receipts(self) -> Path:
        """The folder of receipts."""
        return self.folder / "receipts"


def set_scene(stack: EmbeddedStack) -> Scene:
    """Make bucket, container and database, and write the settings. The stack's servers answer, Airflow need not.

    The environment of the returned scene is what Airflow's components need as well.
    """
    stack.ministack.create_bucket(BUCKET)
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
    scene = Scene(
        stack.work_dir,
        {
            "BAGFILL_CONFIG": str(stack.work_dir / "bagfill.toml"),
            "BAGFILL_DATABASE": stack.postgresql.create_database("registry"),
            "AIRFLOW_CONN_BAGFILL_PRIMARY_READ": aws,
            "AIRFLOW_CONN_BAGFILL_AZURE_READ": azure,
            "AIRFLOW_CONN_BAGFILL_AZURE_WRITE": azure,
        },
    )
    scene.settings_file.write_text(_SETTINGS)
    scene.receipts.mkdir(exist_ok=True)
    script = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in scene.environment.items())
    write_private(scene.environment_file, script)
    return scene
