"""What forecasts learn from shards and thaws: robust, weighted towards the newest, and never from too little."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.rates import HALF_LIFE, LEAST_SHARDS, Rate, ShardTiming, learn_rate, workers_at_once
from bagfill.planning.thaw_waits import LEAST_THAWS, ThawTiming, learn_waits, safe_wait, usual_wait
from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import thaw_times

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DECLARED = Rate(0.05, 1 / 20e6)
SHAPES = [(3, 5_000), (40, 900_000), (500, 8_000_000), (2000, 3_000_000_000), (5, 6_000_000_000), (1, 5_000_000_000)]


def timing(files: int, size: int, seconds: float, ended: datetime = NOON) -> ShardTiming:
    return ShardTiming(files, size, seconds, ended, seconds)


def shards(rate: Rate, count: int, *, ended: datetime = NOON, luck: random.Random | None = None) -> list[ShardTiming]:
    """As a worker of this rate takes them, up to a fifth faster or slower."""
    luck = luck or random.Random(1)
    made = []
    for number in range(count):
        files, size = SHAPES[number % len(SHAPES)]
        made.append(timing(files, size, rate.seconds(files, size) * luck.uniform(0.8, 1.2), ended))
    return made


@given(
    a_file=st.floats(0.001, 2), rate=st.floats(1e6, 5e8), seed=st.integers(0, 999), strange=st.integers(0, 8),
    how=st.sampled_from([0.01, 0.1, 10, 100]),
)  # fmt: skip
def test_what_is_learnt_forecasts_such_shards_whatever_happened_to_some(
    a_file: float, rate: float, seed: int, strange: int, how: float
) -> None:
    true, luck = Rate(a_file, 1 / rate), random.Random(seed)
    told = shards(true, 42, luck=luck)
    for place in luck.sample(range(len(told)), strange):
        told[place] = timing(told[place].files, told[place].bytes, told[place].seconds * how)
    learnt = learn_rate(told, DECLARED)
    assert learnt is not None
    assert learnt.measured == 42
    whole = sum(files for files, _ in SHAPES), sum(size for _, size in SHAPES)
    # Shards that took very long count as four times the usual, and may be the largest of all.
    assert 0.5 < learnt.seconds(*whole) / true.seconds(*whole) < 2.5


@given(st.sampled_from(SHAPES), st.floats(0.2, 5))
def test_shards_that_are_all_alike_keep_the_declared_shape_and_forecast_their_like(
    shape: tuple[int, int], factor: float
) -> None:
    seconds = DECLARED.seconds(*shape) * factor
    learnt = learn_rate([timing(*shape, seconds)] * LEAST_SHARDS, DECLARED)
    assert learnt is not None
    assert learnt.seconds(*shape) == pytest.approx(seconds)
    assert learnt.seconds_a_file / learnt.seconds_a_byte == pytest.approx(0.05 * 20e6)


def test_too_few_shards_teach_nothing_and_empty_ones_do_not_count() -> None:
    told = shards(DECLARED, LEAST_SHARDS - 1)
    assert learn_rate(told, DECLARED) is None
    assert learn_rate([*told, timing(0, 0, 3.0), timing(5, 5, 0.0)], DECLARED) is None
    assert learn_rate([], DECLARED) is None


def test_shards_without_bytes_are_learnt_from() -> None:
    learnt = learn_rate([timing(100, 0, 20.0)] * LEAST_SHARDS, Rate(0.0, 1 / 20e6))
    assert learnt is not None
    assert learnt.seconds(100, 0) == pytest.approx(20)


def test_the_newest_weigh_most_and_age_is_reckoned_from_them() -> None:
    old = shards(Rate(0.5, 1 / 2e6), 100, ended=NOON - 10 * HALF_LIFE)
    learnt = learn_rate([*old, *shards(DECLARED, 20)], DECLARED)
    assert learnt is not None
    assert learnt.seconds_a_byte == pytest.approx(DECLARED.seconds_a_byte, rel=0.2)
    assert learnt.until == NOON
    alone = learn_rate(old, DECLARED)
    assert alone is not None
    assert alone.seconds_a_byte == pytest.approx(1 / 2e6, rel=0.2)


def test_a_few_very_long_shards_make_a_total_longer_but_not_without_bound() -> None:
    usual = [timing(1, 20_000_000, 1.0)] * 18
    learnt = learn_rate([*usual, *[timing(1, 20_000_000, 10_000.0)] * 2], DECLARED)
    assert learnt is not None
    assert 1.2 < learnt.seconds(1, 20_000_000) < 1.4


def test_workers_are_counted_over_the_time_in_which_any_was_busy() -> None:
    side_by_side = [timing(1, 1, 3600.0), timing(1, 1, 3600.0), timing(1, 1, 3600.0, NOON + 5 * HOUR)]
    assert workers_at_once(side_by_side) == pytest.approx(1.5)
    # Two shards that one worker had in hand at once.
    assert workers_at_once([ShardTiming(1, 1, 1800.0, NOON, 3600.0)] * 2) == pytest.approx(1)
    assert workers_at_once([]) == 0


def waits(*hours: float, tier: ThawTier = ThawTier.STANDARD) -> list[ThawTiming]:
    return [ThawTiming("GLACIER", tier, each * 1800, each * 3600, NOON) for each in hours]


def test_a_wait_is_what_nine_groups_in_ten_took() -> None:
    found = learn_waits(waits(*[2.0] * 9, 40.0))[("GLACIER", ThawTier.STANDARD)]
    assert (found.first, found.last, found.measured) == (HOUR, 2 * HOUR, 10)


def test_too_few_groups_teach_nothing_and_tiers_are_told_apart() -> None:
    timings = waits(*[2.0] * (LEAST_THAWS - 1)) + waits(*[9.0] * LEAST_THAWS, tier=ThawTier.BULK)
    learnt = learn_waits(timings)
    assert set(learnt) == {("GLACIER", ThawTier.BULK)}
    assert usual_wait(learnt, "Glacier", ThawTier.BULK) == 9 * HOUR
    assert usual_wait(learnt, "GLACIER", ThawTier.STANDARD) == thaw_times("GLACIER", ThawTier.STANDARD).last


def test_windows_reckon_with_the_longer_wait() -> None:
    for hours, safe in ((1.0, 5.0), (30.0, 30.0)):
        assert safe_wait(learn_waits(waits(*[hours] * 5)), "GLACIER", ThawTier.STANDARD) == safe * HOUR
