"""The ingest tracker in a database (SQLite or PostgreSQL)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, func, insert, or_, select, update

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.keys import bag_version_of, columns_of, is_bag, is_bag_version, is_one_of
from bagfill.database.tables import BAG_VERSIONS, INGEST_EVENTS, INGESTS
from bagfill.ingests.followers import Follower
from bagfill.ingests.model import Callback, CallbackStatus, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.states import apply_update, in_order, is_same_opening
from bagfill.ingests.tracker import (
    CampaignTally,
    IdTaken,
    IngestFilter,
    IngestUpdate,
    Opened,
    Refused,
    UnknownIngest,
    Updated,
)

_NEWEST_FIRST = (INGESTS.c.created.desc(), INGESTS.c.number.desc())
_IN_ONE_QUERY = 500
_BAG_VERSION = (INGESTS.c.space, INGESTS.c.external_identifier, INGESTS.c.version)

_AnyRow = Row[*tuple[Any, ...]]


class SqlIngestTracker:
    """See :class:`bagfill.ingests.tracker.IngestTracker`.

    An update reads the ingest's row with a lock, so updates of one ingest come one after the other and each sees what
    the one before it left. Every method may raise :class:`bagfill.database.errors.DatabaseError`.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
        followers: are told of each change in the transaction that makes it.
    """

    def __init__(self, engine: Engine, followers: Sequence[Follower] = ()) -> None:
        self._engine = engine
        self._followers = followers

    def open(self, ingest: Ingest) -> Opened | IdTaken:
        """See :meth:`IngestTracker.open`."""
        kept = replace(ingest, events=in_order(ingest.events))
        with writing(self._engine) as connection:
            row = {"id": ingest.id, **columns_of(ingest.bag_version), **_changing(ingest)}
            row |= {"source": ingest.source, "destination": ingest.destination, "created": ingest.created}
            is_new = insert_if_absent(
                connection, INGESTS, {**row, "request_id": ingest.request_id, "campaign": ingest.campaign}
            )
            found = connection.execute(_by_id(ingest.id)).one()
            if is_new:
                _append(connection, found.number, 0, kept.events)
                for follower in self._followers:
                    follower.opened(connection, kept)
                return Opened(kept, is_new=True)
            (known,) = _with_events(connection, [found])
        return Opened(known, is_new=False) if is_same_opening(known, ingest) else IdTaken(known)

    def get(self, ingest_id: UUID) -> Ingest | None:
        """See :meth:`IngestTracker.get`."""
        return next(iter(self._find(_by_id(ingest_id))), None)

    def update(self, ingest_id: UUID, update: IngestUpdate) -> Updated | Refused | UnknownIngest:
        """See :meth:`IngestTracker.update`."""
        with writing(self._engine) as connection:
            row = connection.execute(_by_id(ingest_id).with_for_update()).one_or_none()
            if row is None:
                return UnknownIngest(ingest_id)
            (known,) = _with_events(connection, [row])
            outcome = apply_update(known, update)
            if isinstance(outcome, Updated):
                _store(connection, row.number, outcome.ingest)
                _append(connection, row.number, _next_position(connection, row.number), update.events)
                for follower in self._followers:
                    follower.updated(connection, known, update)
            return outcome

    def of_bag_version(self, bag_version: BagVersionId, destination: str | None = None) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.of_bag_version`."""
        conditions = [is_bag_version(INGESTS, bag_version)]
        if destination is not None:
            conditions.append(INGESTS.c.destination == destination)
        return self._find(_where(*conditions).order_by(*_NEWEST_FIRST))

    def of_request(self, request_id: str) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.of_request`."""
        return self._find(_where(INGESTS.c.request_id == request_id).order_by(INGESTS.c.version, INGESTS.c.number))

    def of_bag(self, bag: BagId, destination: str) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.of_bag`."""
        return self._find(_where(is_bag(INGESTS, bag), INGESTS.c.destination == destination).order_by(*_NEWEST_FIRST))

    def page(self, wanted: IngestFilter, *, before: Ingest | None = None, limit: int = 100) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.page`."""
        columns = {INGESTS.c.status: wanted.status and wanted.status.value}
        columns |= {INGESTS.c.destination: wanted.destination, INGESTS.c.space: wanted.space}
        columns |= {INGESTS.c.reason: wanted.reason and wanted.reason.code}
        conditions = [column == value for column, value in columns.items() if value is not None]
        if before is not None:
            number = select(INGESTS.c.number).where(INGESTS.c.id == before.id).scalar_subquery()
            older = INGESTS.c.created < before.created
            conditions.append(or_(older, and_(INGESTS.c.created == before.created, INGESTS.c.number < number)))
        return self._find(_where(*conditions).order_by(*_NEWEST_FIRST).limit(limit))

    def of_bags(self, bags: Collection[BagId], destination: str) -> Mapping[BagId, Sequence[Ingest]]:
        """See :meth:`IngestTracker.of_bags`."""
        found: dict[BagId, list[Ingest]] = defaultdict(list)
        names = [(str(bag.space), str(bag.external_identifier)) for bag in bags]
        for start in range(0, len(names), _IN_ONE_QUERY):
            some = is_one_of(INGESTS, names[start : start + _IN_ONE_QUERY])
            for ingest in self._find(_where(some, INGESTS.c.destination == destination).order_by(*_NEWEST_FIRST)):
                found[ingest.bag_version.bag].append(ingest)
        return {bag: tuple(ingests) for bag, ingests in found.items()}

    def of_campaign(self, campaign: str, *, statuses: Collection[IngestStatus] | None = None) -> Iterator[Ingest]:
        """See :meth:`IngestTracker.of_campaign`."""
        conditions = [INGESTS.c.campaign == campaign]
        if statuses is not None:
            conditions.append(INGESTS.c.status.in_([status.value for status in statuses]))
        query = _where(*conditions).order_by(INGESTS.c.number)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield _ingest(row, ())

    def tally(self, campaign: str) -> CampaignTally:
        """See :meth:`IngestTracker.tally`."""
        mine = INGESTS.c.campaign == campaign
        ends = select(INGESTS.c.status, INGESTS.c.reason, func.count()).where(mine)
        arrived = select(*_BAG_VERSION).where(mine, INGESTS.c.status == IngestStatus.SUCCEEDED.value).distinct()
        names = arrived.subquery()
        amounts = select(
            func.coalesce(func.sum(BAG_VERSIONS.c.files), 0), func.coalesce(func.sum(BAG_VERSIONS.c.bytes), 0)
        ).join_from(
            names, BAG_VERSIONS, and_(*(BAG_VERSIONS.c[each.name] == names.c[each.name] for each in _BAG_VERSION))
        )
        with reading(self._engine) as connection:
            counted: Counter[str] = Counter()
            for status, reason, number in connection.execute(ends.group_by(INGESTS.c.status, INGESTS.c.reason)):
                counted[reason or status] += number
            files, size = connection.execute(amounts).one()
        return CampaignTally(dict(counted), int(files), int(size))

    def unfinished(self) -> Iterator[Ingest]:
        """See :meth:`IngestTracker.unfinished`."""
        open_ones = [status.value for status in IngestStatus if not status.is_final]
        query = _where(INGESTS.c.status.in_(open_ones)).order_by(INGESTS.c.number)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield _ingest(row, ())

    def recent(self, limit: int = 100, status: IngestStatus | None = None) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.recent`."""
        conditions = [] if status is None else [INGESTS.c.status == status.value]
        return self._find(_where(*conditions).order_by(*_NEWEST_FIRST).limit(limit))

    def _find(self, query: Select[*tuple[Any, ...]]) -> Sequence[Ingest]:
        with reading(self._engine) as connection:
            return _with_events(connection, connection.execute(query).all())


def _where(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return select(INGESTS).where(*conditions)


def _by_id(ingest_id: UUID) -> Select[*tuple[Any, ...]]:
    return _where(INGESTS.c.id == ingest_id)


def _changing(ingest: Ingest) -> dict[str, Any]:
    """The columns that updates change."""
    return {
        "status": ingest.status.value,
        "callback_url": None if ingest.callback is None else ingest.callback.url,
        "callback_status": None if ingest.callback is None else ingest.callback.status.value,
        "reason": None if ingest.reason is None else ingest.reason.code,
    }


def _store(connection: Connection, number: int, ingest: Ingest) -> None:
    connection.execute(update(INGESTS).where(INGESTS.c.number == number).values(**_changing(ingest)))


def _next_position(connection: Connection, number: int) -> int:
    query = select(func.max(INGEST_EVENTS.c.position)).where(INGEST_EVENTS.c.ingest_number == number)
    last = connection.execute(query).scalar_one()
    return 0 if last is None else last + 1


def _append(connection: Connection, number: int, position: int, events: Sequence[IngestEvent]) -> None:
    rows = [
        {"ingest_number": number, "position": index, "description": event.description, "created": event.created}
        for index, event in enumerate(events, start=position)
    ]
    if rows:
        connection.execute(insert(INGEST_EVENTS), rows)


def _with_events(connection: Connection, rows: Sequence[_AnyRow]) -> tuple[Ingest, ...]:
    events: dict[int, list[IngestEvent]] = defaultdict(list)
    numbers = [row.number for row in rows]
    # A database takes only so many parameters in one statement.
    for start in range(0, len(numbers), _IN_ONE_QUERY):
        some = INGEST_EVENTS.c.ingest_number.in_(numbers[start : start + _IN_ONE_QUERY])
        query = select(INGEST_EVENTS).where(some).order_by(INGEST_EVENTS.c.created, INGEST_EVENTS.c.position)
        for row in connection.execute(query):
            events[row.ingest_number].append(IngestEvent(row.description, row.created))
    return tuple(_ingest(row, tuple(events[row.number])) for row in rows)


def _ingest(row: _AnyRow, events: tuple[IngestEvent, ...]) -> Ingest:
    callback = None if row.callback_url is None else Callback(row.callback_url, CallbackStatus(row.callback_status))
    return Ingest(
        id=row.id,
        bag_version=bag_version_of(row),
        source=row.source,
        destination=row.destination,
        status=IngestStatus(row.status),
        created=row.created,
        request_id=row.request_id,
        events=events,
        callback=callback,
        reason=None if row.reason is None else Reason.of_code(row.reason),
        campaign=row.campaign,
    )
