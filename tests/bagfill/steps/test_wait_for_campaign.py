"""Looking whether a campaign goes on keeps the claim, and never waits for one that has ended."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bagfill.campaigns.states import CampaignState
from bagfill.ingests.reasons import Reason
from bagfill.planning.budget import Caps
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import plan_replication
from bagfill.steps.wait_for_campaign import poll_campaign
from campaign_world import NAME, CampaignWorld


@pytest.fixture
def world() -> CampaignWorld:
    made = CampaignWorld()
    made.bag()
    return made


def opened(world: CampaignWorld) -> IngestRef:
    made = open_ingests(world.services(), world.request("digitised/b1", campaign=NAME))
    assert isinstance(made, OpenedIngests)
    return made.refs[0]


def test_it_waits_through_a_pause_and_keeps_the_claim(world: CampaignWorld) -> None:
    world.run()
    ref = opened(world)
    assert poll_campaign(world.services(), ref) is True
    world.move(CampaignState.PAUSED)
    for _ in range(4):
        world.clock.advance(world.limits.lease / 2)
        assert poll_campaign(world.services(), ref) is False
    claim = world.registry.claim_of(ref.id, "azure")
    assert claim is not None
    assert claim.expires > world.clock()
    world.move(CampaignState.RUNNING)
    assert poll_campaign(world.services(), ref) is True


def test_it_waits_at_a_cap_until_it_is_raised(world: CampaignWorld) -> None:
    world.run(caps=Caps(money=Decimal(1)))
    ref = opened(world)
    plan_replication(world.services(), ref)
    assert isinstance(copy_shard(world.services(), ShardRef(ref, 0)), StepFailed)
    assert poll_campaign(world.services(), ref) is False
    world.raise_cap(Caps(money=Decimal(100)))
    assert poll_campaign(world.services(), ref) is True
    assert not isinstance(copy_shard(world.services(), ShardRef(ref, 0)), StepFailed)


def test_a_cancelled_campaign_is_not_waited_for(world: CampaignWorld) -> None:
    world.run()
    ref = opened(world)
    world.move(CampaignState.CANCELLED)
    answer = poll_campaign(world.services(), ref)
    assert isinstance(answer, StepFailed)
    assert (answer.reason, "is cancelled: because" in answer.message) == (Reason.CAMPAIGN_HALTED, True)


def test_a_run_that_lost_its_claim_does_not_wait_for_its_campaign(world: CampaignWorld) -> None:
    world.run()
    ref = opened(world)
    world.clock.advance(world.limits.lease + timedelta(seconds=1))
    world.registry.acquire(ref.id, "azure", holder="another", lease=world.limits.lease)
    answer = poll_campaign(world.services(), ref)
    assert isinstance(answer, StepFailed)
    assert answer.reason is Reason.CLAIM_LOST
