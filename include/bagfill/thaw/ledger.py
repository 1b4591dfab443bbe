"""The thaw ledger: which object was asked for when, by whom, at which tier, and until when its copy lives.

One request for an object is ever in flight, across runs and machines: whoever wants to ask reserves the object first.
The ledger is no word on an object's state, which is the provider's; it says who acts on it, since when, and how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bagfill.storage.store import ThawTier
from bagfill.thaw.queues import ThawedCopies, ThawQueue

CLOCK_SKEW = timedelta(minutes=5)
"""How far clocks may differ. A moment that lies further ahead came from a clock that was wrong, and is not obeyed."""

FOR_GOOD = datetime(9000, 1, 1, tzinfo=UTC)
"""Until when an object can be read of which the provider tells no end: rehydrated, or back in a frequent tier."""


class ThawStand(StrEnum):
    """How far a request is."""

    RESERVED = "reserved"
    """Somebody is about to send it. It may have been sent: whoever takes over asks the provider again."""
    ASKED = "asked"
    """The provider accepted it, or said that it did before."""


class ThawKind(StrEnum):
    """What for an object is to be asked."""

    ARCHIVED = "archived"
    """It cannot be read."""
    FASTER = "faster"
    """Its thaw is under way, and is to be moved to a faster tier."""
    LONGER = "longer"
    """Its copy is about to go away, and is to live longer."""


@dataclass(frozen=True, slots=True)
class ThawWant:
    """One object that somebody wants to ask for.

    Args:
        key, etag: which object; full key.
        size: in bytes.
        kind: why.
    """

    key: str
    etag: str
    size: int
    kind: ThawKind = ThawKind.ARCHIVED


@dataclass(frozen=True, slots=True)
class ThawRecord:
    """One row of the ledger: the newest request for an object.

    Args:
        location, key, etag, size: which object.
        tier, days: as asked for last.
        holder: id of the ingest (or another name) that asked.
        chunk: id of the chunk of requests it belongs to.
        stand: how far it is.
        since: when it was reserved, or asked for.
        lease_ends: with RESERVED: when somebody else may take over.
        kind: what for it was asked last.
        times: how often a thaw of these bytes was asked for and accepted; 2 or more: a copy expired unused.
        paid: whether the provider asks money for the newest request, as far as anybody can tell.
        until: when the copy goes away, once the provider said so; :data:`FOR_GOOD` if it never does.
    """

    location: str
    key: str
    etag: str
    size: int
    tier: ThawTier
    days: int
    holder: str
    chunk: str
    stand: ThawStand
    since: datetime
    lease_ends: datetime
    kind: ThawKind = ThawKind.ARCHIVED
    times: int = 0
    paid: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ThawTerms:
    """What a reservation is made for.

    Args:
        holder: who asks.
        chunk: id of the chunk that new reservations belong to.
        tier, days: what will be asked for.
        seen: when the objects' states were looked at: what somebody asked for later is not asked for again.
        lease: how long a reservation lasts.
    """

    holder: str
    chunk: str
    tier: ThawTier
    days: int
    seen: datetime
    lease: timedelta = timedelta(hours=1)


class ThawLedger(Protocol):
    """The ledger of one installation."""

    def reserve(self, location: str, wants: Sequence[ThawWant], terms: ThawTerms) -> Mapping[str, ThawRecord]:
        """Reserve what may be asked for now.

        Args:
            location: of the objects.
            wants: at most a few thousand objects, each once.
            terms: of the requests.

        Returns:
            By key, the objects that are reserved for this holder now. Others were asked for since ``terms.seen``, or
            are reserved by somebody else. A reservation that this holder had before keeps its chunk.
        """
        ...

    def asked(
        self, location: str, keys: Iterable[str], holder: str, *, paid: bool, tier: ThawTier | None = None
    ) -> None:
        """Note that the holder's reservations were asked for, now.

        Args:
            location: of the objects.
            keys: reserved by ``holder``; others are left alone.
            holder: who asked.
            paid: the provider asks money for it, as far as anybody can tell; else somebody else had asked before.
            tier: the tier it became, if another than was reserved for.
        """
        ...

    def release(self, location: str, keys: Iterable[str], holder: str) -> None:
        """Give reservations back that were not sent, or were refused."""
        ...

    def readable(self, location: str, until: Mapping[str, datetime]) -> None:
        """Note by key until when copies live, as the provider says, or :data:`FOR_GOOD`.

        Keys without a row are left alone.
        """
        ...

    def of(self, location: str, keys: Iterable[str]) -> Mapping[str, ThawRecord]:
        """The rows of these objects, by key, where there are any."""
        ...

    def unfinished(self, location: str, prefix: str, *, before: datetime, limit: int = 1000) -> Sequence[ThawRecord]:
        """What was asked for before a moment, and never seen readable, ascending by key.

        Args:
            location: of the objects.
            prefix: of the keys.
            before: the moment.
            limit: at most so many rows.
        """
        ...

    def queue(self, location: str) -> Sequence[ThawQueue]:
        """What is under way at a location, by tier: asked for, and never seen readable."""
        ...

    def asked_before(self, location: str, tier: ThawTier, moments: Sequence[datetime]) -> tuple[int, ...]:
        """How many of the objects of a queue were asked for before each of some moments."""
        ...

    def thawed(self, location: str) -> Sequence[ThawedCopies]:
        """What can be read now at a location, one line a tier that has any."""
        ...

    def ending(self, location: str, prefix: str, *, before: datetime, limit: int = 10_000) -> Sequence[ThawRecord]:
        """Copies that live now and go away before a moment, ascending by key.

        Args:
            location: of the objects.
            prefix: of the keys.
            before: the moment.
            limit: at most so many rows.
        """
        ...

    def chunk(self, chunk: str) -> tuple[int, int]:
        """Objects and bytes of a chunk that the provider accepted."""
        ...

    def expired(self, location: str | None = None) -> int:
        """How many thaws were asked for a second time, since their copies went away unused."""
        ...

    def forget(self, *, before: datetime) -> int:
        """Remove the rows of copies that went away before a moment, and of what became readable for good before it.

        Requests that are under way stay, however old: they are watched.

        Returns:
            how many rows were removed.
        """
        ...


def new_record(location: str, want: ThawWant, terms: ThawTerms, now: datetime) -> ThawRecord:
    """The reservation of an object that has no row."""
    return ThawRecord(
        location,
        want.key,
        want.etag,
        want.size,
        terms.tier,
        terms.days,
        terms.holder,
        terms.chunk,
        ThawStand.RESERVED,
        now,
        now + terms.lease,
        want.kind,
    )


def asked_now(row: ThawRecord, now: datetime, *, paid: bool, tier: ThawTier | None) -> ThawRecord:
    """The row once its request was answered."""
    again = paid and row.kind is ThawKind.ARCHIVED
    made = replace(row, stand=ThawStand.ASKED, since=now, lease_ends=now, times=row.times + again, paid=paid)
    return made if tier is None else replace(made, tier=tier)


def reserved_again(row: ThawRecord, want: ThawWant, terms: ThawTerms, now: datetime) -> ThawRecord | None:
    """The row as it becomes when the object is reserved, or ``None`` if it must not be asked for now."""
    fresh = new_record(row.location, want, terms, now)
    if row.etag != want.etag:
        # Other bytes under the same name: nobody asked for these.
        return fresh
    again = replace(fresh, times=row.times)
    from_the_future = row.since > now + CLOCK_SKEW
    match row.stand:
        case ThawStand.RESERVED:
            if row.holder == terms.holder:
                return replace(again, chunk=row.chunk, tier=row.tier, days=row.days, kind=row.kind)
            return again if from_the_future or row.lease_ends <= now else None
        case ThawStand.ASKED:
            if row.since > terms.seen and not from_the_future:
                return None
            if want.kind is ThawKind.FASTER and terms.tier.speed <= row.tier.speed:
                return None
            return again
