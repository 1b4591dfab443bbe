"""Budgets: no sequence of bookings, settlements and clock jumps passes a cap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.budget import Account, Cap, CapReached, Caps, DayHours, Fits, Spend, book

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MONEY = st.decimals(min_value=0, max_value=50, places=4)
SPENDS = st.builds(Spend, MONEY, st.integers(0, 50), st.integers(0, 50))


def money(text: str) -> Spend:
    return Spend(money=Decimal(text))


def booked(caps: Caps, account: Account, spend: Spend, moment: datetime = NOON) -> Account:
    answer = book(caps, account, spend, moment)
    assert isinstance(answer, Fits)
    return answer.account


def refused(caps: Caps, account: Account, spend: Spend, moment: datetime = NOON) -> CapReached:
    answer = book(caps, account, spend, moment)
    assert isinstance(answer, CapReached)
    return answer


def test_the_cap_itself_can_be_spent_and_not_the_smallest_part_more() -> None:
    caps = Caps(money=Decimal("10.00"))
    account = booked(caps, booked(caps, Account(), money("9.9999")), money("0.0001"))
    answer = refused(caps, account, money("0.0001"))
    assert (answer.cap, answer.again) == (Cap.MONEY, None)
    assert answer.account.total == money("10.0000")


def test_an_act_that_costs_nothing_is_never_refused_for_money() -> None:
    caps = Caps(money=Decimal(0), money_a_day=Decimal(0), bytes_a_day=0)
    assert booked(caps, Account(), Spend(requests=1)).total.requests == 1


def test_a_day_s_cap_is_free_again_at_midnight_utc() -> None:
    caps = Caps(money_a_day=Decimal(5), bytes_a_day=100)
    account = booked(caps, Account(), Spend(Decimal(5), 100))
    for spend, cap in ((money("1"), Cap.MONEY_A_DAY), (Spend(bytes=1), Cap.BYTES_A_DAY)):
        answer = refused(caps, account, spend)
        assert (answer.cap, answer.again) == (cap, datetime(2026, 5, 2, tzinfo=UTC))
    assert booked(caps, account, Spend(Decimal(5), 100), datetime(2026, 5, 2, tzinfo=UTC)).total.bytes == 200


def test_what_no_day_allows_waits_for_a_person_and_not_for_tomorrow() -> None:
    assert refused(Caps(bytes_a_day=100), Account(), Spend(bytes=101)).again is None


def test_outside_the_hours_nothing_begins() -> None:
    caps = Caps(hours=DayHours.parse("22-6"))
    answer = refused(caps, Account(), Spend())
    assert (answer.cap, answer.again) == (Cap.HOURS, NOON.replace(hour=22))
    for hour, allowed in ((21, False), (22, True), (23, True), (0, True), (5, True), (6, False)):
        assert isinstance(book(caps, Account(), Spend(), NOON.replace(hour=hour)), Fits) is allowed


@pytest.mark.parametrize("text", ["", "8", "8-8", "0-24", "24-3", "-1-5", "8-25", "a-b"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hours of the day"):
        DayHours.parse(text)


def test_a_clock_that_jumps_back_opens_no_day_again() -> None:
    caps = Caps(money_a_day=Decimal(5))
    account = booked(caps, Account(), money("5"))
    tomorrow = booked(caps, account, money("5"), NOON + timedelta(days=1))
    for moment in (NOON, NOON - timedelta(days=40), NOON + timedelta(days=1, hours=11)):
        assert refused(caps, tomorrow, money("1"), moment).account == tomorrow.at(moment)


def test_a_clock_that_jumps_a_month_ahead_and_back_opens_one_day_only() -> None:
    caps = Caps(money_a_day=Decimal(5))
    account = booked(caps, booked(caps, Account(), money("5")), money("5"), NOON + timedelta(days=30))
    for days in range(30):
        refused(caps, account, money("1"), NOON + timedelta(days=days))


def test_what_was_not_used_is_given_back_to_the_day_of_its_booking() -> None:
    caps = Caps(money=Decimal(10), money_a_day=Decimal(6))
    monday = booked(caps, Account(), money("6"))
    assert booked(caps, monday.settled(money("6"), money("2"), NOON.date()), money("4")).total == money("6")
    tuesday = booked(caps, monday, money("1"), NOON + timedelta(days=1))
    after = tuesday.settled(money("6"), money("2"), NOON.date())
    assert (after.total, after.today) == (money("3"), money("1"))


def test_requests_of_everybody_together_keep_to_the_rate() -> None:
    caps = Caps(requests_a_second=100)
    first = book(caps, Account(), Spend(requests=1000), NOON)
    assert isinstance(first, Fits)
    second = book(caps, first.account, Spend(requests=50), NOON + timedelta(seconds=1))
    assert isinstance(second, Fits)
    assert (first.wait, second.wait) == (timedelta(0), timedelta(seconds=9))
    third = book(caps, second.account, Spend(requests=1), NOON + timedelta(hours=1))
    assert isinstance(third, Fits)
    assert third.wait == timedelta(0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"money": Decimal(-1)},
        {"money": Decimal("NaN")},
        {"money_a_day": Decimal("Infinity")},
        {"bytes_a_day": -1},
        {"runs_at_once": 0},
        {"requests_a_second": 0.0},
        {"requests_a_second": float("inf")},
    ],
)
def test_caps_that_are_no_caps_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Caps(**wrong)  # type: ignore[arg-type]  # that is what is tested


@pytest.mark.parametrize("wrong", [{"money": Decimal(-1)}, {"money": Decimal("NaN")}, {"bytes": -1}, {"requests": -1}])
def test_spend_that_would_give_budget_back_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="never negative"):
        Spend(**wrong)  # type: ignore[arg-type]  # that is what is tested


@given(st.lists(st.tuples(SPENDS, st.integers(-100, 100)), max_size=15), MONEY, st.integers(0, 100))
def test_no_jump_of_the_clock_spends_more_than_the_days_it_has_shown(
    acts: list[tuple[Spend, int]], a_day: Decimal, bytes_a_day: int
) -> None:
    caps = Caps(money=Decimal(120), money_a_day=a_day, bytes_a_day=bytes_a_day)
    account = Account(seen=NOON)
    moment = furthest = NOON
    for spend, hours in acts:
        moment += timedelta(hours=hours)
        furthest = max(furthest, moment)
        account = book(caps, account, spend, moment).account
        assert account.total.money <= Decimal(120)
        assert account.today.money <= a_day
        assert account.today.bytes <= bytes_a_day
        days = (furthest.date() - NOON.date()).days + 1
        assert account.total.money <= a_day * days
        assert account.total.bytes <= bytes_a_day * days


def test_what_is_too_small_to_be_summed_exactly_is_rounded_up() -> None:
    assert money("1e-30").money == Decimal("1e-9")
    assert (money("100000000000") + money("1e-9")).money == Decimal("100000000000.000000001")


@given(SPENDS)
def test_spend_is_read_back_as_it_was_written(spend: Spend) -> None:
    assert Spend.from_json(spend.to_json()) == spend
