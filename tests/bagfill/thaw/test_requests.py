"""Asking for thaws: at a bounded rate, every answer counted; and looking how far they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Decide, Fault, FaultKind, FaultyStore
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import Capability, ThawAnswer, ThawTier
from bagfill.thaw import requests
from bagfill.thaw.requests import Pace, ThawAnswers, request_thaws, thaw_states
from bagfill.thaw.tiers import allowed_tiers
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
    made.put_unconditionally("v1/warm", b"w")
    made.put_unconditionally("v10/a", b"w", storage_class="GLACIER")
    return made


def ask(bucket: MemoryBucket, keys: list[str], decide: Decide = lambda operation, key: None) -> ThawAnswers:
    store = FaultyStore(MemoryStore(bucket), decide)
    return request_thaws(store, keys, tier=ThawTier.BULK, days=5, pace=Pace(1e6), concurrency=3)


def refused(*names: str, failure: StoreFailure = StoreFailure.THROTTLED) -> Decide:
    return lambda operation, key: Fault(FaultKind.REFUSE, failure) if key in names else None


def test_every_answer_is_counted_by_its_kind(bucket: MemoryBucket, clock: Clock) -> None:
    ask(bucket, ["v1/a"])
    clock.advance(DELAY)
    ask(bucket, ["v1/b"])

    answers = ask(bucket, ["v1/a", "v1/b", "v1/c", "v1/d", "v1/warm"])

    assert answers.refusals == ()
    assert answers.counts == {
        ThawAnswer.EXTENDED: 1,
        ThawAnswer.ALREADY_IN_PROGRESS: 1,
        ThawAnswer.REQUESTED: 2,
        ThawAnswer.NOT_ARCHIVED: 1,
    }


def test_one_refusal_does_not_stop_the_others_and_keeps_its_reason(bucket: MemoryBucket) -> None:
    answers = ask(bucket, ["v1/a", "v1/b", "v1/c"], refused("v1/b", failure=StoreFailure.DENIED))
    assert answers.counts == {ThawAnswer.REQUESTED: 2}
    assert [(refusal.key, refusal.error.failure) for refusal in answers.refusals] == [("v1/b", StoreFailure.DENIED)]


def test_asking_again_pays_for_nothing_again(bucket: MemoryBucket) -> None:
    for _ in range(3):
        ask(bucket, ["v1/a", "v1/b"])
    assert [key for key, _, _ in bucket.thaw_requests].count("v1/a") == 1


def test_a_lost_answer_is_paid_once(bucket: MemoryBucket) -> None:
    ask(bucket, ["v1/a"], lambda operation, key: Fault(FaultKind.LOSE_ANSWER))
    again = ask(bucket, ["v1/a"])
    assert again.counts == {ThawAnswer.ALREADY_IN_PROGRESS: 1}
    assert len(bucket.thaw_requests) == 1


def test_the_pace_lets_callers_through_evenly_and_never_saves_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    slept: list[float] = []
    monkeypatch.setattr(requests.time, "monotonic", lambda: now)
    pace = Pace(4, sleep=slept.append)

    for _ in range(3):
        pace.wait()
    now = 200.0
    pace.wait()
    pace.wait()

    assert slept == [0.25, 0.5, 0.25]


def listed(*capabilities: Capability) -> Callable[[MemoryBucket], MemoryStore]:
    return lambda bucket: MemoryStore(bucket, capabilities=frozenset({Capability.THAW, *capabilities}))


@pytest.mark.parametrize("view", [listed(Capability.ARCHIVE_STATE_IN_LISTING), listed()], ids=["told", "hidden"])
def test_states_are_right_whether_or_not_listings_tell_them(
    bucket: MemoryBucket, clock: Clock, view: Callable[[MemoryBucket], MemoryStore]
) -> None:
    ask(bucket, ["v1/a"])
    clock.advance(DELAY)
    ask(bucket, ["v1/b"])
    keys = frozenset({"v1/a", "v1/b", "v1/c", "v1/warm", "v1/gone"})

    states = thaw_states(view(bucket), "v1/", keys)

    assert states.readable == {"v1/a", "v1/warm"}
    assert states.thawing == {"v1/b"}
    assert states.archived == {"v1/c"}
    assert states.missing == {"v1/gone"}


def test_an_expired_copy_is_archived_again(bucket: MemoryBucket, clock: Clock) -> None:
    ask(bucket, ["v1/a"])
    clock.advance(timedelta(days=30))
    assert thaw_states(MemoryStore(bucket), "v1/", frozenset({"v1/a"})).archived == {"v1/a"}


def test_a_listing_that_cannot_be_had_is_an_error_and_not_missing_objects(bucket: MemoryBucket) -> None:
    store = FaultyStore(MemoryStore(bucket), refused("v1/"))
    with pytest.raises(StoreError):
        thaw_states(store, "v1/", frozenset({"v1/a"}))


@pytest.mark.parametrize(
    ("storage_class", "tiers"),
    [
        ("GLACIER", {ThawTier.EXPEDITED, ThawTier.STANDARD, ThawTier.BULK}),
        ("DEEP_ARCHIVE", {ThawTier.STANDARD, ThawTier.BULK}),
        ("Archive", {ThawTier.STANDARD, ThawTier.EXPEDITED}),
        ("SOMETHING_NEW", {ThawTier.EXPEDITED, ThawTier.STANDARD, ThawTier.BULK}),
    ],
)
def test_tiers_that_a_class_allows(storage_class: str, tiers: set[ThawTier]) -> None:
    assert allowed_tiers(storage_class) == tiers
