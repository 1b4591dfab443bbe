"""The service's ingests worker: takes updates from the queue of the topic and hands them to the tracker's API."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from bagfill.demo.storage_service.setting import ServiceSetting, client_errors

_MOST_RECEIVES = 10
"""Of one message; afterwards it goes to the queue of dead ones."""
_BACK_AFTER = 1
_REST_SECONDS = 0.5

Patch = Callable[[str, Any], int]
"""Hands an update to the tracker; gives the status of the answer, and 0 if there was none."""


class IngestsWorker:
    """Works in a thread.

    Args:
        setting: names the queues.
        patch: see :data:`Patch`.
    """

    def __init__(self, setting: ServiceSetting, patch: Patch) -> None:
        self._setting = setting
        self._patch = patch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingests-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        failures = client_errors()
        while not self._stop.is_set():
            try:
                self._receive()
            except failures as error:
                # What was handed out and not deleted comes again.
                sys.stderr.write(f"ingests worker: {error}\n")
                self._stop.wait(_REST_SECONDS)

    def _receive(self) -> None:
        sqs, queue = self._setting.client("sqs"), self._setting.ingests_queue
        answer = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            AttributeNames=["ApproximateReceiveCount"],
        )
        for message in answer.get("Messages", []):
            if not self._done(message["Body"]):
                received = int(message["Attributes"]["ApproximateReceiveCount"])
                if received < _MOST_RECEIVES:
                    handle = message["ReceiptHandle"]
                    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=_BACK_AFTER)
                    continue
                sqs.send_message(QueueUrl=self._setting.ingests_dead_queue, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def _done(self, body: str) -> bool:
        """Whether the message is finished with: applied, or refused for good."""
        try:
            values = json.loads(body)
            update = json.loads(values["Message"]) if isinstance(values.get("Message"), str) else values
            ingest_id = str(update["id"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        # A conflict is final: the update is dropped, its events too. An unknown ingest may become known.
        return self._patch(ingest_id, update) in {HTTPStatus.OK, HTTPStatus.CONFLICT}
