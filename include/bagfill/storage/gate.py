"""Lets requests through to one location: as many as its limits, its share of them and the provider allow."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from uuid import uuid4

from bagfill.database.errors import DatabaseError
from bagfill.storage.congestion import CongestionWindow, share, share_of_connections
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.shares import LocationShares

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
_RENEW_SECONDS = LEASE.total_seconds() / 4
_LONGEST_WAIT = 900.0
"""Seconds; then something is wrong, and a retry of the task is better than waiting for ever."""
_CONGESTION = frozenset({StoreFailure.THROTTLED, StoreFailure.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class LocationLimits:
    """What all tasks on all machines together may do at one location; ``None``: no limit of ours.

    Args:
        requests_per_second: that begin.
        connections: in use at once.
    """

    requests_per_second: float | None = None
    connections: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether shares have to be agreed on with other processes."""
        return self.requests_per_second is not None or self.connections is not None


class Gate:
    """One location's gate, for all threads of this process.

    Args:
        location: the location's name.
        limits: of the location.
        shares: who else works there; asked only if there are limits.
        most: requests in flight that this process ever keeps.
        clock: seconds of a steady clock.
        wait: waits on a condition for at most so many seconds.
    """

    def __init__(
        self,
        location: str,
        limits: LocationLimits,
        shares: LocationShares,
        *,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Condition, float | None], object] = threading.Condition.wait,
    ) -> None:
        self._location = location
        self._limits = limits
        self._shares = shares
        self._most = most
        self._clock = clock
        self._wait = wait
        self._window = CongestionWindow(most)
        self._holder = uuid4().hex
        self._holders = 0
        self._renew_at = float("-inf")
        self._next_at = float("-inf")
        self._in_flight = 0
        self._changed = threading.Condition()
        self._own = threading.local()

    def request(self) -> AbstractContextManager[None]:
        """The time of one request. A thread that is inside already passes at once: waiting for itself would never end.

        Raises:
            StoreError: THROTTLED, no turn came within 15 minutes.
        """
        return _Passage(self)

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return min(self._window.whole, self._connections())

    def close(self) -> None:
        """Give the share back."""
        if self._holders:
            self._holders = 0
            try:
                self._shares.release(self._location, self._holder)
            except DatabaseError as error:
                logger.warning("location %s: its share runs out by itself: %s", self._location, type(error).__name__)

    def enter(self) -> tuple[list[float], float | None]:
        """Wait for a turn.

        Returns:
            what this thread is inside of, and the moment when its turn came; ``None`` if it needed none.
        """
        inside: list[float] = self._own.__dict__.setdefault("inside", [])
        if inside:
            return inside, None
        self._renew()
        with self._changed:
            begun = self._clock()
            while True:
                now = self._clock()
                pause = self._next_at - now
                if pause <= 0 and self._in_flight < self.allowed:
                    break
                if now - begun > _LONGEST_WAIT:
                    raise StoreError(
                        StoreFailure.THROTTLED,
                        location=self._location,
                        key="",
                        operation="wait",
                        detail="no turn came within the limits of this location",
                    )
                self._wait(self._changed, pause if pause > 0 else 60.0)
            self._in_flight += 1
            rate = self._limits.requests_per_second
            if rate is not None:
                self._next_at = max(self._next_at, now) + 1 / share(rate, self._holders)
        inside.append(now)
        return inside, now

    def leave(self, inside: list[float], begun: float, error: BaseException | None) -> None:
        """A request ended, perhaps in another thread than it began in."""
        inside.remove(begun)
        with self._changed:
            self._in_flight -= 1
            # A copy between two locations is inside of both gates: only one of them was asked for patience.
            own = isinstance(error, StoreError) and error.location == self._location
            if isinstance(error, StoreError) and own and error.failure in _CONGESTION:
                now = self._clock()
                self._window.refused(begun, now)
                if error.retry_after is not None:
                    self._next_at = max(self._next_at, now + error.retry_after)
            elif error is None:
                self._window.answered()
            self._changed.notify_all()

    def _connections(self) -> int:
        most = self._limits.connections
        return self._most if most is None else min(self._most, share_of_connections(most, self._holders))

    def _renew(self) -> None:
        """Tell the others that this process is here, and learn how many they are."""
        if not self._limits.is_limited or self._clock() < self._renew_at:
            return
        with self._changed:
            if self._clock() < self._renew_at:
                return
            self._renew_at = self._clock() + _RENEW_SECONDS
        try:
            self._holders = self._shares.hold(self._location, self._holder, LEASE)
        except DatabaseError as error:
            # A database that does not answer must not stop a copy: the last share counts.
            logger.warning("location %s: its share could not be renewed: %s", self._location, type(error).__name__)


class _Passage(AbstractContextManager[None]):
    __slots__ = ("_begun", "_gate", "_inside")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __enter__(self) -> None:
        self._inside, self._begun = self._gate.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._begun is not None:
            self._gate.leave(self._inside, self._begun, error)
