"""Archives that are cut off, damaged, or made to harm: an error that says what, never a verdict on a part."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import random
import struct
import tarfile
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives import WRITERS, under, write_tar, write_zip
from bagfill.bag.rules.finding import Profile
from bagfill.steps.archive_damage import ArchiveDamaged
from bagfill.steps.archive_members import is_archive, members
from bagfill.steps.folder_files import NothingThere
from bagfill.steps.validate_archive import validate_archive
from bagfill.steps.validate_bag import validate_bag
from bagfill.storage.local import LocalStore
from broken_bags import BAGIT, Sample, in_bagit

GOOD = in_bagit(Sample()).laid_out()
END = struct.Struct("<4s4H2LH")
MEBIBYTE = 1024 * 1024


def damaged(path: Path, match: str) -> None:
    assert is_archive(path)
    with pytest.raises(ArchiveDamaged, match=match) as raised:
        validate_archive(path, BAGIT)
    assert str(path) in str(raised.value) or "while it was read" in str(raised.value)


def edited(path: Path, edit: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    edit(data)
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module", params=list(WRITERS))
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / f"bag.{request.param}"
    WRITERS[request.param](path, under("b1/", GOOD))
    return path


def test_cut_off_anywhere_it_gives_no_verdict(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    path = tmp_path / whole.name
    # Behind the mark of its end a plain tar has nothing but padding.
    end = -(-len(data.rstrip(b"\0")) // 512) * 512 + 512 if path.suffix == ".tar" else len(data)
    for cut in [*range(0, end, 97), end - 513 if path.suffix == ".tar" else end - 1]:
        path.write_bytes(data[:cut])
        with pytest.raises(ArchiveDamaged, match=path.name):
            validate_archive(path, BAGIT)


@given(st.integers(0, 2**32), st.sampled_from(list(WRITERS)))
def test_whatever_is_changed_in_it_is_told_in_one_way(seed: int, kind: str) -> None:
    choice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"bag.{kind}")
        WRITERS[kind](path, under("b1/", GOOD))

        def some(data: bytearray) -> None:
            for _ in range(choice.randint(1, 4)):
                data[choice.randrange(len(data))] = choice.randrange(256)

        edited(path, some)
        try:
            is_archive(path)
            validate_archive(path, BAGIT)
        except (ArchiveDamaged, NothingThere):
            pass


def test_a_damaged_header_within_a_tar_is_not_its_end(tmp_path: Path) -> None:
    path = tmp_path / "bag.tar"
    write_tar(path, [*under("b1/", GOOD), ("b1/notes.txt", b"x")])

    def spoil(data: bytearray) -> None:
        at = data.index(b"b1/notes.txt")
        data[at : at + 2] = b"b2"

    damaged(edited(path, spoil), "a header is damaged")


def test_what_follows_the_end_of_a_tar_is_not_passed_over(tmp_path: Path) -> None:
    path, more = tmp_path / "bag.tar", tmp_path / "more.tar"
    write_tar(path, under("b1/", GOOD))
    write_tar(more, [("b1/data/more.txt", b"x")])
    path.write_bytes(path.read_bytes() + more.read_bytes())
    damaged(path, "something follows its end mark")


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner = tmp_path / "inner.zip"
    write_zip(inner, [("bagit.txt", b"x")])
    path = tmp_path / "bag.tar"
    write_tar(path, [*under("b1/", GOOD), ("b1/data/inner.zip", inner.read_bytes())])
    verdict = validate_archive(path, BAGIT)
    assert [(each.code, each.path) for each in verdict.findings if each.path] == [
        ("FILE-NOT-IN-MANIFEST", "data/inner.zip")
    ]
    assert verdict.files == len(GOOD) + 1


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def test_a_negative_size_leads_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "bag.tar"
    path.write_bytes(header("b1/bagit.txt", 0) + header("b1/data/a", -1024) + bytes(1024))
    # Later releases of the library refuse it by themselves.
    damaged(path, "a size of -1024|a header is damaged")


@pytest.mark.parametrize("opened", [gzip.open, bz2.open, lzma.open, open])
def test_a_header_of_gigabytes_is_not_read(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "bag.tar"
    with opened(path, "wb") as file:
        file.write(header("b1/bagit.txt", 0) + header("x", 4096 * MEBIBYTE, tarfile.XHDTYPE) + bytes(MEBIBYTE))
    tracemalloc.start()
    damaged(path, "a header of 4294967296 bytes")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 * MEBIBYTE


@pytest.mark.parametrize("opened", [gzip.open, bz2.open, lzma.open])
def test_damage_within_a_compressed_tar_is_told(tmp_path: Path, opened: Any) -> None:
    plain, path = tmp_path / "plain.tar", tmp_path / "bag.tar"
    write_tar(plain, under("b1/", {**GOOD, "data/large.bin": random.Random(0).randbytes(MEBIBYTE)}))
    with opened(path, "wb") as file:
        file.write(plain.read_bytes())
    # In all three the checksum of what comes out is at the very end.
    damaged(edited(path, lambda data: data.__setitem__(slice(-14, -4), bytes(10))), "cannot be read to its end")


def patched(path: Path, name: str, at: int, form: str, value: int) -> Path:
    """A number in the entry of a member in the zip file's directory."""

    def patch(data: bytearray) -> None:
        entry = data.rindex(name.encode()) - 46
        assert data[entry : entry + 4] == b"PK\x01\x02"
        struct.pack_into(form, data, entry + at, value)

    return edited(path, patch)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(
    ("size", "told"), [(1999, "Bad CRC-32|more than the 1999 bytes"), (2001, "2000 bytes of 2001"), (3, "more than")]
)
def test_a_size_that_is_not_what_comes_out_is_told(tmp_path: Path, method: int, size: int, told: str) -> None:
    path = tmp_path / "bag.zip"
    files = {**GOOD, "data/large.bin": random.Random(0).randbytes(2000), "manifest-md5.txt": bytes(2000)}
    write_zip(path, under("b1/", files), method)
    for name in ("b1/data/large.bin", "b1/manifest-md5.txt"):
        whole = path.read_bytes()
        damaged(patched(path, name, 24, "<L", size), f"{name}.*({told})")
        path.write_bytes(whole)


def test_a_zip_bomb_is_stopped_at_the_size_it_declares(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"bag-{method}.zip"
        write_zip(path, [*under("b1/", GOOD), ("b1/data/bomb", bytes(20 * MEBIBYTE))], method)
        tracemalloc.start()
        damaged(patched(path, "b1/data/bomb", 24, "<L", 1000), "data/bomb.*more than the 1000 bytes")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # Of these two, all that comes out of 4 KiB comes at once.
        assert most < (8 if method == zipfile.ZIP_DEFLATED else 60) * MEBIBYTE


@pytest.mark.parametrize("kind", ["tar.gz", "zip", "folder"])
@pytest.mark.parametrize("name", ["bagit.txt", "bag-info.txt", "manifest-md5.txt", "tagmanifest-md5.txt", "fetch.txt"])
@pytest.mark.parametrize("profile", Profile)
def test_a_tag_file_that_is_a_bomb_is_told_and_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, profile: Profile
) -> None:
    monkeypatch.setattr("bagfill.bag.tag_data.MOST_HELD", MEBIBYTE)
    monkeypatch.setattr("bagfill.steps.tag_files.HELD", 64 * 1024)
    monkeypatch.setattr("bagfill.steps.packed_tag_file.HELD", 64 * 1024)
    files = {**GOOD, name: b" " * (12 * MEBIBYTE)}
    path = tmp_path / f"bag.{kind}"
    if kind == "folder":
        for each, data in files.items():
            (path / each).parent.mkdir(parents=True, exist_ok=True)
            (path / each).write_bytes(data)
    else:
        WRITERS[kind](path, under("b1/", files))
    tracemalloc.start()
    if kind == "folder":
        verdict = validate_bag(LocalStore(path, location="local"), "", profile)
    else:
        verdict = validate_archive(path, profile)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    code = "DECLARATION-TOO-LARGE" if name == "bagit.txt" else "TAG-FILE-UNREADABLE"
    assert [each.path for each in verdict.findings if each.code == code] == [name]
    assert most < 9 * MEBIBYTE


def test_members_that_share_their_bytes_are_a_zip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    write_zip(path, under("b1/", {**GOOD, "data/a.txt": bytes(100), "data/b.txt": bytes(100)}))
    first = zipfile.ZipFile(path).getinfo("b1/data/a.txt").header_offset
    damaged(patched(path, "b1/data/b.txt", 42, "<L", first), "members overlap")


def test_encrypted_members_are_told(tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    write_zip(path, under("b1/", GOOD))
    damaged(patched(path, "b1/data/a.txt", 8, "<H", 1), "b1/data/a.txt is encrypted")


def test_a_compression_that_is_not_known_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    write_zip(path, under("b1/", GOOD))
    damaged(patched(path, "b1/data/a.txt", 10, "<H", 9), "b1/data/a.txt cannot be read to its end: .*compress")


@pytest.mark.parametrize("by", [1, -1, 256])
def test_a_directory_with_another_number_of_members_is_told(tmp_path: Path, by: int) -> None:
    path = tmp_path / "bag.zip"
    write_zip(path, under("b1/", GOOD))

    def count(data: bytearray) -> None:
        values = list(END.unpack_from(data, len(data) - END.size))
        values[3] = values[4] = values[4] + by
        END.pack_into(data, len(data) - END.size, *values)

    damaged(edited(path, count), f"has {len(GOOD)} members, and should have {len(GOOD) + by}")


def test_a_cut_off_zip_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    write_zip(path, under("b1/", GOOD))
    path.write_bytes(path.read_bytes()[:-30])
    damaged(path, "no directory.*cut off")


def test_what_only_other_programs_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"a comment " * 1000
        for name, data in under("b1/", GOOD):
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(data)
    # A program before it that unpacks it.
    path.write_bytes(b"#!/bin/sh\nexit\n" * 100 + path.read_bytes())
    assert validate_archive(path, BAGIT).findings == ()


def test_names_in_utf_8_that_do_not_say_so_are_what_unix_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "bag.zip"
    write_zip(path, [("data/\u00fc.txt", b"x"), ("data/\u00e9.txt", b"x"), ("data/a.txt", b"x")])

    def unsaid(data: bytearray) -> None:
        for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = -1
            while (at := data.find(mark, at + 1)) >= 0:
                data[at + flags + 1] &= 0xF7

    edited(path, unsaid)
    assert [member.name for member in members(path)] == ["data/\u00fc.txt", "data/\u00e9.txt", "data/a.txt"]


def test_a_large_archive_with_a_large_directory_is_read_in_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bagfill.steps.zip_directory._WINDOW", 400)
    # So that it is written in the form for large archives.
    monkeypatch.setattr("zipfile.ZIP_FILECOUNT_LIMIT", 2)
    path = tmp_path / "bag.zip"
    write_zip(path, under("b1/", GOOD))
    assert b"PK\x06\x06" in path.read_bytes()
    assert validate_archive(path, BAGIT).findings == ()
    for size in (46, 60):
        monkeypatch.setattr("bagfill.steps.zip_directory._WINDOW", size)
        damaged(path, "its directory is cut off")


@pytest.mark.parametrize("name", ["b1/./bag-info.txt", "b1//bag-info.txt", "b1/././bag-info.txt", "./b1/bag-info.txt"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_two_names_of_one_file_are_the_same_member(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / f"bag.{kind}"
    WRITERS[kind](path, [*under("b1/", GOOD), (name, b"Contact-Name: somebody else\n")])
    findings = validate_archive(path, BAGIT).findings
    assert [(each.code, each.path) for each in findings] == [("ARCHIVE-MEMBER-TWICE", "b1/bag-info.txt")]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_folder_that_would_be_made_elsewhere_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"bag.{kind}"
    WRITERS[kind](path, under("b1/", GOOD))
    if kind == "tar":
        with tarfile.open(path, "a") as tar:
            info = tarfile.TarInfo("../elsewhere")
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
    else:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("../elsewhere/", b"")
    findings = validate_archive(path, BAGIT).findings
    assert [(each.code, each.path.rstrip("/")) for each in findings] == [("ARCHIVE-MEMBER-LEAVES", "../elsewhere")]


def test_a_sparse_file_is_read_as_what_it_unpacks_to(tmp_path: Path) -> None:
    path = tmp_path / "bag.tar"
    data = bytes(5000) + b"end"
    map_ = b"1\n5000\n3\n".ljust(512, b"\0")
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("b1/data/sparse")
        info.size = len(map_) + 3
        info.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "b1/data/sparse",
            "GNU.sparse.realsize": str(len(data)),
        }
        tar.addfile(info, io.BytesIO(map_ + b"end"))
    assert [(member.size, b"".join(member.chunks())) for member in members(path)] == [(len(data), data)]


@pytest.mark.parametrize("change", ["more", "fewer", "larger"])
def test_an_archive_that_changes_meanwhile_gives_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = tmp_path / "bag.zip"
    write_zip(path, under("b1/", GOOD))
    later = {
        "more": {**GOOD, "data/more": b""},
        "fewer": {name: data for name, data in GOOD.items() if name != "data/a.txt"},
        "larger": {**GOOD, "data/a.txt": b"larger"},
    }[change]
    opened = iter((GOOD, later))

    def changing(found: Path) -> Iterator[Any]:
        write_zip(found, under("b1/", next(opened)))
        return members(found)

    monkeypatch.setattr("bagfill.steps.validate_archive.members", changing)
    damaged(path, "changed while it was read")


@pytest.mark.parametrize("kind", WRITERS)
def test_a_disk_that_fails_is_no_damage_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / f"bag.{kind}"
    WRITERS[kind](path, under("b1/", GOOD))

    class Failing(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error", str(path))

    def opened(found: Path, mode: str) -> Failing:
        return Failing(found, mode)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OSError, match="Input/output error"):
        validate_archive(path, BAGIT)
