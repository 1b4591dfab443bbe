"""Sweeps: what is started, in which order, under which name, and what is left alone and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagId, BagVersionId, ExternalIdentifier, Space
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.retries import SCHEDULES
from bagfill.ingests.tracker import StatusUpdate
from bagfill.registry.registry import Claim, ReplicaRecord
from bagfill.steps.backfill import backfill
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.run_ids import run_id_of, run_id_of_shipment
from bagfill.steps.services import Policy
from bagfill.steps.sweep import SweepFindings, find_unbackfilled
from bagfill.steps.sweep_candidates import SweepError, start_of, sweep_candidates
from bagfill.storage.location import Location, Provider
from contracts.sample_manifests import manifest_document, manifest_of
from invariants_drill import V1, V1_FILES
from world import World

MOST_ATTEMPTS = SCHEDULES[Reason.SOURCE_UNREADABLE].attempts
LEGAL = re.compile(r"[A-Za-z0-9_.~:+-]+")


def bag(text: str) -> BagId:
    return BagId.parse(text, stored=True)


class Swept:
    """A world with bag versions that are known and lie at ``primary`` only."""

    def __init__(self, *names: str) -> None:
        self.world = World()
        self.world.locations["second"] = Location("second", Provider.AMAZON_S3, "second", writable=True)
        for name in names:
            self.add(name)

    def add(self, name: str, depends_on: str | None = None) -> None:
        bag_version = BagVersionId.parse(name, stored=True)
        files = {f"{depends_on or bag_version.version}/data/a.txt": 15, f"{bag_version.version}/data/b.txt": 1}
        manifest = manifest_of(manifest_document(bag_version, files=files))
        self.world.registry.add_bag_version(manifest, locations=["primary"])

    def sweep(self, *policies: Policy, limit: int = 100, **scope: str) -> SweepFindings:
        services = replace(self.world.services(), policies=policies or (Policy((), ("azure",)),))
        return find_unbackfilled(services, limit=limit, **scope)

    def ingest(
        self, name: str, reason: Reason | None = Reason.INTERRUPTED, *, request: str = "", claim: bool = False
    ) -> Ingest:
        """An ingest that failed, or with no reason one that is processing."""
        ingest = Ingest(
            id=uuid4(),
            bag_version=BagVersionId.parse(name, stored=True),
            source="primary",
            destination="azure",
            status=IngestStatus.PROCESSING,
            created=self.world.clock(),
            request_id=request or str(uuid4()),
        )
        self.world.ingests.open(ingest)
        if claim:
            taken = self.world.registry.acquire(
                ingest.bag_version, "azure", holder=str(ingest.id), lease=self.world.limits.lease
            )
            assert isinstance(taken, Claim)
        if reason is not None:
            self.world.ingests.update(ingest.id, StatusUpdate(IngestStatus.FAILED, (), reason))
        return ingest

    def register(self, name: str) -> None:
        """As if it had been replicated."""
        bag_version = BagVersionId.parse(name, stored=True)
        record = ReplicaRecord(bag_version, "azure", self.world.clock(), None, None)
        self.world.registry._known[bag_version].replicas["azure"] = record


def started(findings: SweepFindings) -> list[tuple[str, str]]:
    return [(start.bag, start.destination) for start in findings.starts]


def whys(findings: SweepFindings) -> list[str]:
    return [skipped.why for skipped in findings.skipped]


def test_every_policy_sends_its_spaces_to_its_locations() -> None:
    swept = Swept("born/b1/v1", "digitised/b2/v1")
    policies = (Policy(("born",), ("azure", "second")), Policy(("digitised",), ("second",)))
    assert started(swept.sweep(*policies)) == [
        ("born/b1", "azure"),
        ("born/b1", "second"),
        ("digitised/b2", "second"),
    ]


def test_a_scope_narrows_the_policies_and_never_widens_them() -> None:
    swept = Swept("born/b1/v1", "digitised/b2/v1")
    policies = (Policy(("born",), ("azure",)), Policy((), ("second",)))
    assert started(swept.sweep(*policies, destination="second", space="born")) == [("born/b1", "second")]
    assert started(swept.sweep(*policies, destination="azure", space="digitised")) == []
    assert started(swept.sweep(*policies, space="digitised")) == [("digitised/b2", "second")]


@pytest.mark.parametrize(
    ("destination", "said"), [("moon", "configured locations are"), ("second", "no policy of the settings")]
)
def test_a_destination_that_no_policy_serves_is_wrong_use(destination: str, said: str) -> None:
    with pytest.raises(SweepError, match=said):
        Swept("digitised/b1/v1").sweep(destination=destination)


def test_one_run_a_bag_the_oldest_missing_version_first_and_no_more_than_the_limit() -> None:
    swept = Swept("digitised/b1/v1", "digitised/b1/v2", "digitised/b2/v1", "digitised/b2/v2", "digitised/b3/v1")
    swept.register("digitised/b1/v1")

    assert [start.bag for start in swept.sweep().starts] == ["digitised/b2", "digitised/b3", "digitised/b1"]
    assert [start.bag for start in swept.sweep(limit=2).starts] == ["digitised/b2", "digitised/b3"]
    assert swept.sweep(limit=0) == SweepFindings((), ())


def test_a_bag_that_is_wholly_there_is_neither_started_nor_skipped() -> None:
    swept = Swept("digitised/b1/v1")
    swept.register("digitised/b1/v1")
    assert swept.sweep() == SweepFindings((), ())


def test_what_a_sweep_starts_is_a_request_that_can_be_read_also_for_an_old_identifier() -> None:
    swept = Swept("digitised/b1//v1", "digitised/b2/v1")
    for start in swept.sweep().starts:
        request = BackfillRequest.parse(swept.world.services(), start.run_id, start.fields)
        assert str(request.bag) == start.bag
        assert start.to_json()["fields"] == start.fields


def test_a_bag_that_is_being_worked_on_is_left_alone() -> None:
    swept = Swept("digitised/b1/v1")
    ingest = swept.ingest("digitised/b1/v1", None, claim=True)
    assert whys(swept.sweep()) == [f"running: ingest {ingest.id}"]


def test_an_ingest_that_was_opened_a_moment_ago_counts_as_running_without_a_claim() -> None:
    swept = Swept("digitised/b1/v1")
    ingest = swept.ingest("digitised/b1/v1", None)
    assert whys(swept.sweep()) == [f"running: ingest {ingest.id}"]


@pytest.mark.parametrize("claim", [True, False])
def test_an_ingest_that_nobody_closed_is_tried_again_once_its_lease_is_over(claim: bool) -> None:
    swept = Swept("digitised/b1/v1")
    swept.ingest("digitised/b1/v1", None, claim=claim)
    swept.world.clock.advance(swept.world.limits.lease)
    assert [start.run_id for start in swept.sweep().starts] == [run_id_of(bag("digitised/b1"), "azure", 2)]


def test_an_abandoned_ingest_blocks_no_other_version_after_another_run_finished_its_work() -> None:
    swept = Swept("digitised/b1/v1", "digitised/b1/v2")
    abandoned = swept.ingest("digitised/b1/v1", None, claim=True)
    swept.world.clock.advance(timedelta(days=1))
    taken = swept.world.registry.acquire(
        abandoned.bag_version, "azure", holder="another", lease=swept.world.limits.lease
    )
    assert isinstance(taken, Claim)
    swept.world.registry.release(taken)
    swept.register("digitised/b1/v1")
    assert started(swept.sweep()) == [("digitised/b1", "azure")]


def test_the_pause_after_a_passing_failure_doubles_and_then_a_person_is_asked() -> None:
    swept = Swept("digitised/b1/v1")
    pause = timedelta(minutes=5)
    for attempt in range(1, MOST_ATTEMPTS):
        swept.ingest("digitised/b1/v1", Reason.SOURCE_UNREADABLE)
        swept.world.clock.advance(pause - timedelta(seconds=1))
        assert whys(swept.sweep())[0].startswith("tried again after ")
        assert whys(swept.sweep())[0].endswith(": source-unreadable")
        swept.world.clock.advance(timedelta(seconds=1))
        assert [start.run_id for start in swept.sweep().starts] == [
            run_id_of(bag("digitised/b1"), "azure", attempt + 1)
        ]
        pause = min(pause * 2, timedelta(hours=6))
    swept.ingest("digitised/b1/v1", Reason.SOURCE_UNREADABLE)
    swept.world.clock.advance(timedelta(days=365))
    assert whys(swept.sweep()) == [f"needs a person: failed {MOST_ATTEMPTS} times, last: source-unreadable"]


def test_requests_that_came_while_another_ran_are_no_failed_attempts() -> None:
    swept = Swept("digitised/b1/v1")
    for _ in range(MOST_ATTEMPTS + 1):
        swept.ingest("digitised/b1/v1", Reason.ALREADY_RUNNING)
    assert started(swept.sweep()) == [("digitised/b1", "azure")]


def test_failures_of_a_version_that_is_there_by_now_do_not_count_against_a_later_one() -> None:
    swept = Swept("digitised/b1/v1")
    for _ in range(MOST_ATTEMPTS):
        swept.ingest("digitised/b1/v1", Reason.SOURCE_UNREADABLE)
    swept.register("digitised/b1/v1")
    swept.add("digitised/b1/v2")
    assert started(swept.sweep()) == [("digitised/b1", "azure")]


def test_a_version_that_failed_for_good_and_those_that_need_it_are_left_to_a_person() -> None:
    swept = Swept("digitised/b1/v1")
    swept.add("digitised/b1/v2", depends_on="v1")
    swept.ingest("digitised/b1/v1", Reason.SOURCE_CORRUPT)
    swept.world.clock.advance(timedelta(days=9))
    assert whys(swept.sweep()) == ["needs a person: v1: source-corrupt; v2: needs v1"]


def test_a_version_that_needs_no_damaged_one_is_still_tried() -> None:
    swept = Swept("digitised/b1/v1", "digitised/b1/v2")
    swept.ingest("digitised/b1/v1", Reason.SOURCE_CORRUPT)
    swept.world.clock.advance(timedelta(days=9))
    assert started(swept.sweep()) == [("digitised/b1", "azure")]


def test_a_start_says_how_much_all_missing_versions_are_together() -> None:
    swept = Swept("digitised/b1/v1", "digitised/b1/v2", "digitised/b1/v3")
    swept.register("digitised/b1/v1")
    [start] = swept.sweep().starts
    # b.txt and bagit.txt of two versions, and their a.txt.
    assert (start.versions, start.files, start.bytes) == (2, 6, 2 * (15 + 1 + 55))
    assert start.added == swept.world.clock.now
    assert not start.own_run


def test_a_bag_that_a_parcel_gave_back_is_started_alone_at_once_and_that_is_no_failed_attempt() -> None:
    swept = Swept("digitised/b1/v1")
    for _ in range(MOST_ATTEMPTS):
        swept.ingest("digitised/b1/v1", Reason.NEEDS_OWN_RUN)
    [start] = swept.sweep().starts
    assert start.own_run
    assert start.run_id == run_id_of(bag("digitised/b1"), "azure", MOST_ATTEMPTS + 1)


def test_what_a_parcel_gave_back_of_a_version_that_is_there_by_now_says_nothing_of_a_later_one() -> None:
    swept = Swept("digitised/b1/v1", "digitised/b1/v2")
    swept.ingest("digitised/b1/v1", Reason.NEEDS_OWN_RUN)
    swept.register("digitised/b1/v1")
    assert [start.own_run for start in swept.sweep().starts] == [False]


def test_bags_left_alone_are_counted_when_they_are_too_many_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bagfill.steps.sweep.MOST_TOLD", 2)
    names = [f"digitised/b{number}/v1" for number in range(5)]
    swept = Swept(*names)
    for name in names:
        swept.ingest(name, None)
    findings = swept.sweep()
    assert ([skipped.bag for skipped in findings.skipped], findings.untold) == (["digitised/b0", "digitised/b1"], 3)


def test_candidates_come_as_they_are_asked_for() -> None:
    swept = Swept("digitised/b1/v1")
    services = swept.world.services()
    found = sweep_candidates(services)
    swept.add("digitised/b2/v1")
    assert [each.bag for each in found] == ["digitised/b1", "digitised/b2"]


def test_a_bag_is_proposed_again_whatever_happened_before() -> None:
    swept = Swept("digitised/b1/v1")
    swept.ingest("digitised/b1/v1", Reason.SOURCE_CORRUPT)
    start = start_of(swept.world.services(), bag("digitised/b1"), "azure")
    assert start is not None
    assert start.run_id == run_id_of(bag("digitised/b1"), "azure", 2)
    swept.register("digitised/b1/v1")
    assert start_of(swept.world.services(), bag("digitised/b1"), "azure") is None


def test_sweeping_again_after_a_backfill_finds_nothing() -> None:
    world = World()
    world.add(V1, V1_FILES)
    services = world.services()
    start = find_unbackfilled(services, limit=5).starts[0]
    assert backfill(services, BackfillRequest.parse(services, start.run_id, start.fields)).succeeded
    assert find_unbackfilled(services, limit=5) == SweepFindings((), ())


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60)
identifiers = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
locations = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)
asked = st.tuples(st.builds(BagId, names.map(Space.stored), identifiers.map(ExternalIdentifier.stored)), locations)
tricky = st.sampled_from(
    [
        (bag("x/y__azure"), "b"),
        (bag("x/y"), "azure__b"),
        (bag("x/y_"), "azure"),
        (bag("x/y"), "_azure"),
        (bag("x/y__azure__a1"), "b"),
        (bag("x/y~2f"), "b"),
        (bag("x/y/"), "b"),
        (bag("X/y"), "b"),
        (bag("x/Y"), "b"),
        (bag(f"x/{'y' * 300}"), "b"),
        (bag(f"x/{'y' * 301}"), "b"),
    ]
)


@given(st.lists(asked | tricky, unique=True, max_size=12), st.integers(1, 10_000))
def test_run_ids_are_legal_for_the_workflow_system_and_never_the_same_for_two(
    pairs: Sequence[tuple[BagId, str]], attempt: int
) -> None:
    ids = [run_id_of(each, location, number) for each, location in pairs for number in (attempt, attempt + 1)]
    assert len(set(ids)) == len(ids)
    for run_id in [*ids, *(run_id_of_shipment(location, "0" * 32) for _, location in pairs)]:
        assert LEGAL.fullmatch(run_id)
        assert run_id.startswith(("bag__", "parcels__"))
        assert len(run_id) <= 200
