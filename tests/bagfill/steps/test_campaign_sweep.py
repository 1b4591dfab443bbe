"""What a campaign starts, when it is done, and that it needs nobody's memory but the registry's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.model import Scope
from bagfill.campaigns.states import CampaignState
from bagfill.planning.budget import Caps
from bagfill.planning.order import Order
from bagfill.steps.campaign_sweep import CampaignStarts, campaign_starts
from bagfill.steps.carry_campaigns import carry_campaigns
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.shipments import Shipment, ShipmentRecords
from bagfill.steps.sweep_candidates import SweepStart
from bagfill.storage.faults import Fault, FaultKind
from campaign_world import NAME, CampaignWorld
from world import bag_files

S = CampaignState


@pytest.fixture
def world() -> CampaignWorld:
    made = CampaignWorld()
    for number, name in enumerate(("digitised/c", "digitised/b", "born/a")):
        payload = {f"{n}.txt": b"x" * (100 * number + 10) for n in range(2)}
        made.add(f"{name}/v1", bag_files(BagId.parse(name), payload))
        made.clock.advance(timedelta(days=1))
    return made


def starts(world: CampaignWorld, limit: int = 100) -> CampaignStarts:
    return campaign_starts(world.services(), world.campaign(), limit=limit)


def names(found: CampaignStarts) -> list[str]:
    return [start.bag for start in found.starts]


def test_a_campaign_starts_the_bags_of_its_scope_under_its_own_name(world: CampaignWorld) -> None:
    world.run(scope=Scope(spaces=("digitised",)), thaw_tier="Bulk", thaw_days=9)
    found = starts(world)
    assert names(found) == ["digitised/c", "digitised/b"]
    for start in found.starts:
        request = BackfillRequest.parse(world.services(), start.run_id, start.fields)
        assert (request.campaign, request.thaw_tier, request.thaw_days) == (NAME, "Bulk", 9)


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        (Scope(), ["born/a", "digitised/b", "digitised/c"]),
        (Scope(bags=("born/a", "digitised/c")), ["born/a", "digitised/c"]),
        (Scope(prefix="digitised/"), ["digitised/b", "digitised/c"]),
        (Scope(spaces=("born",), prefix="digitised/"), []),
    ],
)
def test_a_scope_is_everything_that_is_missing_narrowed(world: CampaignWorld, scope: Scope, held: list[str]) -> None:
    world.run(scope=scope)
    assert sorted(names(starts(world))) == held


@pytest.mark.parametrize(
    ("order", "first"), [(Order.SMALLEST_FIRST, "digitised/c"), (Order.OLDEST_FIRST, "digitised/c")]
)
def test_bags_go_in_the_campaign_s_order_as_many_as_there_is_room_for(
    world: CampaignWorld, order: Order, first: str
) -> None:
    world.run(order=order, caps=Caps(runs_at_once=2))
    found = starts(world)
    assert names(found)[0] == first
    assert (len(found.starts), found.waiting) == (2, 1)
    opened = BackfillRequest.parse(world.services(), "r1", found.starts[0].fields)
    open_ingests(world.services(), opened)
    again = starts(world)
    assert (len(again.starts), again.running) == (1, 1)


def test_a_campaign_is_done_when_nothing_of_its_scope_is_missing(world: CampaignWorld) -> None:
    world.run(scope=Scope(bags=("born/a",)))
    assert starts(world, limit=0).campaign.state is S.RUNNING
    assert world.backfill("born/a").succeeded
    assert starts(world).campaign.state is S.DONE
    assert starts(world).starts == ()


def test_what_needs_a_person_keeps_a_campaign_from_being_done_and_draining_ends_it(world: CampaignWorld) -> None:
    world.run(scope=Scope(bags=("born/a",)))
    world.source.put_unconditionally("born/a/v1/data/0.txt", b"other")
    assert not world.backfill("born/a").succeeded
    found = starts(world)
    assert (found.campaign.state, found.starts) == (S.RUNNING, ())
    assert list(found.left_alone.kinds) == ["needs a person"]
    world.move(S.DRAINING)
    assert starts(world).campaign.state is S.DONE


def test_a_drain_waits_for_what_is_in_work(world: CampaignWorld) -> None:
    world.run()
    open_ingests(world.services(), world.request("born/a", "r1", campaign=NAME))
    world.move(S.DRAINING)
    found = starts(world)
    assert (found.campaign.state, found.starts, found.running) == (S.DRAINING, (), 1)


@pytest.mark.parametrize("state", [S.PAUSED, S.STOPPED_AT_CAP, S.CANCELLED])
def test_a_halted_campaign_starts_nothing(world: CampaignWorld, state: CampaignState) -> None:
    world.run()
    world.move(state)
    assert (starts(world).starts, starts(world).campaign.state) == ((), state)


def test_a_bag_that_was_halted_is_started_again_and_has_not_failed(world: CampaignWorld) -> None:
    world.run(scope=Scope(bags=("born/a",)))
    for number in range(7):
        world.move(S.PAUSED)
        assert not world.backfill("born/a", request=f"r{number}").succeeded
        world.move(S.RUNNING)
    (start,) = starts(world).starts
    assert start.run_id.endswith("__a8")


class Workflow:
    """A workflow system that can be lost: it knows which runs it started, and nothing else."""

    def __init__(self, world: CampaignWorld) -> None:
        self.world = world
        self.seen: set[str] = set()

    def bag(self, start: SweepStart) -> bool:
        if start.run_id in self.seen:
            return False
        self.seen.add(start.run_id)
        self.world.backfill(start.bag, request=start.run_id)
        return True

    def shipment(self, shipment: Shipment) -> bool:
        for number in range(shipment.parcels):
            for bag in ShipmentRecords(self.world.services().work).bags(shipment.id, number):
                self.world.backfill(bag.bag, request=bag.request_id(shipment.id))
        return True


def test_a_campaign_goes_on_after_the_workflow_system_lost_its_database(world: CampaignWorld) -> None:
    world.limits = replace(world.limits, parcel_bags=0)
    world.run(caps=Caps(runs_at_once=1))
    services: Any = world.services()
    for _ in range(3):
        # Each time a new one, which has never heard of any run.
        (carried,) = carry_campaigns(services, Workflow(world), limit=10)
        assert carried.swept.bags == 1
    (last,) = carry_campaigns(services, Workflow(world), limit=10)
    assert last.campaign.state is S.DONE
    assert all(world.is_registered(f"{bag}/v1") for bag in ("born/a", "digitised/b", "digitised/c"))
    assert list(carry_campaigns(services, Workflow(world), limit=10)) == []


def test_small_bags_of_a_campaign_share_parcels_and_its_budget(world: CampaignWorld) -> None:
    world.run()
    (carried,) = carry_campaigns(world.services(), Workflow(world), limit=10)
    assert (carried.swept.shipments, carried.swept.bags) == (1, 3)
    assert {ingest.campaign for ingest in world.ingests.recent()} == {NAME}
    assert world.money() == sum(
        len(world.at_destination(f"{bag}/v1")) for bag in ("born/a", "digitised/b", "digitised/c")
    )


def test_thaws_are_asked_for_first_and_warm_bags_fill_the_other_half_of_the_room(world: CampaignWorld) -> None:
    for number in range(4):
        name = f"digitised/frozen{number}"
        world.add(f"{name}/v1", bag_files(BagId.parse(name), {"0.txt": b"ice" * 300}))
        world.archive(f"{name}/v1", "data/0.txt")
    world.run()
    found = starts(world, limit=4)
    assert names(found) == ["digitised/frozen0", "digitised/frozen1", "digitised/c", "digitised/b"]
    assert [start.own_run for start in found.starts] == [True, True, False, False]
    assert found.waiting == 3


def test_where_nothing_is_warm_all_the_room_is_for_thaws_and_the_other_way_round(world: CampaignWorld) -> None:
    world.run()
    assert len(starts(world, limit=3).starts) == 3
    for bag in ("born/a", "digitised/b", "digitised/c"):
        world.archive(f"{bag}/v1", "data/0.txt")
    found = starts(world, limit=3)
    assert [start.own_run for start in found.starts] == [True, True, True]


def test_a_source_that_cannot_be_listed_holds_up_no_start(world: CampaignWorld) -> None:
    world.run()
    services = world.services(source=lambda *_: Fault(FaultKind.REFUSE))
    assert len(campaign_starts(services, world.campaign(), limit=9).starts) == 3
