"""The work area: a plan counts once its head is there; what is damaged or of another release is never guessed at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import CopyItem, Cut, PlannedFile
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.records import RecordStore
from bagfill.steps.sealed_records import RecordDamaged, SealedRecords
from bagfill.steps.work import FailureNote, IngestWork, Plan, WorkError
from bagfill.storage.errors import StoreError
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from contracts.sample_manifests import sample_manifest

REF = IngestRef("ingest", "digitised/b1/v1", "primary", "azure", 1, "Bulk", 5)
MANIFEST = sample_manifest()
FILES = [PlannedFile(f"data/{name}", 3, "e", name == "b", False, DigestSet()) for name in "abc"]
CUT = Cut(shard_bytes=1000, shard_files=2, copy_shards=2, verify_shards=2)
SHARDS = (FILES[:2], FILES[2:])
WRITES = 7
"""Records of this plan: manifest, two and two shards, archived files, head."""


def plan(folder: str) -> Plan:
    return Plan(folder, 3, 9, 1, 3, 2, 2, (Algorithm.SHA256,))


class Area:
    def __init__(self) -> None:
        self.bucket = MemoryBucket()
        self.faults: dict[int, Fault] = {}
        self.creations = 0

    def work(self) -> IngestWork:
        def decide(operation: str, key: str) -> Fault | None:
            if operation != "create":
                return None
            number, self.creations = self.creations, self.creations + 1
            return self.faults.get(number)

        return IngestWork(RecordStore(FaultyStore(MemoryStore(self.bucket, location="work"), decide), "w/"), REF)

    def write(self) -> Plan:
        work = self.work()
        return work.write_plan(plan(work.new_folder()), MANIFEST, CUT, iter(FILES))


@pytest.fixture
def area() -> Area:
    return Area()


def test_what_was_planned_is_read_back_as_it_was(area: Area) -> None:
    written = area.write()
    work = area.work()
    assert work.require_plan() == written
    assert work.manifest(written) == MANIFEST
    assert [work.copy_items(written, index) for index in range(2)] == [
        [CopyItem(file) for file in shard] for shard in SHARDS
    ]
    assert list(work.all_files(written)) == FILES
    assert work.archived_files(written) == [FILES[1]]
    assert area.creations == WRITES


@pytest.mark.parametrize("kind", [FaultKind.KILL_BEFORE, FaultKind.KILL_AFTER, FaultKind.REFUSE, FaultKind.LOSE_ANSWER])
@pytest.mark.parametrize("number", range(WRITES))
def test_a_plan_counts_only_whole_and_another_attempt_makes_or_finds_it(
    area: Area, number: int, kind: FaultKind
) -> None:
    area.faults[number] = Fault(kind)
    with pytest.raises((Killed, StoreError)):
        area.write()
    took_place = kind in {FaultKind.KILL_AFTER, FaultKind.LOSE_ANSWER}
    assert (area.work().plan() is not None) == (took_place and number == WRITES - 1)

    counts = area.write()

    work = area.work()
    assert work.require_plan() == counts
    assert list(work.all_files(counts)) == FILES


def test_of_two_plans_the_first_counts_for_both(area: Area) -> None:
    first = area.write()
    assert area.write() == first


def test_without_a_plan_a_step_says_what_must_run_first(area: Area) -> None:
    assert area.work().plan() is None
    with pytest.raises(WorkError, match="plan_replication must run first"):
        area.work().require_plan()


def test_a_plan_of_another_release_is_refused(area: Area) -> None:
    records = SealedRecords(RecordStore(MemoryStore(area.bucket), "w/"))
    records.write_json("ingest/plan.jsonl", {**plan("ingest/x/").to_json(), "format": 3})
    with pytest.raises(WorkError, match="format 3, this release reads 2"):
        area.work().plan()


def test_a_record_that_is_gone_is_named(area: Area) -> None:
    written = area.write()
    area.bucket.remove(f"w/{written.folder}copy/00001.jsonl")
    with pytest.raises(WorkError, match=r"copy/00001\.jsonl is gone from work"):
        area.work().copy_items(written, 1)


@given(st.data())
def test_a_flipped_bit_in_any_record_is_found(data: st.DataObject) -> None:
    area = Area()
    written = area.write()
    name = data.draw(st.sampled_from(sorted(area.bucket.contents())))
    body = bytearray(area.bucket.contents()[name])
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    area.bucket.put_unconditionally(name, bytes(body))

    work = area.work()
    with pytest.raises(WorkError, match="is damaged"):
        _ = (
            work.require_plan(),
            work.manifest(written),
            [work.copy_items(written, index) for index in range(2)],
            list(work.all_files(written)),
            work.archived_files(written),
        )


@given(st.binary(max_size=50), st.integers(0, 140))
def test_a_sealed_record_is_read_whole_or_not_at_all(body: bytes, kept: int) -> None:
    bucket = MemoryBucket()
    records = SealedRecords(RecordStore(MemoryStore(bucket)))
    records.write_bytes("r", body)
    assert records.read_bytes("r") == body
    whole = bucket.contents()["r"]
    bucket.put_unconditionally("r", whole[:kept])
    if kept < len(whole):
        with pytest.raises(RecordDamaged):
            records.read_bytes("r")


def test_results_of_a_shard_stay_as_the_first_attempt_left_them(area: Area) -> None:
    written = area.write()
    work = area.work()
    assert work.results(written, "copied", 0) is None
    work.write_results(written, "copied", 0, [{"path": "ü"}, {"path": "b"}])
    work.write_results(written, "copied", 0, [{"path": "other"}])
    assert work.results(written, "copied", 0) == [{"path": "ü"}, {"path": "b"}]
    work.write_results(written, "copied", 1, [])
    assert work.results(written, "copied", 1) == []


def test_the_newest_failure_is_found_by_reason_and_damaged_notes_are_passed_over(area: Area) -> None:
    work = area.work()
    assert work.last_failure() is None
    start = datetime(2026, 5, 1, tzinfo=UTC)
    notes = [
        FailureNote("copy", reason, reason.code, start + timedelta(seconds=number))
        for number, reason in enumerate([Reason.SOURCE_CORRUPT, Reason.SOURCE_UNREADABLE, Reason.CLAIM_LOST])
    ]
    for note in notes:
        work.note_failure(note)
    assert work.last_failure() == notes[2]
    assert work.last_failure(Reason.SOURCE_CORRUPT) == notes[0]
    assert work.last_failure(Reason.BAG_GONE) is None

    area.bucket.put_unconditionally(max(area.bucket.contents()), b"{}")
    assert work.last_failure() == notes[1]


def test_staged_writes_are_remembered_by_key_and_generation_and_the_first_decides(area: Area) -> None:
    ledger = area.work().staging(plan("ingest/x/"))
    assert ledger.current("k") is None
    assert ledger.propose("k", 0, "one") == "one"
    assert ledger.propose("k", 0, "two") == "one"
    assert ledger.propose("k", 1, "two") == "two"
    assert ledger.current("k") == (1, "two")
    assert ledger.current("other") is None
