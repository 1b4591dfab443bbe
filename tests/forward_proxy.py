"""A forward proxy on the loopback, as an institution has between its machines and the internet; plain HTTP only."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_OF_ONE_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding"}


class ForwardProxy:
    """Passes every request on to the server that its line names.

    Attributes:
        lines: method and path of each, in order.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """What the environment names."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        lines = self.lines

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nothing."""

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65_537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                named = urlsplit(self.path)
                path = named.path + (f"?{named.query}" if named.query else "")
                lines.append(f"{self.command} {path}")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                onward = http.client.HTTPConnection(named.hostname or "", named.port or 80, timeout=60)
                try:
                    onward.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        if name.lower() not in _OF_ONE_HOP:
                            onward.putheader(name, value)
                    onward.endheaders(body)
                    self._pass_back(onward.getresponse())
                finally:
                    onward.close()

            def _pass_back(self, answer: http.client.HTTPResponse) -> None:
                data = answer.read()
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in {*_OF_ONE_HOP, "content-length"}:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(data))
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(data)

        return Handler
