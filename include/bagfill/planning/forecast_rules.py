"""What a forecast starts from, as the settings say it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ForecastRules:
    """How much works at once, and where.

    Args:
        workers: tasks that copy or read back at the same time, of all bags together.
        workers_at: the location in whose region they run: what they read there does not leave the region, and costs no
            transfer. ``None``: somewhere else, so reading back is paid like any download.
        bandwidth: bytes a second that all workers together can receive; ``None``: as much as they like.
        seconds_a_file: what each file takes a worker beside its bytes, where nothing was measured.
        sample: bag versions that are listed to learn the storage classes of a large collection.
    """

    workers: int = 16
    workers_at: str | None = None
    bandwidth: int | None = None
    seconds_a_file: float = 0.05
    sample: int = 1000
