"""The outbox in the registry's database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, func, or_, select, update

from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.tables import INGEST_OUTBOX, OUTBOX_SENDERS, SHOWN_INGESTS
from bagfill.ingests.storage_service.outbox import Letter, OutboxCounts

_SERVICE = "storage-service"
_IS_PENDING = INGEST_OUTBOX.c.refused.is_(None)
_IS_HELD = exists().where(SHOWN_INGESTS.c.ingest_id == INGEST_OUTBOX.c.ingest_id, SHOWN_INGESTS.c.refused.is_not(None))


class SqlOutbox:
    """See :class:`bagfill.ingests.storage_service.outbox.Outbox`. Every method may raise DatabaseError.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, sender: str, now: datetime, until: datetime) -> bool:
        """See :meth:`Outbox.take`."""
        free = or_(OUTBOX_SENDERS.c.holder.is_(None), OUTBOX_SENDERS.c.holder == sender, OUTBOX_SENDERS.c.ends <= now)
        awake = or_(OUTBOX_SENDERS.c.paused_until.is_(None), OUTBOX_SENDERS.c.paused_until <= now)
        with writing(self._engine) as connection:
            insert_if_absent(connection, OUTBOX_SENDERS, {"service": _SERVICE})
            taken = update(OUTBOX_SENDERS).where(OUTBOX_SENDERS.c.service == _SERVICE, free, awake)
            return connection.execute(taken.values(holder=sender, ends=until)).rowcount == 1

    def due(self, now: datetime, limit: int) -> Sequence[Letter]:
        """See :meth:`Outbox.due`."""
        earlier = INGEST_OUTBOX.alias("earlier")
        has_earlier = exists().where(
            earlier.c.ingest_id == INGEST_OUTBOX.c.ingest_id,
            earlier.c.number < INGEST_OUTBOX.c.number,
            earlier.c.refused.is_(None),
        )
        query = (
            select(INGEST_OUTBOX)
            .where(_IS_PENDING, INGEST_OUTBOX.c.due <= now, ~has_earlier, ~_IS_HELD)
            .order_by(INGEST_OUTBOX.c.number)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [Letter(row.number, row.ingest_id, json.loads(row.body), row.attempts, row.creates) for row in rows]

    def delivered(self, letter: Letter) -> None:
        """See :meth:`Outbox.delivered`."""
        with writing(self._engine) as connection:
            connection.execute(delete(INGEST_OUTBOX).where(INGEST_OUTBOX.c.number == letter.number))

    def refused(self, letter: Letter, why: str) -> None:
        """See :meth:`Outbox.refused`."""
        with writing(self._engine) as connection:
            self._change(connection, letter, refused=why, attempts=letter.attempts + 1)
            if letter.creates:
                held = update(SHOWN_INGESTS).where(SHOWN_INGESTS.c.ingest_id == letter.ingest_id)
                connection.execute(held.values(refused=why))

    def later(self, letter: Letter, due: datetime, why: str) -> None:
        """See :meth:`Outbox.later`."""
        with writing(self._engine) as connection:
            self._change(connection, letter, due=due, attempts=letter.attempts + 1)
            connection.execute(update(OUTBOX_SENDERS).values(why=why))

    def pause(self, until: datetime, why: str) -> None:
        """See :meth:`Outbox.pause`."""
        with writing(self._engine) as connection:
            connection.execute(update(OUTBOX_SENDERS).values(paused_until=until, why=why))

    def release(self, sender: str) -> None:
        """See :meth:`Outbox.release`."""
        with writing(self._engine) as connection:
            mine = update(OUTBOX_SENDERS).where(OUTBOX_SENDERS.c.holder == sender)
            connection.execute(mine.values(holder=None, ends=None))

    def counts(self) -> OutboxCounts:
        """See :meth:`Outbox.counts`."""
        with reading(self._engine) as connection:
            pending, oldest = connection.execute(_counted(_IS_PENDING, ~_IS_HELD)).one()
            held, _ = connection.execute(_counted(_IS_PENDING, _IS_HELD)).one()
            refused, _ = connection.execute(_counted(~_IS_PENDING)).one()
            sender = connection.execute(select(OUTBOX_SENDERS)).one_or_none()
            last = select(INGEST_OUTBOX.c.refused).where(~_IS_PENDING).order_by(INGEST_OUTBOX.c.number.desc()).limit(1)
            why = connection.execute(last).scalar_one_or_none()
        if sender is not None and pending:
            why = sender.why or why
        return OutboxCounts(pending, held, refused, oldest, why, None if sender is None else sender.paused_until)

    def try_again(self, now: datetime) -> int:
        """See :meth:`Outbox.try_again`."""
        with writing(self._engine) as connection:
            again = and_(INGEST_OUTBOX.c.creates, ~_IS_PENDING)
            connection.execute(update(INGEST_OUTBOX).where(again).values(refused=None, attempts=0))
            connection.execute(update(INGEST_OUTBOX).where(_IS_PENDING).values(due=now))
            connection.execute(update(SHOWN_INGESTS).values(refused=None))
            connection.execute(update(OUTBOX_SENDERS).values(paused_until=None, why=None))
        return self.counts().pending

    def _change(self, connection: Connection, letter: Letter, **values: Any) -> None:
        connection.execute(update(INGEST_OUTBOX).where(INGEST_OUTBOX.c.number == letter.number).values(**values))


def _counted(*conditions: ColumnElement[bool]) -> Any:
    return select(func.count(), func.min(INGEST_OUTBOX.c.written)).where(*conditions)
