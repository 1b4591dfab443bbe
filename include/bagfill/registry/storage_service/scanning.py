"""Reads the service's whole table, some segments at a time, and remembers how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from bagfill.registry.storage_service.rows import Item, Table
from bagfill.registry.storage_service.scan_marks import Scan, ScanMarks, SegmentMark

_PAGES_IN_MEMORY = 4
"""Of up to a megabyte on the wire and some five in memory, however many segments there are."""


@dataclass(frozen=True, slots=True)
class _Page:
    segment: int
    items: Sequence[Item]
    mark: SegmentMark


def scan_pages(table: Table, scan: Scan, marks: ScanMarks, pool: ThreadPoolExecutor) -> Iterator[Sequence[Item]]:
    """Every page of the segments that are not done. A page counts as read when the next one is asked for.

    Args:
        table: what is read.
        scan: of ``marks``: where each segment begins.
        marks: are told how far each segment is.
        pool: fetches pages while others are worked on.

    Raises:
        StoreError: a page could not be had; what was read before is marked.
    """
    waiting = deque((segment, mark) for segment, mark in sorted(scan.marks.items()) if not mark.is_done)
    coming: deque[Future[_Page]] = deque()

    def fetch(segment: int, mark: SegmentMark) -> _Page:
        items, cursor = table.page(segment, len(scan.marks), mark.cursor)
        return _Page(segment, items, SegmentMark(cursor, mark.rows + len(items), cursor is None))

    try:
        while waiting or coming:
            while waiting and len(coming) < _PAGES_IN_MEMORY:
                coming.append(pool.submit(fetch, *waiting.popleft()))
            page = coming.popleft().result()
            if not page.mark.is_done:
                # Its next page is fetched while this one is worked on.
                coming.append(pool.submit(fetch, page.segment, page.mark))
            yield page.items
            marks.keep(scan, page.segment, page.mark)
    finally:
        for each in coming:
            each.cancel()
    marks.finish(scan)
