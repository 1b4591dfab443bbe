"""Which thaw tier a storage class allows.

Sources: AWS, "Archive retrieval options"; Azure, "Blob rehydration from the archive tier".
"""

from __future__ import annotations

from bagfill.storage.store import ThawTier

_ALLOWED: dict[str, frozenset[ThawTier]] = {
    "GLACIER": frozenset(ThawTier),
    "DEEP_ARCHIVE": frozenset({ThawTier.STANDARD, ThawTier.BULK}),
    # Azure's two rehydrate priorities: standard, and high for the expedited tier.
    "ARCHIVE": frozenset({ThawTier.STANDARD, ThawTier.EXPEDITED}),
}


def allowed_tiers(storage_class: str) -> frozenset[ThawTier]:
    """The tiers that may be asked for; every tier for a class that is not known, since its provider decides then.

    Args:
        storage_class: the provider's own word, in any letter case.
    """
    return _ALLOWED.get(storage_class.upper(), frozenset(ThawTier))
