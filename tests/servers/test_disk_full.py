"""A worker whose disk is full: nothing half-written is seen, nothing is registered, and room is all that it takes.

With the right to mount, a file system of two MiB; else a limit on the size of files, which refuses a large file alike.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bagfill.demo.bag_maker import BagMaker
from bagfill.demo.content import noise
from bagfill.demo.write import write_bag
from bagfill.storage.local import LocalStore
from bagfill.storage.location import Location, Provider

MIB = 1024 * 1024
SETTINGS = """\
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "{work}"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[limits]
small_object_bytes = "1 MiB"
block_bytes = "5 MiB"
[[locations]]
name = "primary"
provider = "local"
path = "source"
[[locations]]
name = "shelf"
provider = "local"
path = "{shelf}"
writable = true
[[policies]]
locations = ["shelf"]
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A bag with one file of 3 MiB."""
    folder = tmp_path / "source"
    folder.mkdir()
    bag = BagMaker("bucket").make("digitised/b1", 1, "large", {"film.mxf": noise(3 * MIB, 1)})
    store = LocalStore(folder, location="primary")
    write_bag(store, Location("primary", Provider.LOCAL, str(folder)), bag)
    return folder


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None] | None]:
    """Two MiB at ``folder``, or what a process has to do before it starts instead."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "bagfill-test", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield None
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    else:
        yield largest_file(2 * MIB)


def largest_file(size: int) -> Callable[[], None]:
    """What makes writing beyond so many bytes fail as on a full disk, with EFBIG."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def bagfill(folder: Path, *arguments: str, before: Callable[[], None] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bagfill", "--config", str(folder / "bagfill.toml"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "include")},
    )
    return done.returncode, done.stdout + done.stderr


def fill(path: Path) -> None:
    """Take what is left of a disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, b"\0" * 4096)
    except OSError:
        os.close(handle)


def visible(shelf: Path) -> set[str]:
    """What is in the version's folder, as whoever lists the location sees it."""
    store = LocalStore(shelf, location="shelf")
    return {info.key.rpartition("/v1/")[2] for info in store.list("digitised/b1/v1/")}


def test_a_full_destination_ends_in_words_and_the_next_attempt_in_a_replica(tmp_path: Path, source: Path) -> None:
    shelf = tmp_path / "shelf"
    (tmp_path / "bagfill.toml").write_text(SETTINGS.format(work="work", shelf="shelf"))
    with small_disk(shelf) as before:
        assert bagfill(tmp_path, "import", "primary", before=before)[0] == 0
        code, said = bagfill(tmp_path, "backfill", "digitised/b1", "--to", "shelf", before=before)
        assert code == 1
        assert "the disk is full" in said.replace("\n", " ")
        assert "data/film.mxf" not in visible(shelf)
        assert bagfill(tmp_path, "coverage")[0] == 1
        kept = tmp_path / "kept"
        shutil.copytree(shelf, kept)
    if before is None:
        # Room was made: the same files on a larger disk.
        shutil.copytree(kept, shelf, dirs_exist_ok=True)
    code, said = bagfill(tmp_path, "backfill", "digitised/b1", "--to", "shelf")
    assert code == 0, said
    assert bagfill(tmp_path, "coverage")[0] == 0
    assert "data/film.mxf" in visible(shelf)
    assert (shelf / "digitised/b1/v1/data/film.mxf").stat().st_size == 3 * MIB


def test_a_recovery_into_a_full_disk_ends_in_words_and_goes_on_where_there_is_room(
    tmp_path: Path, source: Path
) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "bagfill.toml").write_text(SETTINGS.format(work="work", shelf="shelf"))
    small = tmp_path / "small"
    with small_disk(small) as before:
        recover = ("recover", str(source / "digitised/b1/v1"), "--into", str(small / "bag"))
        code, said = bagfill(tmp_path, *recover, before=before)
        assert code == 2, said
        assert "the disk is full" in said.replace("\n", " ")
        assert "Traceback" not in said
        assert "whole: every byte" not in said
        assert not (small / "bag/data/film.mxf").exists()
        # What a person or a script would ask of what is there.
        assert bagfill(tmp_path, "validate", str(small / "bag"))[0] != 0
        kept = tmp_path / "kept"
        shutil.copytree(small, kept)
    code, said = bagfill(tmp_path, "recover", str(source / "digitised/b1/v1"), "--into", str(kept / "bag"))
    assert code == 0, said
    assert (kept / "bag/data/film.mxf").stat().st_size == 3 * MIB


def test_a_log_on_a_full_disk_is_said_once_and_holds_up_no_bag(tmp_path: Path, source: Path) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "bagfill.toml").write_text(SETTINGS.format(work="work", shelf="shelf"))
    log = tmp_path / "bagfill.log"
    log.touch()
    # As large as files may be, so that no line has room; everything else has.
    os.truncate(log, 8 * MIB)
    assert bagfill(tmp_path, "import", "primary")[0] == 0
    wanted = ("--log-file", str(log), "backfill", "digitised/b1", "--to", "shelf")
    code, said = bagfill(tmp_path, *wanted, before=largest_file(8 * MIB))
    assert code == 0, said
    assert said.count("lines are missing in the log") == 1, said
    assert "Traceback" not in said
    assert log.stat().st_size == 8 * MIB


def test_a_registry_on_a_full_disk_ends_in_words_and_is_whole_afterwards(tmp_path: Path, source: Path) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "bagfill.toml").write_text(SETTINGS.format(work="work", shelf="shelf"))
    assert bagfill(tmp_path, "coverage")[0] == 0
    # The database's pages but the first, and what is written ahead of them, have no room.
    code, said = bagfill(tmp_path, "import", "primary", before=largest_file(4096))
    assert code == 2, said
    assert "the registry's database did not answer or refused" in said.replace("\n", " ")
    assert "Traceback" not in said
    assert bagfill(tmp_path, "import", "primary")[0] == 0
    assert bagfill(tmp_path, "backfill", "digitised/b1", "--to", "shelf")[0] == 0


def test_a_full_work_area_ends_in_words_too(tmp_path: Path, source: Path) -> None:
    work = tmp_path / "work"
    (tmp_path / "shelf").mkdir()
    (tmp_path / "bagfill.toml").write_text(SETTINGS.format(work="work", shelf="shelf"))
    with small_disk(work) as before:
        if before is not None:
            pytest.skip("the work area's files are too small for a limit of their size; a small disk needs root")
        assert bagfill(tmp_path, "import", "primary")[0] == 0
        fill(work / "filling")
        code, said = bagfill(tmp_path, "backfill", "digitised/b1", "--to", "shelf")
        assert code in {1, 2}
        assert "the disk is full" in said.replace("\n", " ")
        assert bagfill(tmp_path, "coverage")[0] == 1
        (work / "filling").unlink()
        code, said = bagfill(tmp_path, "backfill", "digitised/b1", "--to", "shelf")
        assert code == 0, said
