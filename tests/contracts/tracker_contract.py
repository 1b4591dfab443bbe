"""What every ingest tracker does, whatever keeps it: subclass, and give the fixture ``tracker``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.model import Callback, CallbackStatus, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import (
    CallbackStatusUpdate,
    EventUpdate,
    IdTaken,
    IngestFilter,
    IngestTracker,
    IngestUpdate,
    Opened,
    Refused,
    StatusUpdate,
    UnknownIngest,
    Updated,
)
from contracts.sample_manifests import bag_version

START = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACCEPTED, PROCESSING, SUCCEEDED, FAILED = IngestStatus
# Rows: from; columns: to, in the order of the statuses. As printed in the storage service's own test of its states.
TABLE = {
    ACCEPTED: (True, True, True, True),
    PROCESSING: (False, True, True, True),
    SUCCEEDED: (False, False, True, False),
    FAILED: (False, False, True, True),
}
CALLBACK_TABLE = {
    CallbackStatus.PENDING: (True, True, True),
    CallbackStatus.SUCCEEDED: (False, True, False),
    CallbackStatus.FAILED: (False, False, True),
}

property_settings = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


def an_event(text: str = "Copied", after: int = 0) -> IngestEvent:
    return IngestEvent.of(text, START + after * SECOND)


def an_ingest(
    about: BagVersionId | None = None,
    *,
    status: IngestStatus = ACCEPTED,
    created: datetime = START,
    destination: str = "azure",
    request_id: str = "cli:1",
    callback: Callback | None = None,
    events: tuple[IngestEvent, ...] = (),
) -> Ingest:
    return Ingest(
        id=uuid4(),
        bag_version=bag_version() if about is None else about,
        source="primary",
        destination=destination,
        status=status,
        created=created,
        request_id=request_id,
        events=events,
        callback=callback,
    )


def opened(tracker: IngestTracker, ingest: Ingest) -> Ingest:
    assert tracker.open(ingest) == Opened(ingest, is_new=True)
    return ingest


def ids(ingests: object) -> list[UUID]:
    return [each.id for each in ingests]  # type: ignore[attr-defined]


_updates = st.one_of(
    st.builds(EventUpdate, st.lists(st.builds(an_event, st.just("e"), st.integers(0, 3)), max_size=2).map(tuple)),
    st.builds(
        StatusUpdate,
        st.sampled_from(IngestStatus),
        st.lists(st.builds(an_event, st.just("s"), st.integers(0, 3)), max_size=2).map(tuple),
        st.sampled_from([None, Reason.BAG_GONE, Reason.INTERRUPTED]),
    ),
    st.builds(CallbackStatusUpdate, st.sampled_from(CallbackStatus), st.just((an_event("c"),))),
)


class TrackerContract:
    @pytest.fixture
    def tracker(self) -> IngestTracker:
        raise NotImplementedError

    # --- opening and finding

    def test_an_opened_ingest_comes_back_as_it_was(self, tracker: IngestTracker) -> None:
        ingest = an_ingest(
            bag_version("PP/MIA 1/", 3, space="Sp ace"),
            callback=Callback("https://example.org/cb?token=1"),
            events=(an_event("Opened é 😀"), an_event("Claimed")),
        )
        ingest = replace(ingest, status=FAILED, reason=Reason.BUDGET_REACHED)
        opened(tracker, ingest)
        assert tracker.get(ingest.id) == ingest

    def test_an_unknown_ingest_is_none(self, tracker: IngestTracker) -> None:
        unknown = uuid4()
        assert tracker.get(unknown) is None
        assert tracker.update(unknown, EventUpdate((an_event(),))) == UnknownIngest(unknown)
        assert tracker.get(unknown) is None

    def test_opening_again_finds_the_ingest_as_it_is_by_now(self, tracker: IngestTracker) -> None:
        ingest = opened(tracker, an_ingest())
        tracker.update(ingest.id, EventUpdate((an_event(),)))
        again = tracker.open(replace(ingest, created=START + SECOND, events=(an_event("Other"),)))
        assert again == Opened(replace(ingest, status=PROCESSING, events=(an_event(),)), is_new=False)
        assert tracker.get(ingest.id) == again.ingest

    @pytest.mark.parametrize("other", ["bag_version", "source", "destination", "request_id"])
    def test_an_id_is_used_once(self, tracker: IngestTracker, other: str) -> None:
        ingest = opened(tracker, an_ingest())
        value = bag_version(version=2) if other == "bag_version" else "other"
        assert tracker.open(replace(ingest, **{other: value})) == IdTaken(ingest)
        assert tracker.get(ingest.id) == ingest
        assert ids(tracker.recent()) == [ingest.id]

    def test_ingests_of_a_bag_version_newest_first(self, tracker: IngestTracker) -> None:
        # Two of one moment: the one opened last is the newer. Another time zone changes no order.
        east = timezone(timedelta(hours=5))
        moments = [START, START + 2 * SECOND, START + 2 * SECOND, (START + SECOND).astimezone(east)]
        found = [opened(tracker, an_ingest(created=moment)) for moment in moments]
        elsewhere = opened(tracker, an_ingest(destination="glacier", created=START + 3 * SECOND))
        for other in (bag_version("B1"), bag_version(version=2), bag_version(space="born-digital")):
            opened(tracker, an_ingest(other))
        expected = [found[2].id, found[1].id, found[3].id, found[0].id]
        assert ids(tracker.of_bag_version(bag_version(), "azure")) == expected
        assert ids(tracker.of_bag_version(bag_version())) == [elsewhere.id, *expected]
        assert list(tracker.of_bag_version(bag_version(), "AZURE")) == []

    def test_ingests_of_a_bag_are_those_of_all_its_versions(self, tracker: IngestTracker) -> None:
        versions = [opened(tracker, an_ingest(bag_version(version=version))) for version in (1, 10, 2)]
        opened(tracker, an_ingest(bag_version("b1/x")))
        opened(tracker, an_ingest(destination="glacier"))
        assert ids(tracker.of_bag(bag_version().bag, "azure")) == ids(reversed(versions))

    def test_ingests_of_several_bags_are_told_bag_by_bag(self, tracker: IngestTracker) -> None:
        for about in (bag_version(), bag_version(version=2), bag_version("b2"), bag_version(space="b1")):
            opened(tracker, an_ingest(about))
        opened(tracker, an_ingest(bag_version("b2"), destination="glacier"))
        bags = [bag_version(name).bag for name in ("b1", "b2", "b3")]
        found = tracker.of_bags(bags, "azure")
        assert dict(found) == {bag: tuple(tracker.of_bag(bag, "azure")) for bag in bags[:2]}
        assert dict(tracker.of_bags([], "azure")) == {}

    def test_ingests_of_a_request_ascend_by_version(self, tracker: IngestTracker) -> None:
        versions = [opened(tracker, an_ingest(bag_version(version=version))) for version in (10, 1, 2)]
        opened(tracker, an_ingest(request_id="CLI:1"))
        assert ids(tracker.of_request("cli:1")) == [versions[1].id, versions[2].id, versions[0].id]
        assert list(tracker.of_request("cli:2")) == []

    def test_recent_ingests_by_status(self, tracker: IngestTracker) -> None:
        all_of_them = [
            opened(tracker, an_ingest(bag_version(version=1 + number), status=status, created=START + number * SECOND))
            for number, status in enumerate((ACCEPTED, FAILED, SUCCEEDED, FAILED))
        ]
        assert ids(tracker.recent()) == ids(reversed(all_of_them))
        assert ids(tracker.recent(limit=2)) == [all_of_them[3].id, all_of_them[2].id]
        assert ids(tracker.recent(status=FAILED)) == [all_of_them[3].id, all_of_them[1].id]
        assert ids(tracker.recent(limit=1, status=SUCCEEDED)) == [all_of_them[2].id]
        assert list(tracker.recent(status=PROCESSING)) == []

    def test_ingests_of_a_campaign_by_status_in_the_order_they_were_opened(self, tracker: IngestTracker) -> None:
        mine = [opened(tracker, replace(an_ingest(), id=uuid4(), campaign="azure-2026")) for _ in range(3)]
        opened(tracker, replace(an_ingest(), id=uuid4(), campaign="other"))
        opened(tracker, replace(an_ingest(), id=uuid4()))
        tracker.update(mine[1].id, StatusUpdate(FAILED, (), Reason.INTERRUPTED))
        assert ids(tracker.of_campaign("azure-2026")) == [ingest.id for ingest in mine]
        assert ids(tracker.of_campaign("azure-2026", statuses={FAILED})) == [mine[1].id]
        assert [each.campaign for each in tracker.of_campaign("other")] == ["other"]
        assert ids(tracker.of_campaign("none")) == []

    def test_a_campaign_is_counted_by_how_its_ingests_ended(self, tracker: IngestTracker) -> None:
        mine = [opened(tracker, replace(an_ingest(), id=uuid4(), campaign="azure-2026")) for _ in range(4)]
        opened(tracker, replace(an_ingest(), id=uuid4(), campaign="other"))
        tracker.update(mine[0].id, StatusUpdate(FAILED, (), Reason.INTERRUPTED))
        tracker.update(mine[1].id, StatusUpdate(FAILED, (), Reason.INTERRUPTED))
        tracker.update(mine[2].id, StatusUpdate(SUCCEEDED))
        assert tracker.tally("azure-2026").ends == {"interrupted": 2, "succeeded": 1, "accepted": 1}
        assert tracker.tally("none").ends == {}

    def test_failed_ingests_are_found_by_their_reason(self, tracker: IngestTracker) -> None:
        mine = [opened(tracker, replace(an_ingest(), id=uuid4())) for _ in range(3)]
        tracker.update(mine[0].id, StatusUpdate(FAILED, (), Reason.INTERRUPTED))
        tracker.update(mine[1].id, StatusUpdate(FAILED, (), Reason.BAG_INVALID))
        assert ids(tracker.page(IngestFilter(reason=Reason.BAG_INVALID))) == [mine[1].id]

    def test_unfinished_ingests_are_those_that_have_not_ended(self, tracker: IngestTracker) -> None:
        made = [opened(tracker, replace(an_ingest(), id=uuid4())) for _ in range(4)]
        tracker.update(made[0].id, StatusUpdate(SUCCEEDED))
        tracker.update(made[1].id, StatusUpdate(FAILED, (), Reason.INTERRUPTED))
        tracker.update(made[2].id, EventUpdate((an_event(),)))
        found = {ingest.id: ingest.events for ingest in tracker.unfinished()}
        assert {id_: found[id_] for id_ in (made[2].id, made[3].id)} == {made[2].id: (), made[3].id: ()}
        assert made[0].id not in found
        assert made[1].id not in found

    def test_pages_show_every_ingest_once_newest_first(self, tracker: IngestTracker) -> None:
        # Some at the same moment: the order of opening counts then.
        kept = [opened(tracker, an_ingest(created=START + number // 3 * SECOND)) for number in range(10)]
        last, seen = None, []
        while page := tracker.page(IngestFilter(), before=last, limit=4):
            assert len(page) <= 4
            seen += page
            last = page[-1]
            # Ingests that are opened meanwhile shift nothing.
            tracker.open(an_ingest(created=START + 99 * SECOND))
        assert ids(seen) == ids(reversed(kept))

    def test_pages_hold_what_is_wanted_alone(self, tracker: IngestTracker) -> None:
        for status, destination, space in product((FAILED, SUCCEEDED), ("azure", "wasabi"), ("digitised", "miro")):
            opened(tracker, an_ingest(bag_version(space=space), status=status, destination=destination))
        for wanted in (
            IngestFilter(),
            IngestFilter(status=FAILED),
            IngestFilter(destination="azure", space="miro"),
            IngestFilter(SUCCEEDED, "wasabi", "digitised"),
            IngestFilter(space="nobody"),
        ):
            found = tracker.page(wanted)
            assert all(wanted.takes(ingest) for ingest in found)
            assert len(found) == sum(wanted.takes(ingest) for ingest in tracker.recent())
        assert len(tracker.page(IngestFilter(SUCCEEDED, "wasabi", "digitised"))) == 1

    def test_a_page_goes_on_behind_an_ingest_that_changed_meanwhile(self, tracker: IngestTracker) -> None:
        kept = [opened(tracker, an_ingest(created=START + number * SECOND)) for number in range(3)]
        [newest] = tracker.page(IngestFilter(status=ACCEPTED), limit=1)
        tracker.update(newest.id, StatusUpdate(FAILED))
        assert ids(tracker.page(IngestFilter(status=ACCEPTED), before=newest)) == [kept[1].id, kept[0].id]

    def test_listed_ingests_have_their_own_events(self, tracker: IngestTracker) -> None:
        both = [opened(tracker, an_ingest(events=(an_event(f"Opened {number}"),))) for number in range(2)]
        assert [each.events for each in tracker.recent()] == [both[1].events, both[0].events]

    # --- the state machine

    @pytest.mark.parametrize(("before", "after"), list(product(IngestStatus, repeat=2)))
    def test_status_updates_follow_the_table(
        self, tracker: IngestTracker, before: IngestStatus, after: IngestStatus
    ) -> None:
        ingest = opened(tracker, an_ingest(status=before, events=(an_event("Before"),)))
        outcome = tracker.update(ingest.id, StatusUpdate(after, (an_event("After"),)))
        if TABLE[before][list(IngestStatus).index(after)]:
            expected = replace(ingest, status=after, events=(an_event("Before"), an_event("After")))
            assert outcome == Updated(expected)
        else:
            expected = ingest
            assert isinstance(outcome, Refused)
            assert outcome.ingest == ingest
            assert before.value in outcome.why
            assert after.value in outcome.why
        assert tracker.get(ingest.id) == expected

    @pytest.mark.parametrize("before", IngestStatus)
    def test_an_event_begins_the_processing_and_changes_no_other_status(
        self, tracker: IngestTracker, before: IngestStatus
    ) -> None:
        ingest = opened(tracker, an_ingest(status=before))
        expected = replace(ingest, status=PROCESSING if before is ACCEPTED else before, events=(an_event(),))
        assert tracker.update(ingest.id, EventUpdate((an_event(),))) == Updated(expected)
        assert tracker.get(ingest.id) == expected

    @pytest.mark.parametrize(("before", "after"), list(product(CallbackStatus, repeat=2)))
    def test_a_callback_ends_once(self, tracker: IngestTracker, before: CallbackStatus, after: CallbackStatus) -> None:
        callback = Callback("https://example.org/cb", before)
        ingest = opened(tracker, an_ingest(status=SUCCEEDED, callback=callback))
        outcome = tracker.update(ingest.id, CallbackStatusUpdate(after, (an_event(),)))
        if CALLBACK_TABLE[before][list(CallbackStatus).index(after)]:
            expected = replace(ingest, callback=replace(callback, status=after), events=(an_event(),))
            assert outcome == Updated(expected)
        else:
            expected = ingest
            assert isinstance(outcome, Refused)
            assert outcome.ingest == ingest
        assert tracker.get(ingest.id) == expected

    def test_an_ingest_without_callback_refuses_its_status(self, tracker: IngestTracker) -> None:
        ingest = opened(tracker, an_ingest())
        outcome = tracker.update(ingest.id, CallbackStatusUpdate(CallbackStatus.SUCCEEDED, (an_event(),)))
        assert outcome == Refused(ingest, "the ingest has no callback")
        assert tracker.get(ingest.id) == ingest

    def test_a_reason_stays_with_failed_and_goes_with_succeeded(self, tracker: IngestTracker) -> None:
        ingest = opened(tracker, an_ingest())
        for update, expected in (
            (StatusUpdate(PROCESSING, reason=Reason.BAG_GONE), None),
            (StatusUpdate(FAILED, reason=Reason.SOURCE_CORRUPT), Reason.SOURCE_CORRUPT),
            (EventUpdate((an_event(),)), Reason.SOURCE_CORRUPT),
            (StatusUpdate(FAILED), Reason.SOURCE_CORRUPT),
            (StatusUpdate(FAILED, reason=Reason.INTERRUPTED), Reason.INTERRUPTED),
            (StatusUpdate(SUCCEEDED, reason=Reason.INTERRUPTED), None),
        ):
            outcome = tracker.update(ingest.id, update)
            assert isinstance(outcome, Updated)
            assert outcome.ingest.reason is expected
            assert tracker.get(ingest.id) == outcome.ingest

    def test_events_ascend_by_date_then_by_arrival(self, tracker: IngestTracker) -> None:
        late, early, same = an_event("Late", 9), an_event("Early", 1), an_event("Same", 9)
        middle = an_event("Middle", 5)
        ingest = an_ingest(events=(late, middle))
        assert tracker.open(ingest).ingest.events == (middle, late)
        outcome = tracker.update(ingest.id, EventUpdate((same, early, early)))
        assert isinstance(outcome, Updated)
        assert [event.description for event in outcome.ingest.events] == ["Early", "Early", "Middle", "Late", "Same"]
        assert tracker.get(ingest.id) == outcome.ingest
        assert outcome.ingest.last_modified == late.created

    def test_odd_text_in_an_event_is_kept(self, tracker: IngestTracker) -> None:
        ingest = opened(tracker, an_ingest())
        odd = an_event("file 'a\0b\udc80\r\n' \U0001f600" + "x" * 300)
        tracker.update(ingest.id, EventUpdate((odd,)))
        found = tracker.get(ingest.id)
        assert found is not None
        assert found.events == (odd,)
        assert odd.description.startswith("File 'a\\x00b\\udc80\r\n' \U0001f600x")
        assert len(odd.description) == 250

    # --- several at once

    def test_events_sent_at_once_are_all_kept(self, tracker: IngestTracker) -> None:
        ingest = opened(tracker, an_ingest())
        together = Barrier(8)

        def send(sender: int) -> None:
            together.wait(timeout=120)
            for number in range(5):
                assert isinstance(tracker.update(ingest.id, EventUpdate((an_event(f"E{sender}.{number}"),))), Updated)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(8)))
        found = tracker.get(ingest.id)
        assert found is not None
        assert sorted(event.description for event in found.events) == sorted(
            f"E{s}.{n}" for s in range(8) for n in range(5)
        )
        # Each sender's own events stay in the order in which it sent them.
        assert [event for event in found.events if event.description.startswith("E3")] == [
            an_event(f"E3.{number}") for number in range(5)
        ]

    def test_of_contrary_ends_sent_at_once_success_stays(self, tracker: IngestTracker) -> None:
        for _ in range(5):
            ingest = opened(tracker, an_ingest())
            ends = [StatusUpdate(FAILED, (an_event("F"),)), StatusUpdate(SUCCEEDED, (an_event("S"),))] * 3
            with ThreadPoolExecutor(6) as pool:
                outcomes = list(pool.map(lambda end: tracker.update(ingest.id, end), ends))  # noqa: B023
            found = tracker.get(ingest.id)
            assert found is not None
            assert found.status is SUCCEEDED
            assert len(found.events) == sum(isinstance(outcome, Updated) for outcome in outcomes)

    def test_of_several_who_open_one_id_at_once_one_opens_it(self, tracker: IngestTracker) -> None:
        ingest = an_ingest(events=(an_event(),))
        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(lambda _: tracker.open(ingest), range(6)))
        assert sorted(isinstance(outcome, Opened) and outcome.is_new for outcome in outcomes) == [False] * 5 + [True]
        assert tracker.get(ingest.id) == ingest

    # --- invariants

    @property_settings
    @given(updates=st.lists(_updates, max_size=8), has_callback=st.booleans())
    def test_history_only_grows_and_status_follows_the_table(
        self, tracker: IngestTracker, updates: list[IngestUpdate], has_callback: bool
    ) -> None:
        callback = Callback("https://example.org/cb") if has_callback else None
        now = opened(tracker, an_ingest(callback=callback))
        for update in updates:
            outcome = tracker.update(now.id, update)
            found = tracker.get(now.id)
            assert isinstance(outcome, Updated | Refused)
            assert found == outcome.ingest
            if isinstance(outcome, Refused):
                assert found == now
                continue
            left = list(found.events)
            for event in (*now.events, *update.events):
                left.remove(event)
            assert left == []
            assert list(found.events) == sorted(found.events, key=lambda event: event.created)
            assert TABLE[now.status][list(IngestStatus).index(found.status)]
            assert found.status is FAILED or found.reason is None
            assert (found.id, found.bag_version, found.created) == (now.id, now.bag_version, now.created)
            now = found
