"""The thaw ledger's rows, counted: see :class:`bagfill.thaw.ledger.ThawLedger`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, and_, case, func, select

from bagfill.database.engine import reading
from bagfill.database.tables import THAWS
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import ThawStand
from bagfill.thaw.queues import ThawedCopies, ThawQueue


def queue(engine: Engine, location: str) -> Sequence[ThawQueue]:
    """What is under way, by tier."""
    figures = (THAWS.c.tier, func.count(), func.sum(THAWS.c.size), func.min(THAWS.c.since))
    query = select(*figures).where(_waits(location)).group_by(THAWS.c.tier).order_by(THAWS.c.tier)
    with reading(engine) as connection:
        return [ThawQueue(ThawTier(t), int(n), int(size), oldest) for t, n, size, oldest in connection.execute(query)]


def asked_before(engine: Engine, location: str, tier: ThawTier, moments: Sequence[datetime]) -> tuple[int, ...]:
    """How many of what is under way were asked for before each moment."""
    older = (func.sum(case((THAWS.c.since < moment, 1), else_=0)) for moment in moments)
    with reading(engine) as connection:
        row = connection.execute(select(*older).where(_waits(location), THAWS.c.tier == tier.value)).one()
    return tuple(int(number or 0) for number in row)


def thawed(engine: Engine, location: str, now: datetime) -> Sequence[ThawedCopies]:
    """What can be read now, by tier."""
    lives = and_(_asked(location), THAWS.c.until > now)
    figures = (THAWS.c.tier, func.count(), func.sum(THAWS.c.size), func.min(THAWS.c.until))
    query = select(*figures).where(lives).group_by(THAWS.c.tier).order_by(THAWS.c.tier)
    with reading(engine) as connection:
        return [ThawedCopies(ThawTier(t), int(n), int(size), end) for t, n, size, end in connection.execute(query)]


def _asked(location: str) -> ColumnElement[bool]:
    return and_(THAWS.c.location == location, THAWS.c.stand == ThawStand.ASKED.value)


def _waits(location: str) -> ColumnElement[bool]:
    return and_(_asked(location), THAWS.c.until.is_(None))
