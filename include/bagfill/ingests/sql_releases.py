"""Releases in the registry's database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from sqlalchemy import Engine, insert, select, tuple_

from bagfill.bag.identifiers import BagId, ExternalIdentifier, Space
from bagfill.database.engine import reading, writing
from bagfill.database.tables import RELEASES
from bagfill.ingests.releases import Release

_IN_ONE_QUERY = 300


class SqlReleases:
    """See :class:`bagfill.ingests.releases.Releases`. Every method may raise DatabaseError.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def release(self, *releases: Release) -> None:
        """See :meth:`Releases.release`."""
        rows = [
            {
                "space": str(release.bag.space),
                "external_identifier": str(release.bag.external_identifier),
                "destination": release.destination,
                "at": release.at,
                "who": release.who,
                "why": release.why,
            }
            for release in releases
        ]
        if rows:
            with writing(self._engine) as connection:
                connection.execute(insert(RELEASES), rows)

    def last(self, bags: Collection[BagId], destination: str) -> Mapping[BagId, datetime]:
        """See :meth:`Releases.last`."""
        found: dict[BagId, datetime] = {}
        names = [(str(bag.space), str(bag.external_identifier)) for bag in bags]
        key = tuple_(RELEASES.c.space, RELEASES.c.external_identifier)
        columns = (RELEASES.c.space, RELEASES.c.external_identifier, RELEASES.c.at)
        with reading(self._engine) as connection:
            for start in range(0, len(names), _IN_ONE_QUERY):
                some = key.in_(names[start : start + _IN_ONE_QUERY])
                query = select(*columns).where(some, RELEASES.c.destination == destination)
                for row in connection.execute(query):
                    bag = BagId(Space.stored(row.space), ExternalIdentifier.stored(row.external_identifier))
                    found[bag] = max(row.at, found.get(bag, row.at))
        return found

    def all(self) -> Iterator[Release]:
        """See :meth:`Releases.all`."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(RELEASES).order_by(RELEASES.c.number)).all()
        for row in rows:
            bag = BagId(Space.stored(row.space), ExternalIdentifier.stored(row.external_identifier))
            yield Release(bag, row.destination, row.at, row.who, row.why)
