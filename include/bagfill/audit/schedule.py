"""How much is looked at in a day, so that every replica is seen within the period and days are alike.

Of a location with ``N`` replicas and ``B`` bytes, replica ``i`` is the share ``½ · (1/N + bytes_i/B)`` of the work:
half by count, half by bytes. All shares together are 1. A day takes replicas in order until their shares reach the
quota:

    quota = min(2/P, max(1/P, max over k of (share of the first k) / (days until the k-th is due)))

with ``P`` the period in days. With at least ``1/P`` every day nothing waits longer than the period; the second term
spreads what a pause or many new replicas left over the days that remain, and ``2/P`` keeps even that from becoming a
burst. In numbers: a day takes at most about twice ``2·N/P`` replicas, or twice ``2·B/P`` bytes, and one replica more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from bagfill.audit.log import ReplicaStanding

_DAY = timedelta(days=1)

Standings = Callable[[], Iterator[ReplicaStanding]]
"""Gives every replica of a location in the order in which they are to be seen. Called several times."""


def share_of_today(
    standings: Standings, *, period: timedelta, now: datetime, limit: int | None = None
) -> list[ReplicaStanding]:
    """Choose what is to be looked at today.

    Replicas whose last look found nothing out come afterwards and do not count: they are tried again every day, and
    keep nobody else from being seen.

    Args:
        period: within which every replica is to be seen; at least a day.
        limit: most replicas to choose.

    Raises:
        ValueError: the period is shorter than a day.
    """
    if period < _DAY:
        raise ValueError(f"a period is at least a day: {period}")
    quota = _quota(standings, period, now)
    chosen: list[ReplicaStanding] = []
    again: list[ReplicaStanding] = []
    taken = 0.0
    for standing, share in _shares(standings):
        if limit is not None and len(chosen) >= limit:
            break
        if standing.failed_last:
            again.append(standing)
        elif taken < quota:
            chosen.append(standing)
            taken += share
    again.sort(key=lambda standing: standing.tried or now)
    return [*chosen, *again][:limit]


def overdue(standing: ReplicaStanding, *, period: timedelta, now: datetime) -> bool:
    """Whether a replica was not seen within the period."""
    return standing.since + period < now


def _quota(standings: Standings, period: timedelta, now: datetime) -> float:
    days = period / _DAY
    even = 1 / days
    needed = even
    taken = 0.0
    for standing, share in _shares(standings):
        if standing.failed_last:
            continue
        taken += share
        left = (standing.since + period - now) / _DAY
        needed = max(needed, taken / max(left, 1.0))
    # A hair less, so that sums of rounded shares cannot make a period a day longer.
    return min(needed, 2 * even) * (1 - 1e-9)


def _shares(standings: Standings) -> Iterator[tuple[ReplicaStanding, float]]:
    count = size = 0
    for standing in standings():
        count += 1
        size += standing.bytes
    for standing in standings():
        by_bytes = Fraction(standing.bytes, size) if size else Fraction(1, count)
        yield standing, float((Fraction(1, count) + by_bytes) / 2)
