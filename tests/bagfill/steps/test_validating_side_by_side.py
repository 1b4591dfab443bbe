"""Validation with files hashed side by side: the same verdicts, and no finding that ``hashlib`` has not seen."""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from bagfill.bag.rules.finding import Profile
from bagfill.checksum.lanes import lanes_of_this_machine
from bagfill.checksum.side_by_side import Lanes
from bagfill.steps import folder_digests
from bagfill.steps.validate_bag import Verdict, validate_bag
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.local import LocalStore
from bagfill.storage.store import ObjectStore
from lane_doubles import HashlibLanes

FILES = 21
CHOSEN = "data/07.bin"
Loader = Callable[[], Lanes | None]


@pytest.fixture(autouse=True)
def _small_bags_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_digests, "_WORTH_LANES", 1)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """A bag in a folder: SHA-256 and SHA-512, 20 files that gain from lanes, and a small one."""
    folder = tmp_path / "bag"
    (folder / "data").mkdir(parents=True)
    source = random.Random(1)
    contents = {f"data/{n:02d}.bin": source.randbytes(70_000 + 4_321 * n) for n in range(1, FILES)}
    contents["data/00.txt"] = b"small"
    contents["bagit.txt"] = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    for algorithm in ("sha256", "sha512"):
        contents[f"manifest-{algorithm}.txt"] = "".join(
            f"{hashlib.new(algorithm, data).hexdigest()}  {name}\n"
            for name, data in contents.items()
            if name.startswith("data/")
        ).encode()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


def judged(store: ObjectStore, lanes: Loader = lambda: None) -> Verdict:
    return validate_bag(store, "", Profile.BAGIT, alone_below=2**20, lanes=lanes)


def store_of(bag: Path) -> LocalStore:
    return LocalStore(bag, location="folder")


def damage(bag: Path) -> None:
    with (bag / CHOSEN).open("r+b") as file:
        file.seek(66_000)
        file.write(b"damage")


@pytest.fixture(params=[HashlibLanes, lanes_of_this_machine, lambda: None], ids=["double", "library", "none"])
def lanes(request: pytest.FixtureRequest) -> Loader:
    loader: Loader = request.param
    return loader


def test_a_whole_bag_is_valid(bag: Path, lanes: Loader) -> None:
    read: list[int] = []
    verdict = validate_bag(store_of(bag), "", Profile.BAGIT, lanes=lanes, planned=read.append, read=read.append)
    assert verdict.findings == ()
    assert (verdict.files, verdict.bytes) == (FILES + 3, sum(p.stat().st_size for p in bag.rglob("*") if p.is_file()))
    assert read[0] == sum(read[1:]), "progress reaches what was planned"


def test_a_damaged_file_is_found_as_without_lanes(bag: Path, lanes: Loader, caplog: pytest.LogCaptureFixture) -> None:
    damage(bag)
    verdict = judged(store_of(bag), lanes)
    assert [(finding.code, finding.path) for finding in verdict.findings] == [("FILE-CHECKSUM", CHOSEN)] * 2
    assert verdict == judged(store_of(bag))
    assert not caplog.records


def test_a_second_look_shows_progress_too(bag: Path) -> None:
    damage(bag)
    planned: list[int] = []
    read: list[int] = []
    validate_bag(store_of(bag), "", Profile.BAGIT, lanes=HashlibLanes, planned=planned.append, read=read.append)
    assert planned[1] == planned[0] + (bag / CHOSEN).stat().st_size
    assert sum(read) == planned[1]


@pytest.mark.parametrize("wrong_lane", range(8))
def test_lanes_that_compute_wrongly_do_not_make_a_bag_invalid(
    bag: Path, wrong_lane: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        verdict = judged(store_of(bag), lambda: HashlibLanes(wrong_lane=wrong_lane))
    assert verdict.is_valid
    assert verdict.findings == ()
    said = [record.getMessage() for record in caplog.records]
    assert said
    assert all("data/" in line and "hashlib" in line for line in said)


def test_damage_is_found_beside_files_that_the_lanes_computed_wrongly(bag: Path) -> None:
    damage(bag)
    found = [judged(store_of(bag), lambda lane=lane: HashlibLanes(wrong_lane=lane)) for lane in range(8)]  # type: ignore[misc]
    assert found == [judged(store_of(bag))] * 8


class Spoilt(LocalStore):
    """Reading the chosen file goes wrong.

    Args:
        bag: the folder.
        spoil: what happens in its middle.
    """

    def __init__(self, bag: Path, spoil: Callable[[], None]) -> None:
        super().__init__(bag, location="folder")
        self._spoil = spoil

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        for chunk in super().read(key, start=start, length=length, etag=etag):
            half = len(chunk) // 2
            yield chunk[:half]
            if key == CHOSEN:
                self._spoil()
            yield chunk[half:]


def failure_of(store: ObjectStore, lanes: Loader) -> tuple[StoreFailure, str | None, str]:
    with pytest.raises(StoreError) as caught:
        judged(store, lanes)
    return caught.value.failure, caught.value.key, str(caught.value)


def test_a_file_that_cannot_be_read_is_named(bag: Path, lanes: Loader) -> None:
    def refuse() -> None:
        raise StoreError(StoreFailure.UNAVAILABLE, location="folder", key=CHOSEN, operation="read", detail="disk")

    found = failure_of(Spoilt(bag, refuse), lanes)
    assert found[:2] == (StoreFailure.UNAVAILABLE, CHOSEN)
    assert found == failure_of(Spoilt(bag, refuse), lambda: None)


def test_a_failure_ends_what_else_is_being_read(bag: Path) -> None:
    (bag / "data" / "long.bin").write_bytes(bytes(2**20))
    (bag / "manifest-sha256.txt").open("a").write(f"{'0' * 64}  data/long.bin\n")
    failed = Event()
    after: list[str] = []

    class Long(LocalStore):
        def read(
            self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
        ) -> Iterator[bytes | memoryview]:
            if key == "data/long.bin":
                return self._endless(key)
            if key == CHOSEN:
                failed.set()
                raise StoreError(StoreFailure.UNAVAILABLE, location="folder", key=key, operation="read", detail="disk")
            return super().read(key)

        def _endless(self, key: str) -> Iterator[bytes]:
            yield b"x"
            assert failed.wait(30)
            for _ in range(1000):
                after.append(key)
                time.sleep(0.02)
                yield b"x" * 1000

    # Read by itself, as it is by far the longest; the others stand in lanes.
    assert failure_of(Long(bag, location="folder"), HashlibLanes)[:2] == (StoreFailure.UNAVAILABLE, CHOSEN)
    assert len(after) < 1000


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"short"), lambda path: path.open("ab").write(b"x")])
def test_a_file_that_changes_its_length_before_it_is_read_ends_the_validation(
    bag: Path, lanes: Loader, change: Callable[[Path], object]
) -> None:
    class Late(LocalStore):
        def read(
            self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
        ) -> Iterator[bytes | memoryview]:
            if key == CHOSEN:
                change(bag / CHOSEN)
            return super().read(key, start=start, length=length, etag=etag)

    before = (bag / CHOSEN).read_bytes()
    found = failure_of(Late(bag, location="folder"), lanes)
    assert found[:2] == (StoreFailure.CHANGED, CHOSEN)
    (bag / CHOSEN).write_bytes(before)
    assert found == failure_of(Late(bag, location="folder"), lambda: None)


def test_lanes_are_not_loaded_for_little(bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> Lanes | None:
        raise AssertionError("loaded")

    monkeypatch.setattr(folder_digests, "_WORTH_LANES", 2**40)
    assert judged(store_of(bag), load).is_valid
