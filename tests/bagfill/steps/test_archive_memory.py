"""A bag of very many files in a tar or zip file takes memory for columns alone, and each file is read once."""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archives import WRITERS, under
from bagfill.bag.rules.finding import Profile
from bagfill.steps.archive_members import Member
from bagfill.steps.validate_archive import validate_archive
from broken_bags import in_bagit, plus

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))

FEW, MANY, VERY_MANY = 250, 1_250, 200_000
MOST_BYTES_A_FILE = 600
"""Of a million files each takes about 300 bytes."""


def files(number: int) -> dict[str, bytes]:
    sample = plus({f"data/objects/{each:08d}.tif": b"%d" % each for each in range(number)})
    return in_bagit(sample).laid_out()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held of one piece is the same for every bag: made small, it does not hide the rest."""
    monkeypatch.setattr("bagfill.bag.path_table._BLOCKS", 0xFF)
    monkeypatch.setattr("bagfill.steps.zip_directory._WINDOW", 20_000)
    monkeypatch.setattr("bagfill.steps.packed_tag_file.HELD", 10_000)


def peak(path: Path) -> int:
    tracemalloc.start()
    verdict = validate_archive(path, Profile.BAGIT)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.findings == ()
    return most


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_memory_grows_by_a_few_hundred_bytes_a_file(tmp_path: Path, kind: str) -> None:
    peaks = []
    for number in (FEW, MANY):
        path = tmp_path / f"{number}.{kind}"
        WRITERS[kind](path, under("b1/", files(number)))
        peaks.append(peak(path))
    assert (peaks[1] - peaks[0]) / (MANY - FEW) < MOST_BYTES_A_FILE


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("kind", WRITERS)
def test_members_are_gone_through_twice_and_each_is_read_once(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: Counter[str] = Counter()
    read: Counter[str] = Counter()

    def counted(name: str, size: int, is_file: bool, chunks: Callable[[], Iterator[bytes]]) -> Member:
        met[name] += 1

        def again() -> Iterator[bytes]:
            read[name] += 1
            return chunks()

        return Member(name, size, is_file, again)

    monkeypatch.setattr("bagfill.steps.archive_members.Member", counted)
    path = tmp_path / f"b.{kind}"
    laid_out = files(300)
    WRITERS[kind](path, under("b1/", laid_out))
    assert validate_archive(path, Profile.BAGIT).findings == ()
    assert met == {f"b1/{name}": 2 for name in laid_out}
    assert read == {f"b1/{name}": 1 for name in laid_out}


@pytest.mark.deep
def test_each_kind_of_archive_is_judged_within_400_megabytes() -> None:
    from archive_files import measure

    costs = measure(VERY_MANY if "BAGFILL_DEEP" in os.environ else FEW)
    assert [cost.what for cost in costs] == ["tar", "tar.gz", "zip", "folder"]
    assert all(0 < cost.peak < 400_000_000 for cost in costs)
