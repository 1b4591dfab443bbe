"""What channels were told, in the registry's database."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, delete, insert, select

from bagfill.database.engine import reading, writing
from bagfill.database.tables import NOTICES


class SqlNotices:
    """See :class:`bagfill.notices.log.Notices`. Every method may raise DatabaseError.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def told(self, channel: str) -> Mapping[str, str]:
        """See :meth:`Notices.told`."""
        query = select(NOTICES.c.thing, NOTICES.c.value).where(NOTICES.c.channel == channel)
        with reading(self._engine) as connection:
            return {row.thing: row.value for row in connection.execute(query)}

    def tell(self, channel: str, told: Mapping[str, str]) -> None:
        """See :meth:`Notices.tell`."""
        rows = [{"channel": channel, "thing": thing, "value": value} for thing, value in told.items()]
        with writing(self._engine) as connection:
            connection.execute(delete(NOTICES).where(NOTICES.c.channel == channel))
            if rows:
                connection.execute(insert(NOTICES), rows)
