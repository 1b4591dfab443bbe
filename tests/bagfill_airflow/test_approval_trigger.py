"""The question to a person ends with the answer in Airflow, or with one that was given elsewhere."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from airflow.providers.standard.triggers.hitl import HITLTrigger
from airflow.sdk.module_loading import import_string
from airflow.triggers.base import TriggerEvent

from bagfill.campaigns.states import CampaignState
from bagfill.steps.services import Services
from bagfill_airflow import services as airflow_services
from bagfill_airflow.services import _Opened
from bagfill_airflow.triggers.approval import ApprovalTrigger

TASK = UUID("00000000-0000-0000-0000-000000000001")
WAITS = SimpleNamespace(state=CampaignState.AWAITING_APPROVAL, revision=1)


class Campaigns(AbstractContextManager[Services]):
    """Each look finds the next; the last one stays."""

    def __init__(self, *found: object) -> None:
        self.found = list(found)
        self.campaigns = self

    def __enter__(self) -> Services:
        return cast("Services", self)

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, _: str) -> Any:
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found


def look_at(monkeypatch: pytest.MonkeyPatch, *found: object) -> None:
    async def opened() -> _Opened:
        manager = Campaigns(*found)
        return _Opened(manager, manager.__enter__(), time.monotonic())

    monkeypatch.setattr(airflow_services, "_open", opened)


def answered(monkeypatch: pytest.MonkeyPatch, after: float | None) -> None:
    """Let Airflow have the answer after so many seconds; ``None``: never."""

    async def run(_: HITLTrigger) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(1000 if after is None else after)
        yield TriggerEvent({"chosen_options": ["Approve"]})

    monkeypatch.setattr(HITLTrigger, "run", run)


def trigger() -> ApprovalTrigger:
    return ApprovalTrigger(
        campaign="azure-2026",
        revision=1,
        poll_seconds=0.01,
        ti_id=TASK,
        options=["Approve", "Reject"],
        params={},
        timeout_datetime=datetime(2030, 1, 1, tzinfo=UTC),
    )


async def fired() -> Any:
    [event] = [event async for event in trigger().run()]
    return event.payload


async def test_the_answer_in_airflow_fires(monkeypatch: pytest.MonkeyPatch) -> None:
    look_at(monkeypatch, WAITS)
    answered(monkeypatch, 0.05)
    assert await fired() == {"chosen_options": ["Approve"]}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (SimpleNamespace(state=CampaignState.RUNNING, revision=2), "running"),
        (SimpleNamespace(state=CampaignState.CANCELLED, revision=2), "cancelled"),
        # Rejected, and started again: another plan, and another question.
        (SimpleNamespace(state=CampaignState.AWAITING_APPROVAL, revision=3), "awaiting approval"),
        (None, "not there"),
    ],
)
async def test_what_was_decided_elsewhere_ends_the_question(
    monkeypatch: pytest.MonkeyPatch, found: object, said: str
) -> None:
    look_at(monkeypatch, WAITS, found)
    answered(monkeypatch, None)
    assert await fired() == {"elsewhere": said}


async def test_a_registry_that_does_not_answer_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ConnectionError("gone")
    look_at(monkeypatch, gone, gone, SimpleNamespace(state=CampaignState.RUNNING, revision=2))
    answered(monkeypatch, None)
    assert await fired() == {"elsewhere": "running"}


def test_a_triggerer_that_takes_it_over_makes_the_same_one() -> None:
    path, arguments = trigger().serialize()
    again = import_string(path)(**arguments)
    assert isinstance(again, ApprovalTrigger)
    assert again.serialize() == trigger().serialize()
    json.dumps(arguments, default=str)
