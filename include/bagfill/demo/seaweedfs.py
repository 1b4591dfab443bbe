"""SeaweedFS: an S3 server of another make, which checks signatures and keeps large objects on disk."""

from __future__ import annotations

import json
import secrets
import signal
import tempfile
from pathlib import Path

from bagfill.demo.ports import LOOPBACK
from bagfill.demo.programs import Program, plain_environment
from bagfill.demo.readiness import answers_http
from bagfill.demo.server import EmbeddedServer, installed_script


class SeaweedFS(EmbeddedServer):
    """SeaweedFS on loopback, with an administrator, an account that may only read, and one for some buckets alone.

    Attributes:
        access_key, secret_key: may do everything.
        reader_access_key, reader_secret_key: may list and read, nothing else.
        keeper_access_key, keeper_secret_key: may do everything in buckets whose names begin with ``kept-``, and nothing
            in others.
    """

    name = "seaweedfs"
    region = "us-east-1"

    def __init__(self, work_dir: Path) -> None:
        super().__init__(work_dir)
        self.port = self._port()
        self._inner = {service: (self._port(), self._port()) for service in ("master", "volume", "filer")}
        self._s3_grpc = self._port()
        self.access_key, self.reader_access_key, self.keeper_access_key = (secrets.token_hex(8) for _ in range(3))
        self.secret_key, self.reader_secret_key, self.keeper_secret_key = (secrets.token_hex(20) for _ in range(3))

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def program(self) -> Program:
        home = self.work_dir / self.name
        data = home / "data"
        data.mkdir(parents=True, exist_ok=True)
        identities = home / "identities.json"
        identities.touch(mode=0o600)
        identities.write_text(json.dumps(self._identities()))
        # Socket paths are limited to about 100 characters; the work folder may be deeper.
        sockets = tempfile.mkdtemp(prefix="bagfill-weed-")
        # These it makes in /tmp whatever it is told, and leaves there.
        grpc_ports = {**{service: grpc for service, (_, grpc) in self._inner.items()}, "s3": self._s3_grpc}
        stray = [Path(f"/tmp/seaweedfs-{service}-grpc-{port}.sock") for service, port in grpc_ports.items()]  # noqa: S108
        ports = [
            option
            for service, (port, grpc) in self._inner.items()
            for option in (f"-{service}.port={port}", f"-{service}.port.grpc={grpc}")
        ]
        return Program(
            name=self.name,
            command=(
                str(installed_script("weed", "SeaweedFS")),
                "-logtostderr=true",
                "server",
                f"-dir={data}",
                f"-ip={LOOPBACK}",
                f"-ip.bind={LOOPBACK}",
                *ports,
                # A bucket takes volumes of its own; at the default of 8 the second bucket answers 500.
                "-volume.max=1000",
                "-master.volumeSizeLimitMB=1024",
                "-master.telemetry=false",
                "-filer",
                f"-filer.localSocket={sockets}/filer.sock",
                "-s3",
                f"-s3.port={self.port}",
                f"-s3.port.grpc={self._s3_grpc}",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.localSocket={sockets}/s3.sock",
                f"-s3.ip.bind={LOOPBACK}",
                f"-s3.config={identities}",
            ),
            log=self.log,
            folder=home,
            # AWS_ACCESS_KEY_ID in the environment would become its administrator.
            # A new bucket would grow seven volumes at once, and the forty-third find none.
            environment=plain_environment(home, TMPDIR=sockets, WEED_MASTER_VOLUME_GROWTH_COPY_1="1"),
            # An unsigned request is refused with 403 as soon as identities are loaded.
            ready=answers_http(self.port, "/healthz", below=300),
            ready_within=90,
            # On SIGTERM it waits 10 s for streams between its own parts. Its data is not used again.
            stop_signal=signal.SIGKILL,
            remove_afterwards=(Path(sockets), *stray),
        )

    def _identities(self) -> dict[str, object]:
        return {
            "identities": [
                {
                    "name": "administrator",
                    "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
                    "actions": ["Admin", "Read", "List", "Tagging", "Write"],
                },
                {
                    "name": "reader",
                    "credentials": [{"accessKey": self.reader_access_key, "secretKey": self.reader_secret_key}],
                    "actions": ["Read", "List"],
                },
                {
                    "name": "keeper",
                    "credentials": [{"accessKey": self.keeper_access_key, "secretKey": self.keeper_secret_key}],
                    "actions": [f"{action}:kept-*" for action in ("Read", "List", "Tagging", "Write")],
                },
            ]
        }
