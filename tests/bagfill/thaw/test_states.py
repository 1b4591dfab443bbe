"""Looking how far thaws are: by listing, and one by one where a listing does not tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Decide, Fault, FaultKind, FaultyStore
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.pace import Pace
from bagfill.storage.store import Capability, ThawTier
from bagfill.thaw.states import thaw_states
from world import Clock

DELAY = timedelta(hours=4)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bucket(clock: Clock) -> MemoryBucket:
    made = MemoryBucket(clock=clock, thaw_delays=dict.fromkeys(ThawTier, DELAY))
    for name in "abcd":
        made.put_unconditionally(f"v1/{name}", name.encode(), storage_class="GLACIER")
    made.put_unconditionally("v1/instant", b"w", storage_class="GLACIER_IR")
    made.put_unconditionally("v1/warm", b"w")
    made.put_unconditionally("v10/a", b"w", storage_class="GLACIER")
    return made


def listed(*capabilities: Capability) -> Callable[[MemoryBucket], MemoryStore]:
    return lambda bucket: MemoryStore(bucket, capabilities=frozenset({Capability.THAW, *capabilities}))


@pytest.mark.parametrize("view", [listed(Capability.ARCHIVE_STATE_IN_LISTING), listed()], ids=["told", "hidden"])
def test_states_are_right_whether_or_not_listings_tell_them(
    bucket: MemoryBucket, clock: Clock, view: Callable[[MemoryBucket], MemoryStore]
) -> None:
    bucket.request_thaw("v1/a", ThawTier.BULK, 5)
    clock.advance(DELAY)
    bucket.request_thaw("v1/b", ThawTier.BULK, 5)
    keys = frozenset({"v1/a", "v1/b", "v1/c", "v1/warm", "v1/instant", "v1/gone"})

    states = thaw_states(view(bucket), "v1/", keys)

    assert states.readable == {"v1/a", "v1/warm", "v1/instant"}
    assert states.thawing == {"v1/b"}
    assert states.archived == {"v1/c"}
    assert states.missing == {"v1/gone"}
    assert states.infos["v1/a"].readable_until == bucket.stat("v1/a").readable_until  # type: ignore[union-attr]


def test_an_expired_copy_is_archived_again(bucket: MemoryBucket, clock: Clock) -> None:
    bucket.request_thaw("v1/a", ThawTier.BULK, 5)
    clock.advance(timedelta(days=30))
    assert thaw_states(MemoryStore(bucket), "v1/", frozenset({"v1/a"})).archived == {"v1/a"}


def test_what_a_listing_tells_is_not_asked_for_one_by_one(bucket: MemoryBucket) -> None:
    looked: list[str] = []

    def watch(operation: str, key: str) -> None:
        if operation == "stat":
            looked.append(key)

    keys = frozenset({"v1/a", "v1/warm"})
    thaw_states(FaultyStore(listed(Capability.ARCHIVE_STATE_IN_LISTING)(bucket), watch), "v1/", keys)
    assert looked == []
    thaw_states(FaultyStore(listed()(bucket), watch), "v1/", keys)
    assert looked == ["v1/a"]


def test_looking_one_by_one_keeps_the_declared_rate(bucket: MemoryBucket) -> None:
    slept: list[float] = []
    thaw_states(
        listed()(bucket), "v1/", frozenset({f"v1/{name}" for name in "abcd"}), pace=Pace(0.001, sleep=slept.append)
    )
    assert len(slept) == 3


def test_an_object_that_goes_between_listing_and_look_is_missing(bucket: MemoryBucket) -> None:
    def vanish(operation: str, key: str) -> None:
        if operation == "stat" and "v1/a" in bucket.contents():
            bucket.remove("v1/a")

    states = thaw_states(FaultyStore(listed()(bucket), vanish), "v1/", frozenset({"v1/a"}))
    assert states.missing == {"v1/a"}
    assert not states.infos


def test_a_listing_that_cannot_be_had_is_an_error_and_not_missing_objects(bucket: MemoryBucket) -> None:
    decide: Decide = lambda operation, key: Fault(FaultKind.REFUSE, StoreFailure.THROTTLED)  # noqa: E731
    with pytest.raises(StoreError):
        thaw_states(FaultyStore(MemoryStore(bucket), decide), "v1/", frozenset({"v1/a"}))
