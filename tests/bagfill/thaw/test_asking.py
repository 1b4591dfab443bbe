"""Asking for thaws: one request an object, within a budget, at one rate; every answer noted, whatever dies when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bagfill.storage.errors import StoreFailure
from bagfill.storage.faults import Decide, Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import ThawAnswer, ThawTier
from bagfill.thaw.asking import AskChunk, Asked, AskTerms, ThawAsker, Wanted
from bagfill.thaw.ledger import ThawKind, ThawStand
from bagfill.thaw.memory_ledger import MemoryThawLedger
from bagfill.thaw.pace import MemoryPace
from bagfill.thaw.sending import SendingRate, SingleRequests
from world import Clock

DELAY = timedelta(hours=4)
SECOND = timedelta(seconds=1)


class Budget:
    """Permits so many objects, and remembers."""

    def __init__(self, objects: int) -> None:
        self.left = objects
        self.booked: dict[str, int] = {}
        self.settled: dict[str, int] = {}

    def permit(self, chunk: AskChunk) -> bool:
        if chunk.id in self.booked:
            return True
        if chunk.objects > self.left:
            return False
        self.left -= chunk.objects
        self.booked[chunk.id] = chunk.objects
        return True

    def settle(self, chunk: AskChunk, objects: int, size: int) -> None:
        assert size >= objects
        self.settled[chunk.id] = objects


class Asking:
    """A bucket with archived objects, and what is needed to ask for them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.bucket = MemoryBucket(clock=self.clock, thaw_delays=dict.fromkeys(ThawTier, DELAY))
        for name in "abcdefgh":
            self.bucket.put_unconditionally(f"v1/{name}", b"12345", storage_class="GLACIER")
        self.bucket.put_unconditionally("v1/warm", b"w")
        self.ledger = MemoryThawLedger(self.clock)
        self.pace = MemoryPace(self.clock)
        self.slept: list[float] = []
        self.budget = Budget(10**6)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    def ask(
        self,
        names: str | list[str],
        decide: Decide = lambda operation, key: None,
        *,
        holder: str = "ada",
        tier: ThawTier = ThawTier.BULK,
        kind: ThawKind = ThawKind.ARCHIVED,
        per_second: float = 1e6,
        seen: timedelta = timedelta(),
        days: int = 5,
    ) -> Asked:
        store = FaultyStore(MemoryStore(self.bucket, location="cold"), decide)
        rate = SendingRate(self.pace, "aws", per_second, 3, self.sleep)
        infos = [self.bucket.stat(f"v1/{name}") for name in names]
        wanted = [Wanted(info, kind) for info in infos if info is not None]
        asker = ThawAsker(self.ledger, SingleRequests(store, rate), self.budget)
        return asker.ask(wanted, AskTerms(holder, tier, days, self.clock() + seen))

    @property
    def paid(self) -> list[str]:
        return sorted(key.removeprefix("v1/") for key, _, _ in self.bucket.thaw_requests)


@pytest.fixture
def asking() -> Asking:
    return Asking()


def times(count: int, failure: StoreFailure, *keys: str) -> Decide:
    """Refuse the first ``count`` requests for each of the keys; of every key, if none is named."""
    seen: dict[str, int] = {}

    def decide(operation: str, key: str) -> Fault | None:
        seen[key] = seen.get(key, 0) + 1
        return Fault(FaultKind.REFUSE, failure) if (not keys or key in keys) and seen[key] <= count else None

    return decide


def test_every_answer_is_counted_by_its_kind(asking: Asking) -> None:
    asking.bucket.request_thaw("v1/a", ThawTier.BULK, 5)
    asking.clock.advance(DELAY)
    asking.bucket.request_thaw("v1/b", ThawTier.BULK, 5)

    asked = asking.ask(["a", "b", "c", "d", "warm"])

    assert not asked.refusals
    assert asked.counts == {
        ThawAnswer.EXTENDED: 1,
        ThawAnswer.ALREADY_IN_PROGRESS: 1,
        ThawAnswer.REQUESTED: 2,
        ThawAnswer.NOT_ARCHIVED: 1,
    }


def test_one_refusal_does_not_stop_the_others_and_keeps_its_reason(asking: Asking) -> None:
    asked = asking.ask("abc", times(1, StoreFailure.DENIED, "v1/b"))
    assert asked.counts == {ThawAnswer.REQUESTED: 2}
    assert [(refusal.key, refusal.error.failure) for refusal in asked.refusals] == [("v1/b", StoreFailure.DENIED)]


def test_two_runs_never_ask_for_the_same_object(asking: Asking) -> None:
    asking.ask("abc", holder="ada")
    # Bob looked before Ada asked, so to him the objects are archived.
    asked = asking.ask("bcd", holder="bob", seen=-SECOND)
    assert asked.elsewhere == 2
    assert asking.paid == ["a", "b", "c", "d"]
    assert asking.budget.booked.keys() == asking.budget.settled.keys()


def test_a_copy_that_went_away_is_asked_for_again_and_counted(asking: Asking) -> None:
    asking.ask("ab")
    asking.clock.advance(timedelta(days=30))
    asked = asking.ask("ab")
    assert (asked.again, asking.ledger.expired()) == (2, 2)


def test_a_thaw_that_runs_is_moved_to_a_faster_tier_and_never_to_a_slower_one(asking: Asking) -> None:
    asking.ask("a", tier=ThawTier.STANDARD)
    asking.clock.advance(SECOND)
    assert asking.ask("a", kind=ThawKind.FASTER, tier=ThawTier.BULK).elsewhere == 1
    assert asking.ask("a", kind=ThawKind.FASTER, tier=ThawTier.EXPEDITED).counts == {ThawAnswer.REQUESTED: 1}
    assert asking.ledger.of("cold", ["v1/a"])["v1/a"].tier is ThawTier.EXPEDITED
    assert asking.ledger.expired() == 0


def test_asked_twice_with_other_days_the_provider_s_expiry_is_what_counts(asking: Asking) -> None:
    asking.ask("a", days=1)
    asking.clock.advance(DELAY)
    before = asking.bucket.stat("v1/a")
    asked = asking.ask("a", days=9, kind=ThawKind.LONGER, holder="bob")
    after = asking.bucket.stat("v1/a")
    assert asked.counts == {ThawAnswer.EXTENDED: 1}
    assert before is not None
    assert after is not None
    assert before.readable_until is not None
    assert after.readable_until is not None
    assert after.readable_until > before.readable_until
    assert len(asking.paid) == 1


def test_expedited_without_capacity_becomes_standard(asking: Asking) -> None:
    def decide(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.REFUSE, StoreFailure.NO_CAPACITY) if next(calls) < 3 else None

    calls = iter(range(100))
    asked = asking.ask("abc", decide, tier=ThawTier.EXPEDITED)
    assert (asked.slower, asked.counts) == (3, {ThawAnswer.REQUESTED: 3})
    assert {tier for _, tier, _ in asking.bucket.thaw_requests} == {ThawTier.STANDARD}
    assert asking.ledger.of("cold", ["v1/a"])["v1/a"].tier is ThawTier.STANDARD


def test_a_storm_of_503_is_waited_out_with_longer_and_longer_pauses(asking: Asking) -> None:
    asked = asking.ask("abcdefgh", times(3, StoreFailure.THROTTLED))
    assert asked.counts == {ThawAnswer.REQUESTED: 8}
    assert not asked.refusals
    assert asking.paid == list("abcdefgh")
    pauses = [seconds for seconds in asking.slept if seconds > 1]
    assert pauses == pytest.approx([2, 4, 8], abs=0.01)


def test_a_storm_that_does_not_end_is_reported_and_what_was_accepted_is_not_asked_again(asking: Asking) -> None:
    asked = asking.ask("abcd", times(99, StoreFailure.THROTTLED, "v1/c", "v1/d"))
    assert sorted(refusal.key for refusal in asked.refusals) == ["v1/c", "v1/d"]
    assert all(refusal.error.retryable for refusal in asked.refusals)
    again = asking.ask("abcd", seen=-timedelta(hours=1))
    assert (again.elsewhere, again.counts) == (2, {ThawAnswer.REQUESTED: 2})
    assert asking.paid == list("abcd")


def test_a_budget_that_is_reached_stops_before_anything_of_the_chunk_is_sent(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bagfill.thaw.sending._CHUNK", 3)
    asking.budget = Budget(6)
    asked = asking.ask("abcdefgh")
    assert asked.stopped
    assert asking.paid == list("abcdef")
    # What was not sent is not reserved either.
    asking.budget = Budget(2)
    assert asking.ask("gh", holder="bob").counts == {ThawAnswer.REQUESTED: 2}


@pytest.mark.parametrize("kind", [FaultKind.KILL_BEFORE, FaultKind.KILL_AFTER])
@pytest.mark.parametrize("name", list("abcd"))
def test_whatever_dies_in_the_middle_nothing_is_paid_or_booked_twice(
    asking: Asking, kind: FaultKind, name: str
) -> None:
    def decide(operation: str, key: str) -> Fault | None:
        return Fault(kind) if key == f"v1/{name}" else None

    with pytest.raises(Killed):
        asking.ask("abcd", decide, per_second=1)
    asking.clock.advance(SECOND)
    left = "".join(
        each for each in "abcd" if asking.ledger.of("cold", [f"v1/{each}"])[f"v1/{each}"].stand is ThawStand.RESERVED
    )
    asked = asking.ask(left, per_second=1)

    assert not asked.refusals
    assert asking.paid == list("abcd")
    assert sum(asking.budget.booked.values()) == 4
    assert sum(asking.budget.settled.values()) == 4
    assert all(row.stand is ThawStand.ASKED for row in asking.ledger.of("cold", [f"v1/{n}" for n in "abcd"]).values())


def test_requests_keep_to_the_rate_that_is_shared_by_all(asking: Asking) -> None:
    asking.ask("abcd", per_second=2)
    asking.ask("efgh", per_second=2, holder="bob")
    assert asking.slept == [1.0, 1.0, 1.0]


def test_a_lost_answer_is_paid_once(asking: Asking) -> None:
    lose: Callable[[str, str], Fault] = lambda operation, key: Fault(FaultKind.LOSE_ANSWER)  # noqa: E731
    assert asking.ask("a", lose).refusals
    asking.clock.advance(SECOND)
    assert asking.ask("a").counts == {ThawAnswer.ALREADY_IN_PROGRESS: 1}
    assert asking.paid == ["a"]
