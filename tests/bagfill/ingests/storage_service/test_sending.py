"""Letters are written with the change, go out in order, at least once, and wait while the service is away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.model import Ingest, IngestEvent, IngestStatus
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.storage_service.delivery import Delivered, NotNow, Outcome, RefusedForGood
from bagfill.ingests.storage_service.letters import ShownAs, SourcePlace
from bagfill.ingests.storage_service.outbox import Letter
from bagfill.ingests.storage_service.sending import send_due
from bagfill.ingests.storage_service.showing import Showing
from bagfill.ingests.storage_service.sql_outbox import SqlOutbox
from bagfill.ingests.tracker import EventUpdate, IngestUpdate, StatusUpdate
from contracts.databases import postgresql_url, sqlite_url, with_tables
from world import Clock


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    on_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if on_sqlite else postgresql_url(request.getfixturevalue("postgresql"))
    with with_tables(url) as opened:
        yield opened


@dataclass
class Service:
    """Takes letters as it is told to, and remembers those it took."""

    answer: Callable[[Letter], Outcome] = lambda _: Delivered()
    took: list[Letter] = field(default_factory=list)
    asked: int = 0

    def send(self, letter: Letter) -> Outcome:
        self.asked += 1
        outcome = self.answer(letter)
        if isinstance(outcome, Delivered):
            self.took.append(letter)
        return outcome

    def check(self) -> None: ...

    def close(self) -> None: ...

    def of(self, ingest_id: UUID) -> list[str]:
        return [_name(letter) for letter in self.took if letter.ingest_id == ingest_id]


def _name(letter: Letter) -> str:
    if letter.creates:
        return "created"
    body = letter.body
    return str(body["events"][0]["description"] if body["events"] else body["status"]["type"]).lower()


@dataclass
class World:
    engine: Engine
    clock: Clock = field(default_factory=Clock)
    service: Service = field(default_factory=Service)

    def __post_init__(self) -> None:
        showing = Showing(ShownAs(), lambda _: SourcePlace("storage", "k"), self.clock)
        self.tracker = SqlIngestTracker(self.engine, (showing,))
        self.outbox = SqlOutbox(self.engine)

    def open(self, bag: str = "digitised/b1/v1") -> UUID:
        ingest_id = uuid4()
        self.tracker.open(an_ingest(ingest_id, bag, self.clock()))
        return ingest_id

    def event(self, ingest_id: UUID, text: str) -> None:
        self.tracker.update(ingest_id, EventUpdate((IngestEvent.of(text, self.clock()),)))

    def end(self, ingest_id: UUID, status: IngestStatus) -> None:
        self.tracker.update(ingest_id, StatusUpdate(status))

    def send(self, seconds: float = 60) -> Any:
        return send_due(self.outbox, self.service, self.clock, seconds=seconds)


def an_ingest(ingest_id: UUID, bag: str, created: datetime) -> Ingest:
    return Ingest(
        id=ingest_id,
        bag_version=BagVersionId.parse(bag),
        source="primary",
        destination="azure",
        status=IngestStatus.ACCEPTED,
        created=created,
        request_id="bag__1",
    )


def test_an_ingest_is_told_in_the_order_in_which_things_happened(engine: Engine) -> None:
    world = World(engine)
    one, other = world.open(), world.open("digitised/b2/v1")
    for ingest_id in (one, other):
        world.event(ingest_id, "Replicating to azure started")
        world.event(ingest_id, "Verification (azure) started")
        world.end(ingest_id, IngestStatus.SUCCEEDED)
    assert world.outbox.counts().pending == 8
    sent = world.send()
    assert (sent.delivered, sent.stopped) == (8, None)
    told = ["created", "replicating to azure started", "verification (azure) started", "succeeded"]
    assert world.service.of(one) == world.service.of(other) == told
    assert world.outbox.counts().pending == 0
    assert world.send().delivered == 0


def test_what_was_rolled_back_is_not_told(engine: Engine) -> None:
    class Broken(Exception):
        pass

    class Breaking:
        def opened(self, connection: Connection, ingest: Ingest) -> None: ...

        def updated(self, connection: Connection, before: Ingest, update: IngestUpdate) -> None:
            raise Broken

    world = World(engine)
    ingest_id = world.open()
    world.send()
    showing = Showing(ShownAs(), lambda _: SourcePlace("storage", "k"), world.clock)
    tracker = SqlIngestTracker(engine, (showing, Breaking()))
    with pytest.raises(Broken):
        tracker.update(ingest_id, EventUpdate((IngestEvent.of("lost", world.clock()),)))
    assert world.outbox.counts().pending == 0
    ingest = world.tracker.get(ingest_id)
    assert ingest is not None
    assert ingest.events == ()


def test_a_refused_update_of_ours_is_not_told(engine: Engine) -> None:
    world = World(engine)
    ingest_id = world.open()
    world.end(ingest_id, IngestStatus.SUCCEEDED)
    world.end(ingest_id, IngestStatus.FAILED)
    world.send()
    assert world.service.of(ingest_id) == ["created", "succeeded"]


def test_nothing_is_lost_while_nobody_answers_and_everything_goes_out_after(engine: Engine) -> None:
    world = World(engine)
    ids = [world.open(f"digitised/b{n}/v1") for n in range(4)]
    world.service.answer = lambda _: NotNow("no answer", nobody=True)
    sent = world.send()
    assert (sent.delivered, sent.stopped, world.service.asked) == (0, "no answer", 1)
    # Others do not even try, until the pause is over.
    assert world.send().stopped is not None
    assert world.service.asked == 1
    counts = world.outbox.counts()
    assert (counts.pending, counts.why, counts.paused_until is not None) == (4, "no answer", True)
    for ingest_id in ids:
        world.event(ingest_id, "Replicating to azure started")
    world.service.answer = lambda _: Delivered()
    world.clock.advance(timedelta(minutes=1))
    world.send()
    for ingest_id in ids:
        assert world.service.of(ingest_id) == ["created", "replicating to azure started"]


def test_a_letter_that_is_put_off_keeps_those_behind_it_back_and_no_other_ingest(engine: Engine) -> None:
    world = World(engine)
    slow, other = world.open(), world.open("digitised/b2/v1")
    world.event(slow, "first")
    world.send()
    world.event(slow, "second")
    world.event(slow, "third")
    world.event(other, "on time")
    world.service.answer = lambda letter: NotNow("500") if letter.ingest_id == slow else Delivered()
    world.send()
    world.event(slow, "fourth")
    world.service.answer = lambda _: Delivered()
    world.send()
    assert world.service.of(slow) == ["created", "first"]
    assert world.service.of(other) == ["created", "on time"]
    world.clock.advance(timedelta(seconds=10))
    world.send()
    assert world.service.of(slow) == ["created", "first", "second", "third", "fourth"]


def test_pauses_of_a_letter_double_up_to_an_hour(engine: Engine) -> None:
    world = World(engine)
    world.open()
    world.service.answer = lambda _: NotNow("500")
    for pause in (5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600):
        world.send()
        assert world.outbox.due(world.clock() + timedelta(seconds=pause - 1), 1) == []
        world.clock.advance(timedelta(seconds=pause))
        assert len(world.outbox.due(world.clock(), 1)) == 1


def test_a_conflict_is_final_and_recorded_and_what_follows_goes_on(engine: Engine) -> None:
    world = World(engine)
    ingest_id = world.open()
    world.event(ingest_id, "first")
    world.event(ingest_id, "second")
    world.service.answer = lambda each: RefusedForGood("answered 409") if _name(each) == "first" else Delivered()
    sent = world.send()
    assert (sent.delivered, sent.refused) == (2, 1)
    assert world.service.of(ingest_id) == ["created", "second"]
    counts = world.outbox.counts()
    assert (counts.pending, counts.refused, counts.why) == (0, 1, "answered 409")


def test_an_ingest_that_the_service_will_not_create_is_held_until_a_person_has_seen_to_it(engine: Engine) -> None:
    world = World(engine)
    ingest_id = world.open()
    world.event(ingest_id, "first")
    world.service.answer = lambda _: RefusedForGood("valid values are: create, update.")
    world.send()
    world.event(ingest_id, "second")
    asked = world.service.asked
    world.send()
    assert world.service.asked == asked
    counts = world.outbox.counts()
    assert (counts.pending, counts.held, counts.refused) == (0, 2, 1)
    assert counts.why == "valid values are: create, update."
    world.service.answer = lambda _: Delivered()
    assert world.outbox.try_again(world.clock()) == 3
    world.send()
    assert world.service.of(ingest_id) == ["created", "first", "second"]


def test_an_ingest_from_before_the_service_was_configured_is_shown_from_its_next_change_on(engine: Engine) -> None:
    world = World(engine)
    ingest_id = uuid4()
    before = SqlIngestTracker(engine)
    before.open(replace(an_ingest(ingest_id, "digitised/b1/v1", world.clock())))
    before.update(ingest_id, EventUpdate((IngestEvent.of("earlier", world.clock()),)))
    world.end(ingest_id, IngestStatus.FAILED)
    world.send()
    assert world.service.of(ingest_id) == ["created", "earlier", "failed"]


def test_one_sender_at_a_time_and_one_that_died_is_replaced(engine: Engine) -> None:
    world = World(engine)
    world.open()
    now = world.clock()
    assert world.outbox.take("dead", now, now + timedelta(seconds=60))
    assert world.send().stopped is not None
    world.clock.advance(timedelta(seconds=61))
    assert world.send().delivered == 1


def test_sending_ends_when_its_time_is_over(engine: Engine) -> None:
    world = World(engine)
    for n in range(5):
        world.open(f"digitised/b{n}/v1")

    def slowly(_: Letter) -> Outcome:
        world.clock.advance(timedelta(seconds=1))
        return Delivered()

    world.service.answer = slowly
    assert world.send(seconds=2).delivered == 2
    assert world.outbox.counts().pending == 3


def test_a_slow_sender_holds_its_place_between_letters_so_that_nobody_sends_beside_it(engine: Engine) -> None:
    world = World(engine)
    for n in range(6):
        world.open(f"digitised/b{n}/v1")
    others: list[str | None] = []

    def slowly(_: Letter) -> Outcome:
        world.clock.advance(timedelta(seconds=100))
        theirs = Service()
        others.append(send_due(world.outbox, theirs, world.clock, seconds=1).stopped)
        assert theirs.asked == 0
        return Delivered()

    world.service.answer = slowly
    assert world.send(seconds=3600).delivered == 6
    assert None not in others


def test_a_sender_that_lost_its_place_sends_nothing_more(engine: Engine) -> None:
    world = World(engine)
    for n in range(3):
        world.open(f"digitised/b{n}/v1")

    def stopped_for_an_hour(_: Letter) -> Outcome:
        world.clock.advance(timedelta(hours=1))
        now = world.clock()
        assert world.outbox.take("another", now, now + timedelta(hours=1))
        return Delivered()

    world.service.answer = stopped_for_an_hour
    sent = world.send(seconds=24 * 3600)
    assert (sent.delivered, sent.stopped) == (1, "another process took over")


def test_a_long_history_is_told_in_messages_that_a_topic_takes(engine: Engine) -> None:
    world = World(engine)
    before, ingest_id = SqlIngestTracker(engine), uuid4()
    before.open(an_ingest(ingest_id, "digitised/b1/v1", world.clock()))
    texts = [f"{n:04} " + "\u0001" * 245 for n in range(1000)]
    before.update(ingest_id, EventUpdate(tuple(IngestEvent.of(text, world.clock()) for text in texts)))
    world.event(ingest_id, "Now")
    world.send(seconds=3600)
    told = [event["description"] for letter in world.service.took for event in letter.body["events"]]
    assert told == [*(IngestEvent.of(text, world.clock()).description for text in texts), "Now"]
    sizes = [
        len(json.dumps(letter.body, ensure_ascii=False, separators=(",", ":")).encode())
        for letter in world.service.took
    ]
    assert max(sizes) <= 256 * 1024


ACTS = ("event", "send", "500", "nobody", "killed")


@settings(max_examples=12)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["event", "send", "500", "nobody", "killed"])), max_size=40)
)
def test_any_mixture_of_faults_keeps_order_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[int, str]]
) -> None:
    """A sender that is killed after the service took a letter sends it again: twice is allowed, out of order is not."""

    class Killed(Exception):
        pass

    with with_tables(sqlite_url(tmp_path_factory.mktemp("outbox"))) as engine:
        world = World(engine)
        ids = [world.open(f"digitised/b{n}/v1") for n in range(3)]
        wrote: dict[UUID, list[str]] = {ingest_id: ["created"] for ingest_id in ids}
        for number, (which, act) in enumerate(acts):
            if act == "event":
                world.event(ids[which], f"event {number}")
                wrote[ids[which]].append(f"event {number}")
                continue

            def answer(letter: Letter, act: str = act, chosen: UUID = ids[which]) -> Outcome:
                if letter.ingest_id != chosen or act == "send":
                    return Delivered()
                if act == "killed":
                    world.service.took.append(letter)
                    raise Killed
                return NotNow(act, nobody=act == "nobody")

            world.service.answer = answer
            with suppress(Killed):
                world.send()
            world.clock.advance(timedelta(seconds=7))
        world.service.answer = lambda _: Delivered()
        for _ in range(20):
            world.clock.advance(timedelta(hours=2))
            world.send()
        assert world.outbox.counts().pending == 0
        for ingest_id in ids:
            told = world.service.of(ingest_id)
            assert [text for at, text in enumerate(told) if text not in told[:at]] == wrote[ingest_id]
            places = [wrote[ingest_id].index(text) for text in told]
            assert places == sorted(places)
