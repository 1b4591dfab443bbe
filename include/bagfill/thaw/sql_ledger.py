"""The thaw ledger as rows. Each object's row decides alone who may ask for it, whatever else happens at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insertion
from bagfill.database.tables import THAWS
from bagfill.registry.clock import Clock, utc_now
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import (
    FOR_GOOD,
    ThawKind,
    ThawRecord,
    ThawStand,
    ThawTerms,
    ThawWant,
    asked_now,
    new_record,
    reserved_again,
)
from bagfill.thaw.queues import ThawedCopies, ThawQueue
from bagfill.thaw.sql_queues import asked_before, queue, thawed

Item = TypeVar("Item")

_AT_ONCE = 1000
"""Rows in one statement: every database takes so many parameters."""
_REMOVED_AT_ONCE = 10_000


class SqlThawLedger:
    """See :class:`bagfill.thaw.ledger.ThawLedger`.

    Args:
        engine: the database.
        clock: the present moment.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def reserve(self, location: str, wants: Sequence[ThawWant], terms: ThawTerms) -> Mapping[str, ThawRecord]:
        """See :meth:`ThawLedger.reserve`."""
        granted: dict[str, ThawRecord] = {}
        # In the order of the keys, always: two who reserve the same objects wait for each other, never both.
        for group in _groups(sorted(wants, key=lambda want: want.key)):
            with writing(self._engine) as connection:
                granted.update(self._reserve(connection, location, group, terms))
        return granted

    def _reserve(
        self, connection: Connection, location: str, wants: Sequence[ThawWant], terms: ThawTerms
    ) -> Iterator[tuple[str, ThawRecord]]:
        now = self._clock()
        fresh = [_values(new_record(location, want, terms, now)) for want in wants]
        inserting = insertion(connection, THAWS).values(fresh).on_conflict_do_nothing().returning(THAWS.c.key)
        new = set(connection.execute(inserting).scalars())
        rows = _rows(connection, location, [want.key for want in wants if want.key not in new], lock=True)
        changed: list[ThawRecord] = []
        for want in wants:
            if want.key in new:
                yield want.key, new_record(location, want, terms, now)
            elif (made := reserved_again(rows[want.key], want, terms, now)) is not None:
                changed.append(made)
                yield want.key, made
        _rewrite(connection, changed)

    def asked(
        self, location: str, keys: Iterable[str], holder: str, *, paid: bool, tier: ThawTier | None = None
    ) -> None:
        """See :meth:`ThawLedger.asked`."""
        for group in _groups(sorted(keys)):
            with writing(self._engine) as connection:
                now = self._clock()
                rows = _rows(connection, location, group, lock=True).values()
                ours = [row for row in rows if row.stand is ThawStand.RESERVED and row.holder == holder]
                _rewrite(connection, [asked_now(row, now, paid=paid, tier=tier) for row in ours])

    def release(self, location: str, keys: Iterable[str], holder: str) -> None:
        """See :meth:`ThawLedger.release`."""
        for group in _groups(sorted(keys)):
            with writing(self._engine) as connection:
                reserved = and_(THAWS.c.holder == holder, THAWS.c.stand == ThawStand.RESERVED.value)
                given_back = update(THAWS).where(_are(location, group), reserved)
                connection.execute(given_back.values(holder="", lease_ends=THAWS.c.since))

    def readable(self, location: str, until: Mapping[str, datetime]) -> None:
        """See :meth:`ThawLedger.readable`."""
        statement = update(THAWS).where(THAWS.c.location == location, THAWS.c.key == bindparam("of_key"))
        for group in _groups(sorted(until)):
            with writing(self._engine) as connection:
                connection.execute(
                    statement.values(until=bindparam("moment")),
                    [{"of_key": key, "moment": until[key]} for key in group],
                )

    def of(self, location: str, keys: Iterable[str]) -> Mapping[str, ThawRecord]:
        """See :meth:`ThawLedger.of`."""
        found: dict[str, ThawRecord] = {}
        with reading(self._engine) as connection:
            for group in _groups(sorted(keys)):
                found.update(_rows(connection, location, group))
        return found

    def unfinished(self, location: str, prefix: str, *, before: datetime, limit: int = 1000) -> Sequence[ThawRecord]:
        """See :meth:`ThawLedger.unfinished`."""
        late = and_(THAWS.c.until.is_(None), THAWS.c.since < before)
        return self._below(location, prefix, late, limit)

    def queue(self, location: str) -> Sequence[ThawQueue]:
        """See :meth:`ThawLedger.queue`."""
        return queue(self._engine, location)

    def asked_before(self, location: str, tier: ThawTier, moments: Sequence[datetime]) -> tuple[int, ...]:
        """See :meth:`ThawLedger.asked_before`."""
        return asked_before(self._engine, location, tier, moments)

    def thawed(self, location: str) -> Sequence[ThawedCopies]:
        """See :meth:`ThawLedger.thawed`."""
        return thawed(self._engine, location, self._clock())

    def ending(self, location: str, prefix: str, *, before: datetime, limit: int = 10_000) -> Sequence[ThawRecord]:
        """See :meth:`ThawLedger.ending`."""
        return self._below(location, prefix, and_(THAWS.c.until > self._clock(), THAWS.c.until < before), limit)

    def _below(self, location: str, prefix: str, condition: ColumnElement[bool], limit: int) -> Sequence[ThawRecord]:
        below = and_(THAWS.c.location == location, THAWS.c.key >= prefix, THAWS.c.key < _after(prefix))
        asked = THAWS.c.stand == ThawStand.ASKED.value
        query = select(THAWS).where(below, asked, condition).order_by(THAWS.c.key).limit(limit)
        with reading(self._engine) as connection:
            return [_record(row) for row in connection.execute(query)]

    def chunk(self, chunk: str) -> tuple[int, int]:
        """See :meth:`ThawLedger.chunk`."""
        query = select(func.count(), func.coalesce(func.sum(THAWS.c.size), 0)).where(
            THAWS.c.chunk == chunk, THAWS.c.paid.is_(True)
        )
        with reading(self._engine) as connection:
            objects, size = connection.execute(query).one()
        return int(objects), int(size)

    def expired(self, location: str | None = None) -> int:
        """See :meth:`ThawLedger.expired`."""
        query = select(func.coalesce(func.sum(THAWS.c.times - 1), 0)).where(THAWS.c.times > 1)
        if location is not None:
            query = query.where(THAWS.c.location == location)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def forget(self, *, before: datetime) -> int:
        """See :meth:`ThawLedger.forget`."""
        moved = and_(THAWS.c.until == FOR_GOOD, THAWS.c.since < before)
        old = and_(THAWS.c.stand == ThawStand.ASKED.value, or_(THAWS.c.until < before, moved))
        key = tuple_(THAWS.c.location, THAWS.c.key)
        some = select(THAWS.c.location, THAWS.c.key).where(old).limit(_REMOVED_AT_ONCE)
        removed = 0
        while True:
            # In pieces: whoever asks for thaws meanwhile waits for one of them at most.
            with writing(self._engine) as connection:
                gone = connection.execute(delete(THAWS).where(key.in_(some))).rowcount
            removed += gone
            if gone < _REMOVED_AT_ONCE:
                return removed


def _groups(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _are(location: str, keys: Sequence[str]) -> ColumnElement[bool]:
    return and_(THAWS.c.location == location, THAWS.c.key.in_(keys))


def _rows(connection: Connection, location: str, keys: Sequence[str], *, lock: bool = False) -> dict[str, ThawRecord]:
    if not keys:
        return {}
    query = select(THAWS).where(_are(location, keys)).order_by(THAWS.c.key)
    return {row.key: _record(row) for row in connection.execute(query.with_for_update() if lock else query)}


def _rewrite(connection: Connection, records: Sequence[ThawRecord]) -> None:
    if not records:
        return
    columns = [column.name for column in THAWS.columns if column.name not in {"location", "key"}]
    statement = update(THAWS).where(THAWS.c.location == bindparam("of_location"), THAWS.c.key == bindparam("of_key"))
    rows = [_values(record) for record in records]
    connection.execute(
        statement.values({name: bindparam(f"new_{name}") for name in columns}),
        [
            {"of_location": row["location"], "of_key": row["key"], **{f"new_{name}": row[name] for name in columns}}
            for row in rows
        ],
    )


def _values(record: ThawRecord) -> dict[str, Any]:
    values = asdict(record)
    return {**values, "tier": record.tier.value, "stand": record.stand.value, "kind": record.kind.value}


def _record(row: Row[*tuple[Any, ...]]) -> ThawRecord:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return ThawRecord(
        **{
            **values,
            "tier": ThawTier(values["tier"]),
            "stand": ThawStand(values["stand"]),
            "kind": ThawKind(values["kind"]),
        }
    )


def _after(prefix: str) -> str:
    """The first text behind every text that starts with ``prefix``: byte by byte, as keys are compared."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"
