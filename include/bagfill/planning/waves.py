"""Cuts archived objects into waves, so that no thawed copy goes away before what was copied from it is verified.

A thawed copy lives for a number of days. What is asked for at once has to be asked for, become readable, be copied and
be read back within them; a set that takes longer is asked for in pieces, each when the piece before it is nearly done.
The life of a copy is counted from the request, the earlier of the two readings that AWS's pages allow, and without the
rounding up to midnight: a copy lives longer than is reckoned with here, never shorter.

Pure: ``bagfill simulate`` runs this very code on a virtual clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from bagfill.planning.budget import Caps

DAY = 86_400.0
MARGIN = 0.25
"""Share of a copy's life that is kept free: for retries, and for rates that are lower than they were measured."""


@dataclass(frozen=True, slots=True)
class WorkDay:
    """When work may be done: at any time, or for a part of each day.

    Args:
        open: seconds of a day in which acts may begin.
        wait: the longest time at a stretch in which none may: closed hours, or the rest of a day whose cap is used up.
        bytes: that may be copied on one day.
        money: that may be spent on one day; plans alone reckon with it. ``None``: any amount.

    Raises:
        ValueError: no work could ever be done.
    """

    open: float = DAY
    wait: float = 0.0
    bytes: float = math.inf
    money: Decimal | None = None

    def __post_init__(self) -> None:
        if not (0 < self.open <= DAY and self.wait >= 0 and self.bytes > 0):
            raise ValueError(f"a day in which no work can be done: {self}")

    @classmethod
    def under(cls, caps: Caps) -> WorkDay:
        """The day that a campaign's caps leave."""
        hours = DAY if caps.hours is None else caps.hours.seconds
        has_day_cap = caps.bytes_a_day is not None or caps.money_a_day is not None
        return cls(
            open=hours,
            wait=DAY if has_day_cap else DAY - hours,
            # A cap of nothing lets no act begin, whatever is reckoned here.
            bytes=math.inf if caps.bytes_a_day is None else max(1, caps.bytes_a_day),
            money=caps.money_a_day,
        )

    def span(self, seconds: float, size: float = 0.0) -> float:
        """Seconds from beginning to end of so many seconds of work with so many bytes; :attr:`wait` comes before."""
        return max(seconds + (DAY - self.open) * (seconds // self.open), DAY * size / self.bytes)


ANY_TIME = WorkDay()


@dataclass(frozen=True, slots=True)
class WavePace:
    """How fast a set of objects goes from archived to verified.

    Args:
        readable_after: from the request until the slowest object is readable (:func:`bagfill.thaw.tiers.thaw_times`).
        copy_rate: bytes a second, of everything that copies at the same time; measured, or as declared.
        verify_rate: bytes a second of reading back, likewise.
        requests_per_second: of asking for thaws.
        objects_per_second: that copying and verifying get through, however small they are; ``inf``: bytes alone count.
        day: when any of it may be done.

    Raises:
        ValueError: a rate is not above zero.
    """

    readable_after: timedelta
    copy_rate: float
    verify_rate: float
    requests_per_second: float
    objects_per_second: float = math.inf
    day: WorkDay = ANY_TIME

    def __post_init__(self) -> None:
        for name in ("copy_rate", "verify_rate", "requests_per_second", "objects_per_second"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above zero, found {getattr(self, name)}")

    def asking(self, objects: int) -> float:
        """Seconds to ask for so many objects."""
        return self.day.span(objects / self.requests_per_second)

    def working(self, objects: int, size: int) -> float:
        """Seconds to copy and verify so many objects of ``size`` bytes together."""
        return self.day.span(size / self.copy_rate + size / self.verify_rate + objects / self.objects_per_second, size)

    @property
    def until_worked_on(self) -> float:
        """Seconds from the last request until work on the objects has begun: twice may nothing be done for a while."""
        return self.readable_after.total_seconds() + 2 * self.day.wait

    def left(self, objects: int, size: int) -> float:
        """Seconds from now until so much is copied and verified, whatever time of the day it is."""
        return self.day.wait + self.working(objects, size) if objects else 0.0

    def span(self, objects: int, size: int) -> float:
        """Seconds from the first request to the last object's verification."""
        return self.asking(objects) + self.until_worked_on + self.working(objects, size)


@dataclass(frozen=True, slots=True)
class Wave:
    """Objects that are asked for together.

    Args:
        first, count: which objects, by their place in the order they were given in.
        bytes: of all of them.
        days: how long their copies are asked to live.
        ask_at: when to begin asking, counted from the first request of the first wave.
        readable_by: when the slowest of them is readable, counted likewise.
        verified_by: when the last of them is copied and verified, counted likewise.
    """

    first: int
    count: int
    bytes: int
    days: int
    ask_at: timedelta
    readable_by: timedelta
    verified_by: timedelta

    @property
    def places(self) -> range:
        """The places of its objects."""
        return range(self.first, self.first + self.count)


def days_for(span: timedelta, *, margin: float = MARGIN) -> int:
    """The fewest whole days of a copy's life of which ``span`` leaves the margin free; at least 1."""
    return max(1, math.ceil(span.total_seconds() / (DAY * (1 - margin))))


def cut_waves(sizes: Iterable[int], pace: WavePace, *, days: int, margin: float = MARGIN) -> Iterator[Wave]:
    """Cut objects, in their order, into the fewest waves whose copies live until they are verified.

    The next wave is asked for so that it becomes readable when the one before is done, or at once behind it where
    asking takes longer than working. Days that are too few are raised: to leave the tier's own time as much again for
    work, and for an object that is so large that it needs them.

    Args:
        sizes: of the objects, bytes, in the order in which they will be copied. Read once; one wave's sums are held,
            never the sizes.
        pace: how fast they go.
        days: how long copies live, if that is enough.
        margin: share of that life to keep free.

    Yields:
        the waves, without gaps; none for no objects.
    """
    least = max(days, days_for(timedelta(seconds=2 * pace.until_worked_on), margin=margin))
    usable = least * DAY * (1 - margin)
    schedule = _Schedule(pace, least, margin)
    count = total = 0
    for size in sizes:
        if count and pace.span(count + 1, total + size) > usable:
            yield schedule.next(count, total)
            count = total = 0
        count += 1
        total += size
    if count:
        yield schedule.next(count, total)


class _Schedule:
    """Lays one wave behind the other."""

    def __init__(self, pace: WavePace, days: int, margin: float) -> None:
        self._pace = pace
        self._days = days
        self._margin = margin
        self._first = 0
        self._asked = 0.0
        self._done = 0.0

    def next(self, count: int, size: int) -> Wave:
        pace = self._pace
        asking, until_readable = pace.asking(count), pace.until_worked_on
        ask_at = max(self._asked, self._done - until_readable - asking)
        readable = ask_at + asking + until_readable
        done = max(self._done, readable) + pace.working(count, size)
        days = max(self._days, days_for(timedelta(seconds=done - ask_at), margin=self._margin))
        wave = Wave(self._first, count, size, days, *(timedelta(seconds=moment) for moment in (ask_at, readable, done)))
        self._first, self._asked, self._done = self._first + count, ask_at + asking, done
        return wave


@dataclass(frozen=True, slots=True)
class Window:
    """What of a bag version may be asked for now: its first objects that are not copied yet.

    Args:
        count: of objects, from the first.
        days: how long their copies are asked to live.
    """

    count: int
    days: int


def first_window(sizes: Sequence[int], pace: WavePace, *, days: int, most_days: int, margin: float = MARGIN) -> Window:
    """All objects, with as many days as they need; or, where these are too many, the first wave.

    Looked at again and again while objects are copied, it moves on by itself: an object is asked for as soon as its
    copy would live until its turn has come and passed.

    Args:
        sizes: of what is not copied yet, bytes, in the order of copying.
        pace: how fast it goes.
        days: how long copies live, if that is enough.
        most_days: longest life to ask for so as to take everything at once.
        margin: share of the life to keep free.
    """
    count, size = len(sizes), sum(sizes)
    least = max(days, days_for(timedelta(seconds=2 * pace.until_worked_on), margin=margin))
    needed = days_for(timedelta(seconds=pace.span(count, size)), margin=margin)
    if needed <= max(least, most_days):
        return Window(count, max(least, needed))
    wave = next(cut_waves(sizes, pace, days=max(least, most_days), margin=margin))
    return Window(wave.count, wave.days)


def prolong_horizon(days: int) -> timedelta:
    """How long before its end a copy is looked at: a day, or half of a shorter life."""
    return min(timedelta(days=1), timedelta(days=days) / 2)


def ends_too_soon(left_to_live: timedelta, left_to_do: timedelta, *, margin: float = MARGIN) -> bool:
    """Whether a copy goes away before what is left is copied and verified, with the margin on top."""
    return left_to_live < left_to_do * (1 + margin)
