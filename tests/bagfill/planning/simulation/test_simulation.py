"""The very code that plans, packs, orders and books, on a virtual clock and in a world that goes wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bagfill.planning.budget import Caps, DayHours
from bagfill.planning.simulation.profile import CollectionShape, SimulationProfile, Trouble
from bagfill.planning.simulation.run import Simulation, simulate
from bagfill.settings.simulation import load_profile
from bagfill.thaw.tiers import thaw_times

ROUGH = Trouble(slow_thaws=0.2, slowest=3.0, lost_thaws=0.02, throttled=0.3, failures=0.1, rate_spread=0.6)


def small(**changes: object) -> SimulationProfile:
    shipped = load_profile("wellcome-2020", Path("nowhere"))
    shape = CollectionShape(bags=400, files=40_000, bytes=40 * 10**9, archived_share=0.4)
    caps = replace(shipped.caps, money=Decimal(1000))
    machines = replace(shipped.machines, workers=4)
    return replace(shipped, collection=shape, caps=caps, machines=machines, trouble=ROUGH, **changes)  # type: ignore[arg-type]


def in_a_hurry() -> SimulationProfile:
    """Copying takes longer than thawed copies live: whoever asks for everything at once loses some."""
    profile = small()
    machines = replace(profile.machines, workers=2, bytes_a_second=60_000)
    return replace(profile, machines=machines, days=2)


def run(profile: SimulationProfile, seed: int) -> Simulation:
    return simulate(profile, seed)


@given(seed=st.integers(0, 10**6), cap=st.decimals("0.01", "8", places=2))
@settings(max_examples=30, deadline=None)
def test_no_cap_is_passed_whatever_goes_wrong(seed: int, cap: Decimal) -> None:
    profile = small()
    found = run(replace(profile, caps=replace(profile.caps, money=cap)), seed)
    assert found.campaign.billed <= cap
    assert found.to_json()["cap_overshoot"] == 0
    # A campaign that ended early says at which cap; another has everything at the destination.
    assert bool(found.campaign.stopped) == (found.campaign.bytes < found.bytes)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_no_thawed_copy_expires_before_it_was_read_back(seed: int) -> None:
    found = run(in_a_hurry(), seed)
    assert found.campaign.expired == 0
    assert (found.campaign.bags, found.campaign.bytes) == (found.bags, found.bytes)


ANY_CAPS = st.builds(
    Caps,
    money=st.just(Decimal(1000)),
    money_a_day=st.sampled_from([None, Decimal(2), Decimal(5)]),
    bytes_a_day=st.sampled_from([None, 4 * 10**9, 10**10]),
    requests_a_second=st.sampled_from([None, 5.0, 50.0]),
    hours=st.sampled_from([None, DayHours(22, 6), DayHours(0, 2), DayHours(9, 17)]),
)


@given(
    seed=st.integers(0, 10**6),
    caps=ANY_CAPS,
    workers=st.sampled_from([1, 2, 4]),
    rate=st.sampled_from([60_000, 300_000, 5_000_000]),
    days=st.sampled_from([2, 3, 7]),
    slow=st.sampled_from([0.2, 1.0]),
    slowest=st.sampled_from([1.0, 3.0, 5.0, 8.0]),
    asking=st.sampled_from([0.2, 2.0, 100.0]),
)
@settings(max_examples=30, deadline=None)
def test_whatever_the_day_allows_and_however_late_thaws_are_no_copy_expires_that_could_be_used(
    seed: int, caps: Caps, workers: int, rate: int, days: int, slow: float, slowest: float, asking: float
) -> None:
    profile = small()
    usual = thaw_times(profile.collection.archive_class, profile.tier).last
    # A copy whose life may count from the request, and that is readable only when it is over, cannot be used by anyone.
    assume(usual * slowest <= timedelta(days=days - 1))
    profile = replace(
        profile,
        caps=caps,
        days=days,
        machines=replace(profile.machines, workers=workers, bytes_a_second=rate, thaw_requests_per_second=asking),
        trouble=replace(profile.trouble, slow_thaws=slow, slowest=slowest),
    )
    found = run(profile, seed)
    assert (found.campaign.expired, found.to_json()["cap_overshoot"]) == (0, 0)
    assert bool(found.campaign.stopped) == (found.campaign.bytes < found.bytes)


def test_copies_that_did_expire_are_asked_for_again_and_the_campaign_ends() -> None:
    profile = small()
    found = run(replace(profile, days=2, trouble=replace(profile.trouble, slow_thaws=1.0, slowest=8.0)), 101)
    assert found.campaign.expired > 0
    assert found.campaign.asked_again >= found.campaign.expired
    assert (found.campaign.bags, found.campaign.bytes) == (found.bags, found.bytes)
    assert found.campaign.days < 60


def test_the_naive_loop_meets_the_same_world_and_fares_worse() -> None:
    found = run(in_a_hurry(), 1)
    assert found.naive.bytes == found.campaign.bytes == found.bytes
    assert found.campaign.expired == 0 < found.naive.expired
    assert found.campaign.waves > 1
    assert found.campaign.days < found.naive.days


def test_what_is_asked_for_grows_as_the_requests_go_out_and_not_when_they_are_booked() -> None:
    profile = small()
    machines = replace(profile.machines, thaw_requests_per_second=0.5)
    samples = run(replace(profile, machines=machines), 1).campaign.samples
    most = max(sample.thawing for sample in samples)
    growing = list(takewhile(lambda sample: sample.thawing < most, samples))
    # Nine hours of asking; what was booked at the first look would stand there at once.
    assert len(growing) > 5
    assert growing[0].thawing < growing[len(growing) // 2].thawing < most


def test_a_loop_in_which_a_bag_takes_longer_than_its_copies_live_is_stopped_and_says_so() -> None:
    profile = small()
    machines = replace(profile.machines, bytes_a_second=10_000)
    found = run(replace(profile, days=1, machines=machines), 1)
    assert "does not end: after 1000 rounds" in found.to_json()["naive"]["stopped"]
    assert (found.campaign.expired, found.campaign.bytes) == (0, found.bytes)


def test_bags_whose_thaws_are_lost_end_a_campaign_long_after_nearly_all_is_verified() -> None:
    """Each is taken for lost after three times the usual longest, and asked for again."""
    found = run(replace(small(), trouble=replace(Trouble(), lost_thaws=0.01)), 1)
    assert found.campaign.asked_again
    assert found.campaign.days_to_nearly_all is not None
    assert found.campaign.days_to_nearly_all < found.campaign.days / 2
    # Nobody takes samples of the loop.
    assert found.naive.days_to_nearly_all is None


def test_the_same_seed_gives_the_same_simulation_and_another_another() -> None:
    first, again, other = run(small(), 7), run(small(), 7), run(small(), 8)
    assert first.to_json() == again.to_json()
    assert first.to_json() != other.to_json()


def test_a_collection_has_exactly_what_its_profile_says() -> None:
    found = run(small(), 3)
    assert (found.bags, found.files, found.bytes) == (400, 40_000, 40 * 10**9)
    assert found.archived_bytes == pytest.approx(0.4 * found.bytes, rel=0.05)
