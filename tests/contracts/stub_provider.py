"""A loopback HTTP server that answers as a provider in trouble: error statuses, bodies that break off, replacement."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def log_message(self, *_args: Any) -> None:
        """Silent."""

    def handle_expect_100(self) -> bool:
        """At once, although answers are buffered: botocore waits a second for it."""
        told = super().handle_expect_100()
        self.wfile.flush()
        return told

    def answer(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def _body(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))


class StubProvider:
    """Where the stub listens, and what it was asked.

    Args:
        url: ``http://127.0.0.1:port``.
        requests: method, and the headers ``Range`` and ``If-Match``, of every request so far.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, str, str]] = []


@contextmanager
def refusing(status: int, code: str, *, retry_after: str | None = None) -> Iterator[StubProvider]:
    """A server that answers everything with one status, with the error code where S3 and Azure put it."""

    class Refusing(_Handler):
        def answer(self) -> None:
            self._body()
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.send_response(status)
            self.send_header("x-ms-error-code", code)
            if retry_after is not None:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    with _serving(Refusing) as url:
        yield StubProvider(url)


@dataclass(frozen=True)
class Scripted:
    """One answer of a scripted server.

    Args:
        body: of the answer.
        status: of the answer.
        headers: beside the length.
        cut: bytes of the body that are sent before the connection closes; ``None``: all.
    """

    body: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Asked:
    """What a scripted server was asked.

    Args:
        url: ``http://127.0.0.1:port``.
        targets: path and query of each request so far.
    """

    url: str
    targets: list[str] = field(default_factory=list)


@contextmanager
def scripted(*answers: Scripted) -> Iterator[Asked]:
    """A server that gives these answers, one after the other, and the last of them for ever."""
    asked = Asked("")

    class Following(_Handler):
        def answer(self) -> None:
            self._body()
            script = answers[min(len(asked.targets), len(answers) - 1)]
            asked.targets.append(self.path)
            body = script.body.encode()
            self.send_response(script.status)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: script.cut])
            if script.cut is not None:
                self.wfile.flush()
                self.close_connection = True

    with _serving(Following) as url:
        asked.url = url
        yield asked


@contextmanager
def breaking(data: bytes, cuts: list[int], *, replaced_after: int | None = None) -> Iterator[StubProvider]:
    """A server of one object under every key, whose GET bodies break off.

    Args:
        data: the object.
        cuts: how many bytes each GET sends before the connection closes; later GETs send everything.
        replaced_after: after so many GETs the object has another ETag.
    """
    state = StubProvider("")
    gets = 0

    class Breaking(_Handler):
        def answer(self) -> None:
            nonlocal gets
            state.requests.append((self.command, self._header("Range", "x-ms-range"), self._header("If-Match")))
            etag = '"second"' if replaced_after is not None and gets >= replaced_after else '"first"'
            if self._header("If-Match") not in {"", etag}:
                self._send(412, b"", {"x-ms-error-code": "ConditionNotMet"})
                return
            start, end = 0, len(data)
            if span := self._header("Range", "x-ms-range"):
                first, _dash, last = span.removeprefix("bytes=").partition("-")
                start, end = int(first), min(int(last) + 1 if last else len(data), len(data))
            headers = {
                "ETag": etag,
                "Last-Modified": "Fri, 01 May 2026 10:00:00 GMT",
                "x-ms-blob-type": "BlockBlob",
                "Accept-Ranges": "bytes",
            }
            if span:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
            cut = end - start
            if self.command == "GET":
                cut = cuts[gets] if gets < len(cuts) else cut
                gets += 1
            self._send(206 if span else 200, data[start:end], headers, cut)

        def _header(self, *names: str) -> str:
            return next((value for name in names if (value := self.headers.get(name))), "")

        def _send(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[:cut])
            if cut is not None and cut < len(body):
                self.wfile.flush()
                self.close_connection = True

    with _serving(Breaking) as url:
        state.url = url
        yield state


@dataclass
class Served:
    """How a slow server was asked.

    Args:
        url: ``http://127.0.0.1:port``.
        in_flight: requests that were there, served or in the line, at each one's arrival.
    """

    url: str
    in_flight: list[int] = field(default_factory=list)


@contextmanager
def slow(data: bytes, *, at_once: int, seconds: float) -> Iterator[Served]:
    """A server of one object under every key that serves so many requests at once and keeps the others in a line.

    Args:
        data: the object.
        at_once: requests.
        seconds: of serving one.
    """
    served, places, lock, there = Served(""), threading.Semaphore(at_once), threading.Lock(), 0

    class Slow(_Handler):
        def answer(self) -> None:
            nonlocal there
            self._body()
            with lock:
                there += 1
                served.in_flight.append(there)
            with places:
                time.sleep(seconds)
            with lock:
                there -= 1
            self.send_response(200)
            self.send_header("ETag", '"first"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with _serving(Slow) as url:
        served.url = url
        yield served


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
