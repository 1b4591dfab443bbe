"""Bag versions with their sizes and locations, page after page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, select, tuple_

from bagfill.bag.identifiers import BagId
from bagfill.database.engine import reading
from bagfill.database.keys import bag_version_of, is_bag
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.registry.sizes import SizedBagVersion

_PAGE = 5_000
_KEY = (BAG_VERSIONS.c.space, BAG_VERSIONS.c.external_identifier, BAG_VERSIONS.c.version)
_REPLICA_KEY = (REPLICAS.c.space, REPLICAS.c.external_identifier, REPLICAS.c.version)


def sized_bag_versions(engine: Engine, spaces: Sequence[str] | None, bag: BagId | None) -> Iterator[SizedBagVersion]:
    """See :meth:`Registry.sizes`. Two statements a page, each page its own short transaction."""
    conditions: list[ColumnElement[bool]] = []
    if spaces is not None:
        conditions.append(BAG_VERSIONS.c.space.in_(list(spaces)))
    if bag is not None:
        conditions.append(is_bag(BAG_VERSIONS, bag))
    query = select(*_KEY, BAG_VERSIONS.c.files, BAG_VERSIONS.c.bytes).where(*conditions).order_by(*_KEY)
    after: tuple[Any, ...] | None = None
    while True:
        page = query if after is None else query.where(tuple_(*_KEY) > tuple_(*after))
        with reading(engine) as connection:
            rows = connection.execute(page.limit(_PAGE)).all()
            locations = _locations(connection, tuple(rows[0][:3]), tuple(rows[-1][:3])) if rows else {}
        for row in rows:
            found = tuple(locations.get(tuple(row[:3]), ()))
            yield SizedBagVersion(bag_version_of(row), row.files, row.bytes, found)
        if len(rows) < _PAGE:
            return
        after = tuple(rows[-1][:3])


def _locations(
    connection: Connection, first: tuple[Any, ...], last: tuple[Any, ...]
) -> dict[tuple[Any, ...], list[str]]:
    query = (
        select(*_REPLICA_KEY, REPLICAS.c.location)
        .where(tuple_(*_REPLICA_KEY) >= tuple_(*first), tuple_(*_REPLICA_KEY) <= tuple_(*last))
        .order_by(REPLICAS.c.number)
    )
    found: dict[tuple[Any, ...], list[str]] = {}
    for *key, location in connection.execute(query):
        found.setdefault(tuple(key), []).append(location)
    return found
