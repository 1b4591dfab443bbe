"""How fast a simulated campaign takes itself to be: as declared, then as measured, on the days that its caps leave."""

from __future__ import annotations

from bagfill.planning.rates import Measurements, Rate
from bagfill.planning.simulation.profile import SimulationProfile
from bagfill.planning.waves import WavePace, WorkDay
from bagfill.thaw.tiers import thaw_times

_LEARN_AFTER = 50


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
        self._measured = Measurements()
        self._rate = Rate(profile.machines.seconds_a_file, 1 / profile.machines.bytes_a_second)

    def learn(self, files: int, size: int, seconds: float) -> None:
        """So much work took one worker so long."""
        self._measured += Measurements.of(files, size, seconds)

    def now(self) -> WavePace:
        """The pace of bags, as far as it is measured by now."""
        if self._measured.count >= _LEARN_AFTER:
            self._rate = self._measured.rate() or self._rate
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
