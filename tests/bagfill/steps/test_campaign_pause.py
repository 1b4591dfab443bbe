"""Without a workflow system a halt is sat out in the process: the ingest goes on, in the middle of a large file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.states import CampaignState
from bagfill.planning.budget import Caps, DayHours
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.campaign_pause import wait_while_paused
from bagfill.storage.faults import Fault
from campaign_world import NAME, CampaignWorld
from world import bag_files

MIB = 1024 * 1024
V1 = "digitised/film/v1"
BLOCKS = 8
S = CampaignState


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> CampaignWorld:
    """One bag with one file of eight blocks."""
    monkeypatch.setattr("bagfill.steps.campaign_watch.SECONDS", 0.0)
    made = CampaignWorld()
    made.limits = replace(made.limits, shard_bytes=64 * MIB, concurrency=1)
    made.add(V1, bag_files(BagId.parse("digitised/film"), {"film.mxf": bytes(range(256)) * (BLOCKS * 4096)}))
    return made


def run(
    world: CampaignWorld, at_block: Callable[[], object], while_waiting: Callable[[], object]
) -> tuple[BackfillResult, Counter[str], list[str]]:
    """A backfill in which something happens at the third block, and something at each look while it waits."""
    calls: Counter[str] = Counter()
    told: list[str] = []

    def decide(operation: str, _: str) -> Fault | None:
        calls[operation] += 1
        if operation == "stage block" and calls[operation] == 3:
            at_block()
        return None

    def sleep(seconds: float) -> None:
        world.clock.advance(timedelta(seconds=seconds))
        while_waiting()

    request = world.request("digitised/film", "r1", campaign=NAME)
    services = world.services(destination=decide)
    result = backfill(services, request, poll_seconds=600, sleep=sleep, halted=told.append)
    return result, calls, told


def test_a_pause_in_the_middle_of_a_large_file_loses_no_block(world: CampaignWorld) -> None:
    world.run()
    looks = iter(range(9))

    def resume_at_the_fifth_look() -> None:
        assert not world.is_registered(V1)
        if next(looks) == 4:
            world.move(S.RUNNING)

    result, calls, told = run(world, lambda: world.move(S.PAUSED), resume_at_the_fifth_look)

    assert result.succeeded
    assert len(world.ingests.recent()) == 1
    assert calls["stage block"] <= BLOCKS + 1
    assert told == [f"{V1} to azure: campaign {NAME} is paused: because."]


@pytest.mark.parametrize("state", [S.CANCELLED, S.DRAINING])
def test_a_pause_may_end_in_any_way(world: CampaignWorld, state: CampaignState) -> None:
    world.run()
    result, *_ = run(world, lambda: world.move(S.PAUSED), lambda: world.move(state))
    assert result.succeeded == (state is S.DRAINING)
    assert world.is_registered(V1) == result.succeeded
    claim = world.registry.claim_of(BagId.parse("digitised/film").version(1), "azure")
    assert claim is None or claim.expires <= world.clock()


def test_a_cap_that_a_person_must_raise_is_not_waited_for(world: CampaignWorld) -> None:
    world.run(caps=Caps(money=Decimal(1)))
    result, _, told = run(world, lambda: None, lambda: pytest.fail("waited"))
    assert [ingest.reason for ingest in result.closed] == ["campaign-halted"]
    assert told == []


def test_closed_hours_are_waited_for(world: CampaignWorld) -> None:
    world.run(caps=Caps(hours=DayHours(22, 6)))
    assert 6 <= world.clock().hour < 22
    result, _, told = run(world, lambda: None, lambda: None)
    assert result.succeeded
    assert world.clock().hour >= 22
    assert len(told) == 1


def test_a_day_s_cap_is_waited_for(world: CampaignWorld) -> None:
    world.add("digitised/b1/v1", bag_files(BagId.parse("digitised/b1"), {"1.txt": b"1"}))
    files = len(world.source.keys(f"{V1}/"))
    world.run(caps=Caps(money_a_day=Decimal(files)))
    assert world.backfill().succeeded
    today = world.clock().date()
    result, *_ = run(world, lambda: None, lambda: None)
    assert result.succeeded
    assert world.clock().date() == today + timedelta(days=1)


def test_between_two_bags_a_pause_is_waited_out_and_told_once(world: CampaignWorld) -> None:
    world.run()
    world.move(S.PAUSED)
    told: list[str] = []
    looks: list[None] = []

    def look() -> None:
        looks.append(None)
        if len(looks) == 3:
            world.move(S.RUNNING)

    campaign = wait_while_paused(world.services(), NAME, look, told.append)
    assert campaign is not None
    assert (campaign.state, len(looks), told) == (S.RUNNING, 3, [f"campaign {NAME} is paused: because"])
    assert wait_while_paused(world.services(), "nobody", look, told.append) is None
