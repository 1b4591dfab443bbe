"""Bag versions as the three columns that name them in every table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, and_, false, or_

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId, ExternalIdentifier, Space


def columns_of(bag_version: BagVersionId) -> dict[str, Any]:
    """The columns' values, for an INSERT."""
    return {
        "space": str(bag_version.space),
        "external_identifier": str(bag_version.external_identifier),
        "version": bag_version.version.number,
    }


def is_bag(table: FromClause, bag: BagId) -> ColumnElement[bool]:
    """The condition that a row is about a version of ``bag``."""
    return and_(
        table.c.space == str(bag.space),
        table.c.external_identifier == str(bag.external_identifier),
    )


def is_one_of(table: FromClause, bags: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    """The condition that a row is about one of several bags.

    Space by space, for a planner takes long over a list of pairs, and no time over a list of texts.

    Args:
        bags: (space, external identifier), at most a few thousand: each is a parameter of the statement.
    """
    by_space: dict[str, list[str]] = {}
    for space, identifier in bags:
        by_space.setdefault(space, []).append(identifier)
    return or_(
        false(),
        *(
            and_(table.c.space == space, table.c.external_identifier.in_(identifiers))
            for space, identifiers in by_space.items()
        ),
    )


def is_bag_version(table: FromClause, bag_version: BagVersionId) -> ColumnElement[bool]:
    """The condition that a row is about ``bag_version``."""
    return and_(is_bag(table, bag_version.bag), table.c.version == bag_version.version.number)


def bag_version_of(row: Row[*tuple[Any, ...]]) -> BagVersionId:
    """The bag version that a row is about; read leniently, as stored data."""
    bag = BagId(Space.stored(row.space), ExternalIdentifier.stored(row.external_identifier))
    return BagVersionId(bag, BagVersion(row.version))
