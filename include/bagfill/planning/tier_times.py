"""How long a thaw takes, by storage class and tier, as the providers say; what they say is typical, not promised.

Sources: AWS, "Understanding archive retrieval options" (Amazon S3 User Guide); Azure, "Blob rehydration from the
archive tier": up to 15 hours at standard priority, under one hour at high priority for objects below 10 GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bagfill.storage.store import ThawTier

_H = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TierTime:
    """From request to readable: usually between the two."""

    fastest: timedelta
    slowest: timedelta


_TIMES: dict[tuple[str, ThawTier], TierTime] = {
    ("GLACIER", ThawTier.EXPEDITED): TierTime(_H / 60, _H / 12),
    ("GLACIER", ThawTier.STANDARD): TierTime(3 * _H, 5 * _H),
    ("GLACIER", ThawTier.BULK): TierTime(5 * _H, 12 * _H),
    ("DEEP_ARCHIVE", ThawTier.STANDARD): TierTime(9 * _H, 12 * _H),
    ("DEEP_ARCHIVE", ThawTier.BULK): TierTime(12 * _H, 48 * _H),
    ("ARCHIVE", ThawTier.EXPEDITED): TierTime(_H / 4, _H),
    ("ARCHIVE", ThawTier.STANDARD): TierTime(_H, 15 * _H),
}
_LONGEST = TierTime(12 * _H, 48 * _H)


def tier_time(storage_class: str, tier: ThawTier) -> TierTime:
    """How long it takes; for a class that is not known, as long as the slowest that is.

    Args:
        storage_class: the provider's own word, in any letter case.
        tier: one that the class allows (:func:`bagfill.thaw.tiers.allowed_tiers`).
    """
    return _TIMES.get((storage_class.upper(), tier), _LONGEST)
