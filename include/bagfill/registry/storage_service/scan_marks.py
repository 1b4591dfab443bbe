"""How far a scan of the service's table came, so that one that was killed goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class SegmentMark:
    """How far one segment was read.

    Args:
        cursor: of its next page; ``None``: it begins.
        rows: that were read before.
        is_done: it has no further page.
    """

    cursor: str | None = None
    rows: int = 0
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over a table.

    Args:
        table: its name.
        id: of the pass; a mark of an older one is not kept.
        marks: by segment; as many as there are segments, from 0.
    """

    table: str
    id: str
    marks: Mapping[int, SegmentMark]

    @property
    def rows(self) -> int:
        """Rows that were read before."""
        return sum(mark.rows for mark in self.marks.values())


class ScanMarks(Protocol):
    """Keeps the marks. Two imports at the same time share one pass: they do some work twice, and leave nothing out."""

    def begin(self, table: str, segments: int) -> Scan:
        """The pass that was not finished, with the segments it was begun with; else a new one."""
        ...

    def keep(self, scan: Scan, segment: int, mark: SegmentMark) -> None:
        """Remember how far a segment is; nothing happens when the pass was finished by somebody else."""
        ...

    def finish(self, scan: Scan) -> None:
        """Forget the pass, so that the next one begins at the beginning."""
        ...


class MemoryScanMarks:
    """See :class:`ScanMarks`; of one process."""

    def __init__(self) -> None:
        self._passes: dict[str, Scan] = {}

    def begin(self, table: str, segments: int) -> Scan:
        """See :meth:`ScanMarks.begin`."""
        new = Scan(table, uuid4().hex, dict.fromkeys(range(segments), SegmentMark()))
        return self._passes.setdefault(table, new)

    def keep(self, scan: Scan, segment: int, mark: SegmentMark) -> None:
        """See :meth:`ScanMarks.keep`."""
        now = self._passes.get(scan.table)
        if now is not None and now.id == scan.id:
            self._passes[scan.table] = Scan(scan.table, scan.id, {**now.marks, segment: mark})

    def finish(self, scan: Scan) -> None:
        """See :meth:`ScanMarks.finish`."""
        now = self._passes.get(scan.table)
        if now is not None and now.id == scan.id:
            del self._passes[scan.table]
