"""Which thaw tier a storage class allows, and how long it takes.

Sources: AWS, "Archive retrieval options" and "Restoring an archived object"; Azure, "Blob rehydration from the archive
tier". The times are what the providers call usual; they warn of longer ones for very large sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bagfill.storage.store import ThawTier

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ThawTimes:
    """From the request until objects can be read.

    Args:
        first: when looking begins to make sense.
        last: when all of them usually are.
    """

    first: timedelta
    last: timedelta


_TIMES: dict[str, dict[ThawTier, ThawTimes]] = {
    "GLACIER": {
        ThawTier.EXPEDITED: ThawTimes(_MINUTE, 5 * _MINUTE),
        ThawTier.STANDARD: ThawTimes(3 * _HOUR, 5 * _HOUR),
        ThawTier.BULK: ThawTimes(5 * _HOUR, 12 * _HOUR),
    },
    "DEEP_ARCHIVE": {
        ThawTier.STANDARD: ThawTimes(9 * _HOUR, 12 * _HOUR),
        ThawTier.BULK: ThawTimes(12 * _HOUR, 48 * _HOUR),
    },
    # Azure's two rehydrate priorities: standard, and high for the expedited tier.
    "ARCHIVE": {
        ThawTier.EXPEDITED: ThawTimes(10 * _MINUTE, _HOUR),
        ThawTier.STANDARD: ThawTimes(_HOUR, 15 * _HOUR),
    },
}
# An Intelligent-Tiering object is in one of two archive tiers, and a listing does not tell in which.
_TIMES["INTELLIGENT_TIERING"] = {
    ThawTier.EXPEDITED: _TIMES["GLACIER"][ThawTier.EXPEDITED],
    ThawTier.STANDARD: ThawTimes(3 * _HOUR, 12 * _HOUR),
    ThawTier.BULK: ThawTimes(5 * _HOUR, 48 * _HOUR),
}
_UNKNOWN = ThawTimes(timedelta(), 48 * _HOUR)
ARCHIVE_CLASSES = tuple(_TIMES)
"""The classes that are known, in capitals."""


def allowed_tiers(storage_class: str) -> frozenset[ThawTier]:
    """The tiers that may be asked for; every tier for a class that is not known, since its provider decides then.

    Args:
        storage_class: the provider's own word, in any letter case.
    """
    return frozenset(_TIMES.get(storage_class.upper(), ThawTier))


def is_archive_class(storage_class: str) -> bool:
    """Whether objects of this class are, or may be, archived. ``storage_class`` is in any letter case."""
    return storage_class.upper() in _TIMES


def thaw_times(storage_class: str, tier: ThawTier) -> ThawTimes:
    """How long a thaw usually takes; the slowest that any class knows, for a class or tier that is not known.

    Args:
        storage_class: the provider's own word, in any letter case.
        tier: as it is asked for.
    """
    return _TIMES.get(storage_class.upper(), {}).get(tier, _UNKNOWN)


def tier_for(storage_class: str, tier: ThawTier) -> ThawTier | None:
    """The tier to ask a class for, or ``None`` if it allows nothing of that speed.

    Azure's Archive knows no Bulk: Standard is its slowest, and costs no more.
    """
    if tier in allowed_tiers(storage_class):
        return tier
    if tier is ThawTier.BULK and ThawTier.STANDARD in allowed_tiers(storage_class):
        return ThawTier.STANDARD
    return None
