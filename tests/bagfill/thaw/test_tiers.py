"""Tiers: what each class allows, and how long it takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import allowed_tiers, thaw_times, tier_for

EVERY = set(ThawTier)


@pytest.mark.parametrize(
    ("storage_class", "tiers"),
    [
        ("GLACIER", EVERY),
        ("DEEP_ARCHIVE", {ThawTier.STANDARD, ThawTier.BULK}),
        ("INTELLIGENT_TIERING", EVERY),
        ("Archive", {ThawTier.STANDARD, ThawTier.EXPEDITED}),
        ("SOMETHING_NEW", EVERY),
    ],
)
def test_tiers_that_a_class_allows(storage_class: str, tiers: set[ThawTier]) -> None:
    assert allowed_tiers(storage_class) == tiers


def test_a_class_without_expedited_has_none_and_azure_s_bulk_is_its_standard() -> None:
    assert tier_for("DEEP_ARCHIVE", ThawTier.EXPEDITED) is None
    assert tier_for("DEEP_ARCHIVE", ThawTier.BULK) is ThawTier.BULK
    assert tier_for("Archive", ThawTier.BULK) is ThawTier.STANDARD


def test_times_are_those_of_class_and_tier_and_careful_where_nothing_is_known() -> None:
    assert thaw_times("GLACIER", ThawTier.BULK).last == timedelta(hours=12)
    assert thaw_times("DEEP_ARCHIVE", ThawTier.BULK).last == timedelta(hours=48)
    assert thaw_times("NEW", ThawTier.EXPEDITED).last == timedelta(hours=48)


def test_tiers_are_ordered_by_speed() -> None:
    assert sorted(ThawTier, key=lambda tier: tier.speed) == [ThawTier.BULK, ThawTier.STANDARD, ThawTier.EXPEDITED]
