"""A table that throttles is asked again, more slowly each time, and for ever it is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bagfill.storage.credentials import S3Access
from bagfill.storage.dynamodb import DynamoTable
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits

THROTTLED = "ProvisionedThroughputExceededException"


class Stub:
    """Answers requests in turn; the last answer stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.address = ""

    def refuse(self, code: str, times: int, status: int = 400) -> None:
        self.answers += [(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"})] * times


@pytest.fixture
def stub() -> Iterator[Stub]:
    script = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            script.asked.append(self.headers["X-Amz-Target"].rpartition(".")[2])
            status, answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield script
    server.shutdown()
    server.server_close()


def opened(stub: Stub, waits: list[float]) -> DynamoTable:
    access = S3Access(stub.address, "us-east-1", "test", "test")
    return DynamoTable("manifests", access, limits=RequestLimits(attempts=1), sleep=waits.append)


def test_a_scan_that_is_throttled_waits_and_goes_on(stub: Stub) -> None:
    stub.refuse(THROTTLED, 4)
    stub.answers.append((200, {"Items": [{"id": {"S": "digitised/b1"}, "version": {"N": "1"}}]}))
    waits: list[float] = []
    items, cursor = opened(stub, waits).page(0, 1, None)
    assert (items, cursor) == ([{"id": "digitised/b1", "version": 1}], None)
    assert stub.asked == ["Scan"] * 5
    assert len(waits) == 4


def test_a_change_that_is_throttled_is_made_in_the_end(stub: Stub) -> None:
    stub.refuse(THROTTLED, 2)
    stub.refuse("InternalServerError", 1, status=500)
    stub.answers.append((200, {}))
    assert opened(stub, []).change({"id": "digitised/b1"}, {"payload": "new"}, expected={"payload": "old"})
    assert stub.asked == ["UpdateItem"] * 4


def test_who_is_always_throttled_gives_up_and_may_come_back(stub: Stub) -> None:
    stub.refuse(THROTTLED, 1)
    waits: list[float] = []
    with pytest.raises(StoreError) as caught:
        opened(stub, waits).get({"id": "digitised/b1", "version": 1})
    assert caught.value.failure is StoreFailure.THROTTLED
    assert caught.value.retryable
    assert len(stub.asked) == len(waits) + 1 == 10
    assert max(waits) <= 10


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])
def test_what_a_person_has_to_see_to_is_asked_once(stub: Stub, code: str) -> None:
    stub.refuse(code, 1)
    with pytest.raises(StoreError) as caught:
        opened(stub, []).get({"id": "digitised/b1", "version": 1})
    assert not caught.value.retryable
    assert len(stub.asked) == 1
