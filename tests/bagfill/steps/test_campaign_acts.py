"""What a budget does to a bag in the middle of its way: it stops whole, and goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bagfill.campaigns.ledger import Act
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.ingests.reasons import Reason
from bagfill.planning.budget import Caps, Spend
from bagfill.steps.act_costs import UnpricedActs
from bagfill.steps.close_ingest import close_ingests
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.storage.faults import Decide, Fault, FaultKind, Killed
from campaign_world import NAME, CampaignWorld, planned

V1 = "digitised/b1/v1"


@pytest.fixture
def world() -> CampaignWorld:
    return CampaignWorld()


def after(calls: int, act: Callable[[], object]) -> Decide:
    """At the destination: does something before this object is created."""
    seen = 0

    def decide(operation: str, key: str) -> Fault | None:
        nonlocal seen
        if operation == "create":
            seen += 1
            if seen == calls:
                act()
        return None

    return decide


def test_a_campaign_pays_for_what_it_copied_and_the_ingest_says_whose_it_was(world: CampaignWorld) -> None:
    files = world.bag()
    world.run(caps=Caps(money=Decimal(len(files))))
    assert world.backfill().succeeded
    assert world.money() == len(files)
    assert world.campaign().account.total.bytes == sum(map(len, files.values()))
    assert [ingest.campaign for ingest in world.ingests.recent()] == [NAME]
    assert all(booking.actual is not None for booking in world.campaigns.bookings(NAME))


def test_a_cap_reached_in_the_middle_of_a_bag_stops_it_whole_and_it_goes_on_when_the_cap_is_raised(
    world: CampaignWorld,
) -> None:
    files = world.bag()
    world.run(caps=Caps(money=Decimal(5)))
    stopped = world.backfill()
    assert [ingest.reason for ingest in stopped.closed] == ["campaign-halted"]
    assert "cap reached: money is 5, booked are 4, needed are 4 more" in stopped.closed[0].message
    assert world.campaign().state is CampaignState.STOPPED_AT_CAP
    assert not world.is_registered(V1)
    assert len(world.at_destination(V1)) == 4

    world.raise_cap(Caps(money=Decimal(len(files))))
    assert world.backfill(request="r2").succeeded
    assert world.is_registered(V1)
    assert world.at_destination(V1) == files
    # What was there already was compared, and not paid again.
    assert world.money() == len(files)


def test_a_stopped_campaign_opens_nothing_and_says_so_in_an_ingest(world: CampaignWorld) -> None:
    world.bag()
    world.run()
    world.move(CampaignState.PAUSED)
    result = world.backfill()
    assert [ingest.reason for ingest in result.closed] == ["campaign-halted"]
    (ingest,) = world.ingests.recent()
    assert ingest.reason is Reason.CAMPAIGN_HALTED
    assert "is paused: because" in ingest.events[-1].description
    assert world.registry.claim_of(ingest.bag_version, "azure") is None
    assert world.money() == 0


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.CANCELLED])
def test_a_running_copy_stops_when_its_campaign_does_and_keeps_what_it_has(
    world: CampaignWorld, state: CampaignState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bagfill.steps.campaign_watch.SECONDS", 0.0)
    world.bag()
    world.run()
    result = world.backfill(destination=after(2, lambda: world.move(state)))
    assert [ingest.reason for ingest in result.closed] == ["campaign-halted"]
    assert f"is {state}: because" in result.closed[0].message
    assert not world.is_registered(V1)
    assert len(world.at_destination(V1)) == 2
    assert world.money() == 2


def test_a_paused_bag_goes_on_in_the_same_ingest_when_the_campaign_does(
    world: CampaignWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bagfill.steps.campaign_watch.SECONDS", 0.0)
    files = world.bag()
    world.run()
    plan = planned(world)
    shard = ShardRef(plan.ingest, 0)
    paused = copy_shard(world.services(destination=after(2, lambda: world.move(CampaignState.PAUSED))), shard)
    assert isinstance(paused, StepFailed)
    assert (paused.reason, paused.retryable) == (Reason.CAMPAIGN_HALTED, True)
    assert isinstance(copy_shard(world.services(), shard), StepFailed)
    world.move(CampaignState.RUNNING)
    for index in range(plan.copy_shards):
        assert not isinstance(copy_shard(world.services(), ShardRef(plan.ingest, index)), StepFailed)
    assert len(world.at_destination(V1)) == len(files)


def test_a_day_s_cap_says_when_it_goes_on_and_the_campaign_keeps_running(world: CampaignWorld) -> None:
    world.bag()
    world.run(caps=Caps(money_a_day=Decimal(4)))
    plan = planned(world)
    first, second = (copy_shard(world.services(), ShardRef(plan.ingest, index)) for index in range(2))
    assert not isinstance(first, StepFailed)
    assert isinstance(second, StepFailed)
    assert second.again == world.clock().replace(hour=0, minute=0) + timedelta(days=1)
    assert world.campaign().state is CampaignState.RUNNING
    world.clock.now = second.again
    assert not isinstance(copy_shard(world.services(), ShardRef(plan.ingest, 1)), StepFailed)


def test_a_task_killed_between_booking_and_copy_books_once(
    world: CampaignWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bag()
    world.run()
    plan = planned(world)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(world.campaigns, "begin", die)
        with pytest.raises(Killed):
            copy_shard(world.services(), ShardRef(plan.ingest, 0))
    assert world.money() == 4
    assert not isinstance(copy_shard(world.services(), ShardRef(plan.ingest, 0)), StepFailed)
    assert [booking.round for booking in world.campaigns.bookings(NAME)] == [1]
    assert world.money() == 4


def test_a_task_killed_in_the_middle_of_a_shard_counts_beside_its_second_try(world: CampaignWorld) -> None:
    world.bag()
    world.run()
    plan = planned(world)
    shard = ShardRef(plan.ingest, 0)
    kill = Fault(FaultKind.KILL_AFTER)
    calls = iter([None, kill])

    def decide(operation: str, key: str) -> Fault | None:
        return next(calls) if operation == "create" else None

    services = world.services(destination=decide)
    # A process that is killed settles nothing.
    dead = replace(services, campaigns=_Mute(world.campaigns))
    with pytest.raises(Killed):
        copy_shard(dead, shard)
    assert not isinstance(copy_shard(world.services(), shard), StepFailed)
    first, second = world.campaigns.bookings(NAME)
    assert int(first.counts.money) == 4
    # Two files were there by then.
    assert int(second.counts.money) == 2


class _Mute:
    def __init__(self, campaigns: object) -> None:
        self._campaigns = campaigns

    def __getattr__(self, name: str) -> object:
        return (lambda *_: False) if name == "settle" else getattr(self._campaigns, name)


def test_two_campaigns_over_the_same_bag_pay_for_it_once(world: CampaignWorld) -> None:
    files = world.bag()
    world.run()
    world.run("other")
    plan = planned(world)
    refused = world.backfill(name="other", request="r2")
    assert [ingest.reason for ingest in refused.closed] == ["already-running"]
    assert {ingest.campaign: ingest.reason for ingest in world.ingests.recent()} == {
        NAME: None,
        "other": Reason.ALREADY_RUNNING,
    }
    for index in range(plan.copy_shards):
        assert not isinstance(copy_shard(world.services(), ShardRef(plan.ingest, index)), StepFailed)
    assert (world.money(), world.money("other")) == (len(files), 0)


def test_an_unknown_price_refuses_under_a_cap_of_money_unless_the_campaign_says_otherwise(world: CampaignWorld) -> None:
    world.bag()
    world.run(caps=Caps(money=Decimal(1)))
    refused = world.backfill(act_costs=UnpricedActs())
    assert [ingest.reason for ingest in refused.closed] == ["price-unknown"]
    assert "primary: no price table" in refused.closed[0].message
    assert world.at_destination(V1) == {}

    world.run("told", caps=Caps(money=Decimal(1)), unknown_prices=True)
    assert world.backfill(name="told", request="r2", act_costs=UnpricedActs()).succeeded


def test_without_a_cap_of_money_no_price_is_needed(world: CampaignWorld) -> None:
    world.bag()
    world.run(caps=Caps(bytes_a_day=10**9))
    assert world.backfill(act_costs=UnpricedActs()).succeeded


def test_prices_in_another_currency_are_unknown(world: CampaignWorld) -> None:
    world.bag()
    world.run(caps=Caps(money=Decimal(1000)), currency="EUR")
    refused = world.backfill()
    assert [ingest.reason for ingest in refused.closed] == ["price-unknown"]
    assert "prices in EUR (the table has USD)" in refused.closed[0].message


def test_an_ingest_that_ends_leaves_no_booking_open(world: CampaignWorld) -> None:
    world.bag()
    world.run()
    plan = planned(world)
    act = Act(plan.ingest.ingest_id, ActKind.COPY, "9", Spend(Decimal(7)))
    world.campaigns.permit(NAME, act)
    close_ingests(world.services(), "r1")
    assert [booking.actual for booking in world.campaigns.bookings(NAME)] == [act.spend]


def test_a_bag_without_a_campaign_is_asked_for_nothing(world: CampaignWorld) -> None:
    world.bag()
    ref = planned_without(world)
    assert not isinstance(copy_shard(world.services(act_costs=UnpricedActs()), ShardRef(ref, 0)), StepFailed)
    assert world.campaigns.all() == []


def planned_without(world: CampaignWorld) -> IngestRef:
    opened = open_ingests(world.services(), world.request("digitised/b1"))
    assert isinstance(opened, OpenedIngests)
    plan = plan_replication(world.services(), opened.refs[0])
    assert isinstance(plan, PlanSummary)
    return plan.ingest
