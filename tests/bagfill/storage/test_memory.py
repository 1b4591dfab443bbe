"""The memory store against the contract, and the archive on its clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.names import AZURE_NAMES
from bagfill.storage.store import ArchiveState, Capability, ThawAnswer, ThawTier
from contracts.store_contract import Home, StoreContract


@pytest.fixture(scope="module")
def home() -> Home:
    bucket = MemoryBucket()
    return Home(
        open=lambda: MemoryStore(bucket),
        shared=MemoryStore(bucket),
        put=bucket.put_unconditionally,
        remove=bucket.remove,
    )


class TestMemoryStore(StoreContract):
    many = 1200


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bucket(clock: Clock) -> MemoryBucket:
    return MemoryBucket(clock=clock, thaw_delays={ThawTier.STANDARD: timedelta(hours=4)})


def test_an_object_lives_through_archive_thaw_and_expiry(bucket: MemoryBucket, clock: Clock) -> None:
    store = MemoryStore(bucket)
    bucket.put_unconditionally("a", b"bytes", storage_class="GLACIER")
    assert _state(store) is ArchiveState.ARCHIVED
    with pytest.raises(StoreError) as raised:
        list(store.read("a"))
    assert raised.value.failure is StoreFailure.ARCHIVED
    assert store.request_thaw("a", tier=ThawTier.STANDARD, days=2) is ThawAnswer.REQUESTED
    assert store.request_thaw("a", tier=ThawTier.STANDARD, days=2) is ThawAnswer.ALREADY_IN_PROGRESS
    assert _state(store) is ArchiveState.THAWING
    clock.now += timedelta(hours=4)
    assert _state(store) is ArchiveState.THAWED
    assert b"".join(store.read("a")) == b"bytes"
    info = store.stat("a")
    assert info is not None
    assert (info.storage_class, info.readable_until) == ("GLACIER", datetime(2026, 3, 4, tzinfo=UTC))
    clock.now = datetime(2026, 3, 3, 23, tzinfo=UTC)
    assert store.request_thaw("a", tier=ThawTier.STANDARD, days=1) is ThawAnswer.EXTENDED
    clock.now = datetime(2026, 3, 5, tzinfo=UTC)
    assert _state(store) is ArchiveState.ARCHIVED
    assert bucket.thaw_requests == [("a", ThawTier.STANDARD, 2)]


def test_a_listing_without_restore_status_says_archived(bucket: MemoryBucket, clock: Clock) -> None:
    store = MemoryStore(bucket, capabilities=frozenset({Capability.THAW}))
    bucket.put_unconditionally("b/a", b"bytes", storage_class="DEEP_ARCHIVE")
    store.request_thaw("b/a", tier=ThawTier.BULK, days=1)
    assert [info.archive for info in store.list("b/")] == [ArchiveState.ARCHIVED]
    info = store.stat("b/a")
    assert info is not None
    assert info.archive is ArchiveState.THAWED


def test_deep_archive_has_no_expedited_tier(bucket: MemoryBucket) -> None:
    bucket.put_unconditionally("a", b"bytes", storage_class="DEEP_ARCHIVE")
    with pytest.raises(StoreError) as raised:
        MemoryStore(bucket).request_thaw("a", tier=ThawTier.EXPEDITED, days=1)
    assert raised.value.failure is StoreFailure.UNSUPPORTED


def test_a_store_without_archive_tiers_thaws_nothing(bucket: MemoryBucket) -> None:
    bucket.put_unconditionally("a", b"bytes")
    with pytest.raises(StoreError) as raised:
        MemoryStore(bucket, capabilities=frozenset()).request_thaw("a", tier=ThawTier.BULK, days=1)
    assert raised.value.failure is StoreFailure.UNSUPPORTED


def test_it_can_play_a_provider_with_narrower_names(bucket: MemoryBucket) -> None:
    with pytest.raises(StoreError) as raised:
        MemoryStore(bucket, name_rules=AZURE_NAMES).create("a/b.", b"")
    assert raised.value.failure is StoreFailure.BAD_NAME


def _state(store: MemoryStore) -> ArchiveState:
    info = store.stat("a")
    assert info is not None
    return info.archive
