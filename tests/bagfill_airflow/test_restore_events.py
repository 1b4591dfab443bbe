"""One reader wakes all triggers: each by its own objects, once, and never for a duplicate or another's."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from bagfill.settings import SettingsError
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.wait_for_thaw import ThawState
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location, Provider
from bagfill.storage.queue import QueueMessage
from bagfill_airflow import restore_events
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.restore_events import Mailbox, RestoreEvents
from bagfill_airflow.services import SharedServices
from bagfill_airflow.triggers import thaw

V1, V2 = ("cold", "s/b/v1/"), ("cold", "s/b/v2/")
LONG, SHORT = 120.0, 0.05


def event(key: str, bucket: str = "cold") -> str:
    named = {"bucket": {"name": bucket}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventName": "ObjectRestore:Completed", "s3": named}]})


class Queue:
    """A queue in memory that is read from another thread."""

    def __init__(self) -> None:
        self.waiting: list[QueueMessage] = []
        self.deleted: list[str] = []
        self.given_back: list[str] = []
        self.refusals = 0
        self.opened = 0
        self.closed = threading.Event()
        self._lock = threading.Lock()

    async def open(self) -> Queue:
        self.opened += 1
        return self

    def send(self, *bodies: str, received: int = 1) -> None:
        with self._lock:
            self.waiting += [QueueMessage(body, body, received) for body in bodies]

    def receive(self, wait_seconds: int) -> Sequence[QueueMessage]:
        assert wait_seconds == 0
        if self.refusals:
            self.refusals -= 1
            raise StoreError(StoreFailure.UNAVAILABLE, location="q", key="", operation="receive", detail="503")
        with self._lock:
            taken, self.waiting = self.waiting[:10], self.waiting[10:]
        return taken

    def delete(self, messages: Sequence[QueueMessage]) -> None:
        self.deleted += [message.body for message in messages]

    def give_back(self, messages: Sequence[QueueMessage]) -> None:
        self.given_back += [message.body for message in messages]

    def close(self) -> None:
        self.closed.set()


def reader(queue: Queue) -> RestoreEvents:
    return RestoreEvents(queue.open, wait_seconds=0)


async def until(happened: Callable[[], bool]) -> None:
    """Let the reader go on until something happened."""
    async with asyncio.timeout(LONG):
        while not happened():  # noqa: ASYNC110 - what happens, happens in another thread
            await asyncio.sleep(0.01)


async def test_each_trigger_wakes_when_its_own_objects_are_complete() -> None:
    queue = Queue()
    events = reader(queue)
    with events.mailbox([V1]) as first, events.mailbox([V2]) as second:
        queue.send(event("s/b/v1/data/a"), event("s/b/v1/data/b"), event("s/b/v2/data/a"))
        assert await first.wait_for(2, LONG)
        assert not await second.wait_for(2, SHORT)
        assert queue.opened == 1
        await until(lambda: len(queue.deleted) == 3)


async def test_a_duplicate_counts_once_and_a_lost_one_is_left_to_the_next_poll() -> None:
    queue = Queue()
    with reader(queue).mailbox([V1]) as mailbox:
        queue.send(*[event("s/b/v1/data/a")] * 3)
        await until(lambda: len(queue.deleted) == 3)
        assert not await mailbox.wait_for(2, SHORT)
        queue.send(event("s/b/v1/data/b"))
        assert await mailbox.wait_for(2, LONG)


async def test_an_event_for_another_bag_wakes_nobody_and_is_left_to_other_triggerers_a_few_times() -> None:
    queue = Queue()
    with reader(queue).mailbox([V1]) as mailbox:
        queue.send(event("s/b/v10/data/a"), event("s/other/v1/data/a"), event("s/b/v1/data/a", bucket="other"))
        await until(lambda: len(queue.given_back) == 3)
        assert queue.deleted == []
        queue.send(event("s/b/v10/data/a"), received=3)
        await until(lambda: queue.deleted == [event("s/b/v10/data/a")])
        assert not await mailbox.wait_for(1, SHORT)


async def test_what_is_no_restore_is_deleted() -> None:
    queue = Queue()
    with reader(queue).mailbox([V1]) as mailbox:
        queue.send('{"Event": "s3:TestEvent"}', "nonsense")
        await until(lambda: len(queue.deleted) == 2)
        assert not await mailbox.wait_for(1, SHORT)


async def test_a_queue_that_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_events, "_PAUSE_SECONDS", 0.01)
    queue = Queue()
    queue.refusals = 3
    with reader(queue).mailbox([V1]) as mailbox:
        queue.send(event("s/b/v1/data/a"))
        assert await mailbox.wait_for(1, LONG)


async def test_a_queue_that_failed_is_opened_anew_with_the_keys_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_events, "_PAUSE_SECONDS", 0.01)
    queue = Queue()
    queue.refusals = 1
    with reader(queue).mailbox([V1]) as mailbox:
        queue.send(event("s/b/v1/data/a"))
        assert await mailbox.wait_for(1, LONG)
        assert queue.opened == 2
        await asyncio.to_thread(queue.closed.wait, LONG)


async def test_settings_that_are_wrong_for_a_while_do_not_end_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_events, "_PAUSE_SECONDS", 0.01)
    queue = Queue()
    wrong = [SettingsError(Path("bagfill.toml"), ("half written",))] * 2

    async def open_queue() -> Queue:
        if wrong:
            raise wrong.pop()
        return await queue.open()

    with RestoreEvents(open_queue, wait_seconds=0).mailbox([V1]) as mailbox:
        queue.send(event("s/b/v1/data/a"))
        assert await mailbox.wait_for(1, LONG)


async def test_a_reader_that_ends_by_surprise_says_so_and_the_next_trigger_begins_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = Queue()
    surprises = [KeyError("surprise")]

    async def open_queue() -> Queue:
        if surprises:
            raise surprises.pop()
        return await queue.open()

    events = RestoreEvents(open_queue, wait_seconds=0)
    with events.mailbox([V1]):
        await until(lambda: "The reader of restore events ended" in caplog.text)
        assert "surprise" in caplog.text
        with events.mailbox([V2]) as mailbox:
            queue.send(event("s/b/v2/data/a"))
            assert await mailbox.wait_for(1, LONG)


async def test_a_message_that_is_nested_for_ever_is_no_restore() -> None:
    queue = Queue()
    with reader(queue).mailbox([V1]) as mailbox:
        queue.send("[" * 200_000, event("s/b/v1/data/a"))
        assert await mailbox.wait_for(1, LONG)
        await until(lambda: len(queue.deleted) == 2)


async def test_nobody_reads_when_nobody_waits_and_reading_begins_anew() -> None:
    queue = Queue()
    events = reader(queue)
    for _ in range(2):
        with events.mailbox([V1]) as mailbox:
            queue.send(event("s/b/v1/data/a"))
            assert await mailbox.wait_for(1, LONG)
        await asyncio.to_thread(queue.closed.wait, LONG)
    assert queue.opened == 2


async def test_without_a_number_to_wait_for_the_time_decides() -> None:
    mailbox = Mailbox()
    mailbox.put("a")
    assert not await mailbox.wait_for(0, SHORT)


async def test_a_trigger_looks_as_soon_as_the_queue_says_that_everything_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = Queue()
    source = Location("a", Provider.AMAZON_S3, "cold")
    looks: list[ThawState] = [ThawState(2, 2, 0, 0), ThawState(2, 0, 2, 0)]

    def look(_: object, ref: IngestRef, *, shard: int | None) -> ThawState:
        assert (ref.bag_version, shard) == ("s/b/v1", None)
        state = looks.pop()
        if looks:
            # Complete a moment after the first look: a poll would come in an hour.
            queue.send(event("s/b/v1/data/a"), event("s/b/v1/data/b"))
        return state

    @asynccontextmanager
    async def borrowed(_: object) -> AsyncIterator[object]:
        yield None

    monkeypatch.setattr(thaw, "poll_thaw", look)
    monkeypatch.setattr(SharedServices, "borrowed", borrowed)
    limits = SimpleNamespace(lease=timedelta(days=1))
    monkeypatch.setattr(thaw, "current_settings", lambda: SimpleNamespace(locations={"a": source}, limits=limits))
    monkeypatch.setattr(thaw, "restore_events", lambda: reader(queue))
    ref = IngestRef("00000000-0000-0000-0000-000000000001", "s/b/v1", "a", "z", 1, "Standard", 1)
    trigger = thaw.ThawTrigger(opened=pack_ingests([ref]), places=[0], poll_seconds=3600, longest_poll_seconds=3600)
    async with asyncio.timeout(LONG):
        events = [each async for each in trigger.run()]
    assert [each.payload["readable"] for each in events] == [[0]]
    assert looks == []
