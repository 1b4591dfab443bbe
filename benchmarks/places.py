"""Where the measured bags are and go: SeaweedFS as the source, Azurite as the destination, and settings for both."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import boto3
from counting_proxy import CountingProxy
from measured import Usage, run_measured

from bagfill.demo.azurite import Azurite
from bagfill.demo.seaweedfs import SeaweedFS

SOURCE = "primary"
BUCKET = "bench-primary"

_SETTINGS = """\
[registry]
database = "sqlite:///registry.sqlite"

[work_area]
path = "work"

[receipts]
path = "receipts"

[manifests]
path = "manifests"

[[locations]]
name = "{source}"
provider = "amazon-s3"
bucket = "{bucket}"
read_connection = "bench_s3"
write_connection = "bench_s3"
{destinations}
[[policies]]
spaces = []
locations = ["{source}"]
"""

_DESTINATION = """
[[locations]]
name = "{name}"
provider = "azure-blob-storage"
container = "{name}"
read_connection = "bench_azure"
write_connection = "bench_azure"
server_copy = "{server_copy}"
"""


@dataclass(frozen=True, slots=True)
class Ends:
    """Addresses of the two servers, and who may enter."""

    s3_endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    azure_endpoint: str
    account: str
    account_key: str = field(repr=False)

    @classmethod
    def of(cls, seaweedfs: SeaweedFS, azurite: Azurite) -> Ends:
        """Those of running servers."""
        return cls(
            seaweedfs.endpoint,
            seaweedfs.region,
            seaweedfs.access_key,
            seaweedfs.secret_key,
            azurite.endpoint,
            azurite.account,
            azurite.account_key,
        )

    @property
    def connection_string(self) -> str:
        """Of the storage account."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.account_key};"
            f"BlobEndpoint={self.azure_endpoint};"
        )


@dataclass(frozen=True, slots=True)
class Places:
    """Prepared servers.

    Args:
        settings: the settings file; bytes pass through the worker.
        server_settings: the same, but the destination may fetch from the source by itself.
        ends: the servers.
        counters: stand before them, where requests are counted.
    """

    settings: Path
    server_settings: Path
    ends: Ends
    counters: tuple[CountingProxy, ...] = ()

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Usage:
        """Measure a program that talks to the servers. Raises ProgramFailed."""
        before = self._requests
        usage = run_measured(command, environment)
        return replace(usage, requests=self._requests - before)

    @property
    def _requests(self) -> int:
        return sum(counter.requests for counter in self.counters)

    @property
    def environment(self) -> dict[str, str]:
        """For a program of ours: this process's variables without its own cloud credentials, and the connections."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AZURE_"))}
        return {**own, **connections(self.ends)}


def prepare(folder: Path, seaweedfs: SeaweedFS, azurite: Azurite, destinations: Sequence[str]) -> Places:
    """Make buckets, containers and the settings file.

    Args:
        folder: for settings and registry.
        destinations: names of the containers of our runs; each is a location of the same name.
    """
    client = boto3.client(
        "s3",
        endpoint_url=seaweedfs.endpoint,
        region_name=seaweedfs.region,
        aws_access_key_id=seaweedfs.access_key,
        aws_secret_access_key=seaweedfs.secret_key,
    )
    client.create_bucket(Bucket=BUCKET)
    for name in destinations:
        azurite.create_container(name)
    settings, server_settings = folder / "bagfill.toml", folder / "server-copy.toml"
    for file, server_copy in ((settings, "never"), (server_settings, "auto")):
        file.write_text(
            _SETTINGS.format(
                source=SOURCE,
                bucket=BUCKET,
                destinations="".join(_DESTINATION.format(name=name, server_copy=server_copy) for name in destinations),
            )
        )
    return Places(settings, server_settings, Ends.of(seaweedfs, azurite))


def connections(ends: Ends) -> dict[str, str]:
    """The connections that the settings name, as Airflow reads them from the environment; holds secrets."""
    s3 = {
        "conn_type": "aws",
        "login": ends.access_key,
        "password": ends.secret_key,
        "extra": {"endpoint_url": ends.s3_endpoint, "region_name": ends.region},
    }
    azure = {"conn_type": "wasb", "extra": {"connection_string": ends.connection_string}}
    return {"AIRFLOW_CONN_BENCH_S3": json.dumps(s3), "AIRFLOW_CONN_BENCH_AZURE": json.dumps(azure)}
