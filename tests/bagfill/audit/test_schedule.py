"""The even daily rate, by playing days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bagfill.audit.log import ReplicaStanding
from bagfill.audit.schedule import overdue, share_of_today
from bagfill.bag.identifiers import BagId

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BAG = BagId.parse("space/bag")


def standing(number: int, size: int = 100, registered: datetime = START, **changes: object) -> ReplicaStanding:
    made = ReplicaStanding(BAG.version(number), registered, 1, size, None, None)
    return replace(made, **changes)  # type: ignore[arg-type]


class Collection:
    """Replicas that are seen as days go by."""

    def __init__(self, sizes: list[int]) -> None:
        self.standings = {number: standing(number, size) for number, size in enumerate(sizes, start=1)}
        self.seen: dict[int, list[int]] = {number: [] for number in self.standings}

    def in_order(self) -> Iterator[ReplicaStanding]:
        never = datetime.min.replace(tzinfo=UTC)
        return iter(sorted(self.standings.values(), key=lambda each: (each.seen or never, each.bag_version.version)))

    def play(self, day: int, period: timedelta) -> list[ReplicaStanding]:
        now = START + day * DAY
        chosen = share_of_today(self.in_order, period=period, now=now)
        for each in chosen:
            number = each.bag_version.version.number
            self.standings[number] = replace(each, seen=now, tried=now)
            self.seen[number].append(day)
        return chosen


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60), st.integers(2, 30))
def test_every_replica_is_seen_within_every_period(sizes: list[int], days: int) -> None:
    collection = Collection(sizes)
    for day in range(1, 3 * days + 1):
        collection.play(day, days * DAY)
    for number, seen in collection.seen.items():
        gaps = [later - earlier for earlier, later in zip([0, *seen], [*seen, 3 * days], strict=True)]
        assert max(gaps) <= days, (number, seen)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=30, max_size=90), st.integers(5, 30))
def test_no_day_takes_much_more_than_its_share(sizes: list[int], days: int) -> None:
    collection = Collection(sizes)
    total, count = sum(sizes), len(sizes)
    for day in range(1, 2 * days):
        chosen = collection.play(day, days * DAY)
        # Half by count, half by bytes, twice that at most after a pause, and one replica more.
        assert len(chosen) <= 4 * count / days + 1
        assert sum(each.bytes for each in chosen[:-1]) <= 4 * total / days


def test_never_audited_replicas_come_first_and_then_those_not_seen_for_longest() -> None:
    rows = [
        standing(1),
        standing(2, seen=START + 1 * DAY, tried=START + DAY),
        standing(3, seen=START + 2 * DAY, tried=START + 2 * DAY),
    ]
    chosen = share_of_today(lambda: iter(rows), period=2 * DAY, now=START + 2 * DAY)

    assert [str(each.bag_version.version) for each in chosen] == ["v1", "v2", "v3"][: len(chosen)]
    assert chosen[0].seen is None


def test_after_a_long_pause_at_most_twice_the_share_is_taken() -> None:
    rows = [standing(number) for number in range(1, 101)]
    chosen = share_of_today(lambda: iter(rows), period=50 * DAY, now=START + 1000 * DAY)

    assert len(chosen) == 4


def test_what_could_not_be_found_out_is_tried_again_and_holds_up_nobody() -> None:
    bad = [standing(number, tried=START + DAY) for number in range(1, 51)]
    good = [standing(number) for number in range(51, 101)]
    chosen = share_of_today(lambda: iter([*bad, *good]), period=50 * DAY, now=START + 2 * DAY)

    versions = [each.bag_version.version.number for each in chosen]
    assert versions[:2] == [51, 52]
    assert set(versions[2:]) == set(range(1, 51))
    assert len(share_of_today(lambda: iter([*bad, *good]), period=50 * DAY, now=START + 2 * DAY, limit=2)) == 2


def test_a_limit_is_kept() -> None:
    rows = [standing(number) for number in range(1, 101)]

    assert len(share_of_today(lambda: iter(rows), period=DAY, now=START, limit=7)) == 7


def test_replicas_without_bytes_are_shared_by_count() -> None:
    rows = [standing(number, 0) for number in range(1, 11)]

    assert len(share_of_today(lambda: iter(rows), period=10 * DAY, now=START)) == 1


def test_nothing_registered_is_nothing_to_do() -> None:
    assert share_of_today(lambda: iter([]), period=DAY, now=START) == []


def test_a_period_is_at_least_a_day() -> None:
    with pytest.raises(ValueError, match="period"):
        share_of_today(lambda: iter([]), period=timedelta(hours=1), now=START)


def test_overdue_counts_from_the_last_look_that_found_something_out() -> None:
    looked = standing(1, seen=START + 10 * DAY, tried=START + 50 * DAY)

    assert overdue(looked, period=10 * DAY, now=START + 21 * DAY)
    assert not overdue(looked, period=10 * DAY, now=START + 20 * DAY)
    assert overdue(standing(1), period=10 * DAY, now=START + 11 * DAY)
