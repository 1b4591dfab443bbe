"""The verdict at the source: a bag that cannot pass costs nothing, or the thaw of its tag files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.algorithm import Algorithm
from bagfill.ingests.reasons import Reason
from bagfill.registry.waivers import Waiver
from bagfill.steps.backfill import backfill
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.services import Policy, Services
from bagfill.steps.verify_shard import verify_shard
from bagfill.steps.wait_for_thaw import ThawState, poll_thaw
from bagfill.steps.work import IngestWork
from bagfill.storage.faults import Fault, FaultKind
from bagfill.storage.held_names import NamesHeld
from world import SMALL, THAW_DELAY, World, advance_instead_of_sleeping, bag_files, with_tag_file

BAG = BagId.parse("digitised/b1234")
V1 = "digitised/b1234/v1"
LIMITS = replace(SMALL, shard_bytes=1_000_000, shard_files=100)
FILES = bag_files(BAG, {"a.txt": b"alpha", "b.txt": b"beta" * 1000}, algorithms=("md5", "sha256"))
TAGS = tuple(sorted(name for name in FILES if "/" not in name))
PAYLOAD = tuple(sorted(name for name in FILES if "/" in name))


# Such a bag the storage service registers, and BagIt forbids it: the Payload-Oxum is there twice.
OXUM_TWICE = with_tag_file(FILES, "bag-info.txt", FILES["bag-info.txt"] + b"Payload-Oxum: 4005.2\n")


def made(files: Mapping[str, bytes], *archived: str, **options: bool) -> World:
    world = World(limits=LIMITS, **options)
    world.add(V1, files)
    world.archive(V1, *archived)
    return world


def planned(world: World, services: Services | None = None) -> tuple[IngestRef, PlanSummary | StepFailed]:
    services = services or world.services()
    opened = open_ingests(services, world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    return opened.refs[0], plan_replication(services, opened.refs[0])


def paid(world: World) -> list[str]:
    return [key.removeprefix(f"{V1}/") for key, _, _ in world.source.thaw_requests]


def run(world: World, **changes: object) -> tuple[str | None, str]:
    services = world.services(**changes)
    result = backfill(services, world.request(str(BAG)), sleep=advance_instead_of_sleeping(world.clock))
    return result.closed[0].reason, result.closed[0].message


def test_the_sample_is_what_it_is_meant_to_be() -> None:
    assert b"Payload-Oxum: 4005.2\n" in FILES["bag-info.txt"]


def test_a_bag_that_cannot_pass_is_refused_before_anything_is_asked_for_or_written() -> None:
    world = made(OXUM_TWICE, *PAYLOAD)
    _, plan = planned(world)
    assert isinstance(plan, StepFailed)
    assert plan.reason is Reason.BAG_INVALID
    assert "OXUM-REPEATED" in plan.message
    assert paid(world) == []
    assert world.at_destination(V1) == {}


def test_a_wholly_archived_bag_that_cannot_pass_costs_its_tag_files_and_no_payload() -> None:
    world = made(OXUM_TWICE, *OXUM_TWICE)
    reason, message = run(world)
    assert reason == Reason.BAG_INVALID.code
    assert "OXUM-REPEATED" in message
    assert sorted(paid(world)) == sorted(TAGS)
    assert world.at_destination(V1) == {}


@pytest.mark.parametrize("trusted_listing", [True, False])
def test_tag_files_are_thawed_and_judged_first_and_the_payload_is_asked_for_after_that(trusted_listing: bool) -> None:
    world = made(FILES, *FILES, trusted_listing=trusted_listing)
    services = world.services()
    ref, plan = planned(world)
    assert isinstance(plan, PlanSummary)
    tags, payload = len(TAGS), len(PAYLOAD)
    assert request_thaw(services, ref) == ThawSummary(total=tags + payload, asked=tags, in_progress=0, readable=0)
    assert sorted(paid(world)) == sorted(TAGS)
    assert poll_thaw(services, ref) == ThawState(tags + payload, 0, tags, 0)
    assert request_thaw(services, ref) == ThawSummary(total=tags + payload, asked=0, in_progress=tags, readable=0)

    world.clock.advance(THAW_DELAY)
    assert poll_thaw(services, ref) == ThawState(tags + payload, tags, 0, payload)
    assert paid(world)[tags:] == list(PAYLOAD)
    assert poll_thaw(services, ref) == ThawState(tags + payload, tags, payload, 0)

    world.clock.advance(THAW_DELAY)
    state = poll_thaw(services, ref)
    assert isinstance(state, ThawState)
    assert state.done
    assert len(paid(world)) == tags + payload


def test_a_bag_wholly_archived_arrives_and_every_thaw_is_paid_once() -> None:
    world = made(FILES, *FILES)
    assert run(world)[0] is None
    assert world.at_destination(V1) == FILES
    assert sorted(paid(world)) == sorted(FILES)


def test_what_all_manifests_say_is_recorded_for_the_files_of_the_plan() -> None:
    world = made(FILES, *FILES)
    services = world.services()
    ref, _ = planned(world)
    work = IngestWork(services.work, ref)
    plan = work.require_plan()
    before = {file.path: file.digests.algorithms for file in work.all_files(plan)}
    assert set(before.values()) == {frozenset({Algorithm.SHA256})}
    request_thaw(services, ref)
    world.clock.advance(THAW_DELAY)
    poll_thaw(services, ref)
    after = {file.path: file.digests.algorithms for file in work.all_files(plan)}
    both = frozenset({Algorithm.MD5, Algorithm.SHA256})
    assert {path: found for path, found in after.items() if not path.startswith("tagmanifest")} == dict.fromkeys(
        (path for path in FILES if not path.startswith("tagmanifest")), both
    )


def test_nothing_is_copied_before_the_verdict() -> None:
    world = made(FILES, "bagit.txt")
    ref, _ = planned(world)
    outcome = copy_shard(world.services(), ShardRef(ref, 0))
    assert isinstance(outcome, StepFailed)
    assert "not judged" in outcome.message
    assert world.at_destination(V1) == {}


def test_tag_files_that_an_earlier_attempt_copied_are_read_there_instead_of_thawed_again() -> None:
    world = made(FILES, *FILES)
    world.put(V1, {name: FILES[name] for name in TAGS}, bucket=world.destination)
    assert run(world)[0] is None
    assert sorted(paid(world)) == sorted(PAYLOAD)


def test_another_file_under_a_tag_file_s_name_at_the_destination_is_not_believed() -> None:
    world = made(FILES, *FILES)
    wrong = FILES["bag-info.txt"].replace(b"2020", b"2021")
    world.put(V1, {"bag-info.txt": wrong}, bucket=world.destination)
    _, plan = planned(world)
    # Not all tag files are there, so the verdict waits; the payload does too.
    assert isinstance(plan, PlanSummary)
    reason, message = run(made_with(world))
    assert reason == Reason.OTHER_BYTES_AT_DESTINATION.code
    assert "bag-info.txt" in message
    assert not set(paid(world)) & set(PAYLOAD)
    assert world.at_destination(V1) == {"bag-info.txt": wrong}


def made_with(world: World) -> World:
    """The world after the first claim has ended."""
    world.clock.advance(world.limits.lease * 2)
    return world


def test_tag_files_whose_thaw_expired_unseen_are_asked_for_again() -> None:
    world = made(FILES, *FILES)
    services = world.services()
    ref, _ = planned(world)
    request_thaw(services, ref)
    world.clock.advance(timedelta(days=30))
    assert poll_thaw(services, ref) == ThawState(len(FILES), 0, 0, len(TAGS))
    assert sorted(paid(world)) == sorted(TAGS * 2)


def test_a_tag_file_that_was_replaced_while_it_was_thawed_is_not_judged() -> None:
    world = made(FILES, *FILES)
    services = world.services()
    ref, _ = planned(world)
    request_thaw(services, ref)
    world.put(V1, {"bag-info.txt": FILES["bag-info.txt"]})
    world.clock.advance(THAW_DELAY)
    outcome = poll_thaw(services, ref)
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.SOURCE_CHANGED
    assert sorted(paid(world)) == sorted(TAGS)


def test_a_tag_file_that_vanished_while_it_was_thawed_ends_the_ingest() -> None:
    world = made(FILES, *FILES)
    ref, _ = planned(world)
    world.source.remove(f"{V1}/manifest-md5.txt")
    outcome = poll_thaw(world.services(), ref)
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.SOURCE_INCOMPLETE


def test_a_tag_file_that_is_corrupt_at_the_source_is_named_and_a_single_bad_read_is_not_believed() -> None:
    world = made(FILES)
    flips = iter([Fault(FaultKind.FLIP_READ)])

    def once(operation: str, key: str) -> Fault | None:
        return next(flips, None) if operation == "read" and key.endswith("manifest-md5.txt") else None

    assert run(world, source=once)[0] is None
    world = made(FILES)
    world.put(V1, {"bag-info.txt": FILES["bag-info.txt"].replace(b"2020", b"2021")})
    reason, message = run(world)
    assert reason == Reason.SOURCE_CORRUPT.code
    assert "bag-info.txt" in message
    assert world.at_destination(V1) == {}


def test_the_volume_limit_counts_the_payload_before_a_tag_file_is_asked_for() -> None:
    world = made(FILES, *FILES)
    ref, _ = planned(world)
    world.limits = replace(LIMITS, max_thaw_bytes=1000)
    outcome = request_thaw(world.services(), ref)
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.BUDGET_REACHED
    assert paid(world) == []


def test_the_volume_limit_of_the_moment_holds_for_the_payload_too() -> None:
    world = made(FILES, *FILES)
    ref, _ = planned(world)
    request_thaw(world.services(), ref)
    world.clock.advance(THAW_DELAY)
    world.limits = replace(LIMITS, max_thaw_bytes=1000)
    outcome = poll_thaw(world.services(), ref)
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.BUDGET_REACHED
    assert sorted(paid(world)) == sorted(TAGS)


DOTTED = bag_files(BAG, {"a.": b"alpha"}, algorithms=("sha256",))


@pytest.fixture
def dotted() -> World:
    """A bag with a name that the storage service refuses by now, on the way to a place that can hold it."""
    world = made(DOTTED)
    world.locations["azure"] = replace(world.locations["azure"], bucket="a-disk")
    return world


def on_a_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("world.AZURE_NAMES", world.services().stores.reading(world.locations["primary"]).name_rules)


def test_the_profile_is_that_of_the_settings_or_of_the_policy(dotted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_disk(dotted, monkeypatch)
    strict = dotted.services(profile=Profile.STORAGE_SERVICE)
    _, refused = planned(dotted, strict)
    assert isinstance(refused, StepFailed)
    assert "NAME-ENDS-IN-DOT" in refused.message
    assert strict.profile_of("digitised", "azure") is Profile.STORAGE_SERVICE
    by_policy = dotted.services(
        policies=(
            Policy((), ("azure",)),
            Policy(("digitised",), ("azure", "shelf"), Profile.STORAGE_SERVICE),
            Policy(("digitised",), ("azure",), Profile.BAGIT),
        )
    )
    assert by_policy.profile_of("digitised", "azure") is Profile.STORAGE_SERVICE
    assert by_policy.profile_of("born-digital", "azure") is Profile.BAGIT
    assert by_policy.profile_of("digitised", "primary") is Profile.BAGIT


WAIVER = Waiver(
    BagVersionId.parse(V1), "data/a.", "NAME-ENDS-IN-DOT", "Ada", "registered before the rule", World().clock()
)


@pytest.mark.parametrize(
    "change",
    [
        lambda waiver: replace(waiver, until=WAIVER.granted + timedelta(hours=1)),
        lambda waiver: replace(waiver, path="data/b."),
        lambda waiver: replace(waiver, code="TAG-MANIFESTS-WEAK"),
        lambda waiver: replace(waiver, bag_version=BagVersionId.parse("digitised/b1234/v2")),
    ],
    ids=["ended", "another file", "another rule", "another version"],
)
def test_a_waiver_for_something_else_or_one_that_ended_lets_nothing_through(
    dotted: World, monkeypatch: pytest.MonkeyPatch, change: Callable[[Waiver], Waiver]
) -> None:
    on_a_disk(dotted, monkeypatch)
    services = dotted.services(profile=Profile.STORAGE_SERVICE)
    services.waivers.grant(change(WAIVER))
    dotted.clock.advance(timedelta(hours=2))
    _, plan = planned(dotted, services)
    assert isinstance(plan, StepFailed)
    assert plan.reason is Reason.BAG_INVALID
    assert ("a waiver by Ada ended" in plan.message) == (change(WAIVER).until is not None)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("archived", [True, False])
def test_a_bag_whose_only_manifests_are_sha512_arrives(profile: Profile, archived: bool) -> None:
    files = bag_files(BAG, {"a.txt": b"alpha"}, algorithms=("sha512",))
    world = made(files, *(files if archived else ()))
    assert run(world, profile=profile)[0] is None
    assert world.is_registered(V1)
    assert world.at_destination(V1) == files


def test_a_waiver_lets_a_known_file_through_and_is_on_the_receipt(
    dotted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_disk(dotted, monkeypatch)
    services = dotted.services(profile=Profile.STORAGE_SERVICE)
    services.waivers.grant(WAIVER)
    services.waivers.grant(replace(WAIVER, path="", code="TAG-MANIFESTS-WEAK"))

    result = backfill(services, dotted.request(str(BAG)), sleep=advance_instead_of_sleeping(dotted.clock))

    assert result.succeeded
    receipt = services.registry.replicas(BagVersionId.parse(V1))[-1].receipt
    assert receipt is not None
    (text,) = [data.decode() for name, data in dotted.records.contents().items() if name == f"receipts/{receipt}"]
    head = json.loads(text.splitlines()[0]) if "\n" in text else json.loads(text)
    # What was not needed is not on it.
    assert [(each["code"], each["path"], each["who"]) for each in head["waivers"]] == [
        ("NAME-ENDS-IN-DOT", "data/a.", "Ada")
    ]
    events = [event.description for ingest in services.ingests.of_request("bag__test") for event in ingest.events]
    assert "Waived NAME-ENDS-IN-DOT in data/a., by Ada - registered before the rule" in events


def test_the_profile_holds_at_the_destination_too(dotted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_disk(dotted, monkeypatch)
    ref, plan = planned(dotted)
    assert isinstance(plan, PlanSummary)
    for step in (copy_shard, verify_shard):
        assert not isinstance(step(dotted.services(), ShardRef(ref, 0)), StepFailed)
    outcome = conclude_replica(dotted.services(profile=Profile.STORAGE_SERVICE), ref)
    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.BAG_INVALID
    assert "NAME-ENDS-IN-DOT" in outcome.message
    assert not dotted.is_registered(V1)


@pytest.mark.parametrize("profile", Profile)
def test_a_version_with_fetched_files_passes_in_both_profiles(profile: Profile) -> None:
    world = made(FILES)
    second = bag_files(BAG, {"new.txt": b"new"}, fetched={"old.txt": ("v1/data/a.txt", b"alpha")})
    world.add("digitised/b1234/v2", second)
    services = world.services(profile=profile)
    result = backfill(services, world.request(str(BAG)), sleep=advance_instead_of_sleeping(world.clock))
    assert result.succeeded, [each.message for each in result.closed]
    assert world.is_registered("digitised/b1234/v2")


@pytest.mark.parametrize(("names", "refused"), [(NamesHeld.EXACT, False), (NamesHeld.CASE_INSENSITIVE, True)])
def test_files_that_the_destination_would_merge_stop_the_bag_before_a_byte_moves(
    names: NamesHeld, refused: bool
) -> None:
    world = made(bag_files(BAG, {"a.txt": b"one", "A.txt": b"two"}), "data/a.txt")
    world.locations["azure"] = replace(world.locations["azure"], names=names)
    _, plan = planned(world)
    assert isinstance(plan, StepFailed) is refused
    if isinstance(plan, StepFailed):
        assert plan.reason is Reason.NAME_REFUSED
        assert "data/A.txt: NAME-MERGED" in plan.message
        assert "'data/a.txt'" in plan.message
    assert paid(world) == []
    assert world.at_destination(V1) == {}
