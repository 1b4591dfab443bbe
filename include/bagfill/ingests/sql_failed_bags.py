"""Bags that failed, counted in the database: see :mod:`bagfill.ingests.failed_bags`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
)

from bagfill.bag.identifiers import BagId, BagVersion, ExternalIdentifier, Space
from bagfill.database.engine import reading
from bagfill.database.tables import BAG_VERSIONS, INGEST_EVENTS, INGESTS, RELEASES, REPLICAS
from bagfill.ingests.failed_bags import EXAMPLES, CountedFailure, FailedPart, LackingBag
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.retries import SCHEDULES

_ROWS = 20_000
"""Bag versions of one part: a statement of some tenths of a second."""
_BAG = ("space", "external_identifier")
_OF_A_BAG = attrgetter(*_BAG)
_FOR_GOOD = [reason.code for reason in Reason if not reason.retryable]
_OPEN = [status.value for status in IngestStatus if not status.is_final]
_FEWEST = min(schedule.attempts for schedule in SCHEDULES.values())
"""What failed less often, and not for good, is tried again by itself."""
_ONCE = ("MATERIALIZED",)
"""Else the planner copies an expression to each place that names it, and looks up the same events twice."""
_COUNTED, _OTHER, _NOBODY = "counted", "other", "nobody"

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class _Part:
    """Which bags a statement is about: those of one space, after one identifier and up to another."""

    destination: str
    space: str
    after: str | None
    last: str | None = None

    def holds(self, table: FromClause) -> ColumnElement[bool]:
        # Of one space, and no comparison of pairs: planners reckon with one row for those, whatever there is.
        conditions: list[ColumnElement[bool]] = [table.c.space == self.space]
        conditions += [] if self.after is None else [table.c.external_identifier > self.after]
        conditions += [] if self.last is None else [table.c.external_identifier <= self.last]
        return and_(*conditions)


class SqlFailedBags:
    """See :class:`bagfill.ingests.failed_bags.FailedBags`. Every method may raise DatabaseError.

    Each part is a short transaction of its own, found from where the last one ended.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
        rows: bag versions of a part.
    """

    def __init__(self, engine: Engine, rows: int = _ROWS) -> None:
        self._engine = engine
        self._rows = rows

    def parts(self, destination: str, *, spaces: Sequence[str] | None = None) -> Iterator[FailedPart]:
        """See :meth:`FailedBags.parts`."""
        named: Counter[Reason] = Counter()

        def look(connection: Connection, part: _Part) -> FailedPart:
            judged = _judged(part)
            counted, others = _counted(connection, judged, named)
            named.update({each.reason: len(each.examples) for each in counted})
            return FailedPart(counted, _named(connection, part, judged, [_OTHER]) if others else ())

        return self._each_part(destination, spaces, look)

    def each(
        self, destination: str, *, spaces: Sequence[str] | None = None, reason: Reason | None = None
    ) -> Iterator[Sequence[LackingBag]]:
        """See :meth:`FailedBags.each`."""

        def look(connection: Connection, part: _Part) -> Sequence[LackingBag]:
            return _named(connection, part, _judged(part, reason), [_OTHER, _COUNTED])

        return self._each_part(destination, spaces, look)

    def _each_part(
        self, destination: str, spaces: Sequence[str] | None, look: Callable[[Connection, _Part], _Found]
    ) -> Iterator[_Found]:
        for space in self._spaces() if spaces is None else spaces:
            after: str | None = None
            while True:
                with reading(self._engine) as connection:
                    last = self._last(connection, _Part(destination, space, after))
                    found = look(connection, _Part(destination, space, after, last))
                # No transaction stays open while somebody looks at it.
                yield found
                if last is None:
                    break
                after = last

    def _spaces(self) -> Iterator[str]:
        space: str | None = ""
        while True:
            # Each is one look into the index; all names together are one for each bag version.
            with reading(self._engine) as connection:
                query = select(func.min(BAG_VERSIONS.c.space)).where(BAG_VERSIONS.c.space > space)
                space = connection.execute(query).scalar_one()
            if space is None:
                return
            yield space

    def _last(self, connection: Connection, rest: _Part) -> str | None:
        keys = (BAG_VERSIONS.c.external_identifier, BAG_VERSIONS.c.version)
        query = select(BAG_VERSIONS.c.external_identifier).where(rest.holds(BAG_VERSIONS)).order_by(*keys)
        return connection.execute(query.offset(self._rows - 1).limit(1)).scalar_one_or_none()


def _is_missing(versions: FromClause, destination: str) -> ColumnElement[bool]:
    there = REPLICAS.alias()
    same = and_(*(there.c[key] == versions.c[key] for key in (*_BAG, "version")))
    return ~exists().where(same, there.c.location == destination)


def _judged(part: _Part, reason: Reason | None = None) -> CTE:
    """What the history of each bag comes to: of its missing versions, since a person last released it.

    Whatever else is asked of a bag or an ingest is one look into an index, so that no plan can go wrong by much.
    """
    about = _about(part)
    number, hopeless = func.count(), func.sum(case((about.c.reason.in_(_FOR_GOOD), 1), else_=0))
    query = select(
        about.c.space,
        about.c.external_identifier,
        number.label("ingests"),
        func.coalesce(hopeless, 0).label("hopeless"),
        func.count(about.c.version.distinct()).label("tried"),
        func.min(about.c.reason).label("reason"),
        func.max(about.c.reason).label("other_reason"),
        func.min(about.c.ended).label("first_seen"),
        func.max(about.c.ended).label("last_seen"),
    ).group_by(about.c.space, about.c.external_identifier)
    if reason is not None:
        # Without a reason it was interrupted before it could say one.
        is_it = about.c.reason == reason.code
        is_it = or_(is_it, about.c.reason.is_(None)) if reason is Reason.INTERRUPTED else is_it
        query = query.having(func.sum(case((is_it, 1), else_=0)) > 0)
    tried = query.subquery("tried")
    lacking = select(func.count()).where(_same_bag(BAG_VERSIONS, tried), _is_missing(BAG_VERSIONS, part.destination))
    others = INGESTS.alias("others")
    is_open = exists().where(
        _same_bag(others, tried), others.c.destination == part.destination, others.c.status.in_(_OPEN)
    )
    is_uniform = and_(tried.c.hopeless == tried.c.ingests, tried.c.reason == tried.c.other_reason)
    is_plain = and_(is_uniform, tried.c.tried == lacking.scalar_subquery(), ~is_open)
    is_passing = and_(tried.c.hopeless == 0, tried.c.ingests < _FEWEST)
    kind = case((is_plain, _COUNTED), (is_passing, _NOBODY), else_=_OTHER)
    return select(tried, kind.label("kind")).cte("judged").prefix_with(*_ONCE, dialect="postgresql")


def _about(part: _Part) -> CTE:
    last_event = select(func.max(INGEST_EVENTS.c.created)).where(INGEST_EVENTS.c.ingest_number == INGESTS.c.number)
    ended = func.coalesce(last_event.scalar_subquery(), INGESTS.c.created)
    newest = select(func.max(RELEASES.c.at)).where(_same_bag(RELEASES, INGESTS))
    released = newest.where(RELEASES.c.destination == part.destination).scalar_subquery()
    is_known = exists().where(_same_bag(BAG_VERSIONS, INGESTS), BAG_VERSIONS.c.version == INGESTS.c.version)
    return (
        select(*(INGESTS.c[name] for name in (*_BAG, "version", "reason")), ended.label("ended"))
        .where(part.holds(INGESTS), INGESTS.c.destination == part.destination)
        .where(is_known, _is_missing(INGESTS, part.destination))
        .where(or_(released.is_(None), ended > released))
        .cte("about")
        .prefix_with(*_ONCE, dialect="postgresql")
    )


def _same_bag(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    return and_(*(one.c[name] == other.c[name] for name in _BAG))


def _counted(
    connection: Connection, judged: CTE, named: Mapping[Reason, int]
) -> tuple[tuple[CountedFailure, ...], bool]:
    """Groups of bags, and whether there are others; ``named``: how many examples each reason has already."""
    reason = case((judged.c.kind == _COUNTED, judged.c.reason)).label("reason")
    amounts = (func.count().label("bags"), func.min(judged.c.first_seen).label("first_seen"))
    query: Select[*tuple[Any, ...]] = select(judged.c.kind, reason, *amounts, func.max(judged.c.last_seen))
    rows = connection.execute(query.where(judged.c.kind != _NOBODY).group_by(judged.c.kind, reason)).all()
    found = [row for row in rows if row.kind == _COUNTED]
    # Each statement judges anew: examples are asked for in the first parts alone.
    lacks = any(named.get(Reason.of_code(row.reason), 0) < EXAMPLES for row in found)
    examples = _examples(connection, judged) if lacks else {}
    counted = [
        CountedFailure(Reason.of_code(code), bags, first, last, tuple(examples.get(code, ())))
        for _, code, bags, first, last in found
    ]
    return tuple(counted), len(rows) > len(found)


def _examples(connection: Connection, judged: CTE) -> Mapping[str, Sequence[BagId]]:
    names = (judged.c.space, judged.c.external_identifier)
    place = func.row_number().over(partition_by=judged.c.reason, order_by=names).label("place")
    ranked = select(judged.c.reason, *names, place).where(judged.c.kind == _COUNTED).subquery("ranked")
    query = select(ranked).where(ranked.c.place <= EXAMPLES).order_by(ranked.c.place)
    found: dict[str, list[BagId]] = defaultdict(list)
    for row in connection.execute(query):
        bag = BagId(Space.stored(row.space), ExternalIdentifier.stored(row.external_identifier))
        found[row.reason].append(bag)
    return found


def _named(connection: Connection, part: _Part, judged: CTE, kinds: Sequence[str]) -> tuple[LackingBag, ...]:
    columns = (BAG_VERSIONS.c.space, BAG_VERSIONS.c.external_identifier, BAG_VERSIONS.c.version)
    query = select(*columns).join_from(judged, BAG_VERSIONS, _same_bag(judged, BAG_VERSIONS))
    query = query.where(judged.c.kind.in_(kinds), _is_missing(BAG_VERSIONS, part.destination))
    return tuple(
        LackingBag(
            BagId(Space.stored(name[0]), ExternalIdentifier.stored(name[1])),
            tuple(BagVersion(row.version) for row in rows),
        )
        for name, rows in groupby(connection.execute(query.order_by(*columns)), key=_OF_A_BAG)
    )
