"""What people do with campaigns, and what is refused with which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bagfill.campaigns.ledger import UnknownCampaign
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.planning.budget import Caps
from bagfill.planning.prices import PriceTable
from bagfill.settings.prices import find_price_table
from bagfill.steps.campaign_report import campaign_report
from bagfill.steps.campaigns import (
    CampaignError,
    act_on_campaign,
    approve_campaign,
    change_caps,
    create_campaign,
    planned_money,
    reject_campaign,
    start_campaign,
)
from bagfill.steps.services import CampaignRules, Services
from bagfill.storage.location import Location, Provider
from campaign_world import NAME, CampaignWorld

PRICES = Path(__file__).parents[3] / "include" / "config" / "prices"
S = CampaignState


@pytest.fixture
def world() -> CampaignWorld:
    made = CampaignWorld()
    made.bag()
    return made


def priced(world: CampaignWorld, **changes: Any) -> Services:
    tables = {"primary": "aws-us-east-1", "azure": "azure-eastus2"}
    return world.services(prices=lambda name: find_price_table(tables[name], PRICES), **changes)


def draft(services: Services, caps: Caps | None = None, **definition: Any) -> Campaign:
    what = Definition(**{"scope": Scope(), "destination": "azure", **definition})
    return create_campaign(services, NAME, what, caps or Caps(), who="ada")


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"destination": "moon"}, "destination: found 'moon', configured locations are azure, primary"),
        ({"destination": "primary"}, "destination: 'primary' is configured for reading only"),
        ({"source": "moon"}, "source: found 'moon'"),
        ({"source": "azure"}, "source: 'azure' is also the destination"),
        ({"thaw_tier": "Fast"}, "thaw tier: found 'Fast', allowed are Expedited, Standard, Bulk"),
        ({"thaw_days": 0}, "thaw days: found 0, allowed are 1 to 365"),
        ({"scope": Scope(bags=("nonsense",))}, "scope: found 'nonsense', needed is SPACE/ID"),
        ({"scope": Scope(bags=("digitised/b9",))}, "scope: bag digitised/b9 is not known"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    world: CampaignWorld, definition: dict[str, Any], said: str
) -> None:
    with pytest.raises(CampaignError) as caught:
        draft(world.services(), **definition)
    assert any(problem.startswith(said) for problem in caught.value.problems), caught.value.problems
    assert world.campaigns.all() == []


def test_a_deadline_that_is_over_and_a_name_that_is_none_are_refused_together(world: CampaignWorld) -> None:
    with pytest.raises(CampaignError) as caught:
        create_campaign(
            world.services(), "Azure 2026", Definition(Scope(), "azure", deadline=world.clock()), Caps(), who="ada"
        )
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["name", "deadline"]


def test_starting_plans_and_runs_and_the_plan_is_kept(world: CampaignWorld) -> None:
    services = priced(world)
    draft(services, Caps(money=Decimal(100)))
    started = start_campaign(services, NAME, who="ada")
    assert started.campaign.state is S.RUNNING
    assert started.planned.money is not None
    assert planned_money(services, NAME) == started.planned.money
    assert started.planned.plan.collection.bag_versions == 1
    with pytest.raises(CampaignError, match="only a draft is started"):
        start_campaign(services, NAME, who="ada")


def test_above_the_configured_amount_a_person_must_approve(world: CampaignWorld) -> None:
    services = priced(world, campaign_rules=CampaignRules(approval_above=Decimal(0)))
    draft(services, unknown_prices=True)
    # The plan of a bag of some hundred bytes comes to nothing, in cents.
    assert start_campaign(services, NAME, who="ada").campaign.state is S.RUNNING

    unknown = world.services(campaign_rules=CampaignRules(approval_above=Decimal(1000)))
    create_campaign(unknown, "dear", Definition(Scope(), "azure"), Caps(), who="ada")
    waiting = start_campaign(unknown, "dear", who="ada").campaign
    assert (waiting.state, waiting.why) == (
        S.AWAITING_APPROVAL,
        "the plan comes to an unknown amount, approval is needed above 1000",
    )
    with pytest.raises(CampaignError, match="started with bagfill campaign start"):
        act_on_campaign(unknown, "dear", "resume", who="ada")
    assert reject_campaign(unknown, "dear", who="bob").state is S.DRAFT
    start_campaign(unknown, "dear", who="ada")
    assert approve_campaign(unknown, "dear", who="bob").state is S.RUNNING
    with pytest.raises(CampaignError, match="does not wait for approval"):
        approve_campaign(unknown, "dear", who="bob")
    assert [event.who for event in world.campaigns.events("dear")] == ["ada", "ada", "bob", "ada", "bob"]


def test_a_cap_of_money_does_not_start_on_unknown_prices_unless_told(world: CampaignWorld) -> None:
    services = world.services()
    draft(services, Caps(money_a_day=Decimal(5)))
    with pytest.raises(CampaignError, match="unknown are: primary: no price table"):
        start_campaign(services, NAME, who="ada")
    assert world.campaign().state is S.DRAFT
    create_campaign(
        services, "told", Definition(Scope(), "azure", unknown_prices=True), Caps(money=Decimal(5)), who="ada"
    )
    assert start_campaign(services, "told", who="ada").campaign.state is S.RUNNING


def test_a_table_in_another_currency_counts_as_unknown(world: CampaignWorld) -> None:
    def euros(name: str) -> PriceTable:
        return replace(find_price_table("aws-us-east-1", PRICES), currency="EUR", bytes_per_gb=1)

    services = world.services(prices=euros)
    draft(services, Caps(money=Decimal(5)))
    with pytest.raises(CampaignError, match=r"prices in USD \(a table has EUR\)"):
        start_campaign(services, NAME, who="ada")


@pytest.mark.parametrize("action", ["pause", "resume", "drain", "cancel"])
def test_each_action_can_be_repeated_and_says_who_did_it(world: CampaignWorld, action: str) -> None:
    services = world.services()
    world.run()
    if action == "resume":
        world.move(S.PAUSED)
    first = act_on_campaign(services, NAME, action, who="bob", why="night")
    assert act_on_campaign(services, NAME, action, who="bob") == first
    last = world.campaigns.events(NAME)[-1]
    assert (last.who, last.what.partition(": ")[2]) == ("bob", "night")


def test_what_may_not_follow_is_said_in_words(world: CampaignWorld) -> None:
    services = world.services()
    with pytest.raises(UnknownCampaign, match="no campaign is named 'azure-2026'"):
        act_on_campaign(services, NAME, "pause", who="ada")
    world.run()
    world.move(S.CANCELLED)
    with pytest.raises(CampaignError, match="nothing: it has ended"):
        act_on_campaign(services, NAME, "resume", who="ada")
    with pytest.raises(CampaignError, match="its caps count no more"):
        change_caps(services, NAME, Caps(), who="ada")


def test_a_finished_campaign_reports_planned_against_actual(world: CampaignWorld) -> None:
    services = priced(world)
    draft(services, deadline=world.clock() + timedelta(days=1))
    start_campaign(services, NAME, who="ada")
    world.clock.advance(timedelta(hours=2))
    assert world.backfill().succeeded
    world.move(S.DONE)
    report = campaign_report(services, world.campaign())
    document = report.to_json()["planned_against_actual"]
    files = sum(map(len, world.at_destination("digitised/b1/v1").values()))
    assert document["bytes"] == {"planned": files, "actual": files}
    assert document["money"]["actual"] == "8"
    assert document["money"]["planned"] is not None
    assert document["requests"]["planned"] > 0
    assert document["seconds"]["actual"] == 7200
    assert report.ingests == {"succeeded": 1}
    assert report.spent[ActKind.COPY].money == 8
    assert (report.open_bookings, report.is_late) == (0, False)
    assert report.ended == world.clock()


def test_a_campaign_whose_deadline_is_over_is_late(world: CampaignWorld) -> None:
    world.run(deadline=world.clock() + timedelta(hours=1))
    assert not campaign_report(world.services(), world.campaign()).is_late
    world.clock.advance(timedelta(hours=2))
    assert campaign_report(world.services(), world.campaign()).is_late


def test_the_preferred_source_is_read_where_a_bag_is_there_and_the_primary_elsewhere(world: CampaignWorld) -> None:
    world.locations["second"] = Location("second", Provider.AMAZON_S3, "second")
    world.run(source="second")
    assert world.backfill().succeeded
    assert [ingest.source for ingest in world.ingests.recent()] == ["primary"]
