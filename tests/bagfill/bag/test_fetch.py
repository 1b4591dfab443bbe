"""fetch.txt, and the versions it needs."""

from __future__ import annotations

import pytest

from bagfill.bag.dependencies import ForeignFetchEntry, fetched_path, split_version, versions_fetched
from bagfill.bag.errors import BagFormatError, FormatCode
from bagfill.bag.fetch import FetchEntry, parse_fetch
from bagfill.bag.identifiers import BagId, BagVersion, InvalidIdentifier
from bagfill.bag.paths import BagPath, InvalidBagPath

BAG = BagId.parse("miro/A/x")


def one(line: str) -> FetchEntry:
    (entry,) = parse_fetch(line.encode())
    return entry


@pytest.mark.parametrize(
    ("line", "length", "path"),
    [
        ("s3://b/k\t56\tdata/a.txt", 56, "data/a.txt"),
        ("s3://b/k - data/example 1.txt", None, "data/example 1.txt"),
        ("s3://b/k 12 data/a 12 b.txt", 12, "data/a 12 b.txt"),
        ("s3://b/k - data/a - b  c.txt", None, "data/a - b  c.txt"),
        ("s3://b/k  data/a.txt", None, "data/a.txt"),
        ("s3://b/k 1 data/100%25%0A%0d%20.txt", 1, "data/100%\n\r%20.txt"),
        ("s3://b/k 1 ./data/a", 1, "data/a"),
    ],
)
def test_a_line_is_an_address_a_length_and_the_rest(line: str, length: int | None, path: str) -> None:
    assert one(line) == FetchEntry("s3://b/k", length, BagPath(path), 1)


def test_the_address_is_decoded_and_plus_is_plus() -> None:
    entry = one("s3://my_Bucket/miro/A%20b+c/v1/data/%C3%A9#x?y - data/a")
    assert (entry.scheme, entry.bucket, entry.key) == ("s3", "my_Bucket", "miro/A b+c/v1/data/\u00e9")


def test_blank_lines_are_skipped_and_counted() -> None:
    assert [entry.line for entry in parse_fetch(b"\n \t\ns3://b/k - data/a\r\ns3://b/k - data/b")] == [3, 4]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("s3://b/k", FormatCode.FETCH_LINE),
        ("s3://b/k - ", FormatCode.FETCH_LINE),
        ("s3://b/a b 1 data/a", FormatCode.FETCH_URI),
        ("s3://b/%zz 1 data/a", FormatCode.FETCH_URI),
        ("s3://b/%ff 1 data/a", FormatCode.FETCH_URI),
        ("s3://b/<x> 1 data/a", FormatCode.FETCH_URI),
        ("s3://[b/x 1 data/a", FormatCode.FETCH_URI),
        ("data/a 1 data/a", FormatCode.FETCH_URI),
        ("s3://b/k 1 data/../../a", FormatCode.PATH_LEAVES_BAG),
        ("s3://b/k 1 bagit.txt", FormatCode.FETCH_TAG_FILE),
        ("s3://b/k 1 data/a\ns3://b/k 1 data/a", FormatCode.FETCH_DUPLICATE),
    ],
)
def test_a_broken_line_is_refused(line: str, code: FormatCode) -> None:
    with pytest.raises(BagFormatError) as refused:
        parse_fetch(line.encode())
    assert refused.value.code is code


def test_the_number_of_the_line_is_in_the_message() -> None:
    with pytest.raises(BagFormatError, match=r"on line 2\. Spaces should be URI-encoded: s3://b/a b") as refused:
        parse_fetch(b"\ns3://b/a b 1 data/a")
    assert refused.value.line == 2


def test_versions_needed_are_read_from_the_addresses() -> None:
    entries = parse_fetch(b"s3://b/p/miro/A/x/v1/data/a - data/a\ns3://b/p/miro/A/x/v10/data/b - data/c\n")
    assert versions_fetched(entries, BAG, "b", "p/") == {BagVersion(1), BagVersion(10)}
    assert fetched_path(entries[1], BAG, "b", "p/") == "v10/data/b"


@pytest.mark.parametrize(
    "uri",
    [
        "https://b/miro/A/x/v1/data/a",
        "s3://other/miro/A/x/v1/data/a",
        "s3://b/miro/A/xy/v1/data/a",
        "s3://b/miro/A/x/data/a",
        "s3://b/miro/A/x/v1",
        "s3://b/miro/A/x/v1/../v2/a",
        "s3://b/miro/A/x/v1/%2e%2e/a",
    ],
)
def test_an_address_outside_the_bag_is_refused(uri: str) -> None:
    with pytest.raises(ForeignFetchEntry):
        fetched_path(one(f"{uri} - data/a"), BAG, "b")


def test_a_path_from_the_bags_root_is_taken_apart() -> None:
    assert split_version("v3/data/a") == (BagVersion(3), "data/a")
    with pytest.raises(InvalidIdentifier):
        split_version("data/a")
    with pytest.raises(InvalidBagPath):
        split_version("v3/")
