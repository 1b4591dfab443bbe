"""What shards and thaws took, kept for forecasts: one row for each, a bounded number for each pair of locations.

``tests/contracts/rates_contract.py`` checks every implementation. A step that runs again notes the same row, which
changes nothing. No names of files or bags are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bagfill.planning.rates import Activity, ShardTiming
from bagfill.planning.thaw_waits import ThawTiming

NEWEST_SHARDS = 200
"""Of one pair and activity: what a rate is learnt from. More would say the same, and take longer."""
NEWEST_THAWS = 200
"""Of one location."""
KEPT = 1000
"""Rows that are kept for each."""


@dataclass(frozen=True, slots=True)
class ShardDone:
    """One finished shard.

    Args:
        source, destination: names of the locations.
        activity: what was done.
        ingest_id, shard: whose it was. Together with ``activity`` they are the row's key.
        timing: how long it took.
    """

    source: str
    destination: str
    activity: Activity
    ingest_id: str
    shard: int
    timing: ShardTiming


@dataclass(frozen=True, slots=True)
class ThawSeen:
    """Objects of one group of requests that became readable.

    Args:
        location: name of the objects' location.
        chunk: id of the group in the thaw ledger. Together with class and tier it is the row's key.
        timing: how long it took.
    """

    location: str
    chunk: str
    timing: ThawTiming


class RateLog(Protocol):
    """Where it is kept. Methods may raise DatabaseError."""

    def shard_done(self, done: ShardDone) -> None:
        """Note a shard; one that was noted before stays as it is."""
        ...

    def shards(self, activity: Activity, destination: str, source: str | None = None) -> Sequence[ShardTiming]:
        """The newest shards, newest first, at most :data:`NEWEST_SHARDS`.

        Args:
            activity: which.
            destination: name of the location that was written, or read back from.
            source: name of the location that was read; ``None``: whichever.
        """
        ...

    def thaw_seen(self, seen: ThawSeen) -> None:
        """Note a group's objects; of one that was noted before, the earliest first and the latest last are kept."""
        ...

    def thaws(self, location: str) -> Sequence[ThawTiming]:
        """The newest groups of a location, newest first, at most :data:`NEWEST_THAWS`."""
        ...

    def forget(self, keep: int = KEPT) -> int:
        """Remove all but the newest ``keep`` shards of each pair and activity, and groups of each location.

        Returns:
            how many rows were removed.
        """
        ...
