"""How long a shard took its worker, noted for forecasts once the shard is done.

A worker may have several shards in hand: a parcel is several small bags at once in one task. Its time is then shared
among them, as a processor's is among its programs, so that the times of all shards add up to what the worker was busy.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from bagfill.database.errors import DatabaseError
from bagfill.planning.rates import Activity, ShardTiming
from bagfill.rates.log import ShardDone
from bagfill.steps.outcomes import ShardRef
from bagfill.steps.services import Services

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Share:
    """What a shard took.

    Args:
        seconds: its part of the worker's time.
        lasted: seconds since it was taken in hand.
    """

    seconds: float
    lasted: float


class WorkerTime:
    """Shares the time of one worker among the shards it has in hand.

    Args:
        clock: seconds, never backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._in_hand = 0
        self._looked = 0.0
        # What a shard would have had that was in hand from the beginning.
        self._shared = 0.0

    @contextmanager
    def shard(self) -> Iterator[Callable[[], Share]]:
        """A block in which a shard is in hand; gives what asks for its share up to now."""
        begun, before = self._step(+1)

        def share() -> Share:
            now, shared = self._step(0)
            return Share(shared - before, now - begun)

        try:
            yield share
        finally:
            self._step(-1)

    def _step(self, more: int) -> tuple[float, float]:
        with self._lock:
            now = self._clock()
            if self._in_hand:
                self._shared += (now - self._looked) / self._in_hand
            self._looked = now
            self._in_hand += more
            return now, self._shared


WORKER = WorkerTime()
"""Of this process."""


def note_shard(services: Services, shard: ShardRef, activity: Activity, share: Share, *, files: int, size: int) -> None:
    """Note what a finished shard took. A forecast is worth less than a shard: what cannot be noted is left out.

    Args:
        services: of the step.
        shard: which.
        activity: what was done.
        share: how long it took.
        files, size: how much it was; bytes.
    """
    ref = shard.ingest
    timing = ShardTiming(files, size, share.seconds, services.clock(), share.lasted)
    try:
        services.rates.shard_done(ShardDone(ref.source, ref.destination, activity, ref.ingest_id, shard.index, timing))
    except DatabaseError as error:
        logger.warning("%s: how long a shard took was not noted: %s", ref.bag_version, error)
