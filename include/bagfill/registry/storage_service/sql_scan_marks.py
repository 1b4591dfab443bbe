"""Marks of scans in the registry's database."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, select, update

from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.tables import SERVICE_SCANS
from bagfill.registry.storage_service.scan_marks import Scan, SegmentMark


class SqlScanMarks:
    """See :class:`bagfill.registry.storage_service.scan_marks.ScanMarks`. Every call may raise DatabaseError.

    Args:
        engine: of the registry's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, table: str, segments: int) -> Scan:
        """See :meth:`ScanMarks.begin`."""
        new = Scan(table, uuid4().hex, dict.fromkeys(range(segments), SegmentMark()))
        with writing(self._engine) as connection:
            # All or none: whoever put the first segment in has begun the pass.
            if insert_if_absent(connection, SERVICE_SCANS, _row(new, 0)):
                for segment in range(1, segments):
                    connection.execute(SERVICE_SCANS.insert().values(**_row(new, segment)))
                return new
        with reading(self._engine) as connection:
            # Finished in this very moment: ours is a new one that nobody can go on with.
            return _unfinished(connection, table) or new

    def keep(self, scan: Scan, segment: int, mark: SegmentMark) -> None:
        """See :meth:`ScanMarks.keep`."""
        this = and_(_is_of(scan), SERVICE_SCANS.c.segment == segment)
        values = {"cursor": mark.cursor, "rows_read": mark.rows, "is_done": mark.is_done}
        with writing(self._engine) as connection:
            connection.execute(update(SERVICE_SCANS).where(this).values(**values))

    def finish(self, scan: Scan) -> None:
        """See :meth:`ScanMarks.finish`."""
        with writing(self._engine) as connection:
            connection.execute(delete(SERVICE_SCANS).where(_is_of(scan)))


def _row(scan: Scan, segment: int) -> dict[str, object]:
    key = {"service_table": scan.table, "segment": segment, "scan_id": scan.id}
    return {**key, "cursor": None, "rows_read": 0, "is_done": False}


def _is_of(scan: Scan) -> ColumnElement[bool]:
    return and_(SERVICE_SCANS.c.service_table == scan.table, SERVICE_SCANS.c.scan_id == scan.id)


def _unfinished(connection: Connection, table: str) -> Scan | None:
    rows = connection.execute(select(SERVICE_SCANS).where(SERVICE_SCANS.c.service_table == table)).all()
    marks = {row.segment: SegmentMark(row.cursor, row.rows_read, row.is_done) for row in rows}
    return Scan(table, rows[0].scan_id, marks) if rows else None
