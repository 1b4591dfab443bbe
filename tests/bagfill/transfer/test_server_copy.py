"""Copying by the providers themselves: what passes through the worker, what is refused and why, what is kept."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digester import digest_bytes
from bagfill.planning.limits import Limits
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.registry.registry import ClaimLostError
from bagfill.steps.records import RecordStore
from bagfill.steps.sealed_records import SealedRecords
from bagfill.steps.work import WorkStagingLedger
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.memory_copy import MemoryServerCopy
from bagfill.storage.server_copy import Refusal
from bagfill.storage.store import TransitCheck
from bagfill.transfer.copy_object import ObjectCopier
from bagfill.transfer.outcomes import (
    AlreadyThere,
    Copied,
    SourceChanged,
    SourceMissing,
    Staged,
    Transit,
    WouldOverwrite,
)
from bagfill.transfer.server_copy import ServerCopier

BLOCK = 1000
DATA = bytes(range(250)) * 18
BLOCKS = 5
KEY = "v1/data/x"
Script = Callable[[str, int], Refusal | None]
"""Given an act and how many of its kind were before, whether the provider refuses; may raise, or change the world."""


class Bench:
    """One object at the source, an empty destination, and a way between them that a test may spoil."""

    def __init__(self, data: bytes = DATA, block_bytes: int = BLOCK, **way: object) -> None:
        self.limits = Limits(concurrency=1, hash_before_write=10)
        self.source = MemoryBucket()
        self.destination = MemoryBucket()
        self.script: Script = lambda _act, _number: None
        self.acts: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.spoil: Callable[[str, int], Fault | None] = lambda _operation, _number: None
        self._lock = threading.Lock()
        self.ledger = WorkStagingLedger(
            SealedRecords(RecordStore(MemoryStore(MemoryBucket()))), "staging/", fetches=True
        )
        self.way = MemoryServerCopy(
            self.source,
            self.destination,
            location="destination",
            before=self._before,
            **way,  # type: ignore[arg-type]
        )
        etag = self.source.put_unconditionally(KEY, data)
        digests = digest_bytes(data, [Algorithm.MD5, Algorithm.SHA256])
        self.file = PlannedFile("data/x", len(data), etag, False, False, digests, block_bytes)
        self.guarded = 0
        self.copier = self.new_copier()

    def new_copier(self) -> ServerCopier:
        """As another task or attempt has it."""
        source = FaultyStore(MemoryStore(self.source, location="source"), self._reads)
        destination = FaultyStore(MemoryStore(self.destination, location="destination"), self._writes)
        worker = ObjectCopier(source, destination, self.ledger, self.guard, self.limits)
        return ServerCopier(self.way, worker, destination, self.ledger, self.guard, self.limits)

    def guard(self) -> None:
        self.guarded += 1

    def copy(self, first: int = 0, last: int = 0) -> object:
        return self.copier.copy(CopyItem(self.file, first, last), KEY, KEY)

    @property
    def there(self) -> bytes | None:
        return self.destination.contents().get(KEY)

    @property
    def passed_through(self) -> int:
        """Reads of the source by the worker."""
        return self.read["read"]

    def _before(self, act: str, _key: str) -> Refusal | None:
        with self._lock:
            self.acts[act] += 1
            return self.script(act, self.acts[act] - 1)

    def _reads(self, operation: str, _key: str) -> Fault | None:
        self.read[operation] += 1
        return None

    def _writes(self, operation: str, _key: str) -> Fault | None:
        self.written[operation] += 1
        return self.spoil(operation, self.written[operation] - 1)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refuse(refusal: Refusal, *, act: str = "stage", begin: int = 0) -> Script:
    return lambda which, number: refusal if which == act and number >= begin else None


def test_a_large_object_is_fetched_in_blocks_and_nothing_passes_through_the_worker(bench: Bench) -> None:
    outcome = bench.copy()
    crc = Crc64.of(DATA)
    assert isinstance(outcome, Copied)
    assert outcome.fetched
    assert outcome.transit == Transit(TransitCheck.FETCHED, crc, crc)
    assert outcome.crc == crc
    assert bench.there == DATA
    assert bench.passed_through == 0
    assert bench.written["stage block"] == bench.written["create"] == 0
    assert bench.acts["stage"] == BLOCKS
    assert bench.guarded == BLOCKS + 1
    assert bench.destination.open_uploads() == {}


def test_a_small_object_is_fetched_in_one_request() -> None:
    bench = Bench(b"small", 0)
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert outcome.fetched
    assert bench.there == b"small"
    assert bench.passed_through == 0
    assert bench.acts == {"pin": 1, "create": 1}


def test_where_whole_objects_cannot_be_fetched_one_block_is() -> None:
    bench = Bench(b"small", 0, creates=False)
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert outcome.fetched
    assert bench.there == b"small"
    assert bench.acts["stage"] == 1
    assert bench.passed_through == 0


def test_what_is_small_or_empty_or_there_already_is_the_workers() -> None:
    bench = Bench(b"", 0)
    assert isinstance(bench.copy(), Copied)
    small = Bench(b"small", 0, least_bytes=6)
    outcome = small.copy()
    assert isinstance(outcome, Copied)
    assert (outcome.fetched, outcome.not_fetched) == (False, None)
    there = Bench()
    there.destination.put_unconditionally(KEY, DATA)
    there.file = replace(there.file, at_destination=True)
    assert isinstance(there.copy(), AlreadyThere)
    assert [dict(each.acts) for each in (bench, small, there)] == [{}, {}, {}]


@pytest.mark.parametrize("refusal", list(Refusal))
@pytest.mark.parametrize("act", ["pin", "stage", "look again"])
def test_whatever_the_provider_refuses_the_worker_copies_and_says_why(bench: Bench, refusal: Refusal, act: str) -> None:
    bench.script = refuse(refusal, act=act)
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert bench.there == DATA
    if act != "look again":  # which memory does not refuse
        assert outcome.not_fetched is not None
        assert outcome.not_fetched.refusal is refusal
        assert not outcome.fetched


def test_after_a_few_refusals_of_the_pair_the_rest_of_the_shard_is_not_tried() -> None:
    bench = Bench(b"small", 0)
    bench.script = refuse(Refusal.UNREACHABLE, act="create")
    outcomes = []
    for number in range(6):
        key = f"v1/data/{number}"
        file = replace(bench.file, etag=bench.source.put_unconditionally(key, b"small"))
        outcomes.append(bench.copier.copy(CopyItem(file), key, key))
    assert bench.acts["create"] == 3
    assert all(isinstance(outcome, Copied) and outcome.not_fetched for outcome in outcomes)


def test_refusals_of_single_objects_do_not_give_the_pair_up() -> None:
    bench = Bench(b"small", 0)
    bench.script = refuse(Refusal.NAME, act="pin")
    for number in range(6):
        key = f"v1/data/{number}"
        file = replace(bench.file, etag=bench.source.put_unconditionally(key, b"small"))
        assert isinstance(bench.copier.copy(CopyItem(file), key, key), Copied)
    assert bench.acts["pin"] == 6


def test_a_provider_that_answers_nothing_is_given_up_for_the_worker(bench: Bench) -> None:
    def fails(act: str, _number: int) -> None:
        if act == "stage":
            raise StoreError(
                StoreFailure.UNAVAILABLE, location="destination", key=KEY, operation=act, detail="HTTP 500"
            )

    bench.script = fails
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert outcome.not_fetched is not None
    assert outcome.not_fetched.refusal is Refusal.FAILED


def test_throttling_is_no_reason_to_send_the_bytes_another_way(bench: Bench) -> None:
    def busy(act: str, _number: int) -> None:
        if act == "stage":
            raise StoreError(StoreFailure.THROTTLED, location="destination", key=KEY, operation=act, detail="HTTP 503")

    bench.script = busy
    with pytest.raises(StoreError, match="503"):
        bench.copy()
    assert bench.passed_through == 0


def test_a_refusal_in_the_middle_keeps_the_blocks_and_holds_them_against_the_source(bench: Bench) -> None:
    bench.script = refuse(Refusal.UNREACHABLE, begin=3)
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert bench.there == DATA
    assert bench.written["stage block"] == BLOCKS - 3
    assert bench.passed_through == BLOCKS
    assert outcome.digests


def test_damaged_bytes_never_become_an_object() -> None:
    bench = Bench()
    bench.way._damaged = lambda data: b"!" + data[1:] if len(data) == BLOCK else data
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert outcome.not_fetched is not None
    assert outcome.not_fetched.refusal is Refusal.CHECKSUM
    assert bench.there == DATA


def test_a_short_block_never_becomes_an_object() -> None:
    bench = Bench(tells_crc=False)
    bench.way._damaged = lambda data: data[:-1]
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert bench.there == DATA


def test_a_source_replaced_between_two_blocks_is_never_committed(bench: Bench) -> None:
    def replaced(act: str, number: int) -> None:
        if act == "stage" and number == 2:
            bench.source.put_unconditionally(KEY, bytes(len(DATA)))

    bench.script = replaced
    assert isinstance(bench.copy(), SourceChanged)
    assert bench.there is None


def test_without_a_checksum_the_look_after_the_last_block_finds_a_replaced_source() -> None:
    bench = Bench(tells_crc=False)

    def replaced(act: str, number: int) -> None:
        if act == "stage" and number == BLOCKS - 1:
            bench.source.put_unconditionally(KEY, DATA[::-1])

    bench.script = replaced
    assert isinstance(bench.copy(), SourceChanged)
    assert bench.acts["look again"] == 1
    assert bench.there is None


def test_a_source_that_vanished_or_was_replaced_before_is_told_apart(bench: Bench) -> None:
    bench.source.put_unconditionally(KEY, DATA)
    assert isinstance(bench.copy(), SourceChanged)
    bench.source.remove(KEY)
    assert isinstance(bench.copy(), SourceMissing)


def test_an_archived_source_is_left_to_the_worker_to_report(bench: Bench) -> None:
    bench.source.archive(KEY)
    with pytest.raises(StoreError) as caught:
        bench.copy()
    assert caught.value.failure is StoreFailure.ARCHIVED


@pytest.mark.parametrize("make", [Bench, lambda: Bench(b"small", 0)], ids=["large", "small"])
def test_nothing_that_is_there_is_replaced(make: Callable[[], Bench]) -> None:
    bench = make()
    bench.destination.put_unconditionally(KEY, b"other")
    assert isinstance(bench.copy(), WouldOverwrite)
    assert bench.there == b"other"


def test_an_object_that_appears_meanwhile_is_compared(bench: Bench) -> None:
    def appears(act: str, number: int) -> None:
        if act == "stage" and number == 1:
            bench.destination.put_unconditionally(KEY, b"other")

    bench.script = appears
    assert isinstance(bench.copy(), WouldOverwrite)
    assert bench.there == b"other"


def test_a_commit_whose_answer_is_lost_is_recognised_by_the_bytes(bench: Bench) -> None:
    bench.spoil = lambda operation, number: (
        Fault(FaultKind.LOSE_ANSWER) if (operation, number) == ("commit", 0) else None
    )
    outcome = bench.copy()
    assert isinstance(outcome, AlreadyThere)
    assert bench.there == DATA


def test_staged_blocks_that_vanished_are_fetched_once_more(bench: Bench) -> None:
    def vanish(act: str, number: int) -> None:
        if act == "stage" and number == BLOCKS - 1:
            for token in bench.destination.open_uploads():
                bench.destination.close_upload(token)

    bench.script = vanish
    outcome = bench.copy()
    assert isinstance(outcome, Copied)
    assert outcome.fetched
    assert bench.there == DATA


@given(killed=st.integers(0, BLOCKS - 1))
def test_wherever_a_worker_dies_the_next_one_fetches_only_what_is_missing(killed: int) -> None:
    bench = Bench()

    def dies(act: str, number: int) -> None:
        if act == "stage" and number == killed:
            raise Killed(act)

    bench.script = dies
    with pytest.raises(Killed):
        bench.copy()
    bench.copier = bench.new_copier()
    fetched = bench.acts["stage"]
    assert isinstance(bench.copy(), Copied)
    assert bench.acts["stage"] - fetched == BLOCKS - killed
    assert bench.there == DATA
    assert bench.passed_through == 0


def test_several_tasks_fetch_one_file_and_the_last_commits_it(bench: Bench) -> None:
    assert bench.copy(0, 3) == Staged(3, committed=False, fetched=True)
    bench.copier = bench.new_copier()
    last = bench.copy(3, BLOCKS)
    assert isinstance(last, Staged)
    assert last.committed
    assert last.transit == Transit(TransitCheck.FETCHED, Crc64.of(DATA), Crc64.of(DATA))
    assert bench.there == DATA
    assert bench.acts["stage"] == BLOCKS


def test_two_tasks_that_fetch_the_same_range_make_one_object(bench: Bench) -> None:
    assert bench.copy(0, 3) == Staged(3, committed=False, fetched=True)
    assert bench.copy(0, 3) == Staged(3, committed=False, fetched=True)
    assert isinstance(bench.copy(3, BLOCKS), Staged)
    assert bench.there == DATA
    assert bench.acts["stage"] == BLOCKS


@pytest.mark.parametrize("fetched_first", [True, False])
def test_blocks_of_both_ways_join_in_one_object(bench: Bench, fetched_first: bool) -> None:
    def only(fetches: bool) -> Script:
        return (lambda _act, _number: None) if fetches else refuse(Refusal.UNREACHABLE, act="pin")

    bench.script = only(fetched_first)
    assert isinstance(bench.copy(0, 3), Staged)
    bench.script = only(not fetched_first)
    outcome = bench.copy(3, BLOCKS)
    assert isinstance(outcome, Staged)
    assert outcome.committed
    assert bench.there == DATA


def test_what_another_task_fetched_meanwhile_is_held_against_the_source_before_a_worker_commits_it(
    bench: Bench,
) -> None:
    """The worker began when nothing had been fetched; of what is fetched then, one block is not the source's."""
    other = bench.new_copier()
    bench.script = lambda act, number: Refusal.UNREACHABLE if act == "pin" and number == 0 else None
    bench.way._damaged = lambda data: b"!" + data[1:] if data.startswith(DATA[:5]) else data

    def meanwhile() -> None:
        bench.guard = lambda: None  # type: ignore[method-assign]
        assert isinstance(other.copy(CopyItem(bench.file, 0, 3), KEY, KEY), Staged)

    bench.copier = bench.new_copier()
    bench.copier._worker._blocks._guard = lambda: meanwhile() if not bench.acts["stage"] else None

    outcome = bench.copy(3, BLOCKS)

    assert isinstance(outcome, Staged)
    assert outcome.committed
    assert bench.there == DATA


def test_nothing_is_fetched_by_a_task_that_lost_its_claim(bench: Bench) -> None:
    def lost() -> None:
        raise ClaimLostError("v1", "destination", 2)

    bench.guard = lost  # type: ignore[method-assign]
    bench.copier = bench.new_copier()
    with pytest.raises(ClaimLostError):
        bench.copy()
    assert bench.acts["stage"] == 0
