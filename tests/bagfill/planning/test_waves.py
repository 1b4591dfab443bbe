"""Waves: what is asked for together is verified before its copies go away, whatever the sizes and the rates are."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.budget import Caps, DayHours
from bagfill.planning.waves import ANY_TIME, DAY, MARGIN, Wave, WavePace, WorkDay, cut_waves, days_for, first_window
from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import thaw_times

GB, TB = 10**9, 10**12
HOURS_5 = thaw_times("GLACIER", ThawTier.STANDARD).last
PACE = WavePace(HOURS_5, copy_rate=100e6, verify_rate=100e6, requests_per_second=100)

work_days = st.builds(
    WorkDay, open=st.floats(3600, DAY), wait=st.floats(0, DAY), bytes=st.sampled_from([math.inf, 1e9, 1e13])
)
paces = st.builds(
    WavePace,
    st.sampled_from([thaw_times(each, tier).last for each in ("GLACIER", "DEEP_ARCHIVE") for tier in ThawTier]),
    copy_rate=st.floats(1e5, 1e10),
    verify_rate=st.floats(1e5, 1e10),
    requests_per_second=st.floats(0.1, 1000),
    objects_per_second=st.floats(0.1, 1e5),
    day=st.just(ANY_TIME) | work_days,
)
many_sizes = st.lists(st.integers(0, 5 * TB), max_size=60)


def cut(sizes: list[int], days: int = 7, pace: WavePace = PACE) -> list[Wave]:
    return list(cut_waves(sizes, pace, days=days))


@given(many_sizes, paces, st.integers(1, 30))
def test_every_object_is_verified_before_its_copy_goes_away(sizes: list[int], pace: WavePace, days: int) -> None:
    for wave in cut(sizes, days, pace):
        life = timedelta(days=wave.days) * (1 - MARGIN)
        assert wave.verified_by - wave.ask_at <= life + timedelta(seconds=1)


@given(many_sizes, paces, st.integers(1, 30))
def test_every_object_is_in_exactly_one_wave_in_its_order(sizes: list[int], pace: WavePace, days: int) -> None:
    waves = cut(sizes, days, pace)
    assert [place for wave in waves for place in wave.places] == list(range(len(sizes)))
    assert [wave.bytes for wave in waves] == [sum(sizes[place] for place in wave.places) for wave in waves]


@given(many_sizes, paces, st.integers(1, 30))
def test_copying_never_waits_for_a_wave_that_could_have_been_asked_earlier(
    sizes: list[int], pace: WavePace, days: int
) -> None:
    second = timedelta(seconds=1)
    for before, wave in pairwise(cut(sizes, days, pace)):
        asked_at_once = before.ask_at + timedelta(seconds=pace.asking(before.count))
        assert wave.readable_by <= before.verified_by + second or wave.ask_at <= asked_at_once + second


@given(many_sizes, paces, st.integers(1, 30))
def test_requests_of_two_waves_never_overlap(sizes: list[int], pace: WavePace, days: int) -> None:
    for before, wave in pairwise(cut(sizes, days, pace)):
        assert wave.ask_at >= before.ask_at + timedelta(seconds=pace.asking(before.count)) - timedelta(seconds=1)


def test_a_set_that_fits_is_one_wave_with_the_days_it_was_given() -> None:
    (wave,) = cut([GB] * 1000)
    assert (wave.count, wave.bytes, wave.days, wave.ask_at) == (1000, 1000 * GB, 7, timedelta())
    assert wave.readable_by == HOURS_5 + timedelta(seconds=10)


def test_a_hundred_terabytes_at_fifty_megabytes_a_second_take_several_waves() -> None:
    waves = cut([10 * GB] * 10_000)
    assert len(waves) > 1
    assert {wave.days for wave in waves} == {7}
    # The work never pauses between them: the whole takes what copying and verifying take, and one thaw.
    assert waves[-1].verified_by < timedelta(seconds=100 * TB / 50e6) + 2 * HOURS_5


def test_days_are_raised_for_an_object_that_needs_them() -> None:
    (wave,) = cut([5 * TB], days=1)
    assert wave.days == days_for(timedelta(seconds=5 * TB / 50e6) + HOURS_5 + timedelta(seconds=0.01))


def test_days_that_the_tier_alone_uses_up_are_raised_instead_of_a_wave_an_object() -> None:
    slow = WavePace(timedelta(hours=48), 100e6, 100e6, 100)
    (wave,) = cut([1] * 10_000, days=1, pace=slow)
    assert wave.days == 6


def test_asking_for_many_small_objects_counts_as_time() -> None:
    waves = cut([1] * 1_000_000, days=1, pace=WavePace(HOURS_5, 1e9, 1e9, requests_per_second=10))
    assert len(waves) > 1


def test_nothing_to_thaw_is_no_wave() -> None:
    assert cut([]) == []


@pytest.mark.parametrize("name", ["copy_rate", "verify_rate", "requests_per_second", "objects_per_second"])
def test_a_rate_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        WavePace(HOURS_5, **{**dict.fromkeys(("copy_rate", "verify_rate", "requests_per_second"), 1.0), name: 0})


@given(many_sizes, paces, st.integers(1, 30))
def test_a_fifth_of_each_life_is_left_for_retries_and_slower_rates(sizes: list[int], pace: WavePace, days: int) -> None:
    for wave in cut(sizes, days, pace):
        assert wave.verified_by - wave.ask_at <= timedelta(days=wave.days) * 0.8 + timedelta(seconds=1)


@given(many_sizes, paces, st.integers(1, 30), st.floats(0.0, 0.6))
def test_the_margin_that_is_asked_for_is_left(sizes: list[int], pace: WavePace, days: int, margin: float) -> None:
    for wave in cut_waves(sizes, pace, days=days, margin=margin):
        assert wave.verified_by - wave.ask_at <= timedelta(days=wave.days) * (1 - margin) + timedelta(seconds=1)


@given(st.lists(st.integers(0, 5 * TB), min_size=1, max_size=60), paces, st.integers(1, 30))
def test_a_window_is_verified_before_its_copies_go_away(sizes: list[int], pace: WavePace, days: int) -> None:
    window = first_window(sizes, pace, days=days, most_days=30)
    assert window.count >= 1
    span = pace.span(window.count, sum(sizes[: window.count]))
    assert span <= window.days * DAY * 0.8 + 1


@pytest.mark.parametrize(
    ("caps", "day"),
    [
        (Caps(), ANY_TIME),
        (Caps(hours=DayHours(22, 6)), WorkDay(open=8 * 3600, wait=16 * 3600)),
        (Caps(hours=DayHours(9, 24)), WorkDay(open=15 * 3600, wait=9 * 3600)),
        (Caps(bytes_a_day=TB), WorkDay(wait=DAY, bytes=TB)),
        (Caps(hours=DayHours(0, 2), bytes_a_day=TB), WorkDay(open=2 * 3600, wait=DAY, bytes=TB)),
    ],
)
def test_a_day_is_what_the_caps_of_a_campaign_leave(caps: Caps, day: WorkDay) -> None:
    assert WorkDay.under(caps) == day


def test_ten_hours_of_work_in_two_hours_a_night_take_five_nights() -> None:
    night = WorkDay.under(Caps(hours=DayHours(0, 2)))
    assert night.span(9.9 * 3600) == pytest.approx(4 * DAY + 1.9 * 3600)


def test_a_cap_of_bytes_a_day_makes_work_last_as_many_days() -> None:
    assert WorkDay.under(Caps(bytes_a_day=TB)).span(60.0, 5 * TB) == 5 * DAY


@pytest.mark.parametrize("wrong", [{"open": 0}, {"open": DAY + 1}, {"wait": -1}, {"bytes": 0}])
def test_a_day_without_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no work"):
        WorkDay(**wrong)
