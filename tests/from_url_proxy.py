"""Stands before Azurite and does what Azurite does not: Put Block From URL and Put Blob From URL of foreign sources.

It plays Azure's side of a copy by URL: it fetches the range from the signed URL, writes it to Azurite, and answers with
the CRC-64 of what it received, or with the source's own refusal. Everything else passes through, and so does every
signature: Azurite judges each request first. It can misbehave on command, and counts the bytes of both ways.

As a program, for benchmarks: ``python tests/from_url_proxy.py --connection-string …`` prints its own connection string
on the first line and ends when standard input does.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobClient, BlobServiceClient

from bagfill.checksum.crc64 import Crc64

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class Trick(StrEnum):
    """How one fetch goes wrong."""

    REFUSE = "refuse"
    """403 CannotVerifyCopySource without asking the source: the provider cannot reach it."""
    UNSUPPORTED = "unsupported"
    """501: a provider without this call."""
    BUSY = "busy"
    """503 ServerBusy."""
    WRONG_BYTES = "wrong bytes"
    """One bit is another than the source sent; the CRC that is answered is of the bytes that arrived."""
    SHORT = "short"
    """The last byte is missing."""
    LATE = "late"
    """The source is asked after a pause, when a short-lived URL is dead."""
    STALL = "stall"
    """The answer comes after a pause."""
    LOSE_ANSWER = "lose answer"
    """The block is staged, and the connection breaks before the answer."""
    NO_CRC = "no CRC"
    """The answer tells no CRC."""


@dataclass
class Fetch:
    """One request to fetch.

    Args:
        key: path of the blob in its container.
        range: as asked for, empty for a whole object.
        source: the URL, signature and all: a test may look at it, nothing prints it.
    """

    key: str
    range: str
    source: str = field(repr=False)


class FromUrlProxy:
    """``with`` starts and stops it.

    Args:
        connection_string: of Azurite.
        decide: asked at each fetch, by number from 0, what goes wrong.
        pause: seconds for LATE and STALL.
        port: to listen at; 0 takes a free one.
    """

    def __init__(
        self,
        connection_string: str,
        *,
        decide: Callable[[int, Fetch], Trick | None] = lambda _number, _fetch: None,
        pause: float = 1.5,
        port: int = 0,
    ) -> None:
        self._upstream = connection_string
        pairs = dict(pair.partition("=")[::2] for pair in connection_string.strip(";").split(";"))
        self.blob_endpoint = urlsplit(pairs["BlobEndpoint"])
        self.service = BlobServiceClient.from_connection_string(connection_string)
        self.decide = decide
        self.pause = pause
        self.fetches: list[Fetch] = []
        self.fetched_bytes = 0
        """Bytes that came from sources."""
        self.received_bytes = 0
        """Bytes that clients sent in bodies: what passed through workers."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def endpoint(self) -> str:
        """The account's address through this proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.blob_endpoint.path}"

    @property
    def connection_string(self) -> str:
        """As Azurite's, with this endpoint."""
        return self._upstream.replace(self.blob_endpoint.geturl(), self.endpoint)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        self.service.close()

    def count(self, *, fetched: int = 0, received: int = 0) -> None:
        with self._lock:
            self.fetched_bytes += fetched
            self.received_bytes += received

    def begin(self, fetch: Fetch) -> Trick | None:
        with self._lock:
            self.fetches.append(fetch)
            return self.decide(len(self.fetches) - 1, fetch)

    def blob(self, path: str) -> BlobClient:
        account, _slash, rest = path.removeprefix("/").partition("/")
        assert f"/{account}" == self.blob_endpoint.path
        container, _slash, key = rest.partition("/")
        return self.service.get_blob_client(container, unquote(key))


class _Handler(BaseHTTPRequestHandler):
    proxy: FromUrlProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def setup(self) -> None:
        super().setup()
        place = self.proxy.blob_endpoint
        self.upstream = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)

    def finish(self) -> None:
        self.upstream.close()
        with suppress(OSError):
            super().finish()

    def log_message(self, *_args: Any) -> None:
        """Silent: request lines may hold signatures."""

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.proxy.count(received=length)
        status, headers, answer = self._pass_on(body)
        code = headers.get("x-ms-error-code", "")
        # Azurite has judged the signature by now; a source of its own it has copied too.
        if "x-ms-copy-source" in self.headers and (code == "CannotVerifyCopySource" or status == 501):
            self._fetch()
        else:
            self._answer(status, headers, answer)

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        headers["Host"] = self.proxy.blob_endpoint.netloc
        try:
            self.upstream.request(self.command, self.path, body=body or None, headers=headers)
            response = self.upstream.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            # Azurite closes what was idle for five seconds.
            self.upstream.close()
            self.upstream.request(self.command, self.path, body=body or None, headers=headers)
            response = self.upstream.getresponse()
        answer = response.read()
        kept = {name.lower(): value for name, value in response.getheaders() if name.lower() not in _HOP}
        if self.command == "HEAD":
            kept["content-length"] = response.getheader("Content-Length", "0")
        return response.status, kept, answer

    def _fetch(self) -> None:
        target = urlsplit(self.path)
        blob = self.proxy.blob(target.path)
        source = self.headers["x-ms-copy-source"]
        span = self.headers.get("x-ms-source-range", "")
        trick = self.proxy.begin(Fetch(blob.blob_name, span, source))
        match trick:
            case Trick.REFUSE:
                self._refuse(403, "CannotVerifyCopySource")
                return
            case Trick.UNSUPPORTED:
                self._refuse(501, "NotImplemented")
                return
            case Trick.BUSY:
                self._refuse(503, "ServerBusy")
                return
            case Trick.LATE:
                time.sleep(self.proxy.pause)
        status, data = _read(source, span)
        if status not in {200, 206}:
            self._refuse(min(500, status), "CannotVerifyCopySource", status)
            return
        self.proxy.count(fetched=len(data))
        if trick is Trick.WRONG_BYTES:
            data = bytes([data[0] ^ 1]) + data[1:]
        if trick is Trick.SHORT:
            data = data[:-1]
        self._write(blob, parse_qs(target.query), data, trick)

    def _write(self, blob: BlobClient, query: dict[str, list[str]], data: bytes, trick: Trick | None) -> None:
        md5 = self.headers.get("x-ms-source-content-md5")
        if md5 and base64.b64decode(md5) != hashlib.md5(data, usedforsecurity=False).digest():
            self._refuse(400, "Md5Mismatch")
            return
        headers = {"x-ms-content-crc64": Crc64.of(data).azure, "x-ms-request-id": "from-url"}
        if trick is Trick.NO_CRC:
            del headers["x-ms-content-crc64"]
        if query.get("comp") == ["block"]:
            blob.stage_block(base64.b64decode(query["blockid"][0]).decode(), data)
        else:
            assert self.headers.get("If-None-Match") == "*"
            try:
                headers["etag"] = blob.upload_blob(data, overwrite=False)["etag"]
            except ResourceExistsError:
                self._refuse(409, "BlobAlreadyExists")
                return
        if trick is Trick.STALL:
            time.sleep(self.proxy.pause)
        if trick is Trick.LOSE_ANSWER:
            self.close_connection = True
            return
        self._answer(201, headers, b"")

    def _refuse(self, status: int, code: str, at_source: int | None = None) -> None:
        detail = "" if at_source is None else f"<CopySourceStatusCode>{at_source}</CopySourceStatusCode>"
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message>{detail}</Error>".encode()
        self._answer(status, {"x-ms-error-code": code, "content-type": "application/xml"}, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "content-length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()


def _read(url: str, span: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        headers = {"Range": span} if span else {}
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return 502, b""
    finally:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Put Block From URL before Azurite")
    parser.add_argument("--connection-string", required=True, help="of Azurite")
    parser.add_argument("--port", type=int, default=0, help="to listen at; 0 takes a free one")
    given = parser.parse_args()
    with FromUrlProxy(given.connection_string, port=given.port) as proxy:
        sys.stdout.write(f"{proxy.connection_string}\n")
        sys.stdout.flush()
        sys.stdin.read()
        sys.stdout.write(f"fetched {proxy.fetched_bytes}, received {proxy.received_bytes}\n")


if __name__ == "__main__":
    main()
