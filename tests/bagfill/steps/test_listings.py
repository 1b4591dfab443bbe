"""Listings in columns are the listings that they were made of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.steps.listings import VersionListing
from bagfill.storage.store import ArchiveState, ObjectInfo

PREFIX = "digitised/b1/v1/"
MOMENTS = st.none() | st.datetimes(
    datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2100-01-01"), timezones=st.just(UTC)
)
OBJECTS = st.builds(
    ObjectInfo,
    key=st.text(min_size=1, max_size=5).map(PREFIX.__add__),
    size=st.integers(0, 2**50),
    etag=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8),
    storage_class=st.sampled_from(["STANDARD", "GLACIER", "Cool"]),
    archive=st.sampled_from(ArchiveState),
    readable_until=MOMENTS,
    last_modified=MOMENTS,
    version_id=st.none() | st.just("v"),
)


@given(objects=st.lists(OBJECTS, unique_by=lambda info: info.key))
def test_every_object_comes_back_as_it_was_listed(objects: list[ObjectInfo]) -> None:
    listing = VersionListing(PREFIX)
    for info in objects:
        listing.add(info)
    assert list(listing.values()) == objects
    assert listing.oldest == min((info.last_modified for info in objects if info.last_modified), default=None)


@pytest.mark.parametrize("dated", [True, False])
def test_moments_are_kept_for_whoever_needs_them(dated: bool) -> None:
    listing = VersionListing(PREFIX, dated=dated)
    moment = datetime(2026, 11, 25, 12, 30, 0, 5, tzinfo=UTC)
    listing.add(ObjectInfo(f"{PREFIX}a", 1, "e", "STANDARD", ArchiveState.READABLE, last_modified=moment))
    assert listing["a"].last_modified == (moment if dated else None)
