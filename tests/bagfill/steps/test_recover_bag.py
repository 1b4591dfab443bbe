"""A bag version is brought back from a replica alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event

import bagit
import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.collection import sample_collection
from bagfill.demo.write import write_bag
from bagfill.steps.folder_files import NothingThere, ObjectsArchived
from bagfill.steps.recover_bag import Recovered, recover_bag
from bagfill.steps.recovery_folder import FolderInUse, RecoveryRuns, recovery_folder
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.local import LocalStore
from bagfill.storage.location import Location, Provider
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import Capability
from failing_flush import FlushedDisk, from_the, never

BAG = "digitised/b12345672"
WITH_FETCHED_FILES = f"{BAG}/v3/"


@pytest.fixture(scope="module")
def samples() -> tuple[SampleBag, ...]:
    return tuple(
        sample
        for sample in sample_collection("a-primary-that-is-gone", large_file_bytes=9_000_000)
        if str(sample.id).startswith(f"{BAG}/")
    )


@pytest.fixture
def replica(samples: tuple[SampleBag, ...]) -> MemoryBucket:
    """All versions of one bag, in a bucket of another name than ``fetch.txt`` says."""
    bucket = MemoryBucket()
    for sample in samples:
        write_bag(MemoryStore(bucket), Location("only", Provider.MEMORY, "only"), sample)
    return bucket


def recover(bucket: MemoryBucket, folder: Path, prefix: str = WITH_FETCHED_FILES, *, concurrency: int = 8) -> Recovered:
    return recover_bag(MemoryStore(bucket), prefix, folder, concurrency=concurrency)


def test_the_folder_is_a_complete_bag_for_others_too(replica: MemoryBucket, tmp_path: Path) -> None:
    folder = tmp_path / "back"
    recovered = recover(replica, folder)
    assert (recovered.is_whole, recovered.not_found, recovered.kept) == (True, (), 0)
    assert bagit.Bag(str(folder)).validate()
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


def test_fetched_files_come_from_older_versions_at_the_same_location(replica: MemoryBucket, tmp_path: Path) -> None:
    recover(replica, tmp_path / "back")
    there = (tmp_path / "back/data/images/0003.jp2").read_bytes()
    assert there == replica.contents()[f"{BAG}/v1/data/images/0002.jp2"]


def test_progress_counts_each_byte_moved_and_each_read_again(replica: MemoryBucket, tmp_path: Path) -> None:
    planned: list[int] = []
    moved: list[int] = []
    recovered = recover_bag(
        MemoryStore(replica), f"{BAG}/v1/", tmp_path / "back", planned=planned.append, moved=moved.append
    )
    tag_files = sum(path.stat().st_size for path in (tmp_path / "back").iterdir() if path.is_file())
    # Tag files are read again by the rules, which count nothing.
    assert (planned, sum(moved)) == ([2 * recovered.bytes], 2 * recovered.bytes - tag_files)


@pytest.mark.parametrize("at", [1, 3, 5, 8])
def test_an_interrupted_recovery_goes_on_where_it_was(replica: MemoryBucket, tmp_path: Path, at: int) -> None:
    folder = tmp_path / "back"
    reads: list[str] = []

    def decide(operation: str, key: str) -> Fault | None:
        reads.extend([key] if operation == "read" else [])
        return Fault(FaultKind.KILL_AFTER) if operation == "read" and len(reads) == at else None

    faulty = FaultyStore(MemoryStore(replica), decide)
    with pytest.raises(Killed):
        recover_bag(faulty, WITH_FETCHED_FILES, folder, concurrency=1)
    written = [path for path in folder.rglob("*") if path.is_file() and ".bagfill-staging" not in path.parts]
    recovered = recover(replica, folder)
    assert (recovered.is_whole, recovered.kept) == (True, len(written))
    assert bagit.Bag(str(folder)).validate()


def test_whichever_flush_fails_the_bag_is_not_said_to_be_back_until_all_of_it_is_kept(
    replica: MemoryBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FlushedDisk(monkeypatch)
    # One file after the other: two that come upon a new folder together both flush it, and the count would differ.
    assert recover(replica, tmp_path / "sound/back", concurrency=1).is_whole
    count = len(disk.asked)
    for number in range(0, count, 1 + count // 12):
        folder = tmp_path / str(number) / "back"
        disk = FlushedDisk(monkeypatch, from_the(number))
        for _ in range(2):
            with pytest.raises(StoreError, match=f"recover of .* at {folder}: unavailable: EIO"):
                recover(replica, folder, concurrency=1)
        disk.fails = never
        assert recover(replica, folder).is_whole
        for info in LocalStore(folder, location="back").list(""):
            assert disk.keeps(folder, info.key), info.key


def test_a_file_changed_since_an_interrupted_recovery_is_found_out(replica: MemoryBucket, tmp_path: Path) -> None:
    folder = tmp_path / "back"
    recover(replica, folder)
    page = folder / "data/images/0003.jp2"
    page.write_bytes(b"x" + page.read_bytes()[1:])
    with recovery_folder(tmp_path / "other"):
        """Marks it; a recovery that died leaves that."""
    (tmp_path / "other/.bagfill-staging").rename(folder / ".bagfill-staging")
    again = recover(replica, folder)
    assert not again.is_whole
    assert "data/images/0003.jp2" in {finding.path for finding in again.verdict.findings}


def test_a_file_of_another_size_stops_it_and_is_left_as_it_is(replica: MemoryBucket, tmp_path: Path) -> None:
    folder = tmp_path / "back"
    with recovery_folder(folder):
        (folder / "bagit.txt").write_bytes(b"mine")
    with pytest.raises(StoreError) as stopped:
        recover(replica, folder)
    assert (stopped.value.failure, stopped.value.key) == (StoreFailure.CHANGED, "bagit.txt")
    assert (folder / "bagit.txt").read_bytes() == b"mine"


def test_a_folder_with_other_files_is_refused_untouched(replica: MemoryBucket, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(FolderInUse):
        recover(replica, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


class Waiting(MemoryStore):
    """Stops in the middle of a file, until it may go on."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket)
        self.is_reading, self.may_go_on = Event(), Event()

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        for number, chunk in enumerate(super().read(key, start=start, length=length, etag=etag)):
            if number == 1 or not key.endswith(".txt"):
                self.is_reading.set()
                assert self.may_go_on.wait(60)
            yield chunk


def test_a_second_recovery_into_one_folder_is_refused_at_once_and_the_first_loses_nothing(
    replica: MemoryBucket, tmp_path: Path
) -> None:
    folder, slow = tmp_path / "back", Waiting(replica)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(recover_bag, slow, WITH_FETCHED_FILES, folder)
        try:
            assert slow.is_reading.wait(60)
            for prefix in (WITH_FETCHED_FILES, f"{BAG}/v1/"):
                with pytest.raises(RecoveryRuns):
                    recover(replica, folder, prefix)
        finally:
            slow.may_go_on.set()
        assert first.result(60).is_whole
    assert bagit.Bag(str(folder)).validate()
    assert not (folder / ".bagfill-staging").exists()


def test_many_recoveries_begun_at_once_leave_one_whole_bag(replica: MemoryBucket, tmp_path: Path) -> None:
    folder, together = tmp_path / "back", Barrier(6)

    def one() -> str:
        together.wait(60)
        try:
            return "whole" if recover(replica, folder).is_whole else "broken"
        except (RecoveryRuns, FolderInUse) as refused:
            return type(refused).__name__

    with ThreadPoolExecutor(6) as pool:
        ends = [each.result(120) for each in [pool.submit(one) for _ in range(6)]]
    assert "whole" in ends
    assert "broken" not in ends
    assert bagit.Bag(str(folder)).validate()


def test_a_location_s_folder_is_refused_and_its_staged_writes_stay(replica: MemoryBucket, tmp_path: Path) -> None:
    staged = LocalStore(tmp_path, location="shelf").stage("space/bag/v1/data/large.bin")
    data = b"a block of a backfill"
    block = staged.stage(0, data, Crc64.of(data))
    with pytest.raises(FolderInUse):
        recover(replica, tmp_path)
    assert staged.staged() == {0: block}


def test_damage_at_the_replica_is_found_in_the_folder(replica: MemoryBucket, tmp_path: Path) -> None:
    key = f"{BAG}/v1/data/images/0002.jp2"
    damaged = bytearray(replica.contents()[key])
    damaged[7] ^= 1
    replica.put_unconditionally(key, bytes(damaged))
    recovered = recover(replica, tmp_path / "back")
    assert not recovered.is_whole
    assert "data/images/0003.jp2" in {finding.path for finding in recovered.verdict.findings}


def test_a_fetched_file_that_is_not_beside_it_is_named_and_the_rest_comes_back(
    replica: MemoryBucket, tmp_path: Path
) -> None:
    replica.remove(f"{BAG}/v1/data/images/0002.jp2")
    recovered = recover(replica, tmp_path / "back")
    assert (recovered.is_whole, recovered.not_found) == (False, ("data/images/0003.jp2",))
    assert (tmp_path / "back/bagit.txt").exists()


@pytest.mark.parametrize("capabilities", [frozenset({Capability.THAW}), None])
@pytest.mark.parametrize("key", ["v3/bag-info.txt", "v3/fetch.txt", "v1/data/images/0002.jp2"])
def test_archived_objects_are_named_before_anything_is_written(
    replica: MemoryBucket, tmp_path: Path, key: str, capabilities: frozenset[Capability] | None
) -> None:
    replica.archive(f"{BAG}/{key}")
    store = MemoryStore(replica) if capabilities is None else MemoryStore(replica, capabilities=capabilities)
    with pytest.raises(ObjectsArchived) as archived:
        recover_bag(store, WITH_FETCHED_FILES, tmp_path / "back")
    assert (archived.value.first, archived.value.archived) == (f"{BAG}/{key}", 1)
    assert not (tmp_path / "back").exists()


def test_nothing_there_is_told_from_a_bag_and_writes_nothing(replica: MemoryBucket, tmp_path: Path) -> None:
    with pytest.raises(NothingThere):
        recover(replica, tmp_path / "back", f"{BAG}/v9/")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("name", ["data/../../outside.txt", "data//b.txt", "data/./a.txt"])
def test_no_key_of_a_replica_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    bucket = MemoryBucket()
    bucket.put_unconditionally(f"space/bag/v1/{name}", b"x")
    with pytest.raises(StoreError) as refused:
        recover(bucket, tmp_path / "back", "space/bag/v1/")
    assert refused.value.failure is StoreFailure.BAD_NAME
    assert list(tmp_path.iterdir()) == []


def test_an_object_replaced_between_look_and_read_stops_it(replica: MemoryBucket, tmp_path: Path) -> None:
    class Replacing(MemoryStore):
        def read(
            self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
        ) -> Iterator[bytes | memoryview]:
            if key.endswith("bagit.txt") and etag is not None:
                self.bucket.put_unconditionally(key, hashlib.sha256(key.encode()).digest())
            return super().read(key, start=start, length=length, etag=etag)

    with pytest.raises(StoreError) as stopped:
        recover_bag(Replacing(replica), WITH_FETCHED_FILES, tmp_path / "back")
    assert stopped.value.failure is StoreFailure.CHANGED


def test_a_bag_version_of_a_location_with_prefix_is_recovered(samples: tuple[SampleBag, ...], tmp_path: Path) -> None:
    bucket = MemoryBucket()
    location = replace(Location("only", Provider.MEMORY, "only"), prefix="kept/for ever/")
    for sample in samples:
        write_bag(MemoryStore(bucket), location, sample)
    assert recover(bucket, tmp_path / "back", f"kept/for ever/{WITH_FETCHED_FILES}").is_whole
