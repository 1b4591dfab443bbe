"""The tier of a campaign: the cheapest that makes the deadline, never above the cap as long as another is below it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.budget import Caps
from bagfill.planning.thaw_choice import (
    Prospect,
    Standing,
    cheapest_in_time,
    end_after,
    nearest_tier,
    standing_of,
    tier_of_bag,
    worst_of,
)
from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import allowed_tiers

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = 3600.0
BULK = Prospect(ThawTier.BULK, 48 * HOUR, 10 * HOUR, Decimal(100), 10**12, 1000)
STANDARD = Prospect(ThawTier.STANDARD, 12 * HOUR, 10 * HOUR, Decimal(900), 10**12, 1000)
EXPEDITED = Prospect(ThawTier.EXPEDITED, 0.1 * HOUR, 10 * HOUR, Decimal(3000), 10**12, 1000)
ALL = (BULK, STANDARD, EXPEDITED)

MONEY = st.decimals(0, 10_000, places=2)
PROSPECTS = st.lists(
    st.builds(
        Prospect,
        st.sampled_from(ThawTier),
        st.floats(0, 200 * HOUR),
        st.floats(0, 200 * HOUR),
        MONEY,
        st.integers(0, 10**14),
        st.integers(0, 10**9),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda prospect: prospect.tier,
)
CAPS = st.builds(
    Caps,
    money=st.none() | MONEY,
    money_a_day=st.none() | MONEY,
    bytes_a_day=st.none() | st.integers(0, 10**13),
    requests_a_second=st.none() | st.floats(0.1, 1000),
)
LEFT = st.timedeltas(timedelta(0), timedelta(days=60))


def choose(hours_left: float | None, caps: Caps = Caps(), spent: int = 0) -> ThawTier:  # noqa: B008 - frozen
    left = None if hours_left is None else timedelta(hours=hours_left)
    return cheapest_in_time(ALL, caps, spent=Decimal(spent), time_left=left).tier


@pytest.mark.parametrize(
    ("hours_left", "tier"),
    [
        (None, ThawTier.BULK),
        (60, ThawTier.BULK),
        (57, ThawTier.STANDARD),
        (23, ThawTier.STANDARD),
        (21, ThawTier.EXPEDITED),
        (1, ThawTier.EXPEDITED),
        (-5, ThawTier.EXPEDITED),
    ],
)
def test_bulk_as_long_as_it_makes_the_deadline_then_faster(hours_left: float | None, tier: ThawTier) -> None:
    assert choose(hours_left) == tier


def test_no_deadline_is_worth_passing_the_cap_for() -> None:
    assert choose(21, Caps(money=Decimal(1000))) == ThawTier.STANDARD
    assert choose(21, Caps(money=Decimal(1000)), spent=200) == ThawTier.BULK
    # Nothing fits: the ledger stops at the cap, and the cheapest carries most bags until then.
    assert choose(21, Caps(money=Decimal(1000)), spent=999) == ThawTier.BULK


def test_caps_of_a_day_make_a_faster_tier_needed() -> None:
    assert choose(60, Caps(bytes_a_day=10**12)) == ThawTier.STANDARD
    assert BULK.seconds(Caps(bytes_a_day=0)) == math.inf
    assert STANDARD.seconds(Caps(money_a_day=Decimal(300))) == 12 * HOUR + 3 * 24 * HOUR
    assert BULK.seconds(Caps(requests_a_second=0.01)) == 48 * HOUR + 100_000


def test_where_prices_are_unknown_a_slower_tier_counts_as_cheaper() -> None:
    unknown = [Prospect(each.tier, each.waiting, each.working, None, 0, 0) for each in ALL]
    assert cheapest_in_time(unknown, Caps(money=Decimal(1)), spent=Decimal(0), time_left=None).tier is ThawTier.BULK


@given(PROSPECTS, CAPS, MONEY, st.none() | LEFT, st.randoms())
def test_what_is_chosen_is_affordable_in_time_and_the_cheapest_such_whoever_was_seen_first(
    prospects: list[Prospect], caps: Caps, spent: Decimal, left: timedelta | None, random: object
) -> None:
    chosen = cheapest_in_time(prospects, caps, spent=spent, time_left=left)

    def affordable(each: Prospect) -> bool:
        assert each.money is not None
        return caps.money is None or each.money + spent <= caps.money

    def in_time(each: Prospect) -> bool:
        return left is None or each.seconds(caps) <= left.total_seconds()

    within = [each for each in prospects if affordable(each)]
    if within:
        assert affordable(chosen)
        makes_it = [each for each in within if in_time(each)]
        assert in_time(chosen) == bool(makes_it)
        assert all(chosen.money <= each.money for each in makes_it)  # type: ignore[operator]  # every price is known
    shuffled = list(prospects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # of hypothesis
    assert cheapest_in_time(shuffled, caps, spent=spent, time_left=left) == chosen


@given(PROSPECTS, CAPS, LEFT, LEFT)
def test_more_time_never_costs_more(prospects: list[Prospect], caps: Caps, one: timedelta, other: timedelta) -> None:
    short, long = sorted((one, other))
    hasty = cheapest_in_time(prospects, caps, spent=Decimal(0), time_left=short)
    patient = cheapest_in_time(prospects, caps, spent=Decimal(0), time_left=long)
    if hasty.seconds(caps) <= short.total_seconds():
        assert patient.money <= hasty.money  # type: ignore[operator]  # every price is known


@given(PROSPECTS, CAPS)
def test_a_cap_makes_nothing_faster(prospects: list[Prospect], caps: Caps) -> None:
    for each in prospects:
        assert each.seconds(caps) >= each.seconds(Caps())


@pytest.mark.parametrize(
    ("classes", "otherwise", "tier"),
    [
        ((), ThawTier.BULK, ThawTier.BULK),
        (("GLACIER",), ThawTier.EXPEDITED, ThawTier.EXPEDITED),
        (("DEEP_ARCHIVE",), ThawTier.EXPEDITED, ThawTier.STANDARD),
        (("GLACIER", "DEEP_ARCHIVE"), ThawTier.EXPEDITED, ThawTier.STANDARD),
        # Azure knows no slow one.
        (("Archive",), ThawTier.BULK, ThawTier.STANDARD),
    ],
)
def test_a_bag_is_asked_for_at_a_tier_that_its_classes_have(
    classes: tuple[str, ...], otherwise: ThawTier, tier: ThawTier
) -> None:
    assert tier_of_bag({}, otherwise, classes) is tier


def test_a_tier_that_was_declared_for_a_class_comes_first() -> None:
    by_class = {"DEEP_ARCHIVE": ThawTier.BULK}
    assert tier_of_bag(by_class, ThawTier.STANDARD, ["DEEP_ARCHIVE"]) is ThawTier.BULK
    assert tier_of_bag(by_class, ThawTier.STANDARD, ["GLACIER"]) is ThawTier.STANDARD
    assert tier_of_bag(by_class, ThawTier.STANDARD, ["DEEP_ARCHIVE", "GLACIER"]) is ThawTier.STANDARD


@given(
    st.dictionaries(st.sampled_from(["GLACIER", "DEEP_ARCHIVE", "ARCHIVE"]), st.sampled_from(ThawTier)),
    st.sampled_from(ThawTier),
    st.sets(st.sampled_from(["GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING", "ARCHIVE", "OTHER"])),
)
def test_no_class_is_asked_for_a_tier_that_it_has_not(
    by_class: dict[str, ThawTier], otherwise: ThawTier, classes: set[str]
) -> None:
    tier = tier_of_bag(by_class, otherwise, classes)
    assert all(tier in allowed_tiers(name) for name in classes)


def test_several_tiers_take_as_long_as_the_slowest_and_cost_no_more_than_the_dearest() -> None:
    both = worst_of([BULK, STANDARD])
    assert (both.tier, both.waiting, both.money) == (ThawTier.STANDARD, BULK.waiting, STANDARD.money)
    assert worst_of([BULK, Prospect(ThawTier.STANDARD, 1, 1, None, 0, 0)]).money is None


def test_the_forecast_next_to_a_tier_counts_where_there_is_none_of_it() -> None:
    assert nearest_tier([EXPEDITED, STANDARD], ThawTier.BULK) is STANDARD
    assert nearest_tier([BULK, EXPEDITED], ThawTier.EXPEDITED) is EXPEDITED


@pytest.mark.parametrize(
    ("now", "ended", "expected", "standing"),
    [
        (-1, None, 1, Standing.AT_RISK),
        (-1, None, None, Standing.AT_RISK),
        (-2, None, -1, Standing.ON_TIME),
        (1, None, 2, Standing.LATE),
        (9, -1, None, Standing.ON_TIME),
        (9, 1, None, Standing.LATE),
    ],
)
def test_how_a_campaign_stands(now: int, ended: int | None, expected: int | None, standing: Standing) -> None:
    at = [None if hours is None else NOON + timedelta(hours=hours) for hours in (now, ended, expected)]
    assert at[0] is not None
    assert standing_of(NOON, now=at[0], ended=at[1], expected=at[2]) is standing
    assert standing_of(None, now=at[0], ended=at[1], expected=at[2]) is None


def test_what_never_ends_has_no_end() -> None:
    assert end_after(NOON, math.inf) is None
    assert end_after(NOON, 1e12) is None
    assert end_after(NOON, 60) == NOON + timedelta(minutes=1)
