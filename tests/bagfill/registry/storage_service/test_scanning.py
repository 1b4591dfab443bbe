"""A scan that is killed goes on where it was, and leaves no row out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.registry.storage_service.scan_marks import MemoryScanMarks, Scan, ScanMarks, SegmentMark
from bagfill.registry.storage_service.scanning import scan_pages
from bagfill.registry.storage_service.sql_scan_marks import SqlScanMarks
from bagfill.storage.errors import StoreError, StoreFailure
from contracts.databases import postgresql_url, sqlite_url, with_tables
from memory_table import MemoryTable


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def marks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScanMarks]:
    if request.param == "memory":
        yield MemoryScanMarks()
        return
    on_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if on_sqlite else postgresql_url(request.getfixturevalue("postgresql"))
    with with_tables(url) as engine:
        yield SqlScanMarks(engine)


class TestMarks:
    def test_a_pass_begins_at_the_beginning(self, marks: ScanMarks) -> None:
        assert marks.begin("manifests", 3).marks == dict.fromkeys(range(3), SegmentMark())

    def test_one_that_was_not_finished_is_gone_on_with_in_its_own_segments(self, marks: ScanMarks) -> None:
        scan = marks.begin("manifests", 2)
        marks.keep(scan, 0, SegmentMark('{"id": "a b/Ä"}', 10))
        marks.keep(scan, 1, SegmentMark(None, 7, is_done=True))
        again = marks.begin("manifests", 5)
        assert again.id == scan.id
        assert again.marks == {0: SegmentMark('{"id": "a b/Ä"}', 10), 1: SegmentMark(None, 7, is_done=True)}
        assert again.rows == 17
        assert marks.begin("another", 1).rows == 0

    def test_after_the_end_a_new_one_begins_and_marks_of_the_old_one_are_dropped(self, marks: ScanMarks) -> None:
        old = marks.begin("manifests", 2)
        marks.finish(old)
        new = marks.begin("manifests", 2)
        assert new.id != old.id
        marks.keep(old, 0, SegmentMark(None, 9, is_done=True))
        marks.finish(old)
        assert marks.begin("manifests", 2) == new

    def test_who_begins_at_the_same_time_shares_one_pass(self, marks: ScanMarks) -> None:
        barrier = Barrier(4)

        def begin(segments: int) -> Scan:
            barrier.wait()
            return marks.begin("manifests", segments)

        with ThreadPoolExecutor(4) as pool:
            begun = list(pool.map(begin, (1, 2, 3, 4)))
        assert len({scan.id for scan in begun}) == 1
        assert len({len(scan.marks) for scan in begun}) == 1


def rows(count: int) -> list[dict[str, object]]:
    return [{"id": f"space/b{number}", "version": 1} for number in range(count)]


def read(table: MemoryTable, marks: ScanMarks, segments: int, stop_after: int | None = None) -> list[str]:
    """Ids of the rows that were worked on; dies within a page when so many pages were."""
    seen: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        for number, items in enumerate(scan_pages(table, marks.begin("t", segments), marks, pool)):
            seen += [str(item["id"]) for item in items]
            if number == stop_after:
                break
    return seen


@given(
    count=st.integers(0, 60),
    page=st.integers(1, 7),
    segments=st.integers(1, 9),
    deaths=st.lists(st.integers(0, 6), max_size=5),
)
def test_killed_anywhere_and_run_again_every_row_is_seen(
    count: int, page: int, segments: int, deaths: list[int]
) -> None:
    table = MemoryTable("id", page_rows=page, items=rows(count))
    marks = MemoryScanMarks()
    seen: list[str] = []
    for death in deaths:
        seen += read(table, marks, segments, death)
    seen += read(table, marks, segments)
    # A pass may have ended before the last death: then another one was made.
    assert set(seen) == {str(row["id"]) for row in rows(count)}


def test_a_killed_scan_does_not_begin_again(marks: ScanMarks) -> None:
    table = MemoryTable("id", page_rows=10, items=rows(200))
    first = read(table, marks, 3, stop_after=9)
    second = read(table, marks, 3)
    assert {*first, *second} == {str(row["id"]) for row in rows(200)}
    # The page at which it died is read again, for nobody knows how much of it was worked on.
    assert len(first) + len(second) == 210
    assert len(read(table, marks, 3)) == 200


def test_a_table_that_does_not_answer_loses_nothing_of_what_was_read(marks: ScanMarks) -> None:
    table = MemoryTable("id", page_rows=10, items=rows(100))
    calls = 0

    def fail(_operation: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise StoreError(StoreFailure.THROTTLED, location="t", key="", operation="scan", detail="throttled")

    table.before = fail
    with pytest.raises(StoreError):
        read(table, marks, 2)
    marked = marks.begin("t", 2).rows
    assert marked > 0
    assert len(read(table, marks, 2)) == 100 - marked


def test_few_pages_are_in_memory_however_many_segments_there_are() -> None:
    asked = 0

    def count(_operation: str) -> None:
        nonlocal asked
        asked += 1

    table = MemoryTable("id", page_rows=1, items=rows(500), before=count)
    marks = MemoryScanMarks()
    with ThreadPoolExecutor(16) as pool:
        for done, _ in enumerate(scan_pages(table, marks.begin("t", 100), marks, pool)):
            assert asked - done <= 5
