"""Updates as messages to the topic that the service's ingests worker listens to; creations by the tracker's API.

No message creates an ingest: an update of one that the tracker does not know is tried ten times, and then dead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bagfill.ingests.storage_service.delivery import Delivered, Delivery, NotNow, NotThere, Outcome
from bagfill.ingests.storage_service.outbox import Letter


class Topic(Protocol):
    """A topic of SNS."""

    def publish(self, message: str) -> None:
        """Publish one message."""
        ...

    def check(self) -> None:
        """Ask for the topic."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class TopicDelivery:
    """See :class:`bagfill.ingests.storage_service.delivery.Delivery`.

    Args:
        tracker: creates ingests.
        topic: opens the topic; called when it is first needed.
        problems: the exceptions that ``topic`` and what it opens raise, each with ``retryable``.
    """

    def __init__(self, tracker: Delivery, topic: Callable[[], Topic], problems: tuple[type[Exception], ...]) -> None:
        self._tracker = tracker
        self._open = topic
        self._problems = problems
        self._topic: Topic | None = None

    def send(self, letter: Letter) -> Outcome:
        """See :meth:`Delivery.send`."""
        if letter.creates:
            return self._tracker.send(letter)
        try:
            self._opened().publish(_text(letter.body))
        except self._problems as error:
            return NotNow(f"the topic: {error}", nobody=True)
        return Delivered()

    def check(self) -> None:
        """See :meth:`Delivery.check`."""
        self._tracker.check()
        try:
            self._opened().check()
        except self._problems as error:
            if not getattr(error, "retryable", False):
                raise NotThere(f"the topic of ingest updates cannot be used: {error}") from None

    def close(self) -> None:
        """See :meth:`Delivery.close`."""
        self._tracker.close()
        if self._topic is not None:
            self._topic.close()

    def _opened(self) -> Topic:
        if self._topic is None:
            self._topic = self._open()
        return self._topic


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
