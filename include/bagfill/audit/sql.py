"""The audit log in a database (SQLite or PostgreSQL)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, Select, and_, case, func, select, update

from bagfill.audit.log import ReplicaStanding
from bagfill.audit.model import Audit, AuditMode, AuditOutcome, FixityEvent
from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.keys import bag_version_of, columns_of, is_bag, is_bag_version
from bagfill.database.tables import AUDITS, BAG_VERSIONS, FIXITY_EVENTS, REPLICAS

_AnyRow = Row[*tuple[Any, ...]]
_KEY = ("space", "external_identifier", "version")
_ROWS_AT_ONCE = 10_000
_IDS_AT_ONCE = 500
_COUNTS = ("files", "bytes", "files_read", "bytes_read", "files_archived", "findings")


class SqlAuditLog:
    """See :class:`bagfill.audit.log.AuditLog`. Every method may raise :class:`bagfill.database.errors.DatabaseError`.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, audit: Audit) -> Audit:
        """See :meth:`AuditLog.open`."""
        names = ("id", "request_id", "location", "space", "external_identifier", "due", "seed", "created", "replicas")
        row = {name: getattr(audit, name) for name in names} | {"mode": audit.mode.value}
        with writing(self._engine) as connection:
            insert_if_absent(connection, AUDITS, row)
            return _audit(connection.execute(_audits().where(AUDITS.c.id == audit.id)).one())

    def get(self, audit_id: UUID) -> Audit | None:
        """See :meth:`AuditLog.get`."""
        return next(iter(self._find(_audits().where(AUDITS.c.id == audit_id))), None)

    def planned(self, audit_id: UUID, replicas: int) -> None:
        """See :meth:`AuditLog.planned`."""
        with writing(self._engine) as connection:
            connection.execute(update(AUDITS).where(AUDITS.c.id == audit_id).values(replicas=replicas))

    def finish(
        self, audit_id: UUID, *, finished: datetime, outcome: AuditOutcome, summary: Mapping[str, Any]
    ) -> Audit | None:
        """See :meth:`AuditLog.finish`."""
        values = {"finished": finished, "outcome": outcome.value, "summary": json.dumps(summary)}
        running = and_(AUDITS.c.id == audit_id, AUDITS.c.finished.is_(None))
        with writing(self._engine) as connection:
            connection.execute(update(AUDITS).where(running).values(**values))
        return self.get(audit_id)

    def unfinished(self, location: str | None = None) -> Sequence[Audit]:
        """See :meth:`AuditLog.unfinished`."""
        query = _audits().where(AUDITS.c.finished.is_(None)).order_by(AUDITS.c.number)
        return self._find(query if location is None else query.where(AUDITS.c.location == location))

    def recent(self, limit: int = 100) -> Sequence[Audit]:
        """See :meth:`AuditLog.recent`."""
        return self._find(_audits().order_by(AUDITS.c.created.desc(), AUDITS.c.number.desc()).limit(limit))

    def record(self, event: FixityEvent) -> bool:
        """See :meth:`AuditLog.record`."""
        names = ("id", "audit_id", "location", "occurred", "record", "detail", *_COUNTS)
        row = {name: getattr(event, name) for name in names} | columns_of(event.bag_version)
        with writing(self._engine) as connection:
            changed = {"mode": event.mode.value, "outcome": event.outcome.value}
            return insert_if_absent(connection, FIXITY_EVENTS, row | changed)

    def events(self, ids: Collection[UUID]) -> Mapping[UUID, FixityEvent]:
        """See :meth:`AuditLog.events`."""
        found: dict[UUID, FixityEvent] = {}
        wanted = list(ids)
        # A database takes only so many parameters in one statement.
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            query = select(FIXITY_EVENTS).where(FIXITY_EVENTS.c.id.in_(wanted[start : start + _IDS_AT_ONCE]))
            found |= {event.id: event for event in self._events(query)}
        return found

    def of_audit(self, audit_id: UUID) -> Sequence[FixityEvent]:
        """See :meth:`AuditLog.of_audit`."""
        query = select(FIXITY_EVENTS).where(FIXITY_EVENTS.c.audit_id == audit_id).order_by(FIXITY_EVENTS.c.number)
        return self._events(query)

    def history(self, bag: BagId, *, location: str | None = None, limit: int = 1000) -> Sequence[FixityEvent]:
        """See :meth:`AuditLog.history`."""
        query = _newest_first(select(FIXITY_EVENTS).where(is_bag(FIXITY_EVENTS, bag)))
        if location is not None:
            query = query.where(FIXITY_EVENTS.c.location == location)
        return self._events(query.limit(limit))

    def last(self, bag_version: BagVersionId, location: str) -> FixityEvent | None:
        """See :meth:`AuditLog.last`."""
        query = select(FIXITY_EVENTS).where(
            is_bag_version(FIXITY_EVENTS, bag_version),
            FIXITY_EVENTS.c.location == location,
            FIXITY_EVENTS.c.mode == AuditMode.READ.value,
            FIXITY_EVENTS.c.outcome != AuditOutcome.UNKNOWN.value,
        )
        return next(iter(self._events(_newest_first(query).limit(1))), None)

    def standings(
        self, location: str, mode: AuditMode, *, space: str | None = None, external_identifier: str | None = None
    ) -> Iterator[ReplicaStanding]:
        """See :meth:`AuditLog.standings`. One statement, and so one snapshot."""
        query = _standings(location, mode)
        if space is not None:
            query = query.where(REPLICAS.c.space == space)
        if external_identifier is not None:
            query = query.where(REPLICAS.c.external_identifier == external_identifier)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
                yield ReplicaStanding(bag_version_of(row), row.registered, row.files, row.bytes, row.seen, row.tried)

    def _find(self, query: Select[*tuple[Any, ...]]) -> Sequence[Audit]:
        with reading(self._engine) as connection:
            return tuple(_audit(row) for row in connection.execute(query))

    def _events(self, query: Select[*tuple[Any, ...]]) -> Sequence[FixityEvent]:
        with reading(self._engine) as connection:
            return tuple(_event(row) for row in connection.execute(query))


def _audits() -> Select[*tuple[Any, ...]]:
    return select(AUDITS)


def _newest_first(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.order_by(FIXITY_EVENTS.c.occurred.desc(), FIXITY_EVENTS.c.number.desc())


def _standings(location: str, mode: AuditMode) -> Select[*tuple[Any, ...]]:
    conclusive = case((FIXITY_EVENTS.c.outcome != AuditOutcome.UNKNOWN.value, FIXITY_EVENTS.c.occurred))
    looks = (
        select(
            *(FIXITY_EVENTS.c[name] for name in _KEY),
            func.max(conclusive).label("seen"),
            func.max(FIXITY_EVENTS.c.occurred).label("tried"),
        )
        .where(
            FIXITY_EVENTS.c.location == location,
            FIXITY_EVENTS.c.mode.in_([each.value for each in mode.satisfied_by]),
        )
        .group_by(*(FIXITY_EVENTS.c[name] for name in _KEY))
        .subquery()
    )
    same = and_(*(looks.c[name] == REPLICAS.c[name] for name in _KEY))
    known = and_(*(BAG_VERSIONS.c[name] == REPLICAS.c[name] for name in _KEY))
    order = (REPLICAS.c.registered, REPLICAS.c.version, REPLICAS.c.space, REPLICAS.c.external_identifier)
    return (
        select(
            *(REPLICAS.c[name] for name in _KEY),
            REPLICAS.c.registered,
            BAG_VERSIONS.c.files,
            BAG_VERSIONS.c.bytes,
            looks.c.seen,
            looks.c.tried,
        )
        .select_from(REPLICAS.join(BAG_VERSIONS, known).outerjoin(looks, same))
        .where(REPLICAS.c.location == location)
        .order_by(looks.c.seen.is_not(None), looks.c.seen, *order)
    )


def _audit(row: _AnyRow) -> Audit:
    return Audit(
        id=row.id,
        request_id=row.request_id,
        location=row.location,
        space=row.space,
        external_identifier=row.external_identifier,
        mode=AuditMode(row.mode),
        due=row.due,
        seed=row.seed,
        created=row.created,
        replicas=row.replicas,
        finished=row.finished,
        outcome=None if row.outcome is None else AuditOutcome(row.outcome),
        summary=None if row.summary is None else json.loads(row.summary),
    )


def _event(row: _AnyRow) -> FixityEvent:
    return FixityEvent(
        id=row.id,
        audit_id=row.audit_id,
        bag_version=bag_version_of(row),
        location=row.location,
        mode=AuditMode(row.mode),
        outcome=AuditOutcome(row.outcome),
        occurred=row.occurred,
        **{name: getattr(row, name) for name in _COUNTS},
        record=row.record,
        detail=row.detail,
    )
