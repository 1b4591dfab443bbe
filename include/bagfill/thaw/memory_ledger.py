"""The thaw ledger in memory: for tests and simulations."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bagfill.registry.clock import Clock, utc_now
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import (
    FOR_GOOD,
    ThawRecord,
    ThawStand,
    ThawTerms,
    ThawWant,
    asked_now,
    new_record,
    reserved_again,
)
from bagfill.thaw.queues import ThawedCopies, ThawQueue


class MemoryThawLedger:
    """See :class:`bagfill.thaw.ledger.ThawLedger`.

    Args:
        clock: the present moment.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._rows: dict[tuple[str, str], ThawRecord] = {}
        self._lock = threading.Lock()

    def reserve(self, location: str, wants: Sequence[ThawWant], terms: ThawTerms) -> Mapping[str, ThawRecord]:
        """See :meth:`ThawLedger.reserve`."""
        granted: dict[str, ThawRecord] = {}
        with self._lock:
            now = self._clock()
            for want in wants:
                row = self._rows.get((location, want.key))
                made = new_record(location, want, terms, now) if row is None else reserved_again(row, want, terms, now)
                if made is not None:
                    self._rows[location, want.key] = granted[want.key] = made
        return granted

    def asked(
        self, location: str, keys: Iterable[str], holder: str, *, paid: bool, tier: ThawTier | None = None
    ) -> None:
        """See :meth:`ThawLedger.asked`."""
        with self._lock:
            now = self._clock()
            for row in self._reserved(location, keys, holder):
                self._rows[location, row.key] = asked_now(row, now, paid=paid, tier=tier)

    def release(self, location: str, keys: Iterable[str], holder: str) -> None:
        """See :meth:`ThawLedger.release`."""
        with self._lock:
            for row in self._reserved(location, keys, holder):
                self._rows[location, row.key] = replace(row, lease_ends=row.since, holder="")

    def readable(self, location: str, until: Mapping[str, datetime]) -> None:
        """See :meth:`ThawLedger.readable`."""
        with self._lock:
            for key, moment in until.items():
                row = self._rows.get((location, key))
                if row is not None:
                    self._rows[location, key] = replace(row, until=moment)

    def of(self, location: str, keys: Iterable[str]) -> Mapping[str, ThawRecord]:
        """See :meth:`ThawLedger.of`."""
        with self._lock:
            return {key: self._rows[location, key] for key in keys if (location, key) in self._rows}

    def unfinished(self, location: str, prefix: str, *, before: datetime, limit: int = 1000) -> Sequence[ThawRecord]:
        """See :meth:`ThawLedger.unfinished`."""
        rows = self._below(location, prefix)
        return [row for row in rows if row.until is None and row.since < before][:limit]

    def queue(self, location: str) -> Sequence[ThawQueue]:
        """See :meth:`ThawLedger.queue`."""
        rows = [row for row in self._below(location, "") if row.until is None]
        found = {row.tier: [each for each in rows if each.tier is row.tier] for row in rows}
        return [
            ThawQueue(tier, len(some), sum(row.size for row in some), min(row.since for row in some))
            for tier, some in sorted(found.items())
        ]

    def asked_before(self, location: str, tier: ThawTier, moments: Sequence[datetime]) -> tuple[int, ...]:
        """See :meth:`ThawLedger.asked_before`."""
        rows = [row for row in self._below(location, "") if row.until is None and row.tier is tier]
        return tuple(sum(row.since < moment for row in rows) for moment in moments)

    def thawed(self, location: str) -> Sequence[ThawedCopies]:
        """See :meth:`ThawLedger.thawed`."""
        now = self._clock()
        found: dict[ThawTier, ThawedCopies] = {}
        for row in self._below(location, ""):
            if row.until is not None and row.until > now:
                known = found.get(row.tier, ThawedCopies(row.tier, 0, 0, row.until))
                ends = min(known.first_ends, row.until)
                found[row.tier] = ThawedCopies(row.tier, known.objects + 1, known.bytes + row.size, ends)
        return [found[tier] for tier in sorted(found)]

    def ending(self, location: str, prefix: str, *, before: datetime, limit: int = 10_000) -> Sequence[ThawRecord]:
        """See :meth:`ThawLedger.ending`."""
        now = self._clock()
        rows = self._below(location, prefix)
        return [row for row in rows if row.until is not None and now < row.until < before][:limit]

    def _below(self, location: str, prefix: str) -> list[ThawRecord]:
        with self._lock:
            rows = sorted(self._rows.items())
        return [
            row
            for (where, key), row in rows
            if where == location and key.startswith(prefix) and row.stand is ThawStand.ASKED
        ]

    def chunk(self, chunk: str) -> tuple[int, int]:
        """See :meth:`ThawLedger.chunk`."""
        with self._lock:
            rows = [row for row in self._rows.values() if row.chunk == chunk and row.paid]
        return len(rows), sum(row.size for row in rows)

    def expired(self, location: str | None = None) -> int:
        """See :meth:`ThawLedger.expired`."""
        with self._lock:
            return sum(
                row.times - 1
                for row in self._rows.values()
                if row.times > 1 and (location is None or row.location == location)
            )

    def forget(self, *, before: datetime) -> int:
        """See :meth:`ThawLedger.forget`."""
        with self._lock:
            old = [
                key
                for key, row in self._rows.items()
                if row.stand is ThawStand.ASKED
                and row.until is not None
                and (row.since if row.until == FOR_GOOD else row.until) < before
            ]
            for key in old:
                del self._rows[key]
        return len(old)

    def _reserved(self, location: str, keys: Iterable[str], holder: str) -> list[ThawRecord]:
        rows = (self._rows.get((location, key)) for key in keys)
        return [row for row in rows if row is not None and row.stand is ThawStand.RESERVED and row.holder == holder]
