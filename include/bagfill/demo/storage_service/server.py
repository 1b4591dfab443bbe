"""The stand-in as a part of the embedded stack, beside a server that speaks AWS's protocols."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bagfill.demo.ports import LOOPBACK
from bagfill.demo.programs import Program, plain_environment
from bagfill.demo.readiness import answers_http
from bagfill.demo.server import EmbeddedServer, project_folder
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.demo.storage_service.web import API


class StorageServiceServer(EmbeddedServer):
    """The stand-in storage service on loopback; makes its tables, buckets, topics and queues when it starts.

    Args:
        setting: where its data lie; that server must answer already.
    """

    name = "storage-service"

    def __init__(self, work_dir: Path, setting: ServiceSetting) -> None:
        super().__init__(work_dir)
        self.setting = setting
        self.port = self._port()

    @property
    def address(self) -> str:
        """Without a path: the tracker's API (``/ingest``) is right below it."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def api(self) -> str:
        """Base of the public APIs: ``/bags/…`` and ``/ingests/…`` below it need a token."""
        return f"{self.address}{API}"

    @property
    def token_address(self) -> str:
        """Where tokens are given out."""
        return f"{self.address}/oauth2/token"

    def set_faults(self, *rules: Mapping[str, Any]) -> None:
        """Switch faults on, and all others off: keys as :class:`bagfill.demo.storage_service.faults.Rule` has them."""
        self._ask("PUT", "faults", list(rules))

    def expire_tokens(self) -> None:
        """End every token that was given out."""
        self._ask("PUT", "tokens/expired")

    def ingests(self) -> Sequence[dict[str, Any]]:
        """Every ingest as the public API shows it."""
        return list(json.loads(self._ask("GET", "ingests")))

    def notified(self) -> Sequence[str]:
        """Ids of ingests whose callback the service would make, each time it would."""
        return list(json.loads(self._ask("GET", "notified")))

    def seen(self) -> dict[str, int]:
        """How many requests there were, by ``METHOD part status``; status 0: one without an answer."""
        return dict(json.loads(self._ask("GET", "seen")))

    def program(self) -> Program:
        """See :class:`EmbeddedServer`."""
        home = self.work_dir / self.name
        home.mkdir(parents=True, exist_ok=True)
        include = str(project_folder() / "include")
        return Program(
            name=self.name,
            command=(sys.executable, "-P", "-m", "bagfill.demo.storage_service", str(self.port)),
            log=self.log,
            folder=home,
            environment=plain_environment(home, PYTHONPATH=include, STORAGE_SERVICE=self.setting.to_json()),
            ready=answers_http(self.port, "/healthcheck"),
        )

    def _ask(self, method: str, what: str, body: Any = None) -> bytes:
        connection = HTTPConnection(LOOPBACK, self.port, timeout=30)
        try:
            connection.request(method, f"/standin/{what}", None if body is None else json.dumps(body).encode())
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"{method} /standin/{what}: {answer.status} {text[:500]!r}")
        return text
