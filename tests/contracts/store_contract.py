"""What every object store does, whoever keeps the bytes: subclass, and give the fixture ``home``."""

from __future__ import annotations

import itertools
import random
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.names import NameRule
from bagfill.storage.store import (
    AlreadyExists,
    ArchiveState,
    Capability,
    Created,
    ObjectStore,
    StagedBlock,
    ThawAnswer,
    ThawTier,
    TransitCheck,
)

_folders = itertools.count(1)


@dataclass(frozen=True)
class Home:
    """A bucket for one test class.

    Args:
        open: another handle to it, as another process would have.
        shared: the handle that most tests use.
        put: writes an object whatever is there, by other means than our store: the outside world.
        remove: deletes an object by other means than our store.
    """

    open: Callable[[], ObjectStore]
    shared: ObjectStore
    put: Callable[[str, bytes], None]
    remove: Callable[[str], None]


def crc(data: bytes) -> Crc64:
    return Crc64.of(data)


def read(store: ObjectStore, key: str, **options: object) -> bytes:
    return b"".join(store.read(key, **options))  # type: ignore[arg-type]


def _was_read_into(store: ObjectStore, key: str, size: int, etag: str) -> bool:
    """``False`` too where it is plain at once what is there instead."""
    try:
        return store.read_into(key, memoryview(bytearray(size)), etag=etag)
    except StoreError as error:
        if error.failure not in {StoreFailure.CHANGED, StoreFailure.MISSING}:
            raise
        return False


class StoreContract:
    """Each test has a folder of its own in a bucket that the whole class shares."""

    block_size: ClassVar[int] = 1024
    """Smallest block that the store takes before the last one."""
    many: ClassVar[int] = 12
    """Objects in the paging test: more than a page of the store's listings."""
    lists_checksums: ClassVar[bool] = True
    """Whether the server tells the checksums of staged blocks, as the real provider does."""
    lost_names: ClassVar[frozenset[str]] = frozenset()
    """Awkward names that this server, unlike the real provider, cannot hold."""

    awkward_names: ClassVar[tuple[str, ...]] = (
        "two  spaces and one at the end /x",
        "percent 100% %2F %41 %",
        "plus + and & and = and ; and , and @ and $ and :",
        "hash # question ? tilde ~ star * quote ' \" pipe | < > ^ ` { } [ ] !",
        unicodedata.normalize("NFC", "Ångström é"),
        unicodedata.normalize("NFD", "Ångström é"),
        "日本語/😀.tif",
        "Case",
        "case",
        ".hidden/..two dots/...",
        "data/file..",
        "long/" + "x" * 250,
        "back\\slash",
        "tab\tand\nnewline",
        "a//double slash",
        "./dot",
        "a/../dots",
        "folder/",
    )

    @pytest.fixture
    def store(self, home: Home) -> ObjectStore:
        return home.shared

    @pytest.fixture
    def folder(self) -> str:
        return f"space{next(_folders)}/"

    # --- stat, read ------------------------------------------------------------------------------------------------

    def test_what_was_created_is_found_and_read_back(self, store: ObjectStore, folder: str) -> None:
        created = store.create(f"{folder}a.txt", b"hello")
        assert isinstance(created, Created)
        info = store.stat(f"{folder}a.txt")
        assert info is not None
        assert (info.key, info.size, info.archive) == (f"{folder}a.txt", 5, ArchiveState.READABLE)
        assert info.is_readable
        assert info.etag == created.etag
        assert '"' not in info.etag
        assert info.last_modified is not None
        assert info.last_modified.tzinfo is not None
        assert read(store, f"{folder}a.txt") == b"hello"

    def test_what_is_not_there_is_none(self, store: ObjectStore, folder: str) -> None:
        store.create(f"{folder}v10/a", b"x")
        assert store.stat(f"{folder}v1") is None
        assert store.stat(f"{folder}v10") is None
        assert store.stat(f"{folder}v10/ab") is None

    def test_reading_what_is_not_there_raises_missing(self, store: ObjectStore, folder: str) -> None:
        for options in ({}, {"start": 1, "length": 2}, {"length": 0}):
            with pytest.raises(StoreError) as raised:
                read(store, f"{folder}nothing", **options)
            assert raised.value.failure is StoreFailure.MISSING
            assert not raised.value.retryable

    @pytest.mark.parametrize("size", [0, 1, 16 * 1024, 300 * 1024 + 1])
    def test_a_known_object_is_read_into_memory_that_is_there(self, store: ObjectStore, folder: str, size: int) -> None:
        data = random.Random(size).randbytes(size)
        created = store.create(f"{folder}known", data)
        assert isinstance(created, Created)
        into = memoryview(bytearray(b"\xff" * size))
        for _ in range(2):
            assert store.read_into(f"{folder}known", into, etag=created.etag)
            assert into == data
            into[:] = bytes(size)

    def test_another_object_than_is_known_is_never_read_into_memory(self, store: ObjectStore, folder: str) -> None:
        created = store.create(f"{folder}a", b"hello")
        other = store.create(f"{folder}b", b"olleh")
        assert isinstance(created, Created)
        assert isinstance(other, Created)
        unknown = other.etag if other.etag != created.etag else "0123"
        for key, size, etag in (
            ("a", 4, created.etag),
            ("a", 6, created.etag),
            ("a", 100_000, created.etag),
            ("a", 5, unknown),
            ("nothing", 5, created.etag),
        ):
            assert not _was_read_into(store, f"{folder}{key}", size, etag)
        # Nothing of what was not wanted is left in a connection that is used again.
        assert read(store, f"{folder}b") == b"olleh"

    def test_a_name_that_cannot_be_held_is_not_read_into_memory(self, store: ObjectStore) -> None:
        with pytest.raises(StoreError) as raised:
            store.read_into("", memoryview(bytearray(1)), etag="0123")
        assert raised.value.failure is StoreFailure.BAD_NAME

    def test_what_somebody_removed_is_absent(self, store: ObjectStore, folder: str, home: Home) -> None:
        store.create(f"{folder}a", b"x")
        home.remove(f"{folder}a")
        assert store.stat(f"{folder}a") is None
        assert list(store.list(folder)) == []

    def test_an_empty_object_is_an_object(self, store: ObjectStore, folder: str) -> None:
        assert isinstance(store.create(f"{folder}empty", b""), Created)
        info = store.stat(f"{folder}empty")
        assert info is not None
        assert info.size == 0
        assert read(store, f"{folder}empty") == b""
        assert read(store, f"{folder}empty", etag=info.etag) == b""
        assert read(store, f"{folder}empty", length=0) == b""
        assert [item.size for item in store.list(folder)] == [0]

    def test_ranges_are_exact(self, store: ObjectStore, folder: str) -> None:
        data = bytes(range(256)) * 40
        store.create(f"{folder}data", data)
        for start, length in ((0, 1), (0, len(data)), (100, 1000), (len(data) - 1, 1), (7, 0), (len(data), 0)):
            assert read(store, f"{folder}data", start=start, length=length) == data[start : start + length]
        assert read(store, f"{folder}data", start=10_000) == data[10_000:]
        assert read(store, f"{folder}data") == data

    @pytest.mark.parametrize(
        "options", [{"start": 5, "length": 6}, {"start": 11}, {"start": 11, "length": 1}, {"start": 11, "length": 0}]
    )
    def test_a_range_beyond_the_end_is_an_error_and_never_short(
        self, store: ObjectStore, folder: str, options: dict[str, int]
    ) -> None:
        store.create(f"{folder}data", b"0123456789")
        with pytest.raises(StoreError) as raised:
            read(store, f"{folder}data", **options)
        assert raised.value.failure is StoreFailure.CHANGED

    def test_an_impossible_range_is_refused(self, store: ObjectStore, folder: str) -> None:
        with pytest.raises(ValueError, match="no such range"):
            store.read(f"{folder}data", start=-1)

    def test_the_etag_tells_a_replaced_object(self, store: ObjectStore, folder: str, home: Home) -> None:
        home.put(f"{folder}data", b"first bytes")
        first = store.stat(f"{folder}data")
        home.put(f"{folder}data", b"other bytes")
        second = store.stat(f"{folder}data")
        assert first is not None
        assert second is not None
        assert first.etag != second.etag
        assert read(store, f"{folder}data", etag=second.etag) == b"other bytes"
        for options in ({}, {"start": 2, "length": 3}, {"length": 0}):
            with pytest.raises(StoreError) as raised:
                read(store, f"{folder}data", etag=first.etag, **options)
            assert raised.value.failure is StoreFailure.CHANGED

    def test_chunks_stay_small(self, store: ObjectStore, folder: str) -> None:
        data = bytes(9 * 1024 * 1024)
        store.create(f"{folder}large", data)
        sizes = [len(chunk) for chunk in store.read(f"{folder}large")]
        assert sum(sizes) == len(data)
        assert max(sizes) <= 4 * 1024 * 1024

    # --- list ------------------------------------------------------------------------------------------------------

    def test_a_listing_is_complete_and_keeps_folders_together(self, store: ObjectStore, folder: str) -> None:
        names = {f"{number % 7}/{number:05d}" for number in range(self.many)} | {
            "a",
            "a-b/c",
            "a.txt",
            "a/b",
            "a0",
            "Z",
            "é",
            "zz",
        }
        names -= self._clashing(names)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda name: store.create(f"{folder}{name}", name.encode()), names))
        assert all(isinstance(answer, Created) for answer in answers)
        listed = list(store.list(folder))
        assert sorted(info.key for info in listed) == sorted(folder + name for name in names)
        in_folders = [info.key.rpartition("/")[0] for info in listed if info.key.count("/") > 1]
        assert len([folder for folder, _group in itertools.groupby(in_folders)]) == len(set(in_folders))
        assert [info.size for info in listed] == [len(info.key[len(folder) :].encode()) for info in listed]
        assert all(info.archive is ArchiveState.READABLE for info in listed)
        one = listed[len(listed) // 2]
        found = store.stat(one.key)
        assert found is not None
        assert (found.etag, found.size, found.storage_class) == (one.etag, one.size, one.storage_class)

    def _clashing(self, names: set[str]) -> set[str]:
        """Names that a server with real folders cannot hold beside the others."""
        return set()

    def test_v1_never_lists_v10(self, store: ObjectStore, folder: str) -> None:
        store.create(f"{folder}v1/a", b"1")
        store.create(f"{folder}v10/a", b"10")
        assert [info.key for info in store.list(f"{folder}v1/")] == [f"{folder}v1/a"]
        for call in (store.list, store.list_folders):
            with pytest.raises(ValueError, match="must end in '/'"):
                call(f"{folder}v1")

    def test_the_empty_prefix_lists_the_whole_location(self, store: ObjectStore, folder: str) -> None:
        store.create(f"{folder}a", b"1")
        assert f"{folder}a" in {info.key for info in store.list("")}
        assert folder.removesuffix("/") in set(store.list_folders(""))

    def test_nothing_is_an_empty_listing(self, store: ObjectStore, folder: str) -> None:
        assert list(store.list(folder)) == []
        assert list(store.list_folders(folder)) == []

    def test_folders_are_the_next_segments_only(self, store: ObjectStore, folder: str) -> None:
        for name in ("b/v1/x", "b/v1/y", "b/v10/x", "a-b/v1/x", "a/v1/x", "é/x", "object"):
            store.create(folder + name, b"")
        assert list(store.list_folders(folder)) == ["a", "a-b", "b", "é"]
        assert list(store.list_folders(f"{folder}b/")) == ["v1", "v10"]
        assert list(store.list_folders(f"{folder}b/v1/")) == []

    # --- create ----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("again", [b"same", b"other bytes"])
    def test_what_is_there_is_never_overwritten(self, store: ObjectStore, folder: str, again: bytes) -> None:
        store.create(f"{folder}a", b"same")
        before = store.stat(f"{folder}a")
        assert store.create(f"{folder}a", again) == AlreadyExists()
        assert store.stat(f"{folder}a") == before
        assert read(store, f"{folder}a") == b"same"

    def test_one_of_many_racing_writers_wins(self, home: Home, folder: str) -> None:
        stores = [home.open() for _ in range(4)]
        together = threading.Barrier(8)

        def write(number: int) -> Created | AlreadyExists:
            together.wait()
            return stores[number % 4].create(f"{folder}raced", f"writer {number}".encode())

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(write, range(8)))
        winners = [number for number, answer in enumerate(answers) if isinstance(answer, Created)]
        assert len(winners) == 1
        assert read(stores[0], f"{folder}raced") == f"writer {winners[0]}".encode()
        for store in stores:
            store.close()

    def test_a_view_of_bytes_can_be_written(self, store: ObjectStore, folder: str) -> None:
        store.create(f"{folder}view", memoryview(b"0123456789")[2:5])
        assert read(store, f"{folder}view") == b"234"

    # --- names -----------------------------------------------------------------------------------------------------

    def test_awkward_names_survive_a_round_trip(self, store: ObjectStore, folder: str) -> None:
        held = [
            folder + name
            for name in self.awkward_names
            if name not in self.lost_names and store.name_rules.check(folder + name) is None
        ]
        assert len(held) > 8
        for key in held:
            assert isinstance(store.create(key, key.encode()), Created), key
        assert sorted(info.key for info in store.list(folder)) == sorted(held)
        for key in held:
            info = store.stat(key)
            assert info is not None, key
            assert info.key == key
            assert read(store, key) == key.encode()
            assert store.create(key, b"") == AlreadyExists()

    def test_a_name_against_the_rules_is_refused_before_anything_is_sent(self, store: ObjectStore, folder: str) -> None:
        refused = [folder + name for name in self.awkward_names if store.name_rules.check(folder + name)]
        refused += ["", folder + "x" * 5000, folder + "\ud800", "../above the root"]
        for key in refused:
            problem = store.name_rules.check(key)
            assert problem is not None
            for act in (
                lambda key=key: store.stat(key),
                lambda key=key: store.read(key),
                lambda key=key: store.create(key, b"x"),
                lambda key=key: store.stage(key),
                lambda key=key: store.request_thaw(key, tier=ThawTier.BULK, days=1),
            ):
                with pytest.raises(StoreError) as raised:
                    act()
                assert raised.value.failure is StoreFailure.BAD_NAME
                assert problem.rule in NameRule
                assert problem.rule.value in raised.value.detail
        assert list(store.list(folder)) == []

    # --- staged writes ---------------------------------------------------------------------------------------------

    def _blocks(self, count: int = 2) -> list[bytes]:
        full = [bytes([65 + number]) * self.block_size for number in range(count - 1)]
        return [*full, b"the last block"]

    def _listed(self, block: StagedBlock) -> StagedBlock:
        return block if self.lists_checksums else replace(block, crc=None)

    def test_staged_blocks_become_one_object_at_commit(self, store: ObjectStore, folder: str) -> None:
        blocks = self._blocks(3)
        whole = b"".join(blocks)
        write = store.stage(f"{folder}big")
        # The order of arrival is not the order of the bytes.
        sent = {index: write.stage(index, blocks[index], crc(blocks[index])) for index in (2, 0, 1)}
        assert store.stat(f"{folder}big") is None
        assert list(store.list(folder)) == []
        assert write.check is TransitCheck.CRC64
        assert write.staged() == {index: self._listed(block) for index, block in sent.items()}
        created = write.commit([sent[0], sent[1], sent[2]])
        assert isinstance(created, Created)
        info = store.stat(f"{folder}big")
        assert info is not None
        assert (info.size, info.etag) == (len(whole), created.etag)
        assert read(store, f"{folder}big") == whole
        across = self.block_size - 3
        assert read(store, f"{folder}big", start=across, length=6) == whole[across : across + 6]

    def test_another_process_goes_on_with_a_staged_write(self, home: Home, folder: str) -> None:
        blocks = self._blocks()
        here, there = home.open(), home.open()
        begun = here.stage(f"{folder}big")
        first = begun.stage(0, blocks[0], crc(blocks[0]))
        continued = there.stage(f"{folder}big", token=begun.token)
        assert continued.staged() == {0: self._listed(first)}
        last = continued.stage(1, memoryview(blocks[1]), crc(blocks[1]))
        third = home.open().stage(f"{folder}big", token=begun.token)
        assert isinstance(third.commit([first, last]), Created)
        assert read(here, f"{folder}big") == b"".join(blocks)

    def test_a_block_staged_again_replaces_the_first(self, store: ObjectStore, folder: str, home: Home) -> None:
        blocks = self._blocks()
        wrong = bytes(self.block_size)
        write = store.stage(f"{folder}big")
        write.stage(0, wrong, crc(wrong))
        right = write.stage(0, blocks[0], crc(blocks[0]))
        last = write.stage(1, blocks[1], crc(blocks[1]))
        held = home.open().stage(f"{folder}big", token=write.token).staged()
        # A provider that keeps both does not say which one is meant; it never names the replaced one.
        assert held[0] in {right, StagedBlock(index=0, size=len(wrong), crc=None)}
        assert isinstance(write.commit([right, last]), Created)
        assert read(store, f"{folder}big") == b"".join(blocks)

    def test_a_block_damaged_on_the_way_is_refused(self, store: ObjectStore, folder: str) -> None:
        write = store.stage(f"{folder}big")
        with pytest.raises(StoreError) as raised:
            write.stage(0, b"these bytes", crc(b"other bytes"))
        assert raised.value.failure is StoreFailure.CORRUPTED_IN_TRANSIT
        assert raised.value.retryable
        assert dict(write.staged()) == {}
        write.abandon()

    def test_a_commit_never_overwrites(self, store: ObjectStore, folder: str, home: Home) -> None:
        blocks = self._blocks()
        write = store.stage(f"{folder}big")
        sent = [write.stage(index, data, crc(data)) for index, data in enumerate(blocks)]
        home.put(f"{folder}big", b"somebody was faster")
        assert write.commit(sent) == AlreadyExists()
        assert read(store, f"{folder}big") == b"somebody was faster"
        write.abandon()
        assert read(store, f"{folder}big") == b"somebody was faster"

    def test_a_second_commit_finds_the_object_of_the_first(self, store: ObjectStore, folder: str) -> None:
        blocks = self._blocks()
        write = store.stage(f"{folder}big")
        sent = [write.stage(index, data, crc(data)) for index, data in enumerate(blocks)]
        assert isinstance(write.commit(sent), Created)
        assert write.commit(sent) == AlreadyExists()
        assert read(store, f"{folder}big") == b"".join(blocks)

    def test_a_commit_of_a_block_that_was_never_staged_fails(self, store: ObjectStore, folder: str) -> None:
        data = self._blocks()[0]
        write = store.stage(f"{folder}big")
        first = write.stage(0, data, crc(data))
        with pytest.raises(StoreError) as raised:
            write.commit([first, StagedBlock(index=1, size=4, crc=crc(b"none"))])
        assert raised.value.failure is StoreFailure.MISSING
        assert store.stat(f"{folder}big") is None
        write.abandon()

    def test_a_commit_with_gaps_is_refused(self, store: ObjectStore, folder: str) -> None:
        write = store.stage(f"{folder}big")
        with pytest.raises(ValueError, match="without gaps"):
            write.commit([StagedBlock(index=1, size=4, crc=crc(b"none"))])
        write.abandon()

    def test_an_empty_staged_write_is_an_empty_object(self, store: ObjectStore, folder: str) -> None:
        assert isinstance(store.stage(f"{folder}empty").commit([]), Created)
        assert read(store, f"{folder}empty") == b""
        assert store.stage(f"{folder}empty").commit([]) == AlreadyExists()

    def test_an_abandoned_write_leaves_no_object(self, store: ObjectStore, folder: str) -> None:
        data = self._blocks()[0]
        write = store.stage(f"{folder}big")
        write.stage(0, data, crc(data))
        write.abandon()
        write.abandon()
        assert store.stat(f"{folder}big") is None
        assert list(store.list(folder)) == []

    # --- thaw ------------------------------------------------------------------------------------------------------

    def test_an_object_that_can_be_read_is_not_thawed(self, store: ObjectStore, folder: str) -> None:
        store.create(f"{folder}a", b"x")
        if Capability.THAW in store.capabilities:
            assert store.request_thaw(f"{folder}a", tier=ThawTier.STANDARD, days=1) is ThawAnswer.NOT_ARCHIVED
        else:
            with pytest.raises(StoreError) as raised:
                store.request_thaw(f"{folder}a", tier=ThawTier.STANDARD, days=1)
            assert raised.value.failure is StoreFailure.UNSUPPORTED

    def test_a_thaw_of_nothing_is_an_error(self, store: ObjectStore, folder: str) -> None:
        with pytest.raises(StoreError) as raised:
            store.request_thaw(f"{folder}nothing", tier=ThawTier.STANDARD, days=1)
        expected = StoreFailure.MISSING if Capability.THAW in store.capabilities else StoreFailure.UNSUPPORTED
        assert raised.value.failure is expected
