"""Sending what lies in the outbox: in order for each ingest, at least once, and never longer than allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import uuid4

from bagfill.ingests.storage_service.delivery import Delivered, Delivery, NotNow, RefusedForGood
from bagfill.ingests.storage_service.outbox import Letter, Outbox

_AT_ONCE = 100
_LEASE = timedelta(minutes=3)
"""Longer than any one letter takes: three requests that are answered slowly in all their phases."""
_RENEWED_AFTER = _LEASE / 4
"""Between two letters: who no longer is the sender sends nothing more, or another's letters would come in between."""
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_NOBODY_PAUSE = timedelta(seconds=15)
_MOST_IN_A_ROW = 3
"""Letters put off one after the other, after which the service is taken to be down."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one round came to.

    Args:
        delivered: letters that the service has now.
        refused: that it will never take.
        put_off: that are tried again later.
        stopped: why it ended before everything was tried; ``None``: it did not.
    """

    delivered: int = 0
    refused: int = 0
    put_off: int = 0
    stopped: str | None = None


def send_due(outbox: Outbox, delivery: Delivery, clock: Callable[[], datetime], *, seconds: float) -> Sent:
    """Send what is due.

    Args:
        outbox: what there is to send.
        delivery: the way to the service.
        clock: the present moment.
        seconds: how long, at most, and the time of one answer.

    Returns:
        what became of it. That nobody answers is no error: letters stay.

    Raises:
        DatabaseError: of the outbox.
    """
    begun = clock()
    sender = str(uuid4())
    if not outbox.take(sender, begun, begun + _LEASE):
        return Sent(stopped="another process sends, or nothing is to be sent yet")
    this = _Round(outbox, delivery, clock, begun + timedelta(seconds=seconds))
    taken = begun
    try:
        while this.goes_on() and (letters := outbox.due(clock(), _AT_ONCE)):
            for letter in letters:
                now = clock()
                if now - taken >= _RENEWED_AFTER:
                    if not outbox.take(sender, now, now + _LEASE):
                        this.stop("another process took over")
                        break
                    taken = now
                this.send(letter)
                if not this.goes_on():
                    break
    finally:
        outbox.release(sender)
    return Sent(this.delivered, this.refused, this.put_off, this.stopped)


class _Round:
    def __init__(self, outbox: Outbox, delivery: Delivery, clock: Callable[[], datetime], deadline: datetime) -> None:
        self._outbox = outbox
        self._delivery = delivery
        self._clock = clock
        self._deadline = deadline
        self._in_a_row = 0
        self.delivered = self.refused = self.put_off = 0
        self.stopped: str | None = None

    def goes_on(self) -> bool:
        return self.stopped is None

    def stop(self, why: str) -> None:
        self.stopped = self.stopped or why

    def send(self, letter: Letter) -> None:
        match self._delivery.send(letter):
            case Delivered():
                self._outbox.delivered(letter)
                self.delivered += 1
                self._in_a_row = 0
            case RefusedForGood(why=why):
                self._outbox.refused(letter, why)
                self.refused += 1
                self._in_a_row = 0
            case NotNow(why=why, nobody=nobody):
                now = self._clock()
                pause = min(_FIRST_PAUSE * 2 ** min(letter.attempts, 20), _LONGEST_PAUSE)
                self._outbox.later(letter, now + pause, why)
                self.put_off += 1
                self._in_a_row += 1
                if nobody or self._in_a_row >= _MOST_IN_A_ROW:
                    self._outbox.pause(now + _NOBODY_PAUSE, why)
                    self.stop(why)
            case other:
                assert_never(other)
        if self._clock() >= self._deadline:
            self.stop("the time was over")
