"""Thaws under a budget: booked before they are asked for, paid once, and used when they were paid."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bagfill.campaigns.states import ActKind, CampaignState, may_act
from bagfill.ingests.reasons import Reason
from bagfill.planning.budget import Caps, DayHours
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.claims import claim_of
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.wait_for_campaign import poll_campaign
from bagfill.steps.wait_for_thaw import poll_thaw
from campaign_world import NAME, CampaignWorld, planned
from world import THAW_DELAY

V1 = "digitised/b1/v1"
FILES = 8


@pytest.fixture
def world() -> CampaignWorld:
    made = CampaignWorld()
    files = made.bag()
    made.archive(V1, *[path for path in files if path.startswith("data/")])
    return made


def thaws(world: CampaignWorld, name: str = NAME) -> int:
    """Objects that were paid for."""
    found = world.campaigns.bookings(name)
    return sum(booking.counts.requests for booking in found if booking.act.kind is ActKind.THAW)


def test_a_thaw_is_booked_before_the_copy_and_both_are_in_the_account(world: CampaignWorld) -> None:
    world.run(caps=Caps(money=Decimal(4 * 10 + FILES)))
    assert world.backfill().succeeded
    assert thaws(world) == 4
    assert world.money() == 4 * 10 + FILES


def test_a_thaw_beyond_the_cap_is_not_asked_for(world: CampaignWorld) -> None:
    world.run(caps=Caps(money=Decimal(39)))
    stopped = world.backfill()
    assert [ingest.reason for ingest in stopped.closed] == ["campaign-halted"]
    assert world.campaign().state is CampaignState.STOPPED_AT_CAP
    assert thaws(world) == 0
    assert world.at_destination(V1) == {}


def test_what_was_thawed_when_the_cap_was_reached_is_used_and_not_paid_again(world: CampaignWorld) -> None:
    world.run(caps=Caps(money=Decimal(4 * 10 + 4)))
    stopped = world.backfill()
    assert [ingest.reason for ingest in stopped.closed] == ["campaign-halted"]
    assert thaws(world) == 4
    assert not world.is_registered(V1)

    world.raise_cap(Caps(money=Decimal(4 * 10 + FILES)))
    assert world.backfill(request="r2").succeeded
    assert thaws(world) == 4
    assert world.money() == 4 * 10 + FILES


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.DRAINING, CampaignState.CANCELLED])
def test_a_bag_whose_thaw_was_paid_is_carried_to_its_registration(world: CampaignWorld, state: CampaignState) -> None:
    world.run()
    assert during_the_thaw(world, lambda: world.move(state)).succeeded
    assert world.is_registered(V1)
    assert thaws(world) == 4


def during_the_thaw(world: CampaignWorld, act: Any) -> BackfillResult:
    """A backfill that sleeps once until its thaw is over, and meanwhile this happens."""
    done: list[object] = []

    def sleep(_: float) -> None:
        if not done:
            done.append(act())
        world.clock.advance(timedelta(hours=5))

    return backfill(world.services(), world.request("digitised/b1", campaign=NAME), poll_seconds=1, sleep=sleep)


def test_a_task_that_asks_again_after_it_died_books_nothing_twice(world: CampaignWorld) -> None:
    world.run()
    plan = planned(world)
    assert isinstance(request_thaw(world.services(), plan.ingest), ThawSummary)
    assert isinstance(request_thaw(world.services(), plan.ingest), ThawSummary)
    assert thaws(world) == 4
    assert world.money() == 40


def test_two_campaigns_pay_for_one_thaw_once(world: CampaignWorld) -> None:
    world.run()
    world.run("other")
    plan = planned(world)
    assert isinstance(request_thaw(world.services(), plan.ingest), ThawSummary)
    # The first run is lost; the other campaign takes the bag over while its thaw is under way.
    world.clock.advance(world.limits.lease + timedelta(seconds=1))
    assert world.backfill(name="other", request="r2").succeeded
    assert (thaws(world), thaws(world, "other")) == (4, 0)


def test_outside_its_hours_a_campaign_asks_for_nothing_and_says_when_it_will(world: CampaignWorld) -> None:
    world.run(caps=Caps(hours=DayHours(22, 6)))
    plan = planned(world)
    refused = request_thaw(world.services(), plan.ingest)
    assert isinstance(refused, StepFailed)
    assert (refused.reason, refused.again) == (Reason.CAMPAIGN_HALTED, world.clock().replace(hour=22))
    assert world.campaign().state is CampaignState.RUNNING
    world.clock.now = world.clock().replace(hour=23)
    assert isinstance(request_thaw(world.services(), plan.ingest), ThawSummary)


@pytest.mark.parametrize("caps", [Caps(hours=DayHours(22, 6)), Caps(bytes_a_day=10**9)], ids=["hours", "bytes a day"])
def test_thawed_copies_are_kept_alive_until_the_campaign_lets_them_be_used(world: CampaignWorld, caps: Caps) -> None:
    world.clock.now = world.clock().replace(hour=22, minute=30)
    world.run(caps=caps)
    plan = planned(world)
    services = world.services()
    assert isinstance(request_thaw(services, plan.ingest), ThawSummary)
    world.clock.advance(THAW_DELAY)
    poll_thaw(services, plan.ingest)
    first_end, paid = readable_until(world), thaws(world)
    # Far from their end nothing is asked for.
    assert poll_campaign(services, plan.ingest) is True
    assert readable_until(world) == first_end

    # At noon, outside of the hours, and with more than enough time for the work itself.
    world.clock.now = (first_end - timedelta(hours=20)).replace(hour=12)
    services.registry.heartbeat(claim_of(services, plan.ingest), lease=timedelta(days=1))
    poll_campaign(services, plan.ingest)

    assert readable_until(world) > first_end
    assert thaws(world) == 2 * paid


@pytest.mark.parametrize("state", list(CampaignState))
def test_copies_are_prolonged_for_as_long_as_they_may_be_used(state: CampaignState) -> None:
    for paid in (True, False):
        prolongs = may_act(state, ActKind.THAW, thaw_paid=paid, prolongs=True)
        assert prolongs == may_act(state, ActKind.COPY, thaw_paid=paid)


def readable_until(world: CampaignWorld) -> datetime:
    """When the first of the thawed copies goes away."""
    ends = [info.readable_until for key in world.source.keys(f"{V1}/") if (info := world.source.stat(key))]
    return min(end for end in ends if end is not None)
