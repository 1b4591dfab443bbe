"""What shards and thaws took, in the registry's database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Engine, Table, case, delete, func, select, tuple_

from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent, insertion
from bagfill.database.tables import SHARD_TIMINGS, THAW_TIMINGS
from bagfill.planning.rates import Activity, ShardTiming
from bagfill.planning.thaw_waits import ThawTiming
from bagfill.rates.log import KEPT, NEWEST_SHARDS, NEWEST_THAWS, ShardDone, ThawSeen
from bagfill.storage.store import ThawTier


class SqlRateLog:
    """See :class:`bagfill.rates.log.RateLog`.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def shard_done(self, done: ShardDone) -> None:
        """See :meth:`RateLog.shard_done`."""
        row = {
            "ingest_id": done.ingest_id,
            "activity": done.activity.value,
            "shard": done.shard,
            "source": done.source,
            "destination": done.destination,
            "files": done.timing.files,
            "bytes": done.timing.bytes,
            "seconds": done.timing.seconds,
            "lasted": done.timing.lasted,
            "ended": done.timing.ended,
        }
        with writing(self._engine) as connection:
            insert_if_absent(connection, SHARD_TIMINGS, row)

    def shards(self, activity: Activity, destination: str, source: str | None = None) -> Sequence[ShardTiming]:
        """See :meth:`RateLog.shards`."""
        of = SHARD_TIMINGS.c
        query = select(of.files, of.bytes, of.seconds, of.ended, of.lasted)
        query = query.where(of.activity == activity.value, of.destination == destination)
        if source is not None:
            query = query.where(of.source == source)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(of.ended.desc()).limit(NEWEST_SHARDS)).all()
        return [ShardTiming(*row) for row in rows]

    def thaw_seen(self, seen: ThawSeen) -> None:
        """See :meth:`RateLog.thaw_seen`."""
        of, timing = THAW_TIMINGS.c, seen.timing
        row = {
            "location": seen.location,
            "chunk": seen.chunk,
            "storage_class": timing.storage_class,
            "tier": timing.tier.value,
            "first": timing.first,
            "last": timing.last,
            "seen": timing.seen,
        }
        with writing(self._engine) as connection:
            inserting = insertion(connection, THAW_TIMINGS).values(**row)
            new = inserting.excluded
            changed = {
                "first": case((new.first < of.first, new.first), else_=of.first),
                "last": case((new.last > of.last, new.last), else_=of.last),
                "seen": case((new.seen > of.seen, new.seen), else_=of.seen),
            }
            key = [column.name for column in THAW_TIMINGS.primary_key]
            connection.execute(inserting.on_conflict_do_update(index_elements=key, set_=changed))

    def thaws(self, location: str) -> Sequence[ThawTiming]:
        """See :meth:`RateLog.thaws`."""
        of = THAW_TIMINGS.c
        query = select(of.storage_class, of.tier, of.first, of.last, of.seen).where(of.location == location)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(of.seen.desc()).limit(NEWEST_THAWS)).all()
        return [ThawTiming(name, ThawTier(tier), *rest) for name, tier, *rest in rows]

    def forget(self, keep: int = KEPT) -> int:
        """See :meth:`RateLog.forget`."""
        shards, thaws = SHARD_TIMINGS.c, THAW_TIMINGS.c
        return self._forget(
            SHARD_TIMINGS, [shards.source, shards.destination, shards.activity], shards.ended, keep
        ) + self._forget(THAW_TIMINGS, [thaws.location], thaws.seen, keep)

    def _forget(self, table: Table, group: Sequence[Column[str]], newest: Column[object], keep: int) -> int:
        place = func.row_number().over(partition_by=group, order_by=newest.desc()).label("place")
        ranked = select(*table.primary_key, place).subquery()
        key = [ranked.c[column.name] for column in table.primary_key]
        old = select(*key).where(ranked.c.place > keep)
        with writing(self._engine) as connection:
            return connection.execute(delete(table).where(tuple_(*table.primary_key).in_(old))).rowcount
