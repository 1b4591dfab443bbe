"""A queue of messages, of which each reader takes some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """One message.

    Args:
        receipt: what deletes it, or gives it back.
        body: its text.
        received: how often it was received, this time included.
    """

    receipt: str
    body: str
    received: int = 1


class MessageQueue(Protocol):
    """A queue. Every call raises StoreError when the provider does not answer or refuses."""

    def receive(self, wait_seconds: int) -> Sequence[QueueMessage]:
        """A few messages, waited for at most ``wait_seconds`` (20 is SQS's most); none is no error."""
        ...

    def delete(self, messages: Sequence[QueueMessage]) -> None:
        """Take messages out of the queue. One that is not deleted comes again, which harms nobody."""
        ...

    def give_back(self, messages: Sequence[QueueMessage]) -> None:
        """Let other readers have messages in a few seconds."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
