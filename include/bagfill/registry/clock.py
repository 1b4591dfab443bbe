"""The clock that leases are measured by when no other is given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the present moment, timezone-aware."""


def utc_now() -> datetime:
    """The present moment of this machine's clock."""
    return datetime.now(tz=UTC)


def end_of_lease(clock: Clock, lease: timedelta) -> datetime:
    """When a lease that begins now ends. Raises ValueError for a lease that is not positive."""
    if lease <= timedelta(0):
        raise ValueError(f"a lease must be longer than zero: {lease}")
    return clock() + lease
