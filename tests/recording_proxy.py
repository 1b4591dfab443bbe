"""An HTTP proxy in front of a server that notes who asked for what. Hosts are passed on, so signatures stay right."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_KEY = re.compile(r"Credential=([^/]+)/")
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"}


@dataclass(frozen=True)
class Request:
    """One request.

    Args:
        who: access key of S3, or signature of Azure; empty: nobody.
        method, path: path without the query, as it was sent.
        query: names and values.
        headers: names in lower case.
        status: of the answer.
        body: the beginning of what was sent.
    """

    who: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int
    body: bytes


@dataclass
class Recording:
    """What has passed so far."""

    url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def recording(upstream: str) -> Iterator[Recording]:
    """Pass everything on to ``upstream``, and note it."""
    host = urlsplit(upstream).netloc
    seen = Recording("")
    local = threading.local()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 64 * 1024

        def log_message(self, *_args: Any) -> None:
            """Silent."""

        def pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(http.HTTPStatus.CONTINUE)
                self.end_headers()
                self.wfile.flush()
            body = self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            if body or self.command in {"PUT", "POST"}:
                headers["Content-Length"] = str(len(body))
            answer, data = self._ask(body, headers)
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            lower = {name.lower(): value for name, value in self.headers.items()}
            who = _KEY.search(lower.get("authorization", ""))
            name = who[1] if who else query.get("X-Amz-Credential", "").partition("/")[0] or query.get("sig", "")
            seen.requests.append(Request(name, self.command, parts.path, query, lower, answer.status, body[:500]))
            self.send_response_only(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in _HOP | {"content-length"}:
                    self.send_header(key, value)
            length_there = answer.getheader("Content-Length")
            self.send_header(
                "Content-Length", length_there if self.command == "HEAD" and length_there else str(len(data))
            )
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _ask(self, body: bytes, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
            for attempt in (0, 1):
                if getattr(local, "connection", None) is None:
                    local.connection = http.client.HTTPConnection(host, timeout=60)
                connection = local.connection
                try:
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in headers.items():
                        connection.putheader(name, value)
                    connection.endheaders(body or None)
                    answer = connection.getresponse()
                    return answer, answer.read()
                except (OSError, http.client.HTTPException):
                    connection.close()
                    local.connection = None
                    if attempt:
                        raise
            raise AssertionError

        def _chunks(self) -> bytes:
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

        def do_GET(self) -> None:
            self.pass_on()

        def do_HEAD(self) -> None:
            self.pass_on()

        def do_PUT(self) -> None:
            self.pass_on()

        def do_POST(self) -> None:
            self.pass_on()

        def do_DELETE(self) -> None:
            self.pass_on()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
