"""``bagfill recover`` on folders, and from real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bagit
import pytest

Samples = Any
BAG = "digitised/b12345672"


@pytest.fixture
def folder(place: Any, collection: Samples, fill: Any) -> Path:
    fill(collection)
    return Path(place.source.bucket)


def test_a_bag_version_comes_back_without_settings_and_registry(
    bagfill: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAGFILL_CONFIG")
    answer = bagfill("recover", folder / BAG / "v3", "--into", tmp_path / "back", "--json")
    assert (answer.code, answer.json["recovered"], answer.json["verdict"]["valid"]) == (0, True, True)
    assert bagit.Bag(str(tmp_path / "back")).validate()


def test_a_configured_location_is_named_by_its_name(bagfill: Any, folder: Path, tmp_path: Path) -> None:
    assert folder.is_dir()
    answer = bagfill("recover", f"{BAG}/v2", "--location", "primary", "--into", tmp_path / "back")
    assert answer.code == 0
    assert "every byte was read again" in answer.out


def test_a_damaged_replica_is_a_negative_answer_that_names_the_file(bagfill: Any, folder: Path, tmp_path: Path) -> None:
    page = folder / BAG / "v1/data/images/0002.jp2"
    page.write_bytes(b"x" + page.read_bytes()[1:])
    answer = bagfill("recover", folder / BAG / "v1", "--into", tmp_path / "back")
    assert (answer.code, "NOT whole" in answer.out, "data/images/0002.jp2" in answer.out) == (1, True, True)


def test_a_lost_fetched_file_is_named(bagfill: Any, folder: Path, tmp_path: Path) -> None:
    (folder / BAG / "v1/data/images/0002.jp2").unlink()
    answer = bagfill("recover", folder / BAG / "v3", "--into", tmp_path / "back")
    assert answer.code == 1
    assert "not found  data/images/0003.jp2" in answer.out


@pytest.mark.parametrize(
    ("where", "into", "said"),
    [
        ("{folder}/digitised/b12345672/v7", "back", "no such folder"),
        ("s4://bucket/space/bag/v1", "back", "allowed are a folder, s3://"),
        ("{folder}/digitised/b12345672/v1", ".", "name a new folder"),
    ],
)
def test_wrong_use_is_told_before_anything_is_written(
    bagfill: Any, folder: Path, tmp_path: Path, where: str, into: str, said: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    answer = bagfill("recover", where.format(folder=folder), "--into", tmp_path / into)
    assert (answer.code, said in " ".join(answer.err.split())) == (2, True), answer.err
    assert sorted(tmp_path.rglob("*")) == before
