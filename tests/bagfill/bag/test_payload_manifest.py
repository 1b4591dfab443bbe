"""Payload and tag manifests."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.errors import BagFormatError, FormatCode
from bagfill.bag.lines import BLANKS
from bagfill.bag.path_table import PathTable
from bagfill.bag.paths import BagPath, encode_percent
from bagfill.bag.payload_manifest import manifest_algorithm, parse_manifest, scan_manifest
from bagfill.bag.resolve import resolve_paths
from bagfill.checksum.algorithm import Algorithm

A, B = "a" * 32, "B" * 32


def test_lines_end_in_any_way_and_nowhere_else() -> None:
    text = f"{A}  data/a\x0b\u2028\x85b\r\n{B} data/b\r\n\n{A}\tdata/c\r{A} data/d"
    manifest = parse_manifest(text.encode(), Algorithm.MD5)
    assert [(entry.path, entry.digest.text, entry.line) for entry in manifest.entries] == [
        ("data/a\x0b\u2028\x85b", A, 1),
        ("data/b", B, 2),
        ("data/c", A, 4),
        ("data/d", A, 5),
    ]


def test_names_are_not_decoded_unless_asked() -> None:
    data = f"{A}  data/100%25\n".encode()
    assert list(parse_manifest(data, Algorithm.MD5).paths) == ["data/100%25"]
    assert list(parse_manifest(data, Algorithm.MD5, decode_percent=True).paths) == ["data/100%"]


def test_decoding_cannot_smuggle_a_path_out() -> None:
    with pytest.raises(BagFormatError) as refused:
        parse_manifest(f"{A}  ../x\n".encode(), Algorithm.MD5)
    assert (refused.value.code, refused.value.line) == (FormatCode.PATH_LEAVES_BAG, 1)


def test_other_encodings_are_read() -> None:
    assert list(parse_manifest(f"{A}  data/\u00e9\n".encode("utf-16"), Algorithm.MD5, "UTF-16").paths) == [
        "data/\u00e9"
    ]
    with pytest.raises(BagFormatError) as refused:
        parse_manifest(b"x", Algorithm.MD5, "rot13")
    assert refused.value.code is FormatCode.TAG_FILE_ENCODING


def test_every_broken_line_is_reported_and_the_sound_ones_are_kept() -> None:
    text = f"{A}  data/a\nzz data/b\n{A[:-1]} data/c\n{A}\n{A}  data/a\n{A} /etc/passwd\n"
    manifest, faults = scan_manifest(text.encode(), Algorithm.MD5, name="tagmanifest-md5.txt")
    assert list(manifest.paths) == ["data/a"]
    assert [(fault.code, fault.line) for fault in faults] == [
        (FormatCode.MANIFEST_LINE, 2),
        (FormatCode.PATH_LEAVES_BAG, 6),
        (FormatCode.MANIFEST_DUPLICATE, 5),
    ]
    assert str(faults[0]) == (
        f"Error loading tagmanifest-md5.txt: Failed to parse the following lines: zz data/b, {A[:-1]} data/c, {A}"
    )


def test_an_empty_manifest_is_that_of_an_empty_bag() -> None:
    assert len(parse_manifest(b"", Algorithm.MD5)) == 0


@pytest.mark.parametrize(
    ("name", "tag", "algorithm"),
    [
        ("manifest-sha256.txt", False, Algorithm.SHA256),
        ("tagmanifest-sha256.txt", True, Algorithm.SHA256),
        ("manifest-sha256.txt", True, None),
        ("tagmanifest-sha256.txt", False, None),
        ("manifest-crc32.txt", False, None),
        ("data/manifest-md5.txt", False, None),
        ("manifest-md5.txt.bak", False, None),
    ],
)
def test_the_algorithm_is_in_the_name(name: str, tag: bool, algorithm: Algorithm | None) -> None:
    assert manifest_algorithm(name, tag=tag) is algorithm


def paths(*texts: str) -> list[BagPath]:
    return [BagPath(text) for text in texts]


def test_a_manifest_whose_names_are_all_there_is_taken_literally() -> None:
    assert resolve_paths(paths("data/100%25"), {"data/100%25", "data/100%"}) == {"data/100%25": "data/100%25"}


def test_a_manifest_whose_decoded_names_are_all_there_is_decoded_as_a_whole() -> None:
    # Taken line by line, the second would wrongly be found literally.
    found = resolve_paths(paths("data/100%2525", "data/100%25"), {"data/100%25", "data/100%"})
    assert found == {"data/100%2525": "data/100%25", "data/100%25": "data/100%"}


def test_where_no_reading_fits_each_name_is_looked_up_by_itself() -> None:
    found = resolve_paths(paths("data/a%25", "*data/b", "data/gone"), {"data/a%", "data/b"})
    assert found == {"data/a%25": "data/a%", "*data/b": "data/b", "data/gone": "data/gone"}


@given(
    st.sets(
        st.text(min_size=1).filter(lambda text: text.strip(BLANKS) == text and "\0" not in text and "/" not in text)
    )
)
def test_any_name_survives_a_manifest_that_encodes_it(names: set[str]) -> None:
    wanted = {f"data/x{name}" for name in names}
    text = "".join(f"{A}  {encode_percent(name)}\n" for name in sorted(wanted))
    manifest = parse_manifest(text.encode(), Algorithm.MD5)
    assert set(resolve_paths(manifest.paths, wanted).values()) == wanted


def test_one_file_that_is_missing_has_no_names_held_that_look_otherwise() -> None:
    names = PathTable()
    for number in range(5_000):
        names.add(f"data/e\u0301/{number:08d}.tif")
    listed = [BagPath.known(name) for name in names]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    resolved = resolve_paths([*listed, BagPath("data/\u00e9/gone"), BagPath("data/\u00e9/00000007.tif")], names)
    assert resolved[listed[3]] == listed[3]
    assert resolved[BagPath("data/\u00e9/gone")] == "data/\u00e9/gone"
    assert resolved[BagPath("data/\u00e9/00000007.tif")] == listed[7]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most - before < 200_000


def test_of_very_many_broken_lines_the_first_are_told_and_all_are_counted() -> None:
    lines = [f"broken {number}" for number in range(1200)] + ["x" * 10_000] + [f"{A}  data/../{n}" for n in range(1001)]
    _, faults = scan_manifest("\n".join(lines).encode(), Algorithm.MD5)
    broken, leaving = faults
    assert (broken.code, broken.line) == (FormatCode.MANIFEST_LINE, 1)
    assert broken.message.endswith("broken 998, broken 999 and 201 more")
    assert (leaving.code, leaving.line) == (FormatCode.PATH_LEAVES_BAG, 1202)
    assert leaving.message.endswith("data/../999 and 1 more")
    _, [fault] = scan_manifest(b"y" * 10_000, Algorithm.MD5)
    assert fault.message.endswith(f": {'y' * 4096}...")
