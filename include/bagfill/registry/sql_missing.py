"""Listing what is missing at a location, bag by bag, from a registry of any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, and_, exists, select, tuple_

from bagfill.bag.identifiers import BagId, BagVersion, ExternalIdentifier, Space
from bagfill.database.engine import reading
from bagfill.database.keys import is_one_of
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.registry.missing import MissingBag, MissingVersion

BAGS_IN_ONE_PAGE = 500
"""A parameter each, well below what a database takes in one statement."""

_OLDEST_FIRST = (BAG_VERSIONS.c.version, BAG_VERSIONS.c.space, BAG_VERSIONS.c.external_identifier)
_OF_A_BAG = attrgetter("space", "external_identifier")


def missing_bags(engine: Engine, location: str, spaces: Sequence[str] | None) -> Iterator[MissingBag]:
    """See :meth:`bagfill.registry.registry.Registry.missing_bags`.

    Each page is a short transaction of its own, found from where the last one ended, and all that is held.
    """
    query = select(*_OLDEST_FIRST).where(_is_missing(BAG_VERSIONS, location), ~_has_older_missing(location))
    if spaces is not None:
        query = query.where(BAG_VERSIONS.c.space.in_(list(spaces)))
    query = query.order_by(*_OLDEST_FIRST).limit(BAGS_IN_ONE_PAGE)
    after: tuple[Any, ...] | None = None
    while True:
        page = query if after is None else query.where(tuple_(*_OLDEST_FIRST) > tuple_(*after))
        with reading(engine) as connection:
            firsts = connection.execute(page).all()
            found = _all_versions(connection, [_OF_A_BAG(first) for first in firsts], location)
        # In one snapshot, so that no bag of the page has lost its versions in between.
        yield from (found[_OF_A_BAG(first)] for first in firsts)
        if len(firsts) < BAGS_IN_ONE_PAGE:
            return
        after = tuple(firsts[-1])


def _all_versions(
    connection: Connection, bags: Sequence[tuple[str, str]], location: str
) -> dict[tuple[str, str], MissingBag]:
    if not bags:
        return {}
    names = (BAG_VERSIONS.c.space, BAG_VERSIONS.c.external_identifier)
    columns = (*names, BAG_VERSIONS.c.version, BAG_VERSIONS.c.files, BAG_VERSIONS.c.bytes, BAG_VERSIONS.c.added)
    query = select(*columns).where(is_one_of(BAG_VERSIONS, bags), _is_missing(BAG_VERSIONS, location))
    rows = connection.execute(query.order_by(*names, BAG_VERSIONS.c.version)).all()
    return {
        name: MissingBag(
            BagId(Space.stored(name[0]), ExternalIdentifier.stored(name[1])),
            tuple(MissingVersion(BagVersion(row.version), row.files, row.bytes, row.added) for row in group),
        )
        for name, group in groupby(rows, key=_OF_A_BAG)
    }


def _is_missing(versions: FromClause, location: str) -> ColumnElement[bool]:
    there = REPLICAS.alias()
    keys = ("space", "external_identifier", "version")
    same = and_(*(there.c[key] == versions.c[key] for key in keys))
    return ~exists().where(same, there.c.location == location)


def _has_older_missing(location: str) -> ColumnElement[bool]:
    """A bag stands in the order where its oldest missing version stands, and nowhere else."""
    older = BAG_VERSIONS.alias("older")
    same_bag = and_(*(older.c[key] == BAG_VERSIONS.c[key] for key in ("space", "external_identifier")))
    return exists().where(same_bag, older.c.version < BAG_VERSIONS.c.version, _is_missing(older, location))
