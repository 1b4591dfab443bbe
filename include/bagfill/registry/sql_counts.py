"""How much of each space is where, kept in step: every row that is written counts in the same transaction.

``coverage_counts`` has one row a space for the whole of it, and one for each location where it has replicas. Counting a
million bag versions takes seconds; reading these rows does not. :func:`recount` makes them anew from the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, literal, select

from bagfill.bag.identifiers import BagVersionId
from bagfill.database.insertion import insertion
from bagfill.database.keys import is_bag_version
from bagfill.database.tables import BAG_VERSIONS, COVERAGE_COUNTS, COVERAGE_DAYS, REPLICAS
from bagfill.registry.registry import CoverageDay, CoverageRow

WHOLE = ""
"""In the place of a location: the whole space. No location can be named so."""
_KEYS = ("space", "external_identifier", "version")


def count_new(connection: Connection, space: str, place: str, files: int, size: int) -> None:
    """Count one row that was just inserted.

    Args:
        place: :data:`WHOLE` for a bag version, the location's name for a replica.
        files, size: of the bag version.
    """
    row = {"space": space, "location": place, "bag_versions": 1, "files": files, "bytes": size}
    made = insertion(connection, COVERAGE_COUNTS).values(**row)
    # Last in its transaction: whoever registers in this space at this place waits here for the others.
    added = {name: COVERAGE_COUNTS.c[name] + made.excluded[name] for name in ("bag_versions", "files", "bytes")}
    connection.execute(made.on_conflict_do_update(index_elements=["space", "location"], set_=added))


def count_replica(connection: Connection, bag_version: BagVersionId, location: str) -> None:
    """Count a replica that was just inserted, of a bag version that is known."""
    found = select(BAG_VERSIONS.c.files, BAG_VERSIONS.c.bytes).where(is_bag_version(BAG_VERSIONS, bag_version))
    files, size = connection.execute(found).one()
    count_new(connection, str(bag_version.space), location, files, size)


def recount(connection: Connection) -> None:
    """Make the counts anew from the rows; nobody may write rows meanwhile."""
    connection.execute(delete(COVERAGE_COUNTS))
    amounts = (func.count(), func.sum(BAG_VERSIONS.c.files), func.sum(BAG_VERSIONS.c.bytes))
    whole = select(BAG_VERSIONS.c.space, literal(WHOLE), *amounts).group_by(BAG_VERSIONS.c.space)
    same = and_(*(REPLICAS.c[key] == BAG_VERSIONS.c[key] for key in _KEYS))
    there = select(BAG_VERSIONS.c.space, REPLICAS.c.location, *amounts).join_from(BAG_VERSIONS, REPLICAS, same)
    columns = ["space", "location", "bag_versions", "files", "bytes"]
    for counted in (whole, there.group_by(BAG_VERSIONS.c.space, REPLICAS.c.location)):
        connection.execute(insert(COVERAGE_COUNTS).from_select(columns, counted))


def counted_coverage(connection: Connection, locations: Sequence[str]) -> Sequence[CoverageRow]:
    """One row a space and location, ascending by space, in the order of the locations."""
    names = tuple(dict.fromkeys(locations))
    wanted = select(COVERAGE_COUNTS).where(COVERAGE_COUNTS.c.location.in_([WHOLE, *names]))
    rows: dict[str, dict[str, Any]] = {}
    for row in connection.execute(wanted.order_by(COVERAGE_COUNTS.c.space)):
        rows.setdefault(row.space, {})[row.location] = (row.bag_versions, row.files, row.bytes)
    return tuple(
        CoverageRow(space, name, *found[WHOLE], *found.get(name, (0, 0, 0)))
        for space, found in rows.items()
        for name in names
    )


def note_day(connection: Connection, day: date) -> None:
    """Keep the counts as those of a day, in place of what was kept of it before."""
    named = COVERAGE_DAYS.c.day == day.isoformat()
    connection.execute(delete(COVERAGE_DAYS).where(named))
    now = select(literal(day.isoformat()), *COVERAGE_COUNTS.c)
    connection.execute(insert(COVERAGE_DAYS).from_select(["day", *COVERAGE_COUNTS.c.keys()], now))


def counted_days(connection: Connection, since: date) -> Sequence[CoverageDay]:
    """See :meth:`bagfill.registry.registry.Registry.coverage_days`."""
    days = COVERAGE_DAYS
    query = select(days).where(days.c.day >= since.isoformat()).order_by(days.c.day, days.c.space, days.c.location)
    whole: dict[tuple[str, str], tuple[int, int, int]] = {}
    found = []
    for row in connection.execute(query):
        amounts = (row.bag_versions, row.files, row.bytes)
        if row.location == WHOLE:
            # It sorts before every name.
            whole[row.day, row.space] = amounts
        else:
            there = CoverageRow(row.space, row.location, *whole[row.day, row.space], *amounts)
            found.append(CoverageDay(date.fromisoformat(row.day), there))
    return tuple(found)
