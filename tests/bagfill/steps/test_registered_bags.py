"""Notifications of newly registered bags: what each starts, and when it is forgotten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.model import IngestStatus
from bagfill.steps.backfill import backfill
from bagfill.steps.registered_bags import NotUnderstood, Received, receive_registered_bags, registered_bag
from bagfill.steps.services import Policy, Services
from bagfill.steps.sweep_candidates import SweepStart
from bagfill.storage.queue import QueueMessage
from world import World, bag_files

BAG = BagId.parse("digitised/b1")


def notification(bag: str = "digitised/b1", version: str = "v1", **more: Any) -> str:
    space, _, identifier = bag.partition("/")
    named = {"space": space, "externalIdentifier": identifier, "version": version}
    return json.dumps({**named, "type": "RegisteredBagNotification", **more})


def envelope(body: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "1", "Message": body})


@dataclass
class Queue:
    """A queue whose messages are hidden once they were received, until the test shows them again."""

    visible: list[str] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)
    numbers: int = 0

    def receive(self, wait_seconds: int) -> Sequence[QueueMessage]:
        taken, self.visible = self.visible[:10], self.visible[10:]
        messages = []
        for body in taken:
            self.numbers += 1
            self.hidden[str(self.numbers)] = body
            messages.append(QueueMessage(str(self.numbers), body))
        return messages

    def delete(self, messages: Sequence[QueueMessage]) -> None:
        for message in messages:
            self.hidden.pop(message.receipt, None)

    def give_back(self, messages: Sequence[QueueMessage]) -> None: ...

    def close(self) -> None: ...

    def show_again(self) -> None:
        self.visible += self.hidden.values()
        self.hidden.clear()


@dataclass
class Runs:
    """Runs by id, as a workflow system has them."""

    ids: set[str] = field(default_factory=set)
    killed_at: int | None = None

    def bag(self, start: SweepStart) -> bool:
        is_new = start.run_id not in self.ids
        self.ids.add(start.run_id)
        if self.killed_at is not None and len(self.ids) == self.killed_at:
            raise KeyboardInterrupt
        return is_new


@dataclass
class Dead:
    bodies: list[str] = field(default_factory=list)

    def send(self, body: str) -> None:
        self.bodies.append(body)


@pytest.fixture
def world() -> World:
    world = World()
    for version in (1, 2):
        world.add(f"digitised/b1/v{version}", bag_files(BAG, {"a.txt": b"%d" % version}))
    return world


def receive(services: Services, queue: Queue, runs: Runs, dead: Dead | None = None) -> Received:
    return receive_registered_bags(services, queue, runs, malformed=None if dead is None else lambda: dead, limit=1000)


@pytest.mark.parametrize("wrap", [str, envelope], ids=["raw", "in SNS's envelope"])
def test_a_new_bag_gets_a_run_and_its_ingests_before_the_message_is_deleted(world: World, wrap: Any) -> None:
    queue, runs = Queue([wrap(notification())]), Runs()
    assert receive(world.services(), queue, runs).started == 1
    assert len(runs.ids) == 1
    assert [str(ingest.bag_version.version) for ingest in world.ingests.of_bag(BAG, "azure")][::-1] == ["v1", "v2"]
    assert (queue.visible, queue.hidden) == ([], {})


def test_each_declared_location_that_lacks_it_gets_one(world: World) -> None:
    policies = (Policy(("digitised",), ("azure", "azure")), Policy(("miro",), ("primary",)), Policy((), ("primary",)))
    queue, runs = Queue([notification()]), Runs()
    assert receive(world.services(policies=policies), queue, runs).started == 1
    assert all("azure" in run_id for run_id in runs.ids)


def test_the_same_again_starts_nothing(world: World) -> None:
    queue, runs = Queue([notification(), notification(version="v2"), notification()]), Runs()
    received = receive(world.services(), queue, runs)
    assert (received.messages, received.started, received.nothing_lacking) == (3, 1, 2)
    assert (len(runs.ids), queue.hidden) == (1, {})


def test_a_bag_that_is_everywhere_needs_nothing(world: World) -> None:
    backfill(world.services(), world.request("digitised/b1"))
    queue, runs = Queue([notification()]), Runs()
    assert receive(world.services(), queue, runs).nothing_lacking == 1
    assert (runs.ids, queue.hidden) == (set(), {})


def test_killed_between_run_and_deletion_the_message_comes_again_and_finds_what_was_begun(world: World) -> None:
    queue, runs = Queue([notification()]), Runs(killed_at=1)
    with pytest.raises(KeyboardInterrupt):
        receive(world.services(), queue, runs)
    assert queue.hidden
    queue.show_again()
    runs.killed_at = None
    receive(world.services(), queue, runs)
    assert (len(runs.ids), queue.hidden) == (1, {})
    assert len(world.ingests.of_bag(BAG, "azure")) == 2


def test_a_bag_that_the_registry_does_not_know_yet_stays_in_the_queue(world: World) -> None:
    queue, runs = Queue([notification("digitised/b9"), notification(version="v3")]), Runs()
    assert receive(world.services(), queue, runs).unknown == 2
    assert (runs.ids, len(queue.hidden)) == (set(), 2)
    world.add("digitised/b1/v3", bag_files(BAG, {"a.txt": b"3"}))
    queue.show_again()
    assert receive(world.services(), queue, runs).started == 1
    assert len(queue.hidden) == 1


BAD = {
    "no JSON": "{",
    "another type": json.dumps({"type": "Other"}),
    "a list": "[]",
    "nested for ever": "[" * 200_000,
    "no version": json.dumps({"space": "a", "externalIdentifier": "b", "type": "RegisteredBagNotification"}),
    "a number for a name": notification(externalIdentifier=3),
    "no such version": notification(version="two"),
    "a slash in the space": notification(space="a/b"),
}


def test_nothing_of_a_message_that_is_not_understood_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The first message of a subscription can be used by whoever sees it."""
    body = json.dumps({"Type": "SubscriptionConfirmation", "Token": "marked-secret", "Message": "You have chosen"})
    queue = Queue([body])
    assert receive(world.services(), queue, Runs(), None).malformed == 1
    assert "is not understood" in caplog.text
    assert "marked-secret" not in caplog.text


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_not_understood_stays_or_is_moved_and_holds_nothing_up(world: World, body: str) -> None:
    queue, runs, dead = Queue([body, notification()]), Runs(), Dead()
    received = receive(world.services(), queue, runs)
    assert (received.malformed, received.started) == (1, 1)
    assert list(queue.hidden.values()) == [body]
    queue.show_again()
    assert receive(world.services(), queue, runs, dead).malformed == 1
    assert (dead.bodies, queue.hidden) == ([body], {})


def test_an_identifier_from_before_todays_rules_is_understood() -> None:
    found = registered_bag(notification("miro/library/V Images/V0047000/"))
    assert isinstance(found, BagVersionId)
    assert str(found.external_identifier) == "library/V Images/V0047000/"


@settings(max_examples=50)
@given(st.text() | (st.none() | st.integers() | st.lists(st.text())).map(json.dumps))
def test_no_text_makes_it_stumble(body: str) -> None:
    assert isinstance(registered_bag(body), NotUnderstood)
    assert isinstance(registered_bag(envelope(body)), NotUnderstood)


def test_what_it_started_can_be_carried_out(world: World) -> None:
    queue, runs = Queue([notification()]), Runs()
    receive(world.services(), queue, runs)
    [run_id] = runs.ids
    backfill(world.services(), world.request("digitised/b1", run_id))
    assert {ingest.status for ingest in world.ingests.of_bag(BAG, "azure")} == {IngestStatus.SUCCEEDED}
    assert world.is_registered("digitised/b1/v2")
