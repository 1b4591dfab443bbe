"""Metrics through Airflow's own Stats: StatsD or OpenTelemetry, as Airflow is configured.

Names begin with Airflow's prefix and ``bagfill.``. What a metric is about is in its tags, which StatsD carries in
InfluxDB's form (``statsd_influxdb_enabled``). No tag names a bag: their number has no bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from airflow.sdk.observability.stats import gauge, incr, timing

from bagfill.planning.rates import Activity, ShardTiming
from bagfill.planning.thaw_waits import ThawTiming
from bagfill.rates.log import KEPT, RateLog, ShardDone, ThawSeen
from bagfill.steps.measure import Gauge
from bagfill.steps.services import Services

PREFIX = "bagfill."


class Kind(StrEnum):
    """What is done with a value."""

    COUNTER = "counter"
    GAUGE = "gauge"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        name: without prefix.
        kind: of it.
        tags: that it has.
        meaning: in words, with the unit.
    """

    name: str
    kind: Kind
    tags: tuple[str, ...]
    meaning: str


_SHARDS = ("step", "location")
_PLACE = ("location",)
_THAWS = ("location", "tier")
_CAMPAIGN = ("campaign",)
METRICS = (
    Metric("bytes", Kind.COUNTER, _SHARDS, "Bytes of shards that were copied to, or read back from, a location."),
    Metric("files", Kind.COUNTER, _SHARDS, "Files of these shards."),
    Metric("shard", Kind.TIMER, _SHARDS, "What a shard took a worker, in milliseconds."),
    Metric("ingests", Kind.COUNTER, ("status", "reason"), "Ingests that ended; why, if they failed, else `none`."),
    Metric("replicas", Kind.GAUGE, _PLACE, "Registered bag versions."),
    Metric("missing_bag_versions", Kind.GAUGE, _PLACE, "Bag versions that a policy wants there, and that are not."),
    Metric("open_ingests", Kind.GAUGE, _PLACE, "Ingests to a location that have not ended."),
    Metric("oldest_unverified_seconds", Kind.GAUGE, _PLACE, "Age of the oldest of them: its replica is not proved."),
    Metric("thaw_queue_objects", Kind.GAUGE, _THAWS, "Objects that were asked for and are not readable yet."),
    Metric("thaw_queue_bytes", Kind.GAUGE, _THAWS, "Their size."),
    Metric("thaw_oldest_seconds", Kind.GAUGE, _THAWS, "How long the oldest of them has been waited for."),
    Metric("spend", Kind.GAUGE, _CAMPAIGN, "Money that counts against the caps of a campaign, in its currency."),
    Metric("spend_cap", Kind.GAUGE, _CAMPAIGN, "The cap, where there is one."),
    Metric(
        "campaign_running", Kind.GAUGE, _CAMPAIGN, "1 if it starts bags, 0 if it waits, is paused, drains, stopped."
    ),
)
"""Every metric that is sent."""


def metered(services: Services) -> Services:
    """Services whose finished shards are counted, whichever task works on them."""
    return replace(services, rates=MeteredRates(services.rates), ingest_ended=count_ingest)


class MeteredRates:
    """A rate log that also counts. See :class:`bagfill.rates.log.RateLog`.

    Args:
        inner: keeps what was measured.
    """

    def __init__(self, inner: RateLog) -> None:
        self._inner = inner

    def shard_done(self, done: ShardDone) -> None:
        """See :meth:`RateLog.shard_done`."""
        self._inner.shard_done(done)
        tags = {"step": done.activity.value, "location": done.destination}
        incr(f"{PREFIX}bytes", done.timing.bytes, tags=tags)
        incr(f"{PREFIX}files", done.timing.files, tags=tags)
        timing(f"{PREFIX}shard", done.timing.seconds * 1000, tags=tags)

    def shards(self, activity: Activity, destination: str, source: str | None = None) -> Sequence[ShardTiming]:
        """See :meth:`RateLog.shards`."""
        return self._inner.shards(activity, destination, source)

    def thaw_seen(self, seen: ThawSeen) -> None:
        """See :meth:`RateLog.thaw_seen`."""
        self._inner.thaw_seen(seen)

    def thaws(self, location: str) -> Sequence[ThawTiming]:
        """See :meth:`RateLog.thaws`."""
        return self._inner.thaws(location)

    def forget(self, keep: int = KEPT) -> int:
        """See :meth:`RateLog.forget`."""
        return self._inner.forget(keep)


def count_ingest(status: str, reason: str | None) -> None:
    """An ingest ended."""
    incr(f"{PREFIX}ingests", 1, tags={"status": status, "reason": reason or "none"})


def send_gauges(gauges: Iterable[Gauge]) -> int:
    """Send what was measured; how many there were."""
    number = 0
    for each in gauges:
        gauge(f"{PREFIX}{each.name}", each.value, tags=dict(each.tags))
        number += 1
    return number
