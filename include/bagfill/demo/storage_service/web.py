"""The stand-in's HTTP: the public APIs behind tokens, the tracker's internal API, and switches for tests."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from bagfill.demo.storage_service.faults import Fault, Faults, Rule
from bagfill.demo.storage_service.manifests import Answer, Manifests, error
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.demo.storage_service.shown import shown_ingest
from bagfill.demo.storage_service.tokens import Tokens
from bagfill.demo.storage_service.tracker import Tracker

API = "/storage/v1"
_MOST_BODY = 200_000_000


class StorageService:
    """Everything behind the addresses.

    Args:
        setting: where its data lie.
    """

    def __init__(self, setting: ServiceSetting) -> None:
        self.tracker = Tracker(setting.ingest_types)
        self.tokens = Tokens(setting.client_id, setting.client_secret, setting.token_seconds)
        self.manifests = Manifests(setting)
        self.faults = Faults()
        self.signature = token_hex(16)
        self.seen: Counter[str] = Counter()
        self.lock = threading.Lock()

    def count(self, method: str, part: str, status: int) -> None:
        """Note one request; status 0: it had no answer."""
        with self.lock:
            self.seen[f"{method} {part} {status}"] += 1


def serve(setting: ServiceSetting, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """A server that answers once its ``serve_forever`` runs."""
    service = StorageService(setting)
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the kernel holds back a small body until the client has acknowledged the head.
    disable_nagle_algorithm = True
    service: StorageService

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PATCH(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Nothing: addresses may be signed."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        self._query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _MOST_BODY))
        part, act = self._route(parts.path, body)
        rule = self.service.faults.next(part, self.command)
        answer = self._faulty(rule, act)
        self.service.count(self.command, part, 0 if answer is None else int(answer.status))
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer)

    def _faulty(self, rule: Rule | None, act: Callable[[], Answer]) -> Answer | None:
        match rule:
            case None:
                return act()
            case Rule(fault=Fault.NOTHING):
                return None
            case Rule(fault=Fault.ANSWER_LOST):
                act()
                return None
            case Rule(fault=Fault.SLOW, seconds=seconds):
                time.sleep(seconds)
                return act()
            case Rule(status=status):
                return error(HTTPStatus(status))

    def _route(self, path: str, body: bytes) -> tuple[str, Callable[[], Answer]]:
        """The part of the service, and what it does about the request."""
        if path == "/oauth2/token":
            return "token", lambda: self._token(body)
        if path.startswith("/signed/"):
            return "signed", lambda: self._signed(unquote(path.removeprefix("/signed/")))
        if path.startswith(f"{API}/bags/"):
            return "bags", lambda: self._let_in(lambda: self._bags(unquote(path.removeprefix(f"{API}/bags/"))))
        if path.startswith(f"{API}/ingests/"):
            return "ingests", lambda: self._let_in(lambda: self._ingest(unquote(path.rpartition("/")[2])))
        if path.startswith("/standin/"):
            return "standin", lambda: self._standin(path.removeprefix("/standin/"), body)
        if path == "/healthcheck" or path.startswith("/ingest"):
            return "tracker", lambda: self._tracker(path, body)
        return "elsewhere", lambda: error(HTTPStatus.NOT_FOUND, "Page not found")

    def _token(self, body: bytes) -> Answer:
        granted = self.service.tokens.grant(self.headers.get("Authorization") or "", body)
        if granted is None:
            return Answer(HTTPStatus.BAD_REQUEST, {"error": "invalid_client"})
        return Answer(HTTPStatus.OK, granted)

    def _let_in(self, act: Callable[[], Answer]) -> Answer:
        refusal = self.service.tokens.refusal(self.headers.get("Authorization") or "")
        return act() if refusal is None else Answer(HTTPStatus.UNAUTHORIZED, {"message": refusal})

    def _bags(self, name: str) -> Answer:
        if name.endswith("/versions"):
            return self.service.manifests.versions(name.removesuffix("/versions"), self._query.get("before"))
        answer = self.service.manifests.bag(name, self._query.get("version"))
        if answer.status is not HTTPStatus.TEMPORARY_REDIRECT:
            return answer
        headers = dict(answer.headers or {})
        query = f"X-Amz-Expires=86400&X-Amz-Signature={self.service.signature}"
        headers["Location"] = f"http://{self.headers['Host']}/signed/{quote(headers['Location'])}?{query}"
        return Answer(answer.status, None, headers)

    def _signed(self, key: str) -> Answer:
        """As S3 answers a signed address: a bearer token beside the signature is refused."""
        if "Authorization" in self.headers:
            return Answer(HTTPStatus.BAD_REQUEST, {"Code": "InvalidArgument", "Message": "Only one auth mechanism"})
        if self._query.get("X-Amz-Signature") != self.service.signature:
            return Answer(HTTPStatus.FORBIDDEN, {"Code": "SignatureDoesNotMatch"})
        body = self.service.manifests.cached(key)
        return Answer(HTTPStatus.NOT_FOUND, {"Code": "NoSuchKey"}) if body is None else Answer(HTTPStatus.OK, body)

    def _ingest(self, ingest_id: str) -> Answer:
        found = self.service.tracker.get(ingest_id.lower())
        if found is None:
            return error(HTTPStatus.NOT_FOUND, f"Ingest {ingest_id} not found")
        return Answer(HTTPStatus.OK, shown_ingest(found))

    def _tracker(self, path: str, body: bytes) -> Answer:
        if path == "/healthcheck":
            return Answer(HTTPStatus.OK)
        ingest_id = path.removeprefix("/ingest").strip("/").lower()
        if self.command == "GET":
            found = self.service.tracker.get(ingest_id)
            return Answer(HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK, found)
        try:
            document = json.loads(body)
        except ValueError:
            return Answer(HTTPStatus.BAD_REQUEST, "The request content was malformed")
        tracker = self.service.tracker
        status, value = tracker.create(document) if self.command == "POST" else tracker.update(ingest_id, document)
        return Answer(status, value)

    def _standin(self, what: str, body: bytes) -> Answer:
        """Switches and views that the real service has not."""
        service = self.service
        match self.command, what:
            case "PUT", "faults":
                service.faults.replace([Rule.of(values) for values in json.loads(body)])
            case "PUT", "tokens/expired":
                service.tokens.expire()
            case "GET", "ingests":
                return Answer(HTTPStatus.OK, [shown_ingest(each) for each in service.tracker.all()])
            case "GET", "notified":
                return Answer(HTTPStatus.OK, service.tracker.notified)
            case "GET", "seen":
                return Answer(HTTPStatus.OK, dict(service.seen))
            case _:
                return error(HTTPStatus.NOT_FOUND, "faults, tokens/expired, ingests, notified, seen")
        return Answer(HTTPStatus.OK)

    def _send(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else b""
        if answer.body is not None and not isinstance(answer.body, bytes):
            body = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
        self.send_response(answer.status)
        for name, value in (answer.headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
