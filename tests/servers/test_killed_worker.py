"""A worker process that is killed (``kill -9``) at each stage of a large file, and the next one that takes it up."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from azure.storage.blob import BlobServiceClient

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.demo.azurite import Azurite
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services
from watching_proxy import WatchingProxy
from world import bag_files

pytestmark = [pytest.mark.servers, pytest.mark.deep]

MIB = 1024 * 1024
SIZE = (1024 if "BAGFILL_DEEP" in os.environ else 256) * MIB
"""Of the file: 1 GiB with ``make test-deep``, which takes a minute or two of two busy cores."""
BLOCK = 5 * MIB if SIZE < 1024 * MIB else 16 * MIB
IN_FLIGHT = 8
"""Blocks, at most, that a worker is about to send, or whose answer it has not seen, when it dies."""
BAG = BagId.parse("digitised/b1234")
V1 = BagVersionId.parse(f"{BAG}/v1")
WORKER = Path(__file__).parents[1] / "one_backfill.py"


class Large(io.RawIOBase):
    """A file that is made up as it is read; no two of its MiB are alike."""

    def __init__(self) -> None:
        self._position = 0
        self._filler = hashlib.sha256(b"filler").digest() * (MIB // 32)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        number, begin = divmod(self._position, MIB)
        piece = (number.to_bytes(8) + self._filler)[begin : min(MIB, begin + len(view), begin + SIZE - self._position)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


class Bench:
    """A bag with one large file at SeaweedFS, an empty container behind a proxy, and workers that come and go."""

    def __init__(self, folder: Path, seaweedfs: SeaweedFS, azurite: Azurite, proxy: WatchingProxy) -> None:
        self.proxy = proxy
        name = f"killed-{uuid4()}"
        self.container = BlobServiceClient.from_connection_string(azurite.connection_string).create_container(name)
        self.folder, self.spare = folder, folder / "spare"
        self.spare.mkdir()
        self.settings = folder / "bagfill.toml"
        self.settings.write_text(_SETTINGS.format(root=folder, name=name, block=BLOCK // MIB))
        keys = {"login": seaweedfs.access_key, "password": seaweedfs.secret_key}
        extra = {"endpoint_url": seaweedfs.endpoint, "region_name": seaweedfs.region}
        azure = azurite.connection_string.replace(azurite.endpoint, proxy.endpoint)
        self.environ = {
            "AIRFLOW_CONN_S3": json.dumps({"conn_type": "aws", **keys, "extra": extra}),
            "AIRFLOW_CONN_AZURE": json.dumps({"conn_type": "wasb", "extra": {"connection_string": azure}}),
        }
        client = boto3.client(
            "s3",
            endpoint_url=seaweedfs.endpoint,
            region_name=seaweedfs.region,
            aws_access_key_id=seaweedfs.access_key,
            aws_secret_access_key=seaweedfs.secret_key,
        )
        client.create_bucket(Bucket=name)
        digest = hashlib.file_digest(io.BufferedReader(Large(), MIB), "sha256").hexdigest()
        client.upload_fileobj(io.BufferedReader(Large(), MIB), name, f"{V1}/data/large.bin")
        for path, data in _tag_files(digest).items():
            client.put_object(Bucket=name, Key=f"{V1}/{path}", Body=data)
        with open_services(
            load_settings(self.settings, self.environ), EnvironmentCredentials(self.environ)
        ) as services:
            assert import_location(services, "s3").is_clean

    def services(self) -> AbstractContextManager[Services]:
        return open_services(load_settings(self.settings, self.environ), EnvironmentCredentials(self.environ))

    def work(self, *, until: Callable[[], bool] = lambda: False, says: str = "", loses_commit: bool = False) -> str:
        """One worker, from its start to its end or its death.

        Args:
            until: kill it when this holds, looked at with every piece that passes the proxy.
            says: or when it says this.
            loses_commit: or when its commit was carried out and the answer is on its way.

        Returns:
            the last thing that it said.
        """
        command = [sys.executable, str(WORKER), str(self.settings), str(BAG.space), "b1234", "azure"]
        environ = {**os.environ, **self.environ, "TMPDIR": str(self.spare)}
        worker = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        self.proxy.expect(until, worker.kill, loses_commit=loses_commit)
        last = ""
        assert worker.stdout is not None
        with worker.stdout:
            for line in worker.stdout:
                last = line.strip()
                if says and last.startswith(says):
                    worker.kill()
        killed = worker.wait(60) == -signal.SIGKILL
        assert killed == bool(says or last != "registered"), last
        return last

    @property
    def registered(self) -> bool:
        with open_services(
            load_settings(self.settings, self.environ), EnvironmentCredentials(self.environ)
        ) as services:
            return any(replica.location == "azure" for replica in services.registry.replicas(V1))


@pytest.fixture
def bench(tmp_path: Path, seaweedfs: SeaweedFS, azurite: Azurite) -> Iterator[Bench]:
    with WatchingProxy(azurite.endpoint) as proxy:
        yield Bench(tmp_path, seaweedfs, azurite, proxy)


def test_killed_at_each_stage_of_a_large_file_workers_send_few_blocks_again(bench: Bench) -> None:
    proxy, blob = bench.proxy, bench.container.get_blob_client(f"{V1}/data/large.bin")

    bench.work(says="planned")
    for part in (0.001, 0.1, 0.5, 0.9):
        bench.work(until=lambda part=part: proxy.sent > part * SIZE)  # type: ignore[misc]
        assert not blob.exists()
    bench.work(loses_commit=True)
    assert proxy.commits == 1
    assert blob.get_blob_properties().size == SIZE
    sent, read = proxy.sent, proxy.received
    assert not bench.registered
    bench.work(until=lambda: proxy.received - read > SIZE / 2)
    bench.work(says="verified")
    assert bench.work() == "registered"

    assert bench.registered
    # Four workers died with blocks in flight; what had arrived was neither read nor sent again.
    assert proxy.blocks <= -(-SIZE // BLOCK) + 4 * IN_FLIGHT
    assert proxy.commits == 1
    # Whoever comes after the commit sends the tag files alone.
    assert proxy.sent - sent < MIB
    # Nothing of the file was ever laid on a disk of the workers: there are records, a registry, a receipt.
    assert list(bench.spare.iterdir()) == []
    assert sum(file.stat().st_size for file in bench.folder.rglob("*") if file.is_file()) < 2 * MIB


def _tag_files(digest: str) -> dict[str, bytes]:
    """Those of a bag with one large payload file."""
    files = bag_files(BAG, {"large.bin": b""}, algorithms=("sha256",))
    empty = hashlib.sha256(b"").hexdigest()
    files["manifest-sha256.txt"] = files["manifest-sha256.txt"].replace(empty.encode(), digest.encode())
    del files["data/large.bin"]
    files["bag-info.txt"] = files["bag-info.txt"].replace(b"Payload-Oxum: 0.", f"Payload-Oxum: {SIZE}.".encode())
    tags = (name for name in sorted(files) if not name.startswith("tagmanifest"))
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in tags)
    files["tagmanifest-sha256.txt"] = "".join(lines).encode()
    return files


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
block_bytes = "{block} MiB"
[[locations]]
name = "s3"
provider = "amazon-s3"
bucket = "{name}"
read_connection = "s3"
[[locations]]
name = "azure"
provider = "azure-blob-storage"
container = "{name}"
read_connection = "azure"
write_connection = "azure"
server_copy = "never"
[[policies]]
locations = ["s3", "azure"]
"""
