"""The post to a storage service, as steps use it; and that of an installation that stands beside none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bagfill.database.errors import DatabaseError
from bagfill.ingests.storage_service.delivery import Delivery
from bagfill.ingests.storage_service.outbox import Outbox, OutboxCounts
from bagfill.ingests.storage_service.sending import Sent, send_due

logger = logging.getLogger(__name__)

_BESIDE_WORK = 2.0
_REST = 30.0
"""Seconds for which a process that used up its time beside work leaves the rest to others."""


class Post(Protocol):
    """Tells the service what happened. Only :meth:`check` says anything against going on."""

    @property
    def is_there(self) -> bool:
        """Whether there is a service to tell."""
        ...

    def check(self) -> None:
        """Raise NotThere if what is written down now could never be delivered; asked before anything is opened."""
        ...

    def send_beside_work(self) -> None:
        """Send for a moment what is due; returns soon whatever the service does."""
        ...

    def send(self, seconds: float) -> Sent:
        """Send what is due, for at most so long."""
        ...

    def counts(self) -> OutboxCounts:
        """How much lies in the outbox."""
        ...

    def try_again(self) -> int:
        """Put up again what the service refused to create; returns the letters pending now."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class NoPost:
    """See :class:`Post`: there is nobody to tell."""

    is_there = False

    def check(self) -> None:
        """See :meth:`Post.check`."""

    def send_beside_work(self) -> None:
        """See :meth:`Post.send_beside_work`."""

    def send(self, seconds: float) -> Sent:  # noqa: ARG002 - the protocol's
        """See :meth:`Post.send`."""
        return Sent()

    def counts(self) -> OutboxCounts:
        """See :meth:`Post.counts`."""
        return OutboxCounts(0, 0, 0)

    def try_again(self) -> int:
        """See :meth:`Post.try_again`."""
        return 0

    def close(self) -> None:
        """See :meth:`Post.close`."""


class ServicePost:
    """See :class:`Post`.

    Args:
        outbox: what there is to tell.
        delivery: the way to the service.
        clock: the present moment.
    """

    is_there = True

    def __init__(self, outbox: Outbox, delivery: Delivery, clock: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._delivery = delivery
        self._clock = clock
        self._checked = False
        self._resting_until = 0.0

    def check(self) -> None:
        """See :meth:`Post.check`. Asked once in a process: a task opens thousands of small bags."""
        if not self._checked:
            self._delivery.check()
            self._checked = True

    def send_beside_work(self) -> None:
        """See :meth:`Post.send_beside_work`."""
        if time.monotonic() < self._resting_until:
            return
        begun = time.monotonic()
        try:
            self.send(_BESIDE_WORK)
        except DatabaseError as error:
            # The work beside it is done; what is written down is sent by the next one.
            logger.warning("The outbox: %s.", error)
        if time.monotonic() - begun >= _BESIDE_WORK:
            self._resting_until = time.monotonic() + _REST

    def send(self, seconds: float) -> Sent:
        """See :meth:`Post.send`."""
        return send_due(self._outbox, self._delivery, self._clock, seconds=seconds)

    def counts(self) -> OutboxCounts:
        """See :meth:`Post.counts`."""
        return self._outbox.counts()

    def try_again(self) -> int:
        """See :meth:`Post.try_again`."""
        return self._outbox.try_again(self._clock())

    def close(self) -> None:
        """Release connections."""
        self._delivery.close()
