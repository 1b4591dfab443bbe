"""A request rate that all runs and machines share: each takes a stretch of time, and sends in it what fits.

A provider throttles an account, not a process. Whoever wants to send asks for its turn in the registry's database, for
about a second's worth of requests at once, so that the database is asked once a second and not once a request.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Protocol

from bagfill.registry.clock import Clock, utc_now

LONGEST_QUEUE = timedelta(minutes=10)
"""Turns never lie further ahead than this: a queue of senders is shorter, so a later moment came from a wrong clock."""


class SharedPace(Protocol):
    """Turns, by account."""

    def turn(self, account: str, requests: int, per_second: float) -> float:
        """Take the next stretch of time in which ``requests`` may be sent.

        Args:
            account: whose rate it is.
            requests: how many, evenly; 1 or more.
            per_second: of all senders together.

        Returns:
            Seconds until the stretch begins, 0 or more.
        """
        ...

    def hold(self, account: str, seconds: float) -> None:
        """Let nobody begin for so long: the provider asked for fewer requests. Turns that were taken stay."""
        ...


def next_turn(taken: datetime | None, now: datetime, stretch: timedelta) -> tuple[datetime, datetime]:
    """When the next stretch begins and ends.

    Args:
        taken: end of the last stretch, if there was one.
        now: the present moment.
        stretch: its length.
    """
    begins = now if taken is None or taken < now or taken > now + LONGEST_QUEUE else taken
    return begins, begins + stretch


class MemoryPace:
    """Turns within one process.

    Args:
        clock: the present moment.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._taken: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def turn(self, account: str, requests: int, per_second: float) -> float:
        """See :meth:`SharedPace.turn`."""
        with self._lock:
            now = self._clock()
            stretch = timedelta(seconds=requests / per_second)
            begins, self._taken[account] = next_turn(self._taken.get(account), now, stretch)
        return (begins - now).total_seconds()

    def hold(self, account: str, seconds: float) -> None:
        """See :meth:`SharedPace.hold`."""
        self.turn(account, 1, 1 / seconds)
