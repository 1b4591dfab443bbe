"""The trigger waits for a campaign: it fires once, and can be started over at any moment."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from airflow.sdk.module_loading import import_string

from bagfill.ingests.reasons import Reason
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill_airflow import services as airflow_services
from bagfill_airflow.services import _Opened
from bagfill_airflow.triggers import campaign
from bagfill_airflow.triggers.campaign import CampaignTrigger

REF = IngestRef("00000000-0000-0000-0000-000000000001", "s/b/v1", "a", "z", 1, "Standard", 1, "azure-2026")


class Opening(AbstractContextManager[Services]):
    def __enter__(self) -> Services:
        return cast("Services", self)

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _opening(monkeypatch: pytest.MonkeyPatch) -> None:
    async def opened() -> _Opened:
        manager = Opening()
        return _Opened(manager, manager.__enter__(), time.monotonic())

    monkeypatch.setattr(airflow_services, "_open", opened)


def script(monkeypatch: pytest.MonkeyPatch, *answers: bool | StepFailed | Exception) -> list[IngestRef]:
    """Let the looks be answered so; the last answer stays."""
    asked: list[IngestRef] = []

    def answer(_: Services, ref: IngestRef) -> bool | StepFailed:
        asked.append(ref)
        found = answers[min(len(asked), len(answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(campaign, "poll_campaign", answer)
    return asked


async def fired(again: datetime | None = None, tolerated: int = 2) -> dict[str, Any]:
    text = None if again is None else again.isoformat()
    trigger = CampaignTrigger(ref=REF.to_json(), again=text, poll_seconds=0.01, tolerated=tolerated)
    events = [event async for event in trigger.run()]
    assert len(events) == 1
    return dict(json.loads(json.dumps(events[0].payload)))


def test_it_is_started_over_from_what_it_serialises() -> None:
    path, arguments = CampaignTrigger(ref=REF.to_json(), again=None).serialize()
    assert import_string(path)(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)


async def test_it_fires_when_the_campaign_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = script(monkeypatch, False, False, True)
    assert await fired() == {"failed": None, "trouble": None}
    assert asked == [REF] * 3


async def test_it_does_not_fire_before_the_cap_of_a_day_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = script(monkeypatch, True)
    assert await fired(datetime.now(tz=UTC) + timedelta(seconds=0.2)) == {"failed": None, "trouble": None}
    assert len(asked) > 1


async def test_a_campaign_that_ended_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, False, StepFailed(Reason.CAMPAIGN_HALTED, "s/b/v1: cancelled."))
    event = await fired()
    assert "cancelled" in event["failed"]


async def test_trouble_is_borne_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ConnectionResetError("the database went away")
    script(monkeypatch, error, error, False, error, True)
    assert await fired() == {"failed": None, "trouble": None}
    script(monkeypatch, error)
    assert "the database went away" in (await fired())["trouble"]
