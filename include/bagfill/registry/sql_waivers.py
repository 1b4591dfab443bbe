"""Waivers in the registry's database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Engine, Row, insert, select

from bagfill.bag.identifiers import BagVersionId
from bagfill.database.engine import reading, writing
from bagfill.database.keys import bag_version_of, columns_of, is_bag_version
from bagfill.database.tables import WAIVERS
from bagfill.registry.waivers import Waiver, newest_of_each


class SqlWaivers:
    """See :class:`bagfill.registry.waivers.Waivers`. Every method may raise DatabaseError.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def grant(self, waiver: Waiver) -> None:
        """See :meth:`Waivers.grant`."""
        row = {
            **columns_of(waiver.bag_version),
            "path": waiver.path,
            "code": waiver.code,
            "who": waiver.who,
            "why": waiver.why,
            "granted": waiver.granted,
            "ends": waiver.until,
        }
        with writing(self._engine) as connection:
            connection.execute(insert(WAIVERS).values(**row))

    def of(self, bag_version: BagVersionId) -> Sequence[Waiver]:
        """See :meth:`Waivers.of`."""
        query = select(WAIVERS).where(is_bag_version(WAIVERS, bag_version)).order_by(WAIVERS.c.number)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return newest_of_each(_waiver(row) for row in rows)

    def all(self, *, space: str | None = None) -> Iterator[Waiver]:
        """See :meth:`Waivers.all`."""
        query = select(WAIVERS).order_by(WAIVERS.c.number)
        if space is not None:
            query = query.where(WAIVERS.c.space == space)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        yield from map(_waiver, rows)


def _waiver(row: Row[*tuple[Any, ...]]) -> Waiver:
    return Waiver(bag_version_of(row), row.path, row.code, row.who, row.why, row.granted, row.ends)
