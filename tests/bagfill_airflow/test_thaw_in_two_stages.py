"""The trigger over a bag that is archived whole: tag files, verdict, payload; with the core's own steps behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.services import Services
from bagfill.steps.wait_for_thaw import ThawState, poll_thaw
from bagfill_airflow import services as airflow_services
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.services import _Opened
from bagfill_airflow.triggers import thaw
from bagfill_airflow.triggers.thaw import ThawTrigger
from world import THAW_DELAY, World, bag_files, with_tag_file

BAG = BagId.parse("digitised/b1234")
V1 = "digitised/b1234/v1"
GOOD = bag_files(BAG, {"a.txt": b"alpha", "b.txt": b"beta"})
OXUM_TWICE = with_tag_file(GOOD, "bag-info.txt", GOOD["bag-info.txt"] + GOOD["bag-info.txt"].splitlines(True)[1])


def event_of(files: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> tuple[World, dict[str, Any]]:
    """What the trigger reports, when each look comes after the time of a thaw."""
    world = World()
    world.add(V1, files)
    world.archive(V1, *files)
    services = world.services()
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    assert isinstance(plan_replication(services, opened.refs[0]), PlanSummary)
    assert isinstance(request_thaw(services, opened.refs[0]), ThawSummary)

    async def _open() -> _Opened:
        return _Opened(nullcontext(services), services, time.monotonic())

    def later(services: Services, ref: IngestRef, *, shard: int | None) -> ThawState | StepFailed:
        world.clock.advance(THAW_DELAY)
        return poll_thaw(services, ref, shard=shard)

    monkeypatch.setattr(airflow_services, "_open", _open)
    monkeypatch.setattr(thaw, "poll_thaw", later)
    trigger = ThawTrigger(
        opened=pack_ingests(opened.refs), places=[0], poll_seconds=0.01, longest_poll_seconds=0.02, tolerated=0
    )

    async def fire() -> dict[str, Any]:
        async for event in trigger.run():
            return dict(event.payload)
        raise AssertionError("the trigger did not fire")

    return world, asyncio.run(asyncio.wait_for(fire(), 120))


def paid(world: World) -> list[str]:
    return [key.removeprefix(f"{V1}/") for key, _, _ in world.source.thaw_requests]


def test_a_good_bag_is_readable_after_both_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    world, event = event_of(GOOD, monkeypatch)
    assert event == {"readable": [0], "failed": {}, "trouble": None}
    assert sorted(paid(world)) == sorted(GOOD)
    assert {"/" in path for path in paid(world)[-2:]} == {True}


def test_a_bag_that_cannot_pass_fails_for_good_without_its_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    world, event = event_of(OXUM_TWICE, monkeypatch)
    assert event["readable"] == []
    assert "OXUM-REPEATED" in event["failed"]["0"]
    assert not [path for path in paid(world) if "/" in path]
