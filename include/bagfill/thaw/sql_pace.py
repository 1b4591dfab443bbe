"""A request rate that all runs and machines share, as one row an account."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, select, update

from bagfill.database.engine import writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.tables import THAW_PACES
from bagfill.registry.clock import Clock, utc_now
from bagfill.thaw.pace import next_turn


class SqlPace:
    """See :class:`bagfill.thaw.pace.SharedPace`.

    Args:
        engine: the database.
        clock: the present moment. Machines whose clocks differ lose or gain the difference once.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def turn(self, account: str, requests: int, per_second: float) -> float:
        """See :meth:`SharedPace.turn`."""
        stretch = timedelta(seconds=requests / per_second)
        this = THAW_PACES.c.account == account
        with writing(self._engine) as connection:
            now = self._clock()
            if insert_if_absent(connection, THAW_PACES, {"account": account, "taken": now + stretch}):
                return 0.0
            taken = connection.execute(select(THAW_PACES.c.taken).where(this).with_for_update()).scalar_one()
            now = self._clock()
            begins, ends = next_turn(taken, now, stretch)
            connection.execute(update(THAW_PACES).where(this).values(taken=ends))
        return (begins - now).total_seconds()

    def hold(self, account: str, seconds: float) -> None:
        """See :meth:`SharedPace.hold`."""
        self.turn(account, 1, 1 / seconds)
