"""Thaws under way at every location, and those that take longer than their tier explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bagfill.steps.services import Services
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import FOR_GOOD
from bagfill.thaw.queues import ThawedCopies, ThawQueue
from bagfill.thaw.tiers import ARCHIVE_CLASSES, allowed_tiers, thaw_times


@dataclass(frozen=True, slots=True)
class ThawLine:
    """Objects that wait at one location and tier.

    Args:
        location: where they are archived.
        queue: how many, and since when the oldest waits.
        usual: by when the slowest class of this tier is usually readable.
        ages: how many of the objects wait for up to a quarter, half, three quarters and all of that time, and longer.
    """

    location: str
    queue: ThawQueue
    usual: timedelta
    ages: tuple[int, ...] = ()

    def is_overdue(self, now: datetime) -> bool:
        """Whether the oldest waits longer than its tier explains."""
        return now - self.queue.oldest > self.usual


@dataclass(frozen=True, slots=True)
class ThawedLine:
    """Copies at one location that can be read now."""

    location: str
    copies: ThawedCopies

    @property
    def first_ends(self) -> datetime | None:
        """When the first of them goes away; ``None``: none does."""
        return None if self.copies.first_ends >= FOR_GOOD else self.copies.first_ends


def thaw_lines(services: Services) -> Iterator[ThawLine]:
    """The queue of every location."""
    now = services.clock()
    for name in sorted(services.locations):
        for queue in services.thaws.queue(name):
            usual = _usual(queue.tier)
            older = services.thaws.asked_before(name, queue.tier, [now - usual * share / 4 for share in (1, 2, 3, 4)])
            steps = zip((queue.objects, *older), (*older, 0), strict=True)
            yield ThawLine(name, queue, usual, tuple(max(0, younger - rest) for younger, rest in steps))


def thawed_lines(services: Services) -> Iterator[ThawedLine]:
    """What can be read now at every location."""
    for name in sorted(services.locations):
        yield from (ThawedLine(name, copies) for copies in services.thaws.thawed(name))


def _usual(tier: ThawTier) -> timedelta:
    known = (thaw_times(each, tier).last for each in ARCHIVE_CLASSES if tier in allowed_tiers(each))
    return max(known, default=timedelta(hours=48))
