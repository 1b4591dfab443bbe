"""Two triggerers hold the same waits: nothing is asked for (or paid) twice.

A triggerer that is killed while 200 bags wait: tests/e2e/test_triggerer_killed.py.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string

from bagfill.bag.identifiers import BagId
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.services import Services
from bagfill_airflow import services as airflow_services
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.services import _Opened
from bagfill_airflow.triggers.thaw import ThawTrigger
from world import THAW_DELAY, World, bag_files

BAGS = 20


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Bags, each with one archived file that was asked for."""
    made = World()
    made.limits = replace(made.limits, looks_per_second=1e6)
    for number in range(BAGS):
        bag = BagId.parse(f"cold/{number}")
        made.put(f"{bag}/v1", bag_files(bag, {"tape.wav": b"%d" % number}))
    assert import_location(made.services(), "primary").is_clean
    for number in range(BAGS):
        made.archive(f"cold/{number}/v1", "data/tape.wav")

    async def _open() -> _Opened:
        services: Services = made.services()
        return _Opened(nullcontext(services), services, time.monotonic())

    monkeypatch.setattr(airflow_services, "_open", _open)
    return made


@pytest.fixture
def refs(world: World) -> list[IngestRef]:
    services, refs = world.services(), []
    for number in range(BAGS):
        opened = open_ingests(services, world.request(f"cold/{number}", f"bag__{number}"))
        assert isinstance(opened, OpenedIngests)
        [ref] = opened.refs
        assert isinstance(plan_replication(services, ref), PlanSummary)
        assert request_thaw(services, ref) == ThawSummary(total=1, asked=1, in_progress=0, readable=0)
        refs.append(ref)
    return refs


def stored(ref: IngestRef) -> str:
    """What Airflow's database keeps of a trigger."""
    trigger = ThawTrigger(opened=pack_ingests([ref]), places=[0], poll_seconds=0.01, longest_poll_seconds=0.05)
    return json.dumps(trigger.serialize())


async def wait(text: str) -> dict[str, Any]:
    """A triggerer picks a trigger up and runs it to its end."""
    path, arguments = json.loads(text)
    [event] = [event async for event in import_string(path)(**arguments).run()]
    return dict(event.payload)


async def test_two_triggerers_that_both_hold_a_wait_ask_for_nothing_twice(world: World, refs: list[IngestRef]) -> None:
    """For a while the new one and a hung old one may run the same triggers."""
    database = [stored(ref) for ref in refs]
    both = [asyncio.create_task(wait(text)) for text in (*database, *database)]
    await asyncio.wait(both, timeout=0.5)
    world.clock.advance(THAW_DELAY)
    events = await asyncio.gather(*both)
    assert all(event["readable"] == [0] for event in events)
    assert len(world.source.thaw_requests) == BAGS
