"""Leases of processes at locations, one row each, in the registry's database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, func, select, update

from bagfill.database.engine import writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.tables import LOCATION_SHARES


class SqlShares:
    """See :class:`bagfill.storage.shares.LocationShares`.

    Args:
        engine: the database.
        clock: the present moment, timezone-aware. Machines whose clocks differ count each other too long or too short
            by the difference.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._clock = clock

    def hold(self, location: str, holder: str, lease: timedelta) -> int:
        """See :meth:`LocationShares.hold`."""
        here = LOCATION_SHARES.c.location == location
        with writing(self._engine) as connection:
            now = self._clock()
            row = {"location": location, "holder": holder, "ends": now + lease}
            if not insert_if_absent(connection, LOCATION_SHARES, row):
                mine = here & (LOCATION_SHARES.c.holder == holder)
                connection.execute(update(LOCATION_SHARES).where(mine).values(ends=now + lease))
            # Of those who died; whoever comes late begins anew.
            connection.execute(delete(LOCATION_SHARES).where(here & (LOCATION_SHARES.c.ends <= now)))
            return connection.execute(select(func.count()).select_from(LOCATION_SHARES).where(here)).scalar_one()

    def release(self, location: str, holder: str) -> None:
        """See :meth:`LocationShares.release`."""
        mine = (LOCATION_SHARES.c.location == location) & (LOCATION_SHARES.c.holder == holder)
        with writing(self._engine) as connection:
            connection.execute(delete(LOCATION_SHARES).where(mine))
