"""Lets requests through to one location: as many as its limits, its share of them and the provider allow."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

from bagfill.database.errors import DatabaseError
from bagfill.storage.congestion import CongestionWindow, share, share_of_connections
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.knee import Kind, Knee
from bagfill.storage.shares import LocationShares

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
_RENEW_SECONDS = LEASE.total_seconds() / 4
_LONGEST_WAIT = 900.0
"""Seconds; then something is wrong, and a retry of the task is better than waiting for ever."""
_OVERDUE = 1.0
"""Seconds; who waits longer goes before whoever comes. Before that it is cheaper not to change threads."""
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
        self.location = location
        self._limits = limits
        self._is_limited = limits.is_limited
        self._shares = shares
        self._most = most
        self.clock = clock
        self._wait = wait
        self._window = CongestionWindow(most)
        self._knee = Knee(most)
        self._holder = uuid4().hex
        self._holders = 0
        self._renew_at = float("-inf")
        self._next_at = float("-inf")
        self._in_flight = 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[float, threading.Condition]] = deque()
        self._own = threading.local()

    def request(self, kind: Kind = Kind.LOOK, size: int = 0) -> Passage:
        """The time of one request. A thread that is inside already passes at once: waiting for itself would never end.

        Args:
            kind, size: of the request; its bytes, or the items of a page, as far as they are known.

        Raises:
            StoreError: THROTTLED, no turn came within 15 minutes.
        """
        return Passage(self, kind, size)

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return min(self._window.whole, self._knee.ceiling, self._connections())

    def close(self) -> None:
        """Give the share back."""
        if self._holders:
            self._holders = 0
            try:
                self._shares.release(self.location, self._holder)
            except DatabaseError as error:
                logger.warning("location %s: its share runs out by itself: %s", self.location, type(error).__name__)

    def enter(self, passage: Passage) -> None:
        """Wait for a turn."""
        try:
            inside: list[Passage] = self._own.inside
        except AttributeError:
            inside = self._own.inside = []
        passage.inside = inside
        if inside:
            return
        if self._is_limited:
            self._renew()
        with self._lock:
            now = self.clock()
            if not self._is_free(now, None):
                now = self._queued(now)
            self._in_flight = passage.in_flight = self._in_flight + 1
            rate = self._limits.requests_per_second
            if rate is not None:
                self._next_at = max(self._next_at, now) + 1 / share(rate, self._holders)
            if self._waiting:
                # There may be room for more than one.
                self._call_next()
        passage.begun = now
        inside.append(passage)

    def leave(self, passage: Passage, error: BaseException | None) -> None:
        """A request ended, perhaps in another thread than it began in."""
        if not passage.in_flight:
            return
        passage.inside.remove(passage)
        now = self.clock()
        with self._lock:
            if error is None:
                self._window.answered()
                seconds = now - passage.begun - passage.elsewhere
                self._knee.answered(passage.in_flight, passage.kind, passage.size, seconds)
            elif (
                isinstance(error, StoreError)
                # A copy between two locations is inside of both gates: only one of them was asked for patience.
                and error.location == self.location
                and error.failure in _CONGESTION
            ):
                self._window.refused(passage.begun, now, used=self.allowed)
                if error.retry_after is not None:
                    self._next_at = max(self._next_at, now + error.retry_after)
            self._in_flight -= 1
            if self._waiting:
                self._call_next()

    def _is_free(self, now: float, turn: threading.Condition | None) -> bool:
        if now < self._next_at or self._in_flight >= self.allowed:
            return False
        if not self._waiting:
            return True
        since, first = self._waiting[0]
        return turn is first or now - since <= _OVERDUE

    def _queued(self, begun: float) -> float:
        """Wait until it is free: the moment when it was."""
        turn = threading.Condition(self._lock)
        self._waiting.append((begun, turn))
        now = begun
        try:
            while not self._is_free(now, turn):
                if now - begun > _LONGEST_WAIT:
                    raise StoreError(
                        StoreFailure.THROTTLED,
                        location=self.location,
                        key="",
                        operation="wait",
                        detail="no turn came within the limits of this location",
                    )
                pause = self._next_at - now
                self._wait(turn, pause if pause > 0 else 60.0)
                now = self.clock()
        except BaseException:
            self._waiting.remove((begun, turn))
            self._call_next()
            raise
        self._waiting.remove((begun, turn))
        return now

    def _call_next(self) -> None:
        """Wake whoever waits longest, if anybody does, to see whether its turn came."""
        if self._waiting:
            self._waiting[0][1].notify()

    def _connections(self) -> int:
        most = self._limits.connections
        return self._most if most is None else min(self._most, share_of_connections(most, self._holders))

    def _renew(self) -> None:
        """Tell the others that this process is here, and learn how many they are."""
        if self.clock() < self._renew_at:
            return
        with self._lock:
            if self.clock() < self._renew_at:
                return
            self._renew_at = self.clock() + _RENEW_SECONDS
        try:
            self._holders = self._shares.hold(self.location, self._holder, LEASE)
        except DatabaseError as error:
            # A database that does not answer must not stop a copy: the last share counts.
            logger.warning("location %s: its share could not be renewed: %s", self.location, type(error).__name__)


class Passage:
    """One request's way through a gate.

    Args:
        gate: of the location.
        kind, size: of the request. Whoever learns its size later writes it here.
    """

    __slots__ = ("_gate", "begun", "elsewhere", "in_flight", "inside", "kind", "size")

    def __init__(self, gate: Gate, kind: Kind, size: int) -> None:
        self._gate = gate
        self.kind = kind
        self.size = size
        self.begun = 0.0
        self.elsewhere = 0.0
        """Seconds in which the provider was not waited for: whoever spends them adds them."""
        self.in_flight = 0
        """Requests when this one's turn came; 0: it needed none."""
        self.inside: list[Passage] = []
        """What the thread in which it began is inside of."""

    def __enter__(self) -> Self:
        self._gate.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gate.leave(self, error)
