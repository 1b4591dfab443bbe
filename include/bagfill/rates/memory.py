"""What shards and thaws took, in memory: for tests, and for services without a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from threading import Lock

from bagfill.planning.rates import Activity, ShardTiming
from bagfill.planning.thaw_waits import ThawTiming
from bagfill.rates.log import KEPT, NEWEST_SHARDS, NEWEST_THAWS, ShardDone, ThawSeen
from bagfill.storage.store import ThawTier


class MemoryRateLog:
    """See :class:`bagfill.rates.log.RateLog`. One process, nothing is kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shards: dict[tuple[str, Activity, int], ShardDone] = {}
        self._thaws: dict[tuple[str, str, str, ThawTier], ThawSeen] = {}

    def shard_done(self, done: ShardDone) -> None:
        """See :meth:`RateLog.shard_done`."""
        with self._lock:
            self._shards.setdefault((done.ingest_id, done.activity, done.shard), done)

    def shards(self, activity: Activity, destination: str, source: str | None = None) -> Sequence[ShardTiming]:
        """See :meth:`RateLog.shards`."""
        with self._lock:
            found = [
                done.timing
                for done in self._shards.values()
                if (done.activity, done.destination) == (activity, destination) and source in {None, done.source}
            ]
        return sorted(found, key=lambda timing: timing.ended, reverse=True)[:NEWEST_SHARDS]

    def thaw_seen(self, seen: ThawSeen) -> None:
        """See :meth:`RateLog.thaw_seen`."""
        new = seen.timing
        key = (seen.location, seen.chunk, new.storage_class, new.tier)
        with self._lock:
            known = self._thaws.get(key)
            if known is not None:
                old = known.timing
                first, last = min(old.first, new.first), max(old.last, new.last)
                both = ThawTiming(new.storage_class, new.tier, first, last, max(old.seen, new.seen))
                seen = replace(seen, timing=both)
            self._thaws[key] = seen

    def thaws(self, location: str) -> Sequence[ThawTiming]:
        """See :meth:`RateLog.thaws`."""
        with self._lock:
            found = [seen.timing for seen in self._thaws.values() if seen.location == location]
        return sorted(found, key=lambda timing: timing.seen, reverse=True)[:NEWEST_THAWS]

    def forget(self, keep: int = KEPT) -> int:
        """See :meth:`RateLog.forget`."""
        with self._lock:
            before = len(self._shards) + len(self._thaws)
            kept: dict[Hashable, int] = defaultdict(int)

            def stays(group: Hashable) -> bool:
                kept[group] += 1
                return kept[group] <= keep

            self._shards = {
                key: done
                for key, done in sorted(self._shards.items(), key=lambda item: item[1].timing.ended, reverse=True)
                if stays((done.source, done.destination, done.activity))
            }
            self._thaws = {
                key: seen
                for key, seen in sorted(self._thaws.items(), key=lambda item: item[1].timing.seen, reverse=True)
                if stays(seen.location)
            }
            return before - len(self._shards) - len(self._thaws)
