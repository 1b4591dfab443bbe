"""Which processes work at a location right now, so that its limits hold for all of them together.

Each process that opens a location with limits holds a lease there and renews it while it works; of a process that died
the lease runs out. ``tests/contracts/shares_contract.py`` holds every implementation to these docstrings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class LocationShares(Protocol):
    """Leases by location. Safe to use from several threads and processes."""

    def hold(self, location: str, holder: str, lease: timedelta) -> int:
        """Begin or renew a lease.

        Returns:
            how many holders the location has now, this one included.
        """
        ...

    def release(self, location: str, holder: str) -> None:
        """Give a lease back; nothing happens if there is none."""
        ...


class MemoryShares:
    """Leases within one process.

    Args:
        clock: the present moment, timezone-aware.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: dict[tuple[str, str], datetime] = {}

    def hold(self, location: str, holder: str, lease: timedelta) -> int:
        """See :meth:`LocationShares.hold`."""
        with self._lock:
            now = self._clock()
            self._ends[location, holder] = now + lease
            return sum(place == location and ends > now for (place, _), ends in self._ends.items())

    def release(self, location: str, holder: str) -> None:
        """See :meth:`LocationShares.release`."""
        with self._lock:
            self._ends.pop((location, holder), None)
