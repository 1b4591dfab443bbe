"""Audits of replicas in memory: what is told apart, what is unknown, and what running ingests do not look like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from bagfill.audit.model import AuditMode, AuditOutcome, Finding, FindingKind
from bagfill.audit.rules import AuditRules
from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.receipt_form import FileLine
from bagfill.fixity.receipts import recorded_digests
from bagfill.steps.audit import audit, findings_of
from bagfill.steps.audit_conclude import AuditResult
from bagfill.steps.audit_due import audits_of_today, what_is_due
from bagfill.steps.audit_plan import plan_audit
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.audit_work import AuditWork
from bagfill.steps.backfill import backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.requests import RequestError
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreFailure
from bagfill.storage.faults import Decide, Fault, FaultKind
from world import World, bag_files, contents

BAG = BagId.parse("digitised/b1234")
V1, V2 = f"{BAG}/v1", f"{BAG}/v2"
PAYLOAD = {"a.txt": b"alpha", "b.txt": b"beta", "empty": b"", "sub/ü %41.txt": b"gamma" * 50}
DAY = timedelta(days=1)
LIST, READ, SAMPLE = AuditMode
GOOD, FINDINGS, UNKNOWN = AuditOutcome
_numbers = count()


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, PAYLOAD, algorithms=("md5", "sha512")))
    made.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"old.txt": ("v1/data/a.txt", b"alpha")}))
    assert backfill(made.services(), made.request(str(BAG))).succeeded
    made.clock.advance(DAY)
    return made


def look(
    world: World,
    mode: AuditMode = LIST,
    *,
    faults: Decide | None = None,
    services: Services | None = None,
    **fields: str,
) -> AuditResult:
    request = AuditRequest.parse(
        world.services(), f"test:{next(_numbers)}", {"location": "azure", "mode": mode.value, **fields}
    )
    return audit(services or world.services(destination=faults), request)


def found(world: World, result: AuditResult) -> dict[tuple[str, str], Finding]:
    """By kind and path."""
    return {
        (finding.kind.value, finding.path): finding
        for event in result.events
        for finding in findings_of(world.services(), event)
    }


def damage(world: World, path: str, data: bytes) -> None:
    world.destination.put_unconditionally(f"{V1}/{path}", data)


@pytest.mark.parametrize("mode", AuditMode)
def test_a_sound_location_is_good_in_every_mode_and_stays_as_it_is(world: World, mode: AuditMode) -> None:
    before = world.destination.contents()

    result = look(world, mode)

    assert result.outcome is GOOD
    assert [event.outcome for event in result.events] == [GOOD, GOOD]
    assert world.destination.contents() == before
    assert result.audit.finished == world.clock.now


def test_reading_reads_every_byte_and_listing_none(world: World) -> None:
    read, listed = look(world, READ), look(world, LIST)

    assert [event.files_read for event in read.events] == [event.files for event in read.events]
    assert [event.bytes_read for event in read.events] == [event.bytes for event in read.events]
    assert [event.files_read for event in listed.events] == [0, 0]


def test_what_is_wrong_is_told_apart_with_what_to_do(world: World) -> None:
    world.destination.remove(f"{V1}/data/a.txt")
    damage(world, "data/b.txt", b"BETA")
    damage(world, "data/empty", b"no more")
    damage(world, "data/extra", b"?")
    world.put(f"{BAG}/v3", {"data/x": b"left over"}, bucket=world.destination)

    listed, read = look(world, LIST), look(world, READ)

    assert set(found(world, listed)) == {
        ("missing", "data/a.txt"),
        ("replaced", "data/b.txt"),
        ("wrong-size", "data/empty"),
        ("stray", "data/extra"),
        ("stray-version", ""),
    }
    assert set(found(world, read)) == {
        ("missing", "data/a.txt"),
        ("damaged", "data/b.txt"),
        ("wrong-size", "data/empty"),
        ("stray", "data/extra"),
        ("stray-version", ""),
    }
    assert listed.outcome is read.outcome is FINDINGS
    damaged = found(world, read)["damaged", "data/b.txt"]
    assert (damaged.bag_version, damaged.location) == (V1, "azure")
    assert damaged.expected.startswith(("md5:", "sha512:"))
    assert damaged.seen.startswith(("md5:", "sha512:"))
    missing = found(world, listed)["missing", "data/a.txt"]
    assert missing.steps == (f"bagfill repair {BAG} v1 --at azure",)


def test_every_digest_of_the_receipt_is_compared(world: World) -> None:
    """The storage manifest has one algorithm; what the receipt has more is computed too."""
    result = look(world, READ)
    evidence_algorithms = {"md5", "sha512"}
    [replica] = [each for each in world.registry.replicas(BagVersionId.parse(V1)) if each.location == "azure"]
    assert replica.receipt is not None
    receipt = world.services().receipts.read_bytes(replica.receipt)
    assert receipt is not None
    lines = [json.loads(line) for line in receipt.splitlines()]
    assert {name for line in lines if line["type"] == "file" for name in line["digests"]} == evidence_algorithms
    assert result.outcome is GOOD


def test_an_object_rewritten_with_the_same_bytes_is_told_once(world: World) -> None:
    damage(world, "data/b.txt", b"beta")

    first = look(world, READ)
    world.clock.advance(DAY)
    second = look(world, READ)
    third = look(world, LIST)

    assert set(found(world, first)) == {("replaced", "data/b.txt")}
    assert "right bytes" in found(world, first)["replaced", "data/b.txt"].seen
    assert (second.outcome, third.outcome) == (GOOD, GOOD)


def test_a_replica_learnt_by_import_is_held_against_what_the_first_reading_saw(world: World) -> None:
    source = {"location": "primary"}
    assert look(world, READ, **source).outcome is GOOD
    world.clock.advance(DAY)
    world.source.put_unconditionally(f"{V1}/data/b.txt", b"BETA")

    assert set(found(world, look(world, LIST, **source))) == {("replaced", "data/b.txt")}


def test_archived_objects_are_judged_by_their_metadata(world: World) -> None:
    for path in contents(world.destination, f"{V1}/"):
        world.destination.archive(f"{V1}/{path}")

    result = look(world, READ)

    [event] = [event for event in result.events if str(event.bag_version) == V1]
    assert (event.outcome, event.files_read, event.files_archived) == (GOOD, 0, event.files)
    assert world.destination.thaw_requests == []


def test_an_older_version_that_is_not_registered_there_is_a_finding(world: World) -> None:
    del world.registry._known[BagVersionId.parse(V1)].replicas["azure"]

    result = look(world)

    assert ("older-version-missing", "") in found(world, result)


def test_a_receipt_that_is_gone_or_another_is_a_finding_and_the_bytes_are_judged_all_the_same(world: World) -> None:
    [receipt] = [
        key for key in world.records.contents() if f"{V1}/" in key and key.endswith(".jsonl") and "azure" in key
    ]
    text = world.records.contents()[receipt]
    world.records.put_unconditionally(receipt, text.replace(b'"size":4', b'"size":5'))
    assert set(found(world, look(world, READ))) == {("receipt", "")}

    world.clock.advance(DAY)
    world.records.remove(receipt)
    damage(world, "data/b.txt", b"BETA")
    assert set(found(world, look(world, READ))) == {("receipt", ""), ("damaged", "data/b.txt")}


def test_digests_of_a_receipt_that_was_altered_make_no_file_damaged(world: World) -> None:
    """The storage manifest has MD5 alone: nothing but its seal contradicts another SHA-512 in the receipt."""
    [receipt] = [
        key for key in world.records.contents() if f"{V1}/" in key and key.endswith(".jsonl") and "azure" in key
    ]
    text = world.records.contents()[receipt]
    digest = hashlib.sha512(b"beta").hexdigest().encode()
    assert digest in text
    world.records.put_unconditionally(receipt, text.replace(digest, digest[::-1]))

    assert set(found(world, look(world, READ))) == {("receipt", "")}


def test_a_receipt_that_contradicts_every_file_is_told_without_all_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bagfill.steps.audit_evidence._MOST_PROBLEMS", 2)
    [receipt] = [
        key for key in world.records.contents() if f"{V2}/" in key and key.endswith(".jsonl") and "azure" in key
    ]

    def contradicting(files: Iterable[FileLine]) -> Iterator[tuple[str, str, DigestSet]]:
        yield from ((f"{number}", "etag", DigestSet()) for number in range(9))
        yield from recorded_digests(files)

    monkeypatch.setattr("bagfill.steps.audit_evidence.recorded_digests", contradicting)

    result = look(world, READ)

    [event] = [event for event in result.events if str(event.bag_version) == V2]
    told = [finding.seen for finding in findings_of(world.services(), event) if finding.kind is FindingKind.RECEIPT]
    assert told[:2] == [f"0 in {receipt.removeprefix('receipts/')}", f"1 in {receipt.removeprefix('receipts/')}"]
    assert told[2:] == ["7 more"]


@pytest.mark.parametrize("failure", [StoreFailure.UNAVAILABLE, StoreFailure.DENIED, StoreFailure.MISSING])
@pytest.mark.parametrize("operation", ["list", "list folders"])
def test_a_location_that_does_not_answer_is_unknown_never_missing(
    world: World, failure: StoreFailure, operation: str
) -> None:
    result = look(world, READ, faults=lambda name, _: Fault(FaultKind.REFUSE, failure) if name == operation else None)

    unknown = [event for event in result.events if event.outcome is UNKNOWN]
    assert result.outcome is UNKNOWN
    assert {str(event.bag_version) for event in unknown} == ({V1, V2} if operation == "list" else {V2})
    assert found(world, result) == {}
    assert all("azure" in event.detail and failure.value in event.detail for event in unknown)


def test_a_listing_that_breaks_in_the_middle_is_unknown(world: World) -> None:
    result = look(world, faults=lambda name, _: Fault(FaultKind.LOSE_ANSWER) if name == "list" else None)

    assert result.outcome is UNKNOWN
    assert found(world, result) == {}


def test_a_file_that_cannot_be_read_is_unknown_and_the_others_are_judged(world: World) -> None:
    damage(world, "data/b.txt", b"BETA")

    def refuse(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.REFUSE, StoreFailure.DENIED) if operation == "read" and key.endswith("a.txt") else None

    result = look(world, READ, faults=refuse)

    assert set(found(world, result)) == {("damaged", "data/b.txt")}
    [event] = [event for event in result.events if str(event.bag_version) == V1]
    assert event.files_read == event.files - 1
    assert "data/a.txt" in event.detail


def test_a_part_ends_early_when_the_location_is_down_and_the_rest_waits(world: World) -> None:
    for number in range(12):
        bag = BagId.parse(f"digitised/c{number}")
        world.add(f"{bag}/v1", bag_files(bag, {"x": b"x"}))
        assert backfill(world.services(), world.request(str(bag), f"bag__{number}")).succeeded
    world.clock.advance(DAY)

    result = look(world, faults=lambda name, _: Fault(FaultKind.REFUSE) if name == "list" else None)

    assert (len(result.events), result.left) == (10, 4)
    assert result.audit.finished is None
    assert result.outcome is UNKNOWN


# -- what running ingests do


def during(world: World, operation: str, act: Callable[[], object]) -> Decide:
    """Lets something happen at the first call of an operation."""
    done: list[bool] = []

    def decide(name: str, _: str) -> None:
        if name == operation and not done:
            done.append(True)
            act()

    return decide


def test_a_backfill_that_runs_meanwhile_is_no_stray(world: World) -> None:
    v3 = f"{BAG}/v3"
    world.add(v3, bag_files(BAG, {"three.txt": b"three"}))
    world.registry.acquire(BagVersionId.parse(v3), "azure", holder="running", lease=timedelta(hours=1))
    world.put(v3, {"data/three.txt": b"three"}, bucket=world.destination)

    assert look(world).outcome is GOOD

    world.clock.advance(timedelta(hours=2))
    assert set(found(world, look(world))) == {("stray-version", "")}


def test_a_backfill_that_ends_between_the_two_looks_is_no_stray(world: World) -> None:
    world.add(f"{BAG}/v3", bag_files(BAG, {"three.txt": b"three"}))

    def run() -> None:
        world.clock.advance(timedelta(minutes=1))
        assert backfill(world.services(), world.request(str(BAG), "bag__meanwhile")).succeeded

    assert look(world, faults=during(world, "list folders", run)).outcome is GOOD
    assert world.is_registered(f"{BAG}/v3")


def test_a_backfill_that_fails_between_the_two_looks_is_no_stray_yet(world: World) -> None:
    world.add(f"{BAG}/v3", bag_files(BAG, {"three.txt": b"three", "four.txt": b"four"}))
    world.put(f"{BAG}/v3", {"data/four.txt": b"FOUR"})

    def run() -> None:
        world.clock.advance(timedelta(minutes=1))
        assert not backfill(world.services(), world.request(str(BAG), "bag__meanwhile")).succeeded
        world.clock.advance(timedelta(minutes=1))

    assert look(world, faults=during(world, "list folders", run)).outcome is GOOD
    assert set(found(world, look(world))) == {("stray-version", "")}


def test_while_an_ingest_writes_to_the_replica_itself_nothing_is_said_to_be_missing(world: World) -> None:
    world.destination.remove(f"{V1}/data/a.txt")
    world.registry.acquire(BagVersionId.parse(V1), "azure", holder="a repair", lease=timedelta(hours=1))

    result = look(world)

    assert result.outcome is UNKNOWN
    assert "a repair" in next(event.detail for event in result.events if event.outcome is UNKNOWN)


def test_a_bag_that_is_unregistered_meanwhile_leaves_no_event(world: World) -> None:
    request = AuditRequest("test", "azure")
    plan_audit(world.services(), request)
    del world.registry._known[BagVersionId.parse(V2)].replicas["azure"]

    result = audit(world.services(), request)

    assert [str(event.bag_version) for event in result.events] == [V1]
    assert result.audit.finished is not None


def test_a_record_that_changes_in_between_is_looked_at_again(world: World) -> None:
    version = BagVersionId.parse(V1)

    def another() -> None:
        known = world.registry._known[version]
        known.replicas["azure"] = replace(known.replicas["azure"], ingest_id="another")

    assert look(world, faults=during(world, "list", another)).outcome is GOOD


# -- samples


def test_a_sample_says_what_it_proves_and_can_be_drawn_again(world: World) -> None:
    rules = AuditRules(confidence=0.9, detectable_loss=0.5)

    result = look(world, SAMPLE, services=world.services(audit_rules=rules))

    assert result.statement is not None
    assert (result.statement.population, result.statement.drawn) == (16, 3)
    assert sum(event.files_read for event in result.events) == 3
    assert "with 90 % confidence" in result.statement.text
    assert result.audit.summary is not None
    assert result.audit.summary["statement"]["text"] == result.statement.text
    records = [json.loads(world.services().receipts.read_bytes(event.record) or b"") for event in result.events]
    assert sum(record["sample"]["good"] for record in records) == 3
    assert {record["audit"]["seed"] for record in records} == {result.audit.seed}


def test_missing_and_damaged_files_of_a_sample_count_as_bad(world: World) -> None:
    for path in contents(world.destination, f"{V1}/"):
        world.destination.remove(f"{V1}/{path}")

    result = look(world, SAMPLE, services=world.services(audit_rules=AuditRules(detectable_loss=0.1)))

    assert result.statement is not None
    assert result.statement.bad > 0
    assert result.statement.at_most >= result.statement.bad


def test_a_sample_that_was_not_read_whole_says_nothing(world: World) -> None:
    result = look(world, SAMPLE, faults=lambda name, _: Fault(FaultKind.REFUSE) if name == "read" else None)

    assert result.statement is None
    assert "could not be read" in result.remark
    assert result.outcome is UNKNOWN


# -- which replicas


def test_the_scope_is_kept(world: World) -> None:
    other = BagId.parse("born-digital/x")
    world.add(f"{other}/v1", bag_files(other, {"x": b"x"}))
    assert backfill(world.services(), world.request(str(other), "bag__x")).succeeded
    world.clock.advance(DAY)

    assert [str(e.bag_version) for e in look(world, space="born-digital").events] == [f"{other}/v1"]
    result = look(world, READ, space="digitised", external_identifier="b1234")
    assert [str(event.bag_version) for event in result.events] == [V1, V2]
    limited = audit(world.services(), AuditRequest("limited", "azure", READ, limit=1))
    assert [str(event.bag_version) for event in limited.events] == [f"{other}/v1"]


def test_a_wrong_request_is_refused_with_every_problem(world: World) -> None:
    fields = {"location": "nowhere", "mode": "glance", "external_identifier": "x", "limit": 0, "colour": "red"}
    with pytest.raises(RequestError) as caught:
        AuditRequest.parse(world.services(), "test", fields)

    assert len(caught.value.problems) == 5


def test_the_same_request_is_the_same_audit(world: World) -> None:
    request = AuditRequest("test", "azure", READ)
    first = audit(world.services(), request)
    again = audit(world.services(), request)

    assert again.audit == first.audit
    assert again.events == first.events
    assert len(world.audits.history(BAG)) == 2


def test_the_share_of_today_goes_on_with_what_was_left_before_it_takes_more(world: World) -> None:
    rules = AuditRules(period=20 * DAY)
    services = world.services(audit_rules=rules)
    first = AuditRequest("day 1", "azure", READ, due=True)
    [planned] = audits_of_today(services, first)
    assert planned.replicas == 1

    [again] = audits_of_today(services, AuditRequest("day 2", "azure", READ, due=True))
    assert again.audit.id == planned.audit.id

    assert audit(services, first).outcome is GOOD
    [fresh] = audits_of_today(services, AuditRequest("day 2", "azure", READ, due=True))
    assert fresh.audit.id != planned.audit.id
    assert fresh.replicas == 1


def test_a_replica_that_is_unregistered_meanwhile_keeps_no_other_from_being_seen(world: World) -> None:
    services = world.services(audit_rules=AuditRules(period=20 * DAY))
    [planned] = audits_of_today(services, AuditRequest("day 1", "azure", READ, due=True))
    work = AuditWork(services.work, planned.audit.id)
    [chosen] = work.part(work.require_plan(), 0)
    del world.registry._known[chosen.bag_version].replicas["azure"]

    earlier, fresh = audits_of_today(services, AuditRequest("day 2", "azure", READ, due=True))

    assert earlier.audit.id == planned.audit.id
    assert fresh.replicas == 1


def test_an_audit_whose_plan_is_gone_is_given_up(world: World) -> None:
    request = AuditRequest("day 1", "azure", READ, due=True)
    planned = plan_audit(world.services(), request)
    for key in [key for key in world.records.contents() if "audits/" in key]:
        world.records.remove(key)
    world.clock.advance(2 * DAY)

    [fresh] = audits_of_today(world.services(), AuditRequest("day 3", "azure", READ, due=True))

    assert fresh.audit.id != planned.audit.id
    ended = world.audits.get(planned.audit.id)
    assert ended is not None
    assert ended.outcome is UNKNOWN


def test_what_is_due_is_counted(world: World) -> None:
    assert not what_is_due(world.services()).is_late
    world.clock.advance(200 * DAY)
    due = {each.location: each for each in what_is_due(world.services()).locations}

    assert (due["azure"].replicas, due["azure"].never, due["azure"].overdue) == (2, 2, 2)
    assert due["azure"].today >= 1
    look(world, READ)
    due = {each.location: each for each in what_is_due(world.services()).locations}
    assert (due["azure"].never, due["azure"].overdue) == (0, 0)
    assert due["primary"].overdue == 2


def test_an_import_that_adds_the_location_later_is_audited_too(world: World) -> None:
    other = BagId.parse("digitised/late")
    world.put(f"{other}/v1", bag_files(other, {"x": b"x"}), bucket=world.destination)
    assert set(found(world, look(world))) == set()
    import_location(world.services(), "azure")

    result = look(world, READ)
    assert f"{other}/v1" in {str(event.bag_version) for event in result.events}


def test_kinds_are_named_as_people_read_them() -> None:
    assert {kind.value for kind in FindingKind} >= {"missing", "damaged", "stray", "replaced", "wrong-size"}
