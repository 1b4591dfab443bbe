"""Each embedded server does the one thing it is there for, and stops."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import psycopg2.extensions
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient
from botocore.client import BaseClient
from botocore.exceptions import ClientError

import bagfill
import bagfill.demo.postgresql as postgresql_module
from bagfill.demo.azurite import Azurite
from bagfill.demo.guard import descendants
from bagfill.demo.ministack import MiniStack
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.programs import StartFailed
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.demo.supervisor import Supervisor

pytestmark = pytest.mark.servers
NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}


def s3(endpoint: str, access_key: str, secret_key: str) -> BaseClient:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
    )


def test_ministack_restores_an_archived_object_after_the_delay(ministack: MiniStack) -> None:
    client = s3(ministack.endpoint, ministack.access_key, ministack.secret_key)
    client.create_bucket(Bucket="archive")
    client.put_object(Bucket="archive", Key="cold", Body=b"ice", StorageClass="GLACIER")
    with pytest.raises(ClientError, match="InvalidObjectState"):
        client.get_object(Bucket="archive", Key="cold")
    asked = time.monotonic()
    client.restore_object(Bucket="archive", Key="cold", RestoreRequest={"Days": 1})
    while 'ongoing-request="true"' in client.head_object(Bucket="archive", Key="cold")["Restore"]:
        time.sleep(0.05)
    assert time.monotonic() - asked >= ministack.restore_delay * 0.9
    assert client.get_object(Bucket="archive", Key="cold")["Body"].read() == b"ice"


def test_seaweedfs_checks_signatures_and_permissions(seaweedfs: SeaweedFS) -> None:
    owner = s3(seaweedfs.endpoint, seaweedfs.access_key, seaweedfs.secret_key)
    owner.create_bucket(Bucket="signed")
    owner.put_object(Bucket="signed", Key="a", Body=b"1")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3(seaweedfs.endpoint, seaweedfs.access_key, "wrong").get_object(Bucket="signed", Key="a")
    reader = s3(seaweedfs.endpoint, seaweedfs.reader_access_key, seaweedfs.reader_secret_key)
    assert reader.get_object(Bucket="signed", Key="a")["Body"].read() == b"1"
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.put_object(Bucket="signed", Key="b", Body=b"2")


def test_azurite_takes_the_account_key_and_no_other(azurite: Azurite) -> None:
    container = BlobServiceClient.from_connection_string(azurite.connection_string).create_container("blobs")
    container.upload_blob("a", b"1")
    assert container.download_blob("a").readall() == b"1"
    wrong = BlobServiceClient(azurite.endpoint, {"account_name": azurite.account, "account_key": "d3Jvbmc="})
    with pytest.raises(HttpResponseError) as refused:
        wrong.get_blob_client("blobs", "a").download_blob()
    assert refused.value.status_code == 403


def test_postgresql_wants_the_password_and_makes_databases(postgresql: PostgreSQL) -> None:
    url = postgresql.create_database("apart").replace("+psycopg2", "")
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_database(), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'apart'"
        )
        assert cursor.fetchone() == ("apart", "UTF8")
    connection.close()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url.replace(postgresql.password, "wrong"))


def test_servers_listen_on_loopback_only(
    ministack: MiniStack, seaweedfs: SeaweedFS, azurite: Azurite, postgresql: PostgreSQL
) -> None:
    del ministack, seaweedfs, azurite, postgresql
    addresses = {address for pid in descendants(os.getpid()) for address in listening_addresses(pid)}
    assert addresses == {"127.0.0.1"}


def listening_addresses(pid: int) -> set[str]:
    """IPv4 and IPv6 addresses a process listens on, from the socket tables of /proc (proc_net(5))."""
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return set()
    inodes = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                raw = bytes.fromhex(fields[1].partition(":")[0])
                words = [raw[i : i + 4][::-1] for i in range(0, len(raw), 4)]
                found.add(socket.inet_ntop(family, b"".join(words)))
    return found


def test_postgresql_takes_its_data_along(tmp_path: Path) -> None:
    with PostgreSQL(tmp_path) as server:
        folder = server.folder
        assert folder is not None
        assert (folder / "data/PG_VERSION").exists()
    assert not folder.exists()


def insert_until_it_fails(cursor: psycopg2.extensions.cursor) -> None:
    while True:
        cursor.execute("INSERT INTO entry SELECT 0")


def test_postgresql_killed_under_load_comes_back_with_its_data(tmp_path: Path) -> None:
    server = PostgreSQL(tmp_path)
    with Supervisor(backoff=(0.05,)) as supervisor:
        supervisor.start(server.program())
        url = server.create_database("ledger").replace("+psycopg2", "")
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE entry AS SELECT generate_series(1, 10000) AS n")
        os.kill(supervisor.pid("postgresql"), signal.SIGKILL)
        with pytest.raises(psycopg2.OperationalError):
            insert_until_it_fails(connection.cursor())
        connection.close()
        for _ in range(200):
            try:
                connection = psycopg2.connect(url)
                break
            except psycopg2.OperationalError:
                time.sleep(0.1)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM entry")
            assert cursor.fetchone() == (10000,)
        connection.close()
        assert supervisor.restarts("postgresql") >= 1
    server.release_ports()


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_postgresql_runs_from_a_copy_when_its_programs_are_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_module, "can_run", lambda *_: False)
    with PostgreSQL(tmp_path) as server:
        assert server.folder is not None
        assert server._programs.is_relative_to(server.folder)
        owners = {(server.folder / "data" / name).stat().st_uid for name in ("PG_VERSION", "base")}
        assert owners == {65534}
        assert server.create_database("copied").endswith("/copied")


def reachable_python() -> str | None:
    """A Python that the user ``nobody`` can run: ours may lie in root's home."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                **NOBODY,
                env={},
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    return None


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_postgresql_runs_for_an_ordinary_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without root, PostgreSQL runs as the user who started it, from programs that user can reach."""
    python = reachable_python()
    if python is None:
        pytest.skip("the user nobody cannot run any Python here")
    home = Path("/var/tmp") / f"bagfill-test-{os.getpid()}"  # the test's own folder is closed to other users
    script = (
        "import sys; from pathlib import Path; from bagfill.demo.postgresql import PostgreSQL\n"
        "server = PostgreSQL(Path(sys.argv[1]))\n"
        "with server: print(server._programs, server.create_database('mine').rpartition('/')[2])\n"
    )
    home.mkdir(mode=0o755)
    try:
        os.chown(home, 65534, 65534)
        done = subprocess.run(
            [python, "-c", script, str(home)],
            **NOBODY,
            env={
                "PATH": os.defpath,
                "HOME": str(home),
                "TMPDIR": str(home),
                # What is used of site-packages here are PostgreSQL's programs, whatever Python they were installed for.
                "PYTHONPATH": f"{Path(bagfill.__file__).parents[1]}:{sysconfig.get_path('purelib')}",
            },
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "mine"


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    server = MiniStack(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        with pytest.raises(StartFailed) as refused:
            server.start()
    server.stop()
    assert str(server.log) in str(refused.value)
    assert "in use" in str(refused.value)
