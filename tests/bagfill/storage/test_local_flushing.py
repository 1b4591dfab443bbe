"""What a folder says is there survives a power cut: a flush that failed is never taken for one that did not."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bagfill.steps.records import RecordStore
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.local import LocalStore
from bagfill.storage.names import STAGING_FOLDER
from contracts.store_contract import crc
from failing_flush import FlushedDisk, from_the, never

KEY = "space/b1/v1/data/a.txt"


def create(store: LocalStore) -> None:
    store.create(KEY, b"alpha")


def commit(store: LocalStore) -> None:
    write = store.stage(KEY)
    blocks = [write.stage(index, data, crc(data)) for index, data in enumerate((b"al", b"pha"))]
    write.commit(blocks)


def record(store: LocalStore) -> None:
    RecordStore(store).write_bytes(KEY, b"alpha")


def large_record(store: LocalStore) -> None:
    RecordStore(store).write_chunks(KEY, [b"al", b"pha"])


ACTS = [create, commit, record, large_record]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("bagfill.steps.records._BLOCK_BYTES", 2)
    made = tmp_path / "bucket"
    made.mkdir()
    return made


def flushes(root: Path, act: Callable[[LocalStore], None], disk: FlushedDisk) -> int:
    """How many there are when all goes well."""
    act(LocalStore(root, location="local"))
    assert disk.keeps(root, KEY)
    assert (root / KEY).read_bytes() == b"alpha"
    return len(disk.asked)


@pytest.mark.parametrize("act", ACTS)
def test_whichever_flush_fails_the_error_names_the_file_until_it_is_kept(
    root: Path, act: Callable[[LocalStore], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = flushes(root, act, FlushedDisk(monkeypatch))
    assert count >= 6, "the file, and every folder above it"
    for number in range(count):
        folder = root.parent / f"bucket-{number}"
        folder.mkdir()
        disk = FlushedDisk(monkeypatch, from_the(number))
        store = LocalStore(folder, location="local")
        for again in (store, store, LocalStore(folder, location="local")):
            with pytest.raises(StoreError, match="EIO") as raised:
                act(again)
            assert (raised.value.failure, raised.value.key) == (StoreFailure.UNAVAILABLE, KEY)
            assert raised.value.failure.retryable
        disk.fails = never
        act(store)
        assert disk.keeps(folder, KEY), f"flush {number}"
        assert (folder / KEY).read_bytes() == b"alpha"


@pytest.mark.parametrize("act", ACTS)
def test_a_flush_that_fails_once_is_done_by_the_next_try(
    root: Path, act: Callable[[LocalStore], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = flushes(root, act, FlushedDisk(monkeypatch))
    for number in range(count):
        folder = root.parent / f"bucket-{number}"
        folder.mkdir()
        disk = FlushedDisk(monkeypatch)
        disk.fails = lambda _, disk=disk, number=number: len(disk.asked) == number + 1  # type: ignore[misc]
        store = LocalStore(folder, location="local")
        with pytest.raises(StoreError, match="EIO"):
            act(store)
        act(store)
        assert disk.keeps(folder, KEY), f"flush {number}"


def test_another_process_flushes_what_it_says_is_there_already(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FlushedDisk(monkeypatch, lambda path: path.name == "data")
    with pytest.raises(StoreError, match="EIO"):
        create(LocalStore(root, location="local"))
    assert (root / KEY).exists(), "it has its name, but nobody knows for how long"
    for act in ACTS:
        with pytest.raises(StoreError, match="EIO"):
            act(LocalStore(root, location="local"))
    disk.fails = never
    for act in ACTS:
        act(LocalStore(root, location="local"))
    assert disk.keeps(root, KEY)


def test_a_store_for_writing_says_that_a_file_is_there_only_if_it_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(LocalStore(root, location="local"))
    disk = FlushedDisk(monkeypatch, lambda path: path.name == "data")
    store = LocalStore(root, location="local", writing=True)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"stat of '{KEY}' at local: unavailable: EIO"):
            store.stat(KEY)
    disk.fails = never
    assert store.stat(KEY) is not None
    assert store.stat(f"{KEY}.other") is None
    assert all(folder.stat().st_ino in disk.flushed for folder in (root / KEY).parents if folder.is_relative_to(root))
    assert LocalStore(root, location="local").stat(KEY) is not None


def test_a_folder_that_did_not_change_is_not_flushed_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(LocalStore(root, location="local"))
    disk = FlushedDisk(monkeypatch)
    store = LocalStore(root, location="local", writing=True)
    folder = (root / KEY).parent
    for moment in (1, 1, 2, 2):
        os.utime(folder, (moment, moment))
        store.stat(KEY)
    assert disk.asked.count(folder) == 2


def test_folders_are_flushed_once_by_each_process_and_when_they_were_made_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FlushedDisk(monkeypatch)
    store = LocalStore(root, location="local")
    for number in range(5):
        store.create(f"a/b/{number}", b"")
    assert [path.name for path in disk.asked if path.is_dir()] == ["bucket", "a", *["b"] * 5]
    for number in range(5):
        (root / f"a/b/{number}").unlink()
    (root / "a/b").rmdir()
    store.create("a/b/x", b"")
    assert disk.keeps(root, "a/b/x")


@pytest.mark.parametrize("act", ACTS)
def test_what_could_not_be_flushed_fills_no_disk(
    root: Path, act: Callable[[LocalStore], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FlushedDisk(monkeypatch)
    act(LocalStore(root, location="local"))
    (root / KEY).unlink()
    before = set(root.rglob("*.part"))
    disk.fails = lambda path: stat.S_ISREG(path.stat().st_mode) and path.suffix == ".part"
    for _ in range(3):
        with pytest.raises(StoreError, match="EIO"):
            act(LocalStore(root, location="local"))
    assert set((root / STAGING_FOLDER).rglob("*.part")) == before == set()
    assert not (root / KEY).exists()
