"""MiniStack: AWS S3 with archived objects and their restores, SQS, SNS and DynamoDB; all data in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bagfill.demo.ports import LOOPBACK
from bagfill.demo.programs import Program, plain_environment
from bagfill.demo.readiness import answers_http, request
from bagfill.demo.server import EmbeddedServer, package_folder


class MiniStack(EmbeddedServer):
    """MiniStack on loopback.

    It does not check signatures: any access key is let in (SeaweedFS checks them).

    Args:
        restore_delay: seconds from RestoreObject until an archived object can be read.
    """

    name = "ministack"
    region = "us-east-1"
    access_key = "test"
    secret_key = "test"  # noqa: S105 - signed URLs are the only thing that it compares with this one

    def __init__(self, work_dir: Path, *, restore_delay: float = 2.0) -> None:
        super().__init__(work_dir)
        self.restore_delay = restore_delay
        self.port = self._port()

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def create_bucket(self, name: str) -> None:
        """Makes an empty bucket; one that exists is left as it is."""
        request(self.port, "PUT", f"/{name}")

    @contextmanager
    def stopped_clock(self) -> Iterator[None]:
        """Meanwhile no restore comes to its end, however long it is: for S3 no time passes."""
        self._stopped.touch()
        try:
            yield
        finally:
            self._stopped.unlink()

    @property
    def _stopped(self) -> Path:
        return self.work_dir / self.name / "clock-stopped"

    def program(self) -> Program:
        package_folder("ministack", "MiniStack")
        home = self.work_dir / self.name
        home.mkdir(parents=True, exist_ok=True)
        return Program(
            name=self.name,
            command=(sys.executable, "-P", str(Path(__file__).with_name("ministack_launcher.py"))),
            log=self.log,
            folder=home,
            environment=plain_environment(
                home,
                BIND_HOST=LOOPBACK,
                GATEWAY_PORT=str(self.port),
                MINISTACK_REGION=self.region,
                # Its MQTT broker would listen on every interface.
                IOT_MTLS_ENABLED="0",
                RESTORE_DELAY_SECONDS=str(self.restore_delay),
                STOPPED_CLOCK=str(self._stopped),
                PYTHONDONTWRITEBYTECODE="1",
            ),
            ready=answers_http(self.port, "/_ministack/health"),
        )
