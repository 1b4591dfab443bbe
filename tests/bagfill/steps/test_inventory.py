"""Plans from lists of objects: S3 Inventory with its manifest, and plain CSV."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.limits import Limits
from bagfill.steps.inventory_file import InventoryError, InventoryObject, read_inventory
from bagfill.steps.plan_inventory import NAME_REFUSED, NO_BAG, collect
from bagfill.storage.names import AZURE_NAMES

SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, StorageClass, IntelligentTieringAccessTier"
ROWS = """\
"b","digitised/b1/v1/data/a%20b.txt","x","true","false","10","GLACIER",""
"b","digitised/b1/v1/data/a%20b.txt","w","false","false","99","STANDARD",""
"b","digitised/b1/v1/gone","x","true","true","","",""
"b","digitised/b1/v2/bagit.txt","x","true","false","20","INTELLIGENT_TIERING","DEEP_ARCHIVE_ACCESS"
"b","digitised/b2/v1/bagit.txt","x","true","false","40","INTELLIGENT_TIERING","FREQUENT"
"""


def inventory(folder: Path, *, rows: str = ROWS, **changes: Any) -> Path:
    data = gzip.compress(rows.encode())
    where = folder / "2026-01-01T00-00Z"
    (folder / "data").mkdir(parents=True)
    where.mkdir()
    (folder / "data" / "one.csv.gz").write_bytes(data)
    files = [{"key": "inv/b/id/data/one.csv.gz", "size": len(data), "MD5checksum": hashlib.md5(data).hexdigest()}]
    manifest = {"fileFormat": "CSV", "fileSchema": SCHEMA, "files": files, **changes}
    path = where / "manifest.json"
    path.write_text(json.dumps(manifest))
    return path


def test_an_s3_inventory_names_current_objects_with_their_state(tmp_path: Path) -> None:
    assert list(read_inventory(inventory(tmp_path))) == [
        InventoryObject("digitised/b1/v1/data/a b.txt", 10, "GLACIER", archived=True),
        InventoryObject("digitised/b1/v2/bagit.txt", 20, "INTELLIGENT_TIERING", archived=True),
        InventoryObject("digitised/b2/v1/bagit.txt", 40, "INTELLIGENT_TIERING", archived=False),
    ]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_plain_csv_may_have_its_columns_in_any_order(tmp_path: Path, compressed: bool) -> None:
    text = "﻿Size,storage_class,note,KEY\r\n5,STANDARD,x,s/b/v1/bagit.txt\r\n\r\n".encode()
    path = tmp_path / "list.csv"
    path.write_bytes(gzip.compress(text) if compressed else text)
    assert list(read_inventory(path)) == [InventoryObject("s/b/v1/bagit.txt", 5, "STANDARD", archived=False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key,size\nx,1\n", "line 1: no column storage_class; needed are key, size, storage_class"),
        ("", "line 1: no column key or size or storage_class"),
        ("key,size,storage_class\nx,big,STANDARD\n", "line 2: the size must be a whole number"),
        ("key,size,storage_class\nx,-1,STANDARD\n", "line 2: the size must be a whole number"),
        ("key,size,storage_class\nx,1,A\ny,1\n", "line 3: fewer columns"),
    ],
)
def test_a_list_that_cannot_be_used_says_where_and_why(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InventoryError) as caught:
        list(read_inventory(path))
    assert expected in str(caught.value)


def test_a_cut_off_data_file_is_refused_before_it_is_counted(tmp_path: Path) -> None:
    path = inventory(tmp_path)
    data = tmp_path / "data" / "one.csv.gz"
    data.write_bytes(data.read_bytes()[:-10])
    with pytest.raises(InventoryError, match=r"has MD5 .* its manifest says .*; fetch it again"):
        next(read_inventory(path))


def test_a_cut_off_csv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv.gz"
    whole = gzip.compress(b"key,size,storage_class\n" + b"s/b/v1/x,1,STANDARD\n" * 1000)
    path.write_bytes(whole[:-12])
    with pytest.raises(InventoryError, match="is no readable CSV"):
        list(read_inventory(path))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fileFormat": "ORC"}, "fileFormat: found 'ORC'; only CSV can be read"),
        ({"fileSchema": "Bucket, Key"}, "fileSchema has no Size or StorageClass"),
        ({"files": [{"key": "x/none.csv.gz"}]}, "its data file x/none.csv.gz is not here; fetch it"),
    ],
)
def test_an_inventory_that_cannot_be_used_says_what_to_do(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        list(read_inventory(inventory(tmp_path, **changes)))
    assert expected in str(caught.value)


def objects(*rows: tuple[str, int, str]) -> list[InventoryObject]:
    return [InventoryObject(key, size, name, archived=name == "GLACIER") for key, size, name in rows]


def test_bag_versions_files_and_bytes_are_counted_by_class() -> None:
    found = collect(
        objects(
            ("s/b/v1/bagit.txt", 10, "STANDARD"),
            ("s/b/v1/data/v7/x", 90, "GLACIER"),
            ("s/b/v10/bagit.txt", 1, "STANDARD"),
            ("s/c/d/v1/large", 64 * 2**20, "GLACIER"),
            ("lost+found", 7, "STANDARD"),
        ),
        Limits(),
    )
    assert (found.bag_versions, found.files, found.bytes) == (3, 4, 101 + 64 * 2**20)
    assert (found.largest_bag.name, found.largest_file.name) == ("s/c/d/v1", "s/c/d/v1/large")
    assert found.classes == {
        ClassKey("STANDARD", archived=False): Amount(2, 11, 2),
        # Four blocks of 16 MiB, to begin, and to commit.
        ClassKey("GLACIER", archived=True): Amount(2, 90 + 64 * 2**20, 1 + 6),
    }
    assert found.refused[NO_BAG].examples == [("lost+found", "lies in no version folder")]


def test_a_bag_version_with_a_name_the_destination_cannot_hold_is_left_out_whole() -> None:
    found = collect(
        objects(("s/b/v1/a", 1, "STANDARD"), ("s/b/v1/ends.", 2, "STANDARD"), ("s/c/v1/a", 4, "STANDARD")),
        Limits(),
        names=AZURE_NAMES,
    )
    assert (found.bag_versions, found.bytes) == (1, 4)
    refused = found.refused[NAME_REFUSED]
    assert (refused.bag_versions, refused.files, refused.bytes) == (1, 2, 3)
    assert "NAME-SEGMENT-ENDS-WITH-DOT" in refused.examples[0][1]
