"""Tiers, deadlines and priorities of a campaign, from its declaration to the requests it makes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.states import AfterDeadline, CampaignState
from bagfill.planning.budget import Caps
from bagfill.planning.order import Order
from bagfill.planning.thaw_choice import AUTO, Standing
from bagfill.settings.prices import find_price_table
from bagfill.steps.campaign_outlook import FRESH, outlook_of, renewed_outlook
from bagfill.steps.campaign_report import campaign_report
from bagfill.steps.campaign_sweep import campaign_starts
from bagfill.steps.campaigns import CampaignError, create_campaign, start_campaign
from bagfill.steps.campaigns_needing import campaigns_needing_a_person
from bagfill.steps.services import CampaignRules, Services
from bagfill.storage.faults import Fault, FaultKind
from bagfill.storage.store import ThawTier
from campaign_world import NAME, CampaignWorld
from world import bag_files

PRICES = Path(__file__).parents[3] / "include" / "config" / "prices"
FROZEN, WARM = "digitised/frozen", "digitised/warm"
S = CampaignState


@pytest.fixture
def world() -> CampaignWorld:
    """One bag in GLACIER, one that can be read."""
    made = CampaignWorld()
    for name in (FROZEN, WARM):
        made.add(f"{name}/v1", bag_files(BagId.parse(name), {"0.txt": b"ice" * 300}))
    made.archive(f"{FROZEN}/v1", "data/0.txt")
    return made


def services_of(world: CampaignWorld, **changes: Any) -> Services:
    tables = {"primary": "aws-us-east-1", "azure": "azure-eastus2"}
    return world.services(prices=lambda name: find_price_table(tables[name], PRICES), **changes)


def tiers(world: CampaignWorld, services: Services) -> dict[str, str | None]:
    found = campaign_starts(services, world.campaign(), limit=9)
    return {start.bag: start.fields.get("thaw_tier") for start in found.starts}


@pytest.mark.parametrize(("hours", "tier"), [(240, ThawTier.BULK), (8, ThawTier.STANDARD), (1, ThawTier.EXPEDITED)])
def test_an_automatic_tier_is_the_cheapest_that_makes_the_deadline(
    world: CampaignWorld, hours: int, tier: ThawTier
) -> None:
    world.run(thaw_tier=AUTO, deadline=world.clock() + timedelta(hours=hours))
    assert tiers(world, services_of(world))[FROZEN] == tier


def test_the_tier_of_what_begins_gets_faster_when_time_runs_out(world: CampaignWorld) -> None:
    services = services_of(world)
    world.run(thaw_tier=AUTO, deadline=world.clock() + timedelta(hours=30))
    assert tiers(world, services)[FROZEN] == "Bulk"
    world.clock.advance(timedelta(hours=22))
    assert tiers(world, services)[FROZEN] == "Standard"


def test_other_caps_are_reckoned_with_at_once(world: CampaignWorld) -> None:
    services = services_of(world)
    world.run(deadline=world.clock() + timedelta(hours=24))
    campaign_starts(services, world.campaign(), limit=0)
    assert outlook_of(services, world.campaign()).standing is Standing.ON_TIME
    world.raise_cap(Caps(bytes_a_day=100))
    campaign_starts(services, world.campaign(), limit=0)
    assert outlook_of(services, world.campaign()).standing is Standing.AT_RISK


def test_a_storage_class_has_the_tier_that_was_declared_for_it(world: CampaignWorld) -> None:
    deep = "digitised/deep"
    world.add(f"{deep}/v1", bag_files(BagId.parse(deep), {"0.txt": b"ice" * 300}))
    world.archive(f"{deep}/v1", "data/0.txt", storage_class="DEEP_ARCHIVE")
    world.run(thaw_tier="Expedited", thaw_tiers={"DEEP_ARCHIVE": "Bulk"})
    assert tiers(world, services_of(world)) == {FROZEN: "Expedited", deep: "Bulk", WARM: "Expedited"}


def test_a_campaign_without_wishes_leaves_the_tier_to_the_location(world: CampaignWorld) -> None:
    world.run()
    assert tiers(world, services_of(world)) == {FROZEN: None, WARM: None}


def test_what_is_left_is_planned_again_after_a_while_and_an_unreachable_source_leaves_what_was_known(
    world: CampaignWorld,
) -> None:
    services = services_of(world)
    world.run(deadline=world.clock() + timedelta(days=9))
    first = renewed_outlook(services, world.campaign())
    world.clock.advance(FRESH / 2)
    assert renewed_outlook(services, world.campaign()).made == first.made
    world.clock.advance(FRESH)
    broken = services_of(world, source=lambda *_: Fault(FaultKind.REFUSE))
    assert renewed_outlook(broken, world.campaign()).made == first.made
    again = renewed_outlook(services, world.campaign())
    assert again.made == world.clock()
    assert again.standing is Standing.ON_TIME


def test_a_campaign_that_will_miss_its_deadline_is_at_risk_before_it_is_late(world: CampaignWorld) -> None:
    services = services_of(world)
    deadline = world.clock() + timedelta(hours=4)
    world.run(thaw_tier="Bulk", deadline=deadline)
    campaign_starts(services, world.campaign(), limit=0)
    report = campaign_report(services, world.campaign())
    assert report.to_json()["standing"] == "at risk"
    assert report.outlook.expected is not None
    assert report.outlook.expected > deadline
    (needs,) = campaigns_needing_a_person(services)
    assert (needs.what, needs.command) == ("at risk", f"bagfill campaign show {NAME}")
    world.clock.advance(timedelta(hours=5))
    assert campaign_report(services, world.campaign()).is_late
    assert [each.what for each in campaigns_needing_a_person(services)] == ["late"]


def test_caps_that_leave_no_room_are_a_risk_and_no_date(world: CampaignWorld) -> None:
    services = services_of(world)
    world.run(caps=Caps(bytes_a_day=0), deadline=world.clock() + timedelta(days=99))
    campaign_starts(services, world.campaign(), limit=0)
    outlook = outlook_of(services, world.campaign())
    assert (outlook.standing, outlook.expected) == (Standing.AT_RISK, None)


def test_a_pause_moves_the_end(world: CampaignWorld) -> None:
    services = services_of(world)
    world.run(deadline=world.clock() + timedelta(hours=24))
    first = renewed_outlook(services, world.campaign())
    world.move(S.PAUSED)
    world.clock.advance(timedelta(hours=20))
    assert first.expected is not None
    assert outlook_of(services, world.campaign()).expected == first.expected + timedelta(hours=20)
    assert outlook_of(services, world.campaign()).standing is Standing.AT_RISK


@pytest.mark.parametrize(
    ("effect", "started", "state"),
    [(AfterDeadline.GO_ON, 2, S.RUNNING), (AfterDeadline.START_NOTHING, 0, S.DONE)],
)
def test_after_the_deadline_new_bags_begin_or_not_as_was_declared(
    world: CampaignWorld, effect: AfterDeadline, started: int, state: CampaignState
) -> None:
    services = services_of(world)
    world.run(deadline=world.clock() + timedelta(hours=1), after_deadline=effect)
    assert len(campaign_starts(services, world.campaign(), limit=9).starts) == 2
    world.clock.advance(timedelta(hours=2))
    found = campaign_starts(services, world.campaign(), limit=9)
    assert (len(found.starts), found.campaign.state) == (started, state)


def test_what_has_begun_is_finished_after_the_deadline(world: CampaignWorld) -> None:
    services = services_of(world)
    world.run(deadline=world.clock() + timedelta(hours=1), after_deadline=AfterDeadline.START_NOTHING)
    # The thaw alone takes hours.
    assert world.backfill(FROZEN).succeeded
    assert world.clock() > (world.campaign().definition.deadline or world.clock())
    assert campaign_starts(services, world.campaign(), limit=9).campaign.state is S.DONE
    assert "starts nothing after it" in world.campaigns.events(NAME)[-2].what
    assert outlook_of(services, world.campaign()).standing is Standing.LATE


def test_priorities_of_bags_come_before_those_of_spaces_and_those_before_the_settings(world: CampaignWorld) -> None:
    for name in ("born/a", "born/b", "maps/a"):
        world.add(f"{name}/v1", bag_files(BagId.parse(name), {"0.txt": b"x"}))
    services = services_of(world, campaign_rules=CampaignRules(priorities={"maps": 3, "born": 9}))
    world.run(
        scope=Scope(spaces=("born", "maps", "digitised")),
        order=Order.PRIORITY,
        priorities={"born": 1, "born/b": 5, WARM: 4, FROZEN: -1},
    )
    found = campaign_starts(services, world.campaign(), limit=5)
    warm = [start.bag for start in found.starts if start.bag != FROZEN]
    assert warm == ["born/b", WARM, "maps/a", "born/a"]
    two = campaign_starts(services, world.campaign(), limit=2)
    assert [start.bag for start in two.starts] == ["born/b", WARM]


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"thaw_tier": AUTO}, "auto is the cheapest tier that makes the deadline, and there is no deadline"),
        ({"thaw_tiers": {"STANDARD": "Bulk"}}, "'STANDARD' is no storage class that is thawed"),
        ({"thaw_tiers": {"DEEP_ARCHIVE": "Expedited"}}, "found 'Expedited' for DEEP_ARCHIVE, allowed are Bulk, Stand"),
        ({"after_deadline": AfterDeadline.START_NOTHING}, "after deadline: found start-nothing, and there is no"),
        ({"priorities": {"digitised": 1}}, "they count in the order priority alone, and the order is smallest-first"),
        ({"order": Order.PRIORITY, "priorities": {"digitised/x": 1}}, "bag digitised/x is not known"),
        ({"order": Order.PRIORITY, "priorities": {"digitised": 10**9}}, "found 1000000000 for digitised, allowed are"),
    ],
)
def test_wishes_that_contradict_one_another_are_refused(
    world: CampaignWorld, definition: dict[str, Any], said: str
) -> None:
    with pytest.raises(CampaignError, match=said):
        create_campaign(services_of(world), NAME, Definition(Scope(), "azure", **definition), Caps(), who="ada")


def test_the_plan_that_is_approved_counts_with_the_tier_that_makes_the_deadline(world: CampaignWorld) -> None:
    services = services_of(world)
    for name, hours in (("patient", 300), ("hasty", 2)):
        what = Definition(Scope(), "azure", thaw_tier=AUTO, deadline=world.clock() + timedelta(hours=hours))
        create_campaign(services, name, what, Caps(money=Decimal(1000)), who="ada")
    patient, hasty = (start_campaign(services, name, who="ada").planned for name in ("patient", "hasty"))
    assert patient.tier is not None
    assert hasty.tier is not None
    assert (patient.tier.tier, hasty.tier.tier) == (ThawTier.BULK, ThawTier.EXPEDITED)
    assert patient.money is not None
    assert hasty.money is not None
    assert patient.money < hasty.money


def test_a_record_from_before_there_were_wishes_is_read(world: CampaignWorld) -> None:
    new = {"thaw_tiers", "after_deadline", "priorities"}
    old = {name: value for name, value in Definition(Scope(), "azure").to_json().items() if name not in new}
    campaign = Campaign("old", Definition.from_json(old), Caps(), world.clock())
    assert campaign.definition == Definition(Scope(), "azure")
    world.campaigns.create(campaign, who="ada")
    world.campaigns.remember("old", "plan", {"made": world.clock().isoformat(), "tiers": []})
    assert outlook_of(world.services(), campaign).chosen is None
