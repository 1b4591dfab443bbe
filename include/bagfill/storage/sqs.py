"""A queue of Amazon SQS, or of a server that speaks its API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.queue import QueueMessage
from bagfill.storage.s3_client import aws_client, boto3_session, usable
from bagfill.storage.s3_errors import translated

_MOST = 10
"""Messages of one call, by SQS's own rule."""
_BACK_AFTER = 5
"""Seconds after which a message that was given back is seen again."""


class SqsQueue:
    """See :class:`bagfill.storage.queue.MessageQueue`.

    Args:
        url: of the queue.
        access: identity, and the endpoint of a server beside AWS.
        limits: bounds of single requests.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(self, url: str, access: S3Access, *, limits: RequestLimits | None = None) -> None:
        self._url = url
        self._name = url.rstrip("/").rpartition("/")[2]
        with usable(self._name):
            self._client: Any = aws_client("sqs", boto3_session(access), access, limits or RequestLimits())

    def receive(self, wait_seconds: int, most: int = _MOST) -> Sequence[QueueMessage]:
        """See :meth:`MessageQueue.receive`; at most so many, up to ten."""
        with translated(location=self._name, key="", operation="receive"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_seconds,
                AttributeNames=["ApproximateReceiveCount"],
            )
        return [
            QueueMessage(
                message["ReceiptHandle"],
                message["Body"],
                int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, messages: Sequence[QueueMessage]) -> None:
        """See :meth:`MessageQueue.delete`."""
        for entries in _entries(messages):
            with translated(location=self._name, key="", operation="delete message"):
                self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def give_back(self, messages: Sequence[QueueMessage]) -> None:
        """See :meth:`MessageQueue.give_back`."""
        for entries in _entries(messages):
            soon = [{**entry, "VisibilityTimeout": _BACK_AFTER} for entry in entries]
            with translated(location=self._name, key="", operation="give message back"):
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=soon)

    def waiting(self) -> int:
        """About how many messages could be received now. Raises StoreError."""
        with translated(location=self._name, key="", operation="count messages"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def send(self, body: str) -> None:
        """Send one message. Raises StoreError."""
        with translated(location=self._name, key="", operation="send"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _entries(messages: Sequence[QueueMessage]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(messages), _MOST):
        part = messages[start : start + _MOST]
        yield [{"Id": str(number), "ReceiptHandle": message.receipt} for number, message in enumerate(part)]
