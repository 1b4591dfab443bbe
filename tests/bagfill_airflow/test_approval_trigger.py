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
WAITS = SimpleNamespace(name="azure-2026", state=CampaignState.AWAITING_APPROVAL, revision=1)


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


def said(option: str) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": datetime(2026, 11, 26, tzinfo=UTC),
        "responded_by_user": {"id": "7", "name": "Grace"},
    }


def answered(monkeypatch: pytest.MonkeyPatch, after: float | None, *answers: dict[str, Any] | Exception) -> None:
    """Let Airflow have the answer after so many seconds; ``None``: never. Each look finds the next one."""
    left = list(answers)

    async def run(_: HITLTrigger) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(1000 if after is None else after)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield TriggerEvent(answer)

    monkeypatch.setattr(HITLTrigger, "run", run)


def trigger(*, before: bool = False) -> ApprovalTrigger:
    return ApprovalTrigger(
        campaign="azure-2026",
        revision=1,
        poll_seconds=0.01,
        before=before,
        ti_id=TASK,
        options=["Approve", "Reject"],
        params={},
        timeout_datetime=datetime(2030, 1, 1, tzinfo=UTC),
    )


async def fired(*, before: bool = False) -> Any:
    [event] = [event async for event in trigger(before=before).run()]
    return event.payload


async def test_the_answer_in_airflow_fires(monkeypatch: pytest.MonkeyPatch) -> None:
    look_at(monkeypatch, WAITS)
    answered(monkeypatch, 0.05, said("Approve"))
    assert await fired() == said("Approve")


async def test_an_api_server_that_does_not_answer_ends_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    look_at(monkeypatch, WAITS)
    answered(monkeypatch, 0, ConnectionError("gone"), ConnectionError("gone"), said("Reject"))
    assert await fired() == said("Reject")


@pytest.mark.parametrize(
    ("kept", "event"),
    [
        ([said("Approve")], said("Approve")),
        ([ConnectionError("gone"), said("Reject")], said("Reject")),
        ([None], {"unanswered": True}),
        # Who cannot find out asks again, rather than waiting for ever.
        ([ConnectionError("gone")] * 100, {"unanswered": True}),
    ],
)
async def test_an_earlier_trys_answer_is_looked_for_once(
    monkeypatch: pytest.MonkeyPatch, kept: list[Any], event: dict[str, Any]
) -> None:
    look_at(monkeypatch, WAITS)
    left = list(kept)

    async def looked(_: HITLTrigger) -> TriggerEvent | None:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return None if found is None else TriggerEvent(found)

    monkeypatch.setattr(HITLTrigger, "_handle_response", looked)
    assert await fired(before=True) == event


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (SimpleNamespace(state=CampaignState.RUNNING, revision=2), "running"),
        (SimpleNamespace(state=CampaignState.CANCELLED, revision=2), "cancelled"),
        # Rejected, and started again: another plan, and another question.
        (SimpleNamespace(state=CampaignState.AWAITING_APPROVAL, revision=3), "awaiting approval"),
        (None, "not there"),
    ],
)
async def test_what_was_decided_elsewhere_ends_the_question(
    monkeypatch: pytest.MonkeyPatch, found: object, state: str
) -> None:
    look_at(monkeypatch, WAITS, found)
    answered(monkeypatch, None)
    assert await fired() == {"elsewhere": state}


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
