"""What every thaw ledger, and every shared pace, does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import FOR_GOOD, ThawKind, ThawLedger, ThawStand, ThawTerms, ThawWant
from bagfill.thaw.pace import SharedPace
from bagfill.thaw.queues import ThawedCopies, ThawQueue
from contracts.registry_contract import TurnableClock

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def wants(*keys: str, etag: str = "e", kind: ThawKind = ThawKind.ARCHIVED) -> list[ThawWant]:
    return [ThawWant(key, etag, 10, kind) for key in keys]


class ThawLedgerContract:
    """Inherit, and give a fixture ``thaws`` that runs on the fixture ``clock``."""

    def terms(
        self, clock: TurnableClock, holder: str = "ada", chunk: str = "c1", tier: ThawTier = ThawTier.STANDARD
    ) -> ThawTerms:
        return ThawTerms(holder, chunk, tier, 7, seen=clock())

    def ask(
        self, thaws: ThawLedger, clock: TurnableClock, *keys: str, holder: str = "ada", chunk: str = "c1"
    ) -> list[str]:
        """Reserve and ask, as a run does; what was granted."""
        granted = thaws.reserve("cold", wants(*keys), self.terms(clock, holder, chunk))
        thaws.asked("cold", granted, holder, paid=True)
        return sorted(granted)

    def test_what_is_reserved_is_nobody_else_s(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        assert set(thaws.reserve("cold", wants("a", "b"), self.terms(clock))) == {"a", "b"}
        assert set(thaws.reserve("cold", wants("b", "c"), self.terms(clock, "bob", "c2"))) == {"c"}
        assert set(thaws.reserve("other", wants("b"), self.terms(clock, "bob", "c2"))) == {"b"}

    def test_a_row_holds_what_was_asked(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        self.ask(thaws, clock, "a")
        row = thaws.of("cold", ["a", "z"])["a"]
        assert (row.location, row.key, row.etag, row.size, row.tier, row.days) == (
            "cold", "a", "e", 10, ThawTier.STANDARD, 7,
        )  # fmt: skip
        assert (row.holder, row.chunk, row.stand, row.since, row.times, row.paid) == (
            "ada", "c1", ThawStand.ASKED, clock(), 1, True,
        )  # fmt: skip
        assert "z" not in thaws.of("cold", ["a", "z"])

    def test_a_holder_that_comes_again_finds_its_reservation_in_its_chunk(
        self, thaws: ThawLedger, clock: TurnableClock
    ) -> None:
        thaws.reserve("cold", wants("a"), self.terms(clock))
        again = thaws.reserve("cold", wants("a", "b"), self.terms(clock, chunk="c9", tier=ThawTier.BULK))
        assert {key: (row.chunk, row.tier) for key, row in again.items()} == {
            "a": ("c1", ThawTier.STANDARD),
            "b": ("c9", ThawTier.BULK),
        }

    def test_a_reservation_whose_holder_died_is_taken_over(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        thaws.reserve("cold", wants("a"), self.terms(clock))
        clock.turn(timedelta(minutes=61))
        assert thaws.reserve("cold", wants("a"), self.terms(clock, "bob", "c2"))["a"].chunk == "c2"
        # The first holder was only slow: it must not speak for a reservation that is another's now.
        thaws.asked("cold", ["a"], "ada", paid=True)
        assert thaws.of("cold", ["a"])["a"].stand is ThawStand.RESERVED

    def test_what_was_given_back_is_anybody_s(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        thaws.reserve("cold", wants("a"), self.terms(clock))
        thaws.release("cold", ["a"], "bob")
        assert not thaws.reserve("cold", wants("a"), self.terms(clock, "bob", "c2"))
        thaws.release("cold", ["a"], "ada")
        assert set(thaws.reserve("cold", wants("a"), self.terms(clock, "bob", "c2"))) == {"a"}

    def test_what_somebody_asked_for_after_the_look_is_not_asked_for_again(
        self, thaws: ThawLedger, clock: TurnableClock
    ) -> None:
        looked = self.terms(clock, "bob", "c2")
        clock.turn(MINUTE)
        self.ask(thaws, clock, "a")
        assert not thaws.reserve("cold", wants("a"), looked)

    def test_what_is_archived_though_it_was_asked_for_is_asked_for_again_and_counted(
        self, thaws: ThawLedger, clock: TurnableClock
    ) -> None:
        self.ask(thaws, clock, "a", "b")
        assert thaws.expired() == 0
        clock.turn(30 * DAY)
        assert self.ask(thaws, clock, "a", chunk="c2") == ["a"]
        assert thaws.of("cold", ["a"])["a"].times == 2
        assert (thaws.expired(), thaws.expired("cold"), thaws.expired("other")) == (1, 1, 0)

    def test_other_bytes_under_a_name_begin_anew(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        self.ask(thaws, clock, "a")
        clock.turn(MINUTE)
        row = thaws.reserve("cold", wants("a", etag="new"), self.terms(clock, chunk="c2"))["a"]
        assert (row.etag, row.times) == ("new", 0)

    def test_only_a_faster_tier_moves_a_thaw_that_runs(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        self.ask(thaws, clock, "a")
        clock.turn(MINUTE)
        faster = wants("a", kind=ThawKind.FASTER)
        assert not thaws.reserve("cold", faster, self.terms(clock, tier=ThawTier.BULK))
        assert not thaws.reserve("cold", faster, self.terms(clock, tier=ThawTier.STANDARD))
        assert set(thaws.reserve("cold", faster, self.terms(clock, tier=ThawTier.EXPEDITED))) == {"a"}

    def test_moving_and_prolonging_are_no_expiry(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        self.ask(thaws, clock, "a")
        for kind in (ThawKind.FASTER, ThawKind.LONGER):
            clock.turn(MINUTE)
            thaws.reserve("cold", wants("a", kind=kind), self.terms(clock, chunk=kind, tier=ThawTier.EXPEDITED))
            thaws.asked("cold", ["a"], "ada", paid=True)
        assert thaws.of("cold", ["a"])["a"].times == 1
        assert thaws.expired() == 0

    def test_a_moment_written_by_a_clock_that_was_wrong_is_not_obeyed(
        self, thaws: ThawLedger, clock: TurnableClock
    ) -> None:
        clock.turn(365 * DAY)
        self.ask(thaws, clock, "a")
        thaws.reserve("cold", wants("b"), self.terms(clock))
        clock.turn(-365 * DAY)
        assert set(thaws.reserve("cold", wants("a", "b"), self.terms(clock, "bob", "c2"))) == {"a", "b"}

    def test_a_chunk_adds_up_what_was_accepted(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        thaws.reserve("cold", wants("a", "b", "c"), self.terms(clock))
        assert thaws.chunk("c1") == (0, 0)
        thaws.asked("cold", ["a"], "ada", paid=True)
        thaws.asked("cold", ["b"], "ada", paid=False)
        assert thaws.chunk("c1") == (1, 10)

    def test_unfinished_is_what_was_asked_for_long_ago_and_never_seen_readable(
        self, thaws: ThawLedger, clock: TurnableClock
    ) -> None:
        self.ask(thaws, clock, "v1/a", "v1/b", "v1/é", "v10/a")
        thaws.reserve("cold", wants("v1/reserved"), self.terms(clock))
        thaws.readable("cold", {"v1/b": clock() + 7 * DAY, "v1/unknown": clock()})
        clock.turn(DAY)
        self.ask(thaws, clock, "v1/late")
        found = thaws.unfinished("cold", "v1/", before=clock())
        assert [row.key for row in found] == ["v1/a", "v1/é"]
        assert [row.key for row in thaws.unfinished("cold", "v1/", before=clock(), limit=1)] == ["v1/a"]
        assert thaws.of("cold", ["v1/b"])["v1/b"].until == clock() + 6 * DAY

    def test_the_queue_is_what_is_under_way_by_tier(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        assert list(thaws.queue("cold")) == []
        began = clock()
        self.ask(thaws, clock, "a", "b")
        clock.turn(MINUTE)
        granted = thaws.reserve("cold", wants("c"), self.terms(clock, tier=ThawTier.BULK))
        thaws.reserve("cold", wants("d"), self.terms(clock))
        thaws.asked("cold", granted, "ada", paid=True)
        assert list(thaws.queue("cold")) == [
            ThawQueue(ThawTier.BULK, 1, 10, clock()),
            ThawQueue(ThawTier.STANDARD, 2, 20, began),
        ]
        thaws.readable("cold", {"a": clock() + DAY, "b": clock() + DAY, "c": FOR_GOOD})
        assert list(thaws.queue("cold")) == []
        assert list(thaws.queue("other")) == []

    def test_a_queue_is_told_by_age(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        began = clock()
        for key in ("a", "b", "c"):
            self.ask(thaws, clock, key)
            clock.turn(DAY)
        thaws.reserve("cold", wants("reserved"), self.terms(clock))
        moments = [clock(), began + 2 * DAY, began + DAY, began]
        assert thaws.asked_before("cold", ThawTier.STANDARD, moments) == (3, 2, 1, 0)
        thaws.readable("cold", {"a": clock() + DAY})
        assert thaws.asked_before("cold", ThawTier.STANDARD, moments) == (2, 1, 0, 0)
        assert thaws.asked_before("cold", ThawTier.BULK, moments) == (0, 0, 0, 0)
        assert thaws.asked_before("other", ThawTier.STANDARD, [clock()]) == (0,)

    def test_thawed_is_what_can_be_read_now_by_tier(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        self.ask(thaws, clock, "a", "b", "c", "gone", "waits")
        bulk = thaws.reserve("cold", wants("d"), self.terms(clock, tier=ThawTier.BULK))
        thaws.asked("cold", bulk, "ada", paid=True)
        ends = {"a": clock() + 3 * DAY, "b": clock() + 2 * DAY, "c": FOR_GOOD, "gone": clock(), "d": FOR_GOOD}
        thaws.readable("cold", ends)
        assert list(thaws.thawed("cold")) == [
            ThawedCopies(ThawTier.BULK, 1, 10, FOR_GOOD),
            ThawedCopies(ThawTier.STANDARD, 3, 30, clock() + 2 * DAY),
        ]
        assert list(thaws.thawed("other")) == []

    def test_ending_is_what_lives_now_and_not_much_longer(self, thaws: ThawLedger, clock: TurnableClock) -> None:
        self.ask(thaws, clock, "v1/a", "v1/b", "v1/c", "v1/d", "v10/a")
        thaws.readable("cold", {key: clock() + DAY for key in ("v1/a", "v10/a")})
        thaws.readable("cold", {"v1/b": clock() + 3 * DAY, "v1/c": clock()})
        assert [row.key for row in thaws.ending("cold", "v1/", before=clock() + 2 * DAY)] == ["v1/a"]

    def test_a_thousand_objects_are_reserved_once_each_by_many_at_once(
        self, thaws: ThawLedger, clock: TurnableClock
    ) -> None:
        keys = [f"v1/{number}" for number in range(1100)]

        def reserve(number: int) -> list[str]:
            turned = keys[number * 100 :] + keys[: number * 100]
            terms = replace(self.terms(clock), holder=f"h{number}", chunk=f"c{number}")
            return list(thaws.reserve("cold", wants(*turned), terms))

        with ThreadPoolExecutor(4) as pool:
            granted = [key for part in pool.map(reserve, range(4)) for key in part]
        assert sorted(granted) == sorted(keys)

    def test_what_is_over_is_forgotten_and_what_is_under_way_is_not(
        self, thaws: ThawLedger, clock: TurnableClock
    ) -> None:
        self.ask(thaws, clock, "gone", "living", "moved", "waiting")
        thaws.reserve("cold", wants("reserved"), self.terms(clock))
        thaws.readable("cold", {"gone": clock() + DAY, "living": clock() + 9 * DAY, "moved": FOR_GOOD})
        assert thaws.forget(before=clock()) == 0
        clock.turn(2 * DAY)
        assert thaws.forget(before=clock()) == 2
        left = ["living", "reserved", "waiting"]
        assert sorted(thaws.of("cold", ["gone", "moved", *left])) == left
        assert thaws.forget(before=clock()) == 0


class SharedPaceContract:
    """Inherit, and give a fixture ``pace`` that runs on the fixture ``clock``."""

    def test_turns_follow_each_other_at_the_rate_of_the_account(self, pace: SharedPace, clock: TurnableClock) -> None:
        assert [pace.turn("a", 100, 50.0) for _ in range(3)] == [0.0, 2.0, 4.0]
        assert pace.turn("b", 100, 50.0) == 0.0
        clock.turn(timedelta(seconds=5))
        assert pace.turn("a", 1, 50.0) == 1.0

    def test_a_rate_that_nobody_used_is_not_saved_up(self, pace: SharedPace, clock: TurnableClock) -> None:
        pace.turn("a", 10, 10.0)
        clock.turn(DAY)
        assert [pace.turn("a", 10, 10.0) for _ in range(2)] == [0.0, 1.0]

    def test_who_is_held_waits(self, pace: SharedPace) -> None:
        pace.turn("a", 1, 1.0)
        pace.hold("a", 30.0)
        assert pace.turn("a", 1, 1.0) == 31.0

    def test_a_clock_that_was_ahead_stops_nobody(self, pace: SharedPace, clock: TurnableClock) -> None:
        clock.turn(DAY)
        pace.turn("a", 1, 1.0)
        clock.turn(-DAY)
        assert pace.turn("a", 1, 1.0) == 0.0

    def test_many_at_once_share_one_rate(self, pace: SharedPace) -> None:
        with ThreadPoolExecutor(4) as pool:
            turns = list(pool.map(lambda _: pace.turn("a", 10, 10.0), range(20)))
        assert sorted(turns) == [float(second) for second in range(20)]
