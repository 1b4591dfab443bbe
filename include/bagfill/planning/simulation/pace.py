"""How fast a simulated campaign takes itself to be: as declared, then as measured, on the days that its caps leave."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

from bagfill.planning.rates import Rate, ShardTiming, learn_rate
from bagfill.planning.simulation.profile import SimulationProfile
from bagfill.planning.waves import WavePace, WorkDay
from bagfill.thaw.tiers import thaw_times

_LOOKED_AT = 200
"""Shards that a rate is learnt from, as many as the registry gives of a real campaign."""
_LEARN_EVERY = 6 * 3600.0
_START = datetime(2026, 1, 1, tzinfo=UTC)


class MeasuredPace:
    """Learns from work that has ended.

    Args:
        profile: what is declared.
        archived_files: of an archived bag, on average.
    """

    def __init__(self, profile: SimulationProfile, archived_files: float) -> None:
        self._machines = profile.machines
        self._usual = thaw_times(profile.collection.archive_class, profile.tier).last
        self._day = WorkDay.under(profile.caps)
        self._archived_files = archived_files
        self._timings: deque[ShardTiming] = deque(maxlen=_LOOKED_AT)
        self._learnt = 0.0
        self._rate = Rate(profile.machines.seconds_a_file, 1 / profile.machines.bytes_a_second)

    def learn(self, now: float, files: int, size: int, seconds: float) -> None:
        """So much work took one worker so long, until now."""
        self._timings.append(ShardTiming(files, size, seconds, _START + timedelta(seconds=now), seconds))

    def now(self, now: float) -> WavePace:
        """The pace of bags, as far as it is measured by now."""
        if now >= self._learnt + _LEARN_EVERY:
            self._learnt = now
            self._rate = learn_rate(self._timings, self._rate) or self._rate
        workers = self._machines.workers
        size = workers / max(self._rate.seconds_a_byte, 1e-15)
        files = self._rate.seconds_a_file * self._archived_files
        return WavePace(
            readable_after=self._usual,
            copy_rate=size,
            verify_rate=size,
            requests_per_second=self._machines.thaw_requests_per_second / self._archived_files,
            objects_per_second=workers / (2 * files) if files else float("inf"),
            day=self._day,
        )
