"""How a campaign keeps to its plan and its deadline, what follows from that, and which bags go first."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.model import Scope
from bagfill.campaigns.states import AfterDeadline, CampaignState
from bagfill.planning.budget import Caps
from bagfill.planning.order import Order
from bagfill.planning.thaw_choice import AUTO, Standing
from bagfill.settings.prices import find_price_table
from bagfill.steps.campaign_course import CampaignCourse, ForecastBy, Pace, campaign_course
from bagfill.steps.campaign_outlook import renewed_outlook
from bagfill.steps.campaign_plan import plan_campaign
from bagfill.steps.campaign_priorities import Priority, campaign_priorities
from bagfill.steps.campaign_progress import campaign_progress
from bagfill.steps.services import CampaignRules, Services
from campaign_world import CampaignWorld
from world import bag_files

PRICES = Path(__file__).parents[3] / "include" / "config" / "prices"
FROZEN = "digitised/frozen"
S = CampaignState


@pytest.fixture
def world() -> CampaignWorld:
    """One bag in GLACIER, one that can be read."""
    made = CampaignWorld()
    for name in (FROZEN, "digitised/warm"):
        made.add(f"{name}/v1", bag_files(BagId.parse(name), {"0.txt": b"ice" * 300}))
    made.archive(f"{FROZEN}/v1", "data/0.txt")
    return made


@pytest.fixture
def services(world: CampaignWorld) -> Services:
    tables = {"primary": "aws-us-east-1", "azure": "azure-eastus2"}
    return world.services(prices=lambda name: find_price_table(tables[name], PRICES))


def course(world: CampaignWorld, services: Services) -> CampaignCourse:
    return campaign_course(services, campaign_progress(services, world.campaign()))


def begin(world: CampaignWorld, services: Services, **definition: Any) -> None:
    world.run(**definition)
    plan_campaign(services, world.campaign())


def in_hours(world: CampaignWorld, hours: float) -> datetime:
    return world.clock() + timedelta(hours=hours)


def test_a_campaign_that_goes_as_it_was_planned_has_time_to_spare(world: CampaignWorld, services: Services) -> None:
    begin(world, services, thaw_tier="Bulk", deadline=in_hours(world, 24))
    found = course(world, services)
    assert (found.pace, found.standing, found.by) == (Pace.AS_PLANNED, Standing.ON_TIME, ForecastBy.PLAN)
    assert found.planned is not None
    assert found.planned_end == world.clock() + found.planned
    assert found.spare == timedelta(hours=24) - found.planned
    assert found.consequences == ()


def test_a_pause_puts_it_behind_its_plan_and_then_past_its_deadline(world: CampaignWorld, services: Services) -> None:
    begin(world, services, thaw_tier="Bulk", deadline=in_hours(world, 24))
    world.move(S.PAUSED)
    world.clock.advance(timedelta(hours=20))
    found = course(world, services)
    assert (found.pace, found.lag, found.standing) == (Pace.BEHIND, timedelta(hours=20), Standing.AT_RISK)
    assert found.spare is not None
    assert found.spare < timedelta(0)
    assert any("paused" in each for each in found.consequences)
    assert "Bags are begun after its deadline all the same, so it ends late." in found.consequences


def test_what_is_left_with_less_to_do_than_was_planned_is_ahead(world: CampaignWorld, services: Services) -> None:
    begin(world, services, thaw_tier="Bulk", deadline=in_hours(world, 24))
    assert world.backfill(FROZEN).succeeded
    world.clock.advance(timedelta(hours=2))
    renewed_outlook(services, world.campaign())
    found = course(world, services)
    assert found.lag is not None
    assert (found.pace, found.lag < timedelta(0)) == (Pace.AHEAD, True)


def test_a_campaign_that_starts_nothing_after_its_deadline_says_who_is_left_out(
    world: CampaignWorld, services: Services
) -> None:
    begin(world, services, thaw_tier="Bulk", deadline=in_hours(world, 2), after_deadline=AfterDeadline.START_NOTHING)
    (said,) = course(world, services).consequences
    assert said == "From its deadline on no bag is begun: those that are left stay without their replica."


def test_a_faster_tier_than_was_planned_is_told(world: CampaignWorld, services: Services) -> None:
    begin(world, services, thaw_tier=AUTO, deadline=in_hours(world, 30))
    world.clock.advance(timedelta(hours=22))
    renewed_outlook(services, world.campaign())
    (said,) = course(world, services).consequences
    assert said.startswith("What begins now is thawed by Standard, where Bulk was planned")


def test_a_cap_that_will_not_do_is_told_before_it_is_reached(world: CampaignWorld, services: Services) -> None:
    begin(world, services, thaw_tier="Expedited", caps=Caps(money=Decimal("0.001")))
    (said,) = course(world, services).consequences
    assert "beyond its cap of" in said


def test_caps_that_leave_no_room_have_no_end(world: CampaignWorld, services: Services) -> None:
    begin(world, services, caps=Caps(bytes_a_day=0), deadline=in_hours(world, 999))
    found = course(world, services)
    assert (found.forecast, found.planned, found.pace, found.standing) == (None, None, None, Standing.AT_RISK)
    assert "Its caps leave no room for what is left: it never ends like this." in found.consequences


def test_when_the_plans_time_is_over_the_rate_counts(world: CampaignWorld, services: Services) -> None:
    begin(world, services)
    world.clock.advance(timedelta(days=9))
    found = course(world, services)
    assert (found.by, found.forecast, found.standing) == (ForecastBy.RATE, None, None)


def test_what_has_ended_is_measured_by_its_end(world: CampaignWorld, services: Services) -> None:
    begin(world, services, deadline=in_hours(world, 50))
    world.clock.advance(timedelta(hours=49))
    world.move(S.DONE)
    world.clock.advance(timedelta(days=30))
    found = course(world, services)
    assert (found.pace, found.standing) == (Pace.BEHIND, Standing.ON_TIME)
    assert found.spare == timedelta(hours=1)


def test_what_was_cancelled_was_neither_early_nor_late(world: CampaignWorld, services: Services) -> None:
    begin(world, services, deadline=in_hours(world, 50))
    world.move(S.CANCELLED)
    found = course(world, services)
    assert (found.pace, found.standing, found.spare, found.consequences) == (None, None, None, ())


def test_what_drains_says_what_is_left_out(world: CampaignWorld, services: Services) -> None:
    begin(world, services)
    world.move(S.DRAINING)
    (said,) = course(world, services).consequences
    assert said == "It drains: what has begun is finished, and what has not stays without its replica."


def test_a_draft_stands_nowhere(world: CampaignWorld, services: Services) -> None:
    world.run(deadline=in_hours(world, 1))
    found = course(world, services)
    assert (found.standing, found.pace, found.forecast) == (None, None, None)


def test_the_highest_priorities_are_shown_first_with_those_of_the_settings(world: CampaignWorld) -> None:
    services = world.services(campaign_rules=CampaignRules(priorities={"born": 7, "maps": 3, "films": 99}))
    many = {f"digitised/b{number}": number for number in range(50)}
    world.run(scope=Scope(spaces=("born", "maps", "digitised")), order=Order.PRIORITY, priorities={"maps": 48, **many})
    found = campaign_priorities(services, world.campaign(), most=3)
    assert found.shown == (Priority("digitised/b49", 49), Priority("digitised/b48", 48), Priority("maps", 48))
    assert found.more == 49
    assert [each.is_bag for each in found.shown] == [True, True, False]
    assert Priority("born", 7, of_settings=True) in campaign_priorities(services, world.campaign(), most=99).shown


def test_an_order_that_asks_for_no_priorities_has_none(world: CampaignWorld) -> None:
    services = world.services(campaign_rules=CampaignRules(priorities={"born": 7}))
    world.run()
    assert campaign_priorities(services, world.campaign(), most=3).shown == ()
