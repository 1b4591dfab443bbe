"""Bags in tar and zip files: the verdict is that of the folder, and what only an archive can do is told."""

from __future__ import annotations

import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from archives import WRITERS, Members, under
from bagfill.bag.rules.finding import Profile, Severity
from bagfill.steps.archive_damage import ArchiveDamaged
from bagfill.steps.archive_members import is_archive
from bagfill.steps.folder_files import NothingThere
from bagfill.steps.validate_archive import validate_archive
from broken_bags import BAGIT, CASES, SERVICE, Sample, in_bagit

GOOD = in_bagit(Sample()).laid_out()


@pytest.fixture(params=list(WRITERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def packed(folder: Path, kind: str, found: Members) -> Path:
    path = folder / f"bag.{kind}"
    WRITERS[kind](path, found)
    assert is_archive(path)
    return path


@pytest.mark.parametrize("root", ["", "b1/", "./b1/", "data/"])
def test_a_sound_bag_is_sound_wherever_it_lies_in_the_archive(tmp_path: Path, kind: str, root: str) -> None:
    total: list[int] = []
    read: list[int] = []
    verdict = validate_archive(packed(tmp_path, kind, under(root, GOOD)), BAGIT, planned=total.append, read=read.append)
    assert verdict.findings == ()
    assert (verdict.files, verdict.bytes) == (len(GOOD), sum(map(len, GOOD.values())))
    assert total == [sum(read)] == [sum(len(data) for name, data in GOOD.items() if name.startswith("data/"))]


def test_nothing_is_written_anywhere(tmp_path: Path, kind: str) -> None:
    path = packed(tmp_path, kind, under("b1/", GOOD))
    validate_archive(path, BAGIT)
    assert sorted(tmp_path.rglob("*")) == [path]


# What is only said about a bag of which something could not be read, or that needs to be told what it is.
NOT_IN_A_FILE = {
    "TAG-FILE-UNREADABLE",
    "FILE-NOT-READ",
    "FILE-SIZE",
    "IDENTIFIER-MISMATCH",
    "FETCH-PREFIX",
    "FETCH-VERSION",
    # Its sample is finished by its own test.
    "TAG-MANIFEST-LISTED",
}


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case[0] not in NOT_IN_A_FILE and not case[0].startswith("ARCHIVE-")],
    ids=lambda case: case[0],
)
def test_a_broken_bag_is_as_broken_in_an_archive(tmp_path: Path, case: tuple[str, Profile, Sample, str, str]) -> None:
    code, profile, sample, path, message = case
    sample = in_bagit(sample) if profile is BAGIT else sample
    verdict = validate_archive(packed(tmp_path, "tar", under("b1/", sample.laid_out())), profile)
    assert (path, message) in [(each.path, each.message) for each in verdict.findings if each.code == code]


LEAVING = ["../x", "b1/../../x", "/etc/x", "C:\\x", "\\\\server\\x", "b1\\..\\..\\x"]


@pytest.mark.parametrize("name", LEAVING)
def test_a_member_that_would_be_unpacked_elsewhere_is_named(tmp_path: Path, kind: str, name: str) -> None:
    verdict = validate_archive(packed(tmp_path, kind, [*under("b1/", GOOD), (name, b"x")]), BAGIT)
    assert [(each.code, each.path) for each in verdict.findings] == [("ARCHIVE-MEMBER-LEAVES", name)]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_named_even_with_the_same_bytes(tmp_path: Path, kind: str) -> None:
    found = [*under("b1/", GOOD), ("b1/data/a.txt", GOOD["data/a.txt"])]
    verdict = validate_archive(packed(tmp_path, kind, found), BAGIT)
    assert [(each.code, each.path) for each in verdict.findings] == [("ARCHIVE-MEMBER-TWICE", "b1/data/a.txt")]


def test_a_file_beside_the_bag_is_named(tmp_path: Path, kind: str) -> None:
    verdict = validate_archive(packed(tmp_path, kind, [*under("b1/", GOOD), ("readme.txt", b"x")]), BAGIT)
    assert [(each.code, each.path) for each in verdict.findings] == [("ARCHIVE-MEMBER-OUTSIDE", "readme.txt")]


@pytest.mark.parametrize("type_", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_no_files_of_a_bag(tmp_path: Path, type_: bytes) -> None:
    path = packed(tmp_path, "tar", under("b1/", GOOD))
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("b1/data/link")
        info.type, info.linkname = type_, "../../../etc/passwd"
        archive.addfile(info)
    verdict = validate_archive(path, BAGIT)
    assert [(each.code, each.path) for each in verdict.findings] == [("ARCHIVE-MEMBER-NOT-A-FILE", "b1/data/link")]


def test_a_symbolic_link_in_a_zip_file_is_no_file_of_a_bag(tmp_path: Path) -> None:
    path = packed(tmp_path, "zip", under("b1/", GOOD))
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("b1/data/link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    verdict = validate_archive(path, BAGIT)
    assert [each.code for each in verdict.findings] == ["ARCHIVE-MEMBER-NOT-A-FILE"]


def test_folders_of_an_archive_are_no_files(tmp_path: Path) -> None:
    path = packed(tmp_path, "tar", under("b1/", GOOD))
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("b1/data/empty")
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    assert validate_archive(path, BAGIT).findings == ()


def test_without_a_declaration_the_one_folder_is_the_bag(tmp_path: Path) -> None:
    files = {name: data for name, data in GOOD.items() if name != "bagit.txt"}
    verdict = validate_archive(packed(tmp_path, "tar", under("b1/", files)), BAGIT)
    errors = {each.code for each in verdict.findings if each.severity is Severity.ERROR}
    assert errors == {"DECLARATION-MISSING", "FILE-MISSING"}


def test_a_bag_in_the_payload_of_a_bag_is_payload(tmp_path: Path) -> None:
    verdict = validate_archive(packed(tmp_path, "tar", [("b1/data/x/bagit.txt", b""), *under("b1/", GOOD)]), BAGIT)
    assert [(each.code, each.path) for each in verdict.findings] == [("FILE-NOT-IN-MANIFEST", "data/x/bagit.txt")]


def test_a_damaged_archive_gives_no_verdict(tmp_path: Path, kind: str) -> None:
    files = {**GOOD, "data/large.bin": bytes(range(256)) * 4000}
    path = packed(tmp_path, kind, under("b1/", files))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if kind != "zip" else data[:60] + b"\xff" * 40 + data[100:])
    with pytest.raises(ArchiveDamaged, match=f"bag.{kind}"):
        validate_archive(path, BAGIT)


def test_an_archive_without_files_is_no_bag(tmp_path: Path, kind: str) -> None:
    with pytest.raises(NothingThere):
        validate_archive(packed(tmp_path, kind, []), SERVICE)


def test_memory_does_not_grow_with_the_payload(tmp_path: Path) -> None:
    files = [("b1/bagit.txt", b"x"), ("b1/data/large.bin", bytes(48 * 1024 * 1024))]
    path = packed(tmp_path, "tar", files)
    tracemalloc.start()
    validate_archive(path, BAGIT)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * 1024 * 1024
