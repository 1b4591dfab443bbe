"""An audit that is killed at any call, and goes on: nothing is left out, and what was read is not read again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import pytest

from bagfill.audit.memory import MemoryAuditLog
from bagfill.audit.model import AuditMode, AuditOutcome, FixityEvent
from bagfill.bag.identifiers import BagId
from bagfill.steps.audit import audit, findings_of
from bagfill.steps.audit_conclude import AuditResult
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.backfill import backfill
from bagfill.steps.records import RecordStore
from bagfill.steps.services import Services
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStore
from invariants_drill import InlinePool
from world import World, bag_files

BAG = BagId.parse("digitised/b1234")
V1, V2 = f"{BAG}/v1", f"{BAG}/v2"
BATCH = 2
_numbers = count()


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, {f"{number}.txt": bytes([number]) * 50 for number in range(5)}))
    made.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"old.txt": ("v1/data/1.txt", bytes([1]) * 50)}))
    assert backfill(made.services(), made.request(str(BAG))).succeeded
    made.clock.advance(timedelta(days=1))
    made.destination.put_unconditionally(f"{V1}/data/3.txt", b"x" * 50)
    made.destination.remove(f"{V2}/data/new.txt")
    return made


@pytest.fixture(autouse=True)
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bagfill.steps.audit_reading.ThreadPoolExecutor", InlinePool)
    monkeypatch.setattr("bagfill.steps.audit_reading._BATCH_FILES", BATCH)


@dataclass
class Calls:
    """Counts every call to the location, the work area and the receipt store; dies at one of them."""

    die_at: int | None = None
    kind: FaultKind = FaultKind.KILL_BEFORE
    made: int = 0
    reads: Counter[str] = field(default_factory=Counter)

    def at_location(self, operation: str, key: str) -> Fault | None:
        if operation == "read":
            self.reads[key] += 1
        return self.elsewhere(operation, key)

    def elsewhere(self, operation: str, key: str) -> Fault | None:
        self.made += 1
        return Fault(self.kind) if self.made - 1 == self.die_at else None


def services(world: World, log: MemoryAuditLog, calls: Calls) -> Services:
    def records(name: str) -> RecordStore:
        return RecordStore(FaultyStore(MemoryStore(world.records, location=name), calls.elsewhere), f"{name}/")

    made = world.services(destination=calls.at_location)
    return world.services(
        destination=calls.at_location,
        audits=log,
        work=records("work"),
        receipts=records("receipts"),
        ingests=made.ingests,
    )


def run(world: World, log: MemoryAuditLog, calls: Calls, request: AuditRequest) -> AuditResult:
    return audit(services(world, log, calls), request)


def told(world: World, result: AuditResult) -> set[str]:
    return {finding.text for event in result.events for finding in findings_of(world.services(), event)}


def request() -> AuditRequest:
    return AuditRequest(f"test:{next(_numbers)}", "azure", AuditMode.READ)


@pytest.mark.parametrize("kind", [FaultKind.KILL_BEFORE, FaultKind.KILL_AFTER])
def test_killed_anywhere_it_goes_on_without_a_gap_and_without_reading_twice(world: World, kind: FaultKind) -> None:
    whole = Calls()
    expected = run(world, MemoryAuditLog(world.registry), whole, request())
    assert expected.outcome is AuditOutcome.FINDINGS
    assert len(told(world, expected)) == 2
    assert whole.made > 40

    died = 0
    for place in range(whole.made):
        log, asked = MemoryAuditLog(world.registry), request()
        first, second = Calls(place, kind), Calls()
        try:
            run(world, log, first, asked)
        except Killed:
            died += 1
        else:
            # Nobody waited for the end of this answer.
            continue
        result = run(world, log, second, asked)

        assert told(world, result) == told(world, expected), place
        assert [_without_id(event) for event in result.events] == [_without_id(event) for event in expected.events]
        assert result.audit.finished is not None
        total = first.reads + second.reads
        assert set(total) == set(whole.reads), place
        twice = [key for key, number in total.items() if number > whole.reads[key]]
        # What was in flight when it died, and nothing that was remembered.
        assert len(twice) <= BATCH, (place, twice)
    assert died > whole.made * 0.8


def test_killed_again_and_again_it_ends(world: World) -> None:
    log, asked = MemoryAuditLog(world.registry), request()
    deaths = 0
    for attempt in range(200):
        try:
            result = run(world, log, Calls(10 + attempt % 5, FaultKind.KILL_AFTER), asked)
        except Killed:
            deaths += 1
            continue
        break
    else:
        pytest.fail("it makes no progress")
    assert deaths >= 3
    assert result.outcome is AuditOutcome.FINDINGS


def test_what_was_read_and_was_replaced_since_is_read_again(world: World) -> None:
    log, asked = MemoryAuditLog(world.registry), request()
    first = Calls()
    record = f"{V1}/data/0.txt"

    def die_after_first_batch(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.KILL_BEFORE) if operation == "read" and key.endswith("data/2.txt") else None

    broken = world.services(destination=die_after_first_batch, audits=log)
    with pytest.raises(Killed):
        audit(broken, asked)
    before = world.destination.contents()[record]
    try:
        world.destination.put_unconditionally(record, b"y" * 50)
        result = run(world, log, first, asked)
    finally:
        world.destination.put_unconditionally(record, before)

    assert any(text.startswith(f"damaged: {V1}: data/0.txt") for text in told(world, result))


def _without_id(event: FixityEvent) -> tuple[object, ...]:
    return (event.bag_version, event.outcome, event.files_read, event.bytes_read, event.findings)
