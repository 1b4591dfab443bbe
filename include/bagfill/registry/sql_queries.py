"""Questions about the whole collection: what there is, what is missing where, how much is covered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, exists, select, tuple_

from bagfill.bag.identifiers import BagVersionId
from bagfill.database.engine import reading
from bagfill.database.keys import bag_version_of, columns_of
from bagfill.database.tables import BAG_VERSIONS, REPLICAS

_PAGE = 10_000
_KEY = (BAG_VERSIONS.c.space, BAG_VERSIONS.c.external_identifier, BAG_VERSIONS.c.version)
_OLDEST_FIRST = (BAG_VERSIONS.c.version, BAG_VERSIONS.c.space, BAG_VERSIONS.c.external_identifier)


def known_bag_versions(engine: Engine, space: str | None) -> Iterator[BagVersionId]:
    """See :meth:`Registry.bag_versions`."""
    conditions = [] if space is None else [BAG_VERSIONS.c.space == space]
    return _in_pages(engine, _KEY, conditions, None)


def missing_bag_versions(
    engine: Engine, location: str, spaces: Sequence[str] | None, limit: int | None, after: BagVersionId | None
) -> Iterator[BagVersionId]:
    """See :meth:`Registry.missing`."""
    conditions: list[ColumnElement[bool]] = [
        ~exists().where(_same_bag_version(REPLICAS), REPLICAS.c.location == location)
    ]
    if spaces is not None:
        conditions.append(BAG_VERSIONS.c.space.in_(list(spaces)))
    last = None if after is None else tuple(columns_of(after)[column.name] for column in _OLDEST_FIRST)
    return _in_pages(engine, _OLDEST_FIRST, conditions, limit, last)


def _in_pages(
    engine: Engine,
    order: Sequence[Any],
    conditions: Sequence[ColumnElement[bool]],
    limit: int | None,
    after: tuple[Any, ...] | None = None,
) -> Iterator[BagVersionId]:
    # Each page is its own short transaction, found from where the last one ended: a reader that takes hours keeps no
    # snapshot open, and what is added or registered meanwhile neither repeats nor hides a row.
    query = select(*_KEY).where(*conditions).order_by(*order)
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        page = query if after is None else query.where(tuple_(*order) > tuple_(*after))
        with reading(engine) as connection:
            rows = connection.execute(page.limit(size)).all()
        for row in rows:
            yield bag_version_of(row)
        if len(rows) < size:
            return
        after = tuple(getattr(rows[-1], column.name) for column in order)
        left = None if left is None else left - len(rows)


def _same_bag_version(replicas: Any) -> ColumnElement[bool]:
    return and_(*(replicas.c[column.name] == column for column in _KEY))
