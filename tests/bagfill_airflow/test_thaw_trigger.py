"""The trigger waits for thaws: it fires once, never blocks the loop, and can be started over at any moment."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk.module_loading import import_string

from bagfill.ingests.reasons import Reason
from bagfill.settings import SettingsError
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.wait_for_thaw import ThawState
from bagfill_airflow import services as airflow_services
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.services import SharedServices, _Opened
from bagfill_airflow.triggers import thaw
from bagfill_airflow.triggers.thaw import ThawTrigger

Poll = Callable[[IngestRef], ThawState | StepFailed]
DONE, THAWING = ThawState(2, 2, 0, 0), ThawState(2, 1, 1, 0)
OPENED = pack_ingests(
    [IngestRef(f"00000000-0000-0000-0000-00000000000{n}", f"s/b/v{n}", "a", "z", n, "Standard", 1) for n in (1, 2, 3)]
)


class Opening(AbstractContextManager[Services]):
    """Services that count how often they are open."""

    opened = 0
    closed = 0

    def __enter__(self) -> Services:
        type(self).opened += 1
        return cast("Services", self)

    def __exit__(self, *_: object) -> None:
        type(self).closed += 1


@pytest.fixture(autouse=True)
def opening(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Opening]]:
    class Fresh(Opening):
        opened = closed = 0

    async def _open() -> _Opened:
        manager = Fresh()
        return _Opened(manager, manager.__enter__(), time.monotonic())

    monkeypatch.setattr(airflow_services, "_open", _open)
    yield Fresh
    assert Fresh.opened == Fresh.closed, "services were left open"


def script(monkeypatch: pytest.MonkeyPatch, poll: Poll) -> list[str]:
    """Let every poll be answered by ``poll``; returns the bag versions that were asked about."""
    asked: list[str] = []

    def answer(_: Services, ref: IngestRef, *, shard: int | None = None) -> ThawState | StepFailed:
        asked.append(ref.bag_version)
        return poll(ref)

    monkeypatch.setattr(thaw, "poll_thaw", answer)
    return asked


def trigger(*places: int, tolerated: int = 3) -> ThawTrigger:
    return ThawTrigger(
        opened=OPENED, places=list(places), poll_seconds=0.01, longest_poll_seconds=0.02, tolerated=tolerated
    )


async def fired(one: ThawTrigger) -> dict[str, Any]:
    events = [event async for event in one.run()]
    assert len(events) == 1
    return dict(json.loads(json.dumps(events[0].payload)))


def test_it_is_started_over_from_what_it_serialises() -> None:
    path, arguments = trigger(0, 2).serialize()
    again = import_string(path)(**json.loads(json.dumps(arguments)))
    assert isinstance(again, ThawTrigger)
    assert again.serialize() == (path, arguments)
    assert arguments["places"] == [0, 2]


async def test_it_fires_when_everything_is_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, lambda _: DONE)
    assert await fired(trigger(0, 2)) == {"readable": [0, 2], "failed": {}, "trouble": None}


async def test_it_waits_and_asks_only_about_what_is_not_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"s/b/v1": [DONE], "s/b/v3": [THAWING, THAWING, DONE]}
    asked = script(monkeypatch, lambda ref: answers[ref.bag_version].pop(0))
    assert (await fired(trigger(0, 2)))["readable"] == [0, 2]
    assert asked == ["s/b/v1", "s/b/v3", "s/b/v3", "s/b/v3"]


async def test_a_version_that_fails_for_good_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    lasting = StepFailed(Reason.ACCESS_DENIED, "s/b/v1: may not restore.")
    script(monkeypatch, lambda ref: lasting if ref.bag_version == "s/b/v1" else DONE)
    event = await fired(trigger(0, 1))
    assert event["readable"] == [1]
    assert "access-denied" in event["failed"]["0"]


async def test_trouble_that_passes_is_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    passing = StepFailed(Reason.SOURCE_UNREADABLE, "503.")
    answers: list[ThawState | StepFailed] = [passing, passing, passing, THAWING, passing, passing, passing, DONE]
    script(monkeypatch, lambda _: answers.pop(0))
    assert (await fired(trigger(0)))["readable"] == [0]


async def test_trouble_that_stays_is_reported_for_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = script(monkeypatch, lambda _: StepFailed(Reason.SOURCE_UNREADABLE, "s/b/v1: 503."))
    event = await fired(trigger(0, tolerated=2))
    assert event["readable"] == []
    assert "source-unreadable" in event["trouble"]
    assert len(asked) == 3


async def test_a_surprise_is_borne_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [1, 2]

    def poll(_: IngestRef) -> ThawState:
        if left:
            left.pop()
            raise ConnectionResetError("the database went away")
        return DONE

    script(monkeypatch, poll)
    assert (await fired(trigger(0)))["readable"] == [0]


async def test_settings_that_cannot_be_read_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    async def broken() -> _Opened:
        raise SettingsError(tmp_path, ("limits: needed is a table",))

    monkeypatch.setattr(airflow_services, "_open", broken)
    event = await fired(trigger(0, tolerated=1))
    assert "limits: needed is a table" in event["trouble"]


async def test_the_loop_is_never_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, looking, loop_went_on = [], threading.Event(), threading.Event()

    def poll(_: IngestRef) -> ThawState:
        threads.append(threading.current_thread())
        looking.set()
        assert loop_went_on.wait(60)
        return DONE

    script(monkeypatch, poll)
    waiting = asyncio.create_task(fired(trigger(0)))
    assert await asyncio.to_thread(looking.wait, 60)
    # Only a loop that runs while a poll takes its time comes here.
    loop_went_on.set()
    assert (await waiting)["readable"] == [0]
    assert len(threads) == 1
    assert threading.main_thread() not in threads


async def test_another_triggerer_takes_over_when_one_stops(
    monkeypatch: pytest.MonkeyPatch, opening: type[Opening]
) -> None:
    readable = False
    asked = script(monkeypatch, lambda _: DONE if readable else THAWING)
    first = trigger(0)
    waiting = asyncio.create_task(fired(first))
    while len(asked) < 2:  # noqa: ASYNC110 - what is waited for happens in a thread
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert opening.opened == opening.closed

    readable = True
    path, arguments = first.serialize()
    assert await fired(import_string(path)(**arguments)) == {"readable": [0], "failed": {}, "trouble": None}


async def test_many_triggers_share_one_set_of_services(monkeypatch: pytest.MonkeyPatch, opening: type[Opening]) -> None:
    answers = {f"s/b/v{n}": [THAWING, THAWING, DONE] for n in (1, 2, 3)}
    script(monkeypatch, lambda ref: answers[ref.bag_version].pop(0))
    await asyncio.gather(*(fired(trigger(place)) for place in range(3)))
    assert opening.opened == 1


async def test_aged_services_are_replaced_once_nobody_polls_with_them(
    monkeypatch: pytest.MonkeyPatch, opening: type[Opening]
) -> None:
    shared = SharedServices()
    async with shared:
        async with shared.borrowed() as old:
            monkeypatch.setattr(airflow_services, "_SHARED_FOR_SECONDS", -1.0)
            async with shared.borrowed() as new:
                assert new is not old
            assert (opening.opened, opening.closed) == (2, 0)
        assert opening.closed == 1


@pytest.mark.parametrize("polls", [0, 1, 5, 1000])
def test_pauses_grow_to_a_bound_and_are_spread(polls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thaw, "current_settings", lambda: settings_with_lease(3600))
    waiting = ThawTrigger(opened=OPENED, places=[0], poll_seconds=300, longest_poll_seconds=900)
    pauses = [waiting._pause(polls) for _ in range(50)]
    wanted = min(300 * 1.5 ** min(polls, 50), 900)
    assert all(0.85 * wanted <= pause <= 1.15 * wanted for pause in pauses)
    assert len(set(pauses)) > 1


def test_pauses_keep_the_claims_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thaw, "current_settings", lambda: settings_with_lease(120))
    waiting = ThawTrigger(opened=OPENED, places=[0], poll_seconds=300, longest_poll_seconds=900)
    assert waiting._pause(3) <= 40 * 1.15


def settings_with_lease(lease_seconds: float) -> Any:
    return SimpleNamespace(limits=SimpleNamespace(lease=timedelta(seconds=lease_seconds)))
