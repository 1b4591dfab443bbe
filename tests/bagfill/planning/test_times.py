"""How long a plan takes, and that it names the bound that decides: each one in its turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.budget import Caps, DayHours
from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.costs import Pair
from bagfill.planning.forecast import forecast
from bagfill.planning.rates import Rate
from bagfill.planning.thaw_waits import MeasuredWait
from bagfill.planning.times import Bounds, StepTime, Times, step_times
from bagfill.planning.waves import DAY, WorkDay
from bagfill.settings.prices import find_price_table
from bagfill.storage.store import ThawTier

TB = 10**12
COLD, WARM = ClassKey("GLACIER", archived=True), ClassKey("STANDARD", archived=False)
RATE = Rate(0.01, 1 / 100e6)
BOUNDS = Bounds(workers=10, copy=RATE, verify=RATE, thaw_requests_per_second=100)


def times(bounds: Bounds = BOUNDS, *, cold: Amount | None = None, warm: Amount | None = None, **quotas: int) -> Times:
    table = replace(find_price_table("free", Path("nowhere")), quotas=quotas)
    classes = {key: amount for key, amount in ((COLD, cold), (WARM, warm)) if amount is not None}
    return step_times(classes, ThawTier.STANDARD, bounds, table, table)


def step(found: Times, name: str) -> StepTime:
    return next(each for each in found.steps if each.step == name)


def of(files: int, size: int) -> Amount:
    return Amount(files, size, files)


def test_nothing_archived_has_no_thaw_and_takes_what_the_workers_take() -> None:
    found = times(warm=of(1000, TB))
    assert [each.step for each in found.steps] == ["copy", "verify"]
    assert step(found, "copy").bound == "bytes a second of the workers"
    assert found.total == timedelta(seconds=2 * (TB / 100e6 + 1000 * 0.01) / 10)


def test_many_small_files_are_bound_by_files() -> None:
    assert step(times(warm=of(10**8, TB)), "copy").bound == "files a second of the workers"


@pytest.mark.parametrize(
    ("quotas", "name", "bound"),
    [
        ({"reads_per_second": 1}, "copy", "reads a second (source)"),
        ({"bytes_out_per_second": 1000}, "copy", "bytes out a second (source)"),
        ({"writes_per_second": 1}, "copy", "writes a second (destination)"),
        ({"bytes_in_per_second": 1000}, "copy", "bytes in a second (destination)"),
        ({"reads_per_second": 1}, "verify", "reads a second (destination)"),
        ({"bytes_out_per_second": 1000}, "verify", "bytes out a second (destination)"),
    ],
)
def test_a_quota_of_a_provider_decides_where_it_is_the_tightest(quotas: dict[str, int], name: str, bound: str) -> None:
    found = step(times(warm=of(10**6, TB), **quotas), name)
    assert found.bound == bound
    assert found.seconds == found.bounds[bound] == max(found.bounds.values())


def test_the_bandwidth_of_the_settings_decides_where_it_is_the_tightest() -> None:
    found = times(replace(BOUNDS, bandwidth=10**6), warm=of(1, TB))
    assert (step(found, "copy").bound, step(found, "copy").seconds) == ("bandwidth (settings)", TB / 10**6)


def test_a_thaw_waits_for_its_tier_or_for_its_requests() -> None:
    few, many = times(cold=of(10, TB)), times(cold=of(10**7, TB))
    assert (step(few, "thaw").bound, step(few, "thaw").seconds) == ("Standard thaws take", 5 * 3600 + 0.1)
    assert step(many, "thaw").bound == "thaw requests a second (settings)"
    slow = times(cold=of(10**7, TB), thaw_requests_per_second=10)
    assert step(slow, "thaw").bound == "thaw requests a second (provider)"
    # Copying begins when the first are readable, and shares its time with the requests that are still to go out.
    assert many.total == timedelta(seconds=5 * 3600 + max(10**7 / 100, 2 * (TB / 100e6 + 10**7 * 0.01) / 10))


def test_a_measured_wait_counts_instead_of_the_provider_s_word() -> None:
    wait = MeasuredWait(timedelta(hours=2), timedelta(hours=30), 9, datetime(2026, 5, 1, tzinfo=UTC))
    found = times(replace(BOUNDS, waits={("GLACIER", ThawTier.STANDARD): wait}), cold=of(10, TB))
    assert step(found, "thaw").bounds["Standard thaws take"] == 30 * 3600


def test_opening_hours_make_work_last_as_many_days() -> None:
    # Five hours and a half of work in two hours a day.
    work = 5.5 * 3600 * 10 * 100e6 / 2
    found = times(replace(BOUNDS, day=WorkDay.under(Caps(hours=DayHours(0, 2)))), warm=Amount(0, int(work), 0))
    assert found.total.total_seconds() == pytest.approx(2 * DAY + 1.5 * 3600, abs=1)
    assert step(found, "copy").bound == "hours of the day (campaign)"


def test_a_cap_of_bytes_a_day_makes_copying_last_as_many_days() -> None:
    found = times(replace(BOUNDS, day=WorkDay.under(Caps(bytes_a_day=TB))), warm=of(10, 30 * TB))
    assert (step(found, "copy").bound, step(found, "copy").seconds) == ("bytes a day (campaign)", 30 * DAY)
    assert step(found, "verify").bound == "bytes a second of the workers"
    assert found.total == timedelta(days=30)


def test_a_cap_of_money_a_day_makes_spending_last_as_many_days() -> None:
    day = WorkDay.under(Caps(money_a_day=Decimal(10)))
    found = times(replace(BOUNDS, day=day), warm=of(10, TB)).spending(Decimal("45.00"), day)
    assert (step(found, "spend").bound, step(found, "spend").seconds) == ("money a day (campaign)", 4.5 * DAY)
    assert found.total == timedelta(days=4.5)
    assert times(warm=of(10, TB)).spending(Decimal(45), WorkDay()) == times(warm=of(10, TB))


def test_a_forecast_under_such_a_cap_knows_what_its_own_bill_takes() -> None:
    table = find_price_table("aws-us-east-1", Path("nowhere"))
    pair = Pair(table, table, "primary", "other")
    day = WorkDay.under(Caps(money_a_day=Decimal(1)))
    found = forecast({COLD: of(1000, TB)}, pair, ThawTier.BULK, days=7, bounds=replace(BOUNDS, day=day))
    assert found.totals.single is not None
    assert found.times.total.total_seconds() == pytest.approx(DAY * float(found.totals.single[1]))
    assert found.times.total > timedelta(days=10)


@given(
    files=st.integers(0, 10**8), size=st.integers(0, 10**15), archived=st.booleans(),
    hours=st.sampled_from([None, DayHours(22, 6), DayHours(0, 1)]),
    bytes_a_day=st.sampled_from([None, 10**9, 10**13]),
)  # fmt: skip
def test_caps_never_make_anything_faster(
    files: int, size: int, archived: bool, hours: DayHours | None, bytes_a_day: int | None
) -> None:
    amount = of(files, size)
    given_as = {"cold": amount} if archived else {"warm": amount}
    day = WorkDay.under(Caps(hours=hours, bytes_a_day=bytes_a_day))
    free, capped = times(**given_as), times(replace(BOUNDS, day=day), **given_as)
    assert capped.total >= free.total
    for name in ("copy", "verify"):
        assert step(capped, name).seconds >= step(free, name).seconds
