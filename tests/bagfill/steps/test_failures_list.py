"""What needs a person is one list, and leaves it when the person has seen to it; lost runs are closed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.campaigns.states import CampaignState
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.registry.registry import Claim, ClaimLostError
from bagfill.steps.backfill import backfill
from bagfill.steps.campaign_sweep import campaign_starts
from bagfill.steps.close_abandoned import close_abandoned
from bagfill.steps.failures_list import command_for, failure_groups, needing_a_person, release_bag
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.sweep import find_unbackfilled
from bagfill.steps.sweep_candidates import SweepError
from bagfill.storage.faults import Fault, FaultKind
from campaign_world import NAME, CampaignWorld

B1, V1 = BagId.parse("digitised/b1"), BagVersionId.parse("digitised/b1/v1")


@pytest.fixture
def world() -> CampaignWorld:
    made = CampaignWorld()
    for name in ("digitised/b1", "digitised/b2", "digitised/b3"):
        made.bag(name)
    return made


def damage(world: CampaignWorld, bag: str) -> None:
    world.source.put_unconditionally(f"{bag}/v1/data/0.txt", b"other bytes")


def fail(world: CampaignWorld, bag: str, request: str, **services: Any) -> None:
    assert not backfill(world.services(**services), world.request(bag, request)).succeeded


def test_bags_are_grouped_by_reason_with_the_command_that_resolves_each(world: CampaignWorld) -> None:
    for number in (1, 2):
        damage(world, f"digitised/b{number}")
        fail(world, f"digitised/b{number}", f"r{number}")
        world.clock.advance(timedelta(hours=1))
    (group,) = failure_groups(world.services())
    assert (group.reason, group.bags) == (Reason.SOURCE_INCOMPLETE, 2)
    assert group.first_seen is not None
    assert group.last_seen == group.first_seen + timedelta(hours=1)
    commands = [command_for(each) for each in group.examples]
    assert commands[0] == (
        "bagfill validate digitised/b1/v1 --location primary; then bagfill retry digitised/b1 --to azure"
    )
    document = group.to_json()
    assert document["examples"][1]["command"] == commands[1]
    assert document["examples"][0]["attempts"] == 1


def test_a_command_can_be_copied_into_a_shell_whatever_the_bag_is_named(world: CampaignWorld) -> None:
    damage(world, "digitised/b1")
    fail(world, "digitised/b1", "r1")
    ((needs,),) = (group.examples for group in failure_groups(world.services()))
    odd = "digitised/a b; echo $(id) 'c'"
    command, then = command_for(replace(needs, bag=odd)).rsplit("; then ", 1)
    assert shlex.split(command)[2] == f"{odd}/v1"
    assert shlex.split(then) == ["bagfill", "retry", odd, "--to", "azure"]


def test_what_is_tried_again_by_itself_is_not_on_the_list(world: CampaignWorld) -> None:
    fail(world, "digitised/b1", "r1", source=lambda *_: Fault(FaultKind.REFUSE))
    assert failure_groups(world.services()) == ()
    (skipped,) = find_unbackfilled(world.services(), limit=10).skipped
    assert skipped.why == "tried again after 2026-05-01T12:05:00Z: source-unreadable"


def test_a_released_bag_is_tried_again_and_needs_a_person_again_if_it_fails_again(world: CampaignWorld) -> None:
    damage(world, "digitised/b1")
    fail(world, "digitised/b1", "r1")
    world.clock.advance(timedelta(minutes=1))
    release_bag(world.services(), B1, "azure", who="Ada", why="looked")
    assert list(needing_a_person(world.services())) == []
    assert "digitised/b1" in [start.bag for start in find_unbackfilled(world.services(), limit=10).starts]
    world.clock.advance(timedelta(minutes=1))
    fail(world, "digitised/b1", "r2")
    (needs,) = needing_a_person(world.services())
    assert (needs.bag, needs.attempts) == ("digitised/b1", 1)


def test_what_no_campaign_and_no_policy_knows_cannot_be_released(world: CampaignWorld) -> None:
    with pytest.raises(SweepError, match="configured locations are azure, primary"):
        release_bag(world.services(), B1, "moon", who="Ada")
    with pytest.raises(SweepError, match="no bag digitised/b9 is known"):
        release_bag(world.services(), BagId.parse("digitised/b9"), "azure", who="Ada")
    with pytest.raises(SweepError, match="configured locations are"):
        failure_groups(world.services(), destination="moon")


def test_bags_of_campaigns_are_listed_too_and_once(world: CampaignWorld) -> None:
    damage(world, "digitised/b1")
    world.run()
    world.run("other")
    assert not world.backfill().succeeded
    assert [each.bag for each in needing_a_person(world.services(policies=()))] == ["digitised/b1"]
    assert [each.bag for each in needing_a_person(world.services())] == ["digitised/b1"]


def opened(world: CampaignWorld, campaign: str | None = None) -> Any:
    made = open_ingests(world.services(), world.request("digitised/b1", "lost", campaign=campaign))
    assert isinstance(made, OpenedIngests)
    return made.refs[0]


def test_an_ingest_whose_run_was_lost_is_closed_when_its_claim_is_over(world: CampaignWorld) -> None:
    world.run()
    opened(world, NAME)
    assert close_abandoned(world.services()) == 0
    world.clock.advance(world.limits.lease + timedelta(seconds=1))
    assert close_abandoned(world.services()) == 1
    (ingest,) = world.ingests.recent()
    assert (ingest.status, ingest.reason) == (IngestStatus.FAILED, Reason.INTERRUPTED)
    assert close_abandoned(world.services()) == 0
    assert isinstance(world.registry.acquire(V1, "azure", holder="next", lease=world.limits.lease), Claim), (
        "the claim was left behind"
    )


def test_a_run_that_was_only_slow_is_refused_after_its_ingest_was_closed(world: CampaignWorld) -> None:
    ref = opened(world)
    claim = world.registry.claim_of(V1, "azure")
    assert claim is not None
    world.clock.advance(world.limits.lease * 2)
    assert close_abandoned(world.services()) == 1
    assert ref.ingest_id == claim.holder
    with pytest.raises(ClaimLostError):
        world.registry.heartbeat(claim, lease=world.limits.lease)


def test_an_ingest_that_lost_its_claim_to_another_is_closed_and_the_other_goes_on(world: CampaignWorld) -> None:
    opened(world)
    world.clock.advance(world.limits.lease * 2)
    taken = world.registry.acquire(V1, "azure", holder="another", lease=world.limits.lease)
    assert isinstance(taken, Claim)
    assert close_abandoned(world.services()) == 1
    world.registry.heartbeat(taken, lease=world.limits.lease)


def test_a_draining_campaign_is_not_held_up_by_a_lost_run(world: CampaignWorld) -> None:
    world.run()
    opened(world, NAME)
    world.move(CampaignState.DRAINING)
    assert campaign_starts(world.services(), world.campaign(), limit=9).campaign.state is CampaignState.DRAINING
    world.clock.advance(world.limits.lease * 2)
    close_abandoned(world.services())
    assert campaign_starts(world.services(), world.campaign(), limit=9).campaign.state is CampaignState.DONE
