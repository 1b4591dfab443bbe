"""Thaws under way at every location, and those that take longer than their tier explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bagfill.steps.services import Services
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import ThawQueue
from bagfill.thaw.tiers import ARCHIVE_CLASSES, allowed_tiers, thaw_times


@dataclass(frozen=True, slots=True)
class ThawLine:
    """Objects that wait at one location and tier.

    Args:
        location: where they are archived.
        queue: how many, and since when the oldest waits.
        usual: by when the slowest class of this tier is usually readable.
    """

    location: str
    queue: ThawQueue
    usual: timedelta

    def is_overdue(self, now: datetime) -> bool:
        """Whether the oldest waits longer than its tier explains."""
        return now - self.queue.oldest > self.usual


def thaw_lines(services: Services) -> Iterator[ThawLine]:
    """The queue of every location."""
    for name in sorted(services.locations):
        for queue in services.thaws.queue(name):
            yield ThawLine(name, queue, _usual(queue.tier))


def _usual(tier: ThawTier) -> timedelta:
    known = (thaw_times(each, tier).last for each in ARCHIVE_CLASSES if tier in allowed_tiers(each))
    return max(known, default=timedelta(hours=48))
