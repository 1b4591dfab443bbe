"""The stand-in's worker goes on when its queue fails for a moment: else no update would arrive any more."""

from __future__ import annotations

import json
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from bagfill.demo.storage_service import worker
from bagfill.demo.storage_service.worker import IngestsWorker

UPDATE = {"type": "IngestEventUpdate", "id": "6a94", "events": []}


class Queue:
    """Fails at first, in each of two ways; then has one message."""

    def __init__(self) -> None:
        refused: Any = {"Error": {"Code": "ServiceUnavailable"}}
        self.answers: list[Any] = [
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            ClientError(refused, "ReceiveMessage"),
            {"Messages": [{"Body": json.dumps(UPDATE), "ReceiptHandle": "h"}]},
        ]
        self.deleted = Event()

    def receive_message(self, **_asked: Any) -> Any:
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        return answer

    def delete_message(self, **_asked: Any) -> None:
        self.deleted.set()


def test_it_goes_on_after_failures_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker, "_REST_SECONDS", 0.01)
    queue = Queue()
    setting: Any = SimpleNamespace(client=lambda _: queue, ingests_queue="q")
    patched: list[Any] = []

    def patch(ingest_id: str, update: Any) -> int:
        patched.append((ingest_id, update))
        return 200

    working = IngestsWorker(setting, patch)
    working.start()
    try:
        assert queue.deleted.wait(30)
    finally:
        working.stop()
    assert patched == [("6a94", UPDATE)]
    assert "ServiceUnavailable" in capsys.readouterr().err
