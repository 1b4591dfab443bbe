"""What the thaw ledger tells of many objects at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bagfill.storage.store import ThawTier


@dataclass(frozen=True, slots=True)
class ThawQueue:
    """Thaws under way at one location and tier.

    Args:
        tier: as asked for.
        objects, bytes: how many.
        oldest: when the oldest was asked for.
    """

    tier: ThawTier
    objects: int
    bytes: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class ThawedCopies:
    """Thawed copies at one location and tier that can be read now.

    Args:
        tier: as asked for.
        objects, bytes: how many.
        first_ends: when the first of them goes away; ``FOR_GOOD`` (of :mod:`bagfill.thaw.ledger`) if none ever does.
    """

    tier: ThawTier
    objects: int
    bytes: int
    first_ends: datetime
