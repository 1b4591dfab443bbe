"""Retries, on a memory store that fails on command."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.retries import WORTH_A_PAUSE, RetryPolicy
from bagfill.storage.retrying import RetryingStore
from bagfill.storage.store import AlreadyExists, Created, ObjectStore, ThawAnswer, ThawTier
from contracts.store_contract import Home, StoreContract, read

POLICY = RetryPolicy(attempts=3)


class Times:
    """The first ``count`` calls of an operation fail."""

    def __init__(self, operation: str, count: int, fault: Fault) -> None:
        self.operation, self.count, self.fault, self.calls = operation, count, fault, 0

    def __call__(self, operation: str, key: str) -> Fault | None:
        if operation != self.operation:
            return None
        self.calls += 1
        return self.fault if self.calls <= self.count else None


@pytest.fixture(scope="module")
def home() -> Home:
    bucket = MemoryBucket()

    def wrapped() -> ObjectStore:
        return RetryingStore(FaultyStore(MemoryStore(bucket), lambda _operation, _key: None))

    return Home(open=wrapped, shared=wrapped(), put=bucket.put_unconditionally, remove=bucket.remove)


class TestWrappers(StoreContract):
    """Both wrappers keep the contract when nothing fails."""


@pytest.fixture
def bucket() -> MemoryBucket:
    bucket = MemoryBucket()
    bucket.put_unconditionally("f/a", bytes(range(100)))
    bucket.put_unconditionally("f/b", b"b")
    return bucket


def open_store(bucket: MemoryBucket, decide: Callable[[str, str], Fault | None]) -> RetryingStore:
    inner = FaultyStore(MemoryStore(bucket, chunk_size=10), decide)
    return RetryingStore(inner, POLICY, sleep=lambda _seconds: None)


@pytest.mark.parametrize("kind", [FaultKind.REFUSE, FaultKind.LOSE_ANSWER])
@pytest.mark.parametrize(
    "failure", [StoreFailure.UNAVAILABLE, StoreFailure.THROTTLED, StoreFailure.CORRUPTED_IN_TRANSIT]
)
def test_what_passes_is_tried_again(bucket: MemoryBucket, kind: FaultKind, failure: StoreFailure) -> None:
    decide = Times("stat", 2, Fault(kind, failure))
    info = open_store(bucket, decide).stat("f/a")
    assert info is not None
    assert decide.calls == 3


@pytest.mark.parametrize("failure", sorted(set(StoreFailure) - WORTH_A_PAUSE))
def test_what_does_not_pass_is_not(bucket: MemoryBucket, failure: StoreFailure) -> None:
    decide = Times("stat", 1, Fault(FaultKind.REFUSE, failure))
    with pytest.raises(StoreError) as raised:
        open_store(bucket, decide).stat("f/a")
    assert raised.value.failure is failure
    assert decide.calls == 1


def test_it_gives_up_with_the_last_error(bucket: MemoryBucket) -> None:
    decide = Times("stat", 9, Fault(FaultKind.REFUSE))
    with pytest.raises(StoreError):
        open_store(bucket, decide).stat("f/a")
    assert decide.calls == POLICY.attempts


@pytest.mark.parametrize(("failure", "tries"), [(StoreFailure.THROTTLED, 10), (StoreFailure.UNAVAILABLE, 4)])
@pytest.mark.parametrize("operation", ["stat", "read"])
def test_by_default_a_provider_that_asks_for_patience_gets_more_of_it(
    bucket: MemoryBucket, failure: StoreFailure, tries: int, operation: str
) -> None:
    paused: list[float] = []

    def act(failures: int) -> None:
        decide = Times(operation, failures, Fault(FaultKind.REFUSE, failure))
        store = RetryingStore(FaultyStore(MemoryStore(bucket), decide), sleep=paused.append)
        if operation == "stat":
            store.stat("f/a")
        else:
            assert len(b"".join(store.read("f/a", etag=etag))) == 100

    info = MemoryStore(bucket).stat("f/a")
    assert info is not None
    etag = info.etag
    act(tries - 1)
    assert len(paused) == tries - 1
    assert max(paused) <= 20
    with pytest.raises(StoreError):
        act(tries)


def test_a_kill_is_never_survived(bucket: MemoryBucket) -> None:
    with pytest.raises(Killed):
        open_store(bucket, Times("stat", 1, Fault(FaultKind.KILL_BEFORE))).stat("f/a")


def test_a_create_whose_answer_was_lost_meets_its_own_object(bucket: MemoryBucket) -> None:
    lost = open_store(bucket, Times("create", 1, Fault(FaultKind.LOSE_ANSWER)))
    assert lost.create("f/new", b"x") == AlreadyExists()
    refused = open_store(bucket, Times("create", 1, Fault(FaultKind.REFUSE)))
    assert isinstance(refused.create("f/newer", b"x"), Created)
    assert bucket.contents()["f/new"] == b"x"


def test_a_commit_whose_answer_was_lost_meets_its_own_object(bucket: MemoryBucket) -> None:
    write = open_store(bucket, Times("commit", 1, Fault(FaultKind.LOSE_ANSWER))).stage("f/new")
    block = write.stage(0, b"x", Crc64.of(b"x"))
    assert write.commit([block]) == AlreadyExists()
    assert bucket.contents()["f/new"] == b"x"


def test_a_thaw_whose_answer_was_lost_is_paid_once(bucket: MemoryBucket) -> None:
    bucket.archive("f/a")
    store = open_store(bucket, Times("request thaw", 1, Fault(FaultKind.LOSE_ANSWER)))
    assert store.request_thaw("f/a", tier=ThawTier.BULK, days=1) in {
        ThawAnswer.ALREADY_IN_PROGRESS,
        ThawAnswer.EXTENDED,
    }
    assert len(bucket.thaw_requests) == 1


def test_a_read_goes_on_where_it_broke(bucket: MemoryBucket) -> None:
    info = MemoryStore(bucket).stat("f/a")
    assert info is not None
    # Each try but the last brings one chunk: progress, so more tries than the policy's number in a row.
    decide = Times("read", 5, Fault(FaultKind.LOSE_ANSWER))
    assert read(open_store(bucket, decide), "f/a", etag=info.etag) == bytes(range(100))
    assert decide.calls == 6


def test_a_read_of_a_range_goes_on_where_it_broke(bucket: MemoryBucket) -> None:
    info = MemoryStore(bucket).stat("f/a")
    assert info is not None
    decide = Times("read", 2, Fault(FaultKind.LOSE_ANSWER))
    assert read(open_store(bucket, decide), "f/a", start=5, length=50, etag=info.etag) == bytes(range(5, 55))


def test_without_an_etag_a_broken_read_is_not_continued(bucket: MemoryBucket) -> None:
    with pytest.raises(StoreError):
        read(open_store(bucket, Times("read", 1, Fault(FaultKind.LOSE_ANSWER))), "f/a")
    assert read(open_store(bucket, Times("read", 2, Fault(FaultKind.REFUSE))), "f/a") == bytes(range(100))


def test_a_read_without_progress_gives_up(bucket: MemoryBucket) -> None:
    decide = Times("read", 9, Fault(FaultKind.REFUSE))
    with pytest.raises(StoreError):
        read(open_store(bucket, decide), "f/a", etag="etag-1")
    assert decide.calls == POLICY.attempts


def test_a_listing_is_tried_again_until_something_was_handed_out(bucket: MemoryBucket) -> None:
    assert len(list(open_store(bucket, Times("list", 2, Fault(FaultKind.REFUSE))).list("f/"))) == 2
    listed = open_store(bucket, Times("list", 1, Fault(FaultKind.LOSE_ANSWER))).list("f/")
    assert next(listed).key == "f/a"
    with pytest.raises(StoreError):
        next(listed)


def test_folders_are_listed_again_as_a_whole(bucket: MemoryBucket) -> None:
    decide = Times("list folders", 2, Fault(FaultKind.LOSE_ANSWER))
    assert list(open_store(bucket, decide).list_folders("")) == ["f"]


def test_pauses_grow_and_are_bounded(bucket: MemoryBucket) -> None:
    pauses: list[float] = []
    inner = FaultyStore(MemoryStore(bucket), Times("stat", 99, Fault(FaultKind.REFUSE)))
    policy = RetryPolicy(attempts=8, first_pause=1, longest_pause=4)
    with pytest.raises(StoreError):
        RetryingStore(inner, policy, sleep=pauses.append).stat("f/a")
    assert len(pauses) == 7
    assert all(pause <= bound for pause, bound in zip(pauses, (1, 2, 4, 4, 4, 4, 4), strict=True))
