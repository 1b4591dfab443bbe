"""What every audit log does, whatever keeps it: subclass, and give the fixtures ``log`` and ``registry``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from bagfill.audit.log import AuditLog
from bagfill.audit.model import Audit, AuditMode, AuditOutcome, FixityEvent, event_id_of
from bagfill.bag.identifiers import BagVersionId
from bagfill.registry.registry import Registry
from contracts.registry_contract import TurnableClock
from contracts.sample_manifests import bag_version, sample_manifest

START = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
DAY = timedelta(days=1)
V1, V2 = bag_version(version=1), bag_version(version=2)
GOOD, FINDINGS, UNKNOWN = AuditOutcome
LIST, READ, SAMPLE = AuditMode


def an_audit(**changes: object) -> Audit:
    made = Audit(
        id=uuid4(),
        request_id="cli:1",
        location="azure",
        space=None,
        external_identifier=None,
        mode=READ,
        due=True,
        seed=2**62 - 1,
        created=START,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def an_event(
    about: BagVersionId = V1,
    *,
    mode: AuditMode = READ,
    outcome: AuditOutcome = GOOD,
    after: timedelta = timedelta(0),
    location: str = "azure",
    audit_id: UUID | None = None,
) -> FixityEvent:
    return FixityEvent(
        id=event_id_of(uuid4(), about, location, mode),
        audit_id=audit_id,
        bag_version=about,
        location=location,
        mode=mode,
        outcome=outcome,
        occurred=START + after,
        files=2**40,
        bytes=2**62,
        files_read=2,
        bytes_read=3,
        files_archived=4,
        findings=5,
        record="_audits/ü %41 'x'",
        detail="because",
    )


class AuditLogContract:
    @pytest.fixture
    def clock(self) -> TurnableClock:
        return TurnableClock()

    @pytest.fixture
    def registry(self, clock: TurnableClock) -> Registry:
        raise NotImplementedError

    @pytest.fixture
    def log(self) -> AuditLog:
        raise NotImplementedError

    def test_an_audit_is_opened_once(self, log: AuditLog) -> None:
        audit = an_audit(space="born digital", external_identifier="a/b")

        assert log.open(audit) == audit
        assert log.open(replace(audit, seed=1)) == audit
        assert log.get(audit.id) == audit
        assert log.get(uuid4()) is None

    def test_an_audit_ends_once(self, log: AuditLog) -> None:
        audit = log.open(an_audit())
        log.planned(audit.id, 7)
        ended = log.finish(audit.id, finished=START + DAY, outcome=FINDINGS, summary={"text": "ü \ud800 \0", "n": 1})
        again = log.finish(audit.id, finished=START + 2 * DAY, outcome=GOOD, summary={})

        assert ended is not None
        assert (ended.replicas, ended.finished, ended.outcome) == (7, START + DAY, FINDINGS)
        assert ended.summary == {"text": "ü \ud800 \0", "n": 1}
        assert again == ended == log.get(audit.id)
        assert log.finish(uuid4(), finished=START, outcome=GOOD, summary={}) is None

    def test_unfinished_audits_oldest_first(self, log: AuditLog) -> None:
        first, second, third = (log.open(an_audit(location=name)) for name in ("azure", "warm", "azure"))
        log.finish(third.id, finished=START, outcome=GOOD, summary={})

        assert list(log.unfinished()) == [first, second]
        assert list(log.unfinished("warm")) == [second]

    def test_recent_audits_newest_first(self, log: AuditLog) -> None:
        old, new = log.open(an_audit()), log.open(an_audit(created=START + DAY))

        assert list(log.recent()) == [new, old]
        assert list(log.recent(1)) == [new]

    def test_an_event_is_recorded_once_and_never_changed(self, log: AuditLog) -> None:
        event = an_event()

        assert log.record(event)
        assert not log.record(replace(event, outcome=FINDINGS))
        assert list(log.history(V1.bag)) == [event]

    def test_history_is_newest_first_and_of_every_version(self, log: AuditLog) -> None:
        old, new, elsewhere = an_event(), an_event(V2, after=DAY), an_event(location="warm", after=-DAY)
        other = an_event(bag_version("b2"))
        for event in (old, new, elsewhere, other):
            log.record(event)

        assert list(log.history(V1.bag)) == [new, old, elsewhere]
        assert list(log.history(V1.bag, location="warm")) == [elsewhere]
        assert list(log.history(V1.bag, limit=1)) == [new]

    def test_events_of_one_audit_in_order(self, log: AuditLog) -> None:
        audit = uuid4()
        events = [an_event(V2, audit_id=audit, after=DAY), an_event(V1, audit_id=audit)]
        for event in (*events, an_event(V1, audit_id=uuid4())):
            log.record(event)

        assert list(log.of_audit(audit)) == events

    def test_events_are_found_by_their_ids(self, log: AuditLog) -> None:
        events = [an_event(V1), an_event(V2)]
        for event in events:
            log.record(event)

        assert log.events([events[1].id, uuid4()]) == {events[1].id: events[1]}
        assert log.events([]) == {}
        many = [*(uuid4() for _ in range(1200)), events[0].id]
        assert log.events(many) == {events[0].id: events[0]}

    def test_the_last_reading_is_one_that_found_something_out(self, log: AuditLog) -> None:
        read = an_event(outcome=FINDINGS)
        later = [an_event(outcome=UNKNOWN, after=DAY), an_event(mode=LIST, after=DAY), an_event(V2, after=DAY)]
        for event in (an_event(after=-DAY), read, *later):
            log.record(event)

        assert log.last(V1, "azure") == read
        assert log.last(V1, "warm") is None

    def test_standings_are_in_the_order_in_which_replicas_are_to_be_seen(
        self, log: AuditLog, registry: Registry, clock: TurnableClock
    ) -> None:
        for number, name in enumerate(("seen-late", "seen-early", "never-late", "never-early", "unknown"), start=1):
            clock.now = START - number * DAY
            registry.add_bag_version(sample_manifest(bag_version(name)), locations=["primary", "azure"])
        registry.add_bag_version(sample_manifest(bag_version("elsewhere")), locations=["primary"])
        log.record(an_event(bag_version("seen-late"), after=2 * DAY))
        log.record(an_event(bag_version("seen-early"), after=DAY))
        log.record(an_event(bag_version("seen-early"), location="primary", after=9 * DAY))
        log.record(an_event(bag_version("never-late"), mode=LIST))
        log.record(an_event(bag_version("unknown"), outcome=UNKNOWN, after=DAY))

        rows = list(log.standings("azure", READ))

        names = [str(row.bag_version.external_identifier) for row in rows]
        assert names == ["unknown", "never-early", "never-late", "seen-early", "seen-late"]
        first, last = rows[0], rows[-1]
        assert (first.seen, first.tried, first.failed_last) == (None, START + DAY, True)
        assert (last.seen, last.tried, last.failed_last) == (START + 2 * DAY, START + 2 * DAY, False)
        assert (last.registered, last.files, last.bytes) == (START - DAY, 2, 70)

    def test_what_was_read_needs_no_listing_but_not_the_other_way_round(
        self, log: AuditLog, registry: Registry
    ) -> None:
        registry.add_bag_version(sample_manifest(V1), locations=["azure"])
        log.record(an_event(mode=READ))
        log.record(an_event(mode=LIST, after=DAY))
        log.record(an_event(mode=SAMPLE, after=2 * DAY))

        assert [row.seen for mode in AuditMode for row in log.standings("azure", mode)] == [
            START + DAY,
            START,
            START + 2 * DAY,
        ]

    def test_standings_keep_to_their_scope(self, log: AuditLog, registry: Registry) -> None:
        for space in ("one", "two"):
            for name in ("a", "a/b"):
                registry.add_bag_version(sample_manifest(bag_version(name, space=space)), locations=["azure"])

        def names(**scope: str) -> list[str]:
            return [str(row.bag_version.bag) for row in log.standings("azure", READ, **scope)]

        assert names(space="one") == ["one/a", "one/a/b"]
        assert names(space="two", external_identifier="a") == ["two/a"]
        assert names(space="three") == []
