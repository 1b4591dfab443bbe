"""How long thaw, copy and verification take, and which bound decides it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.costs import tier_for
from bagfill.planning.prices import PriceTable
from bagfill.planning.rates import Rate
from bagfill.planning.thaw_waits import ThawWaits, usual_wait
from bagfill.planning.waves import ANY_TIME, DAY, WorkDay
from bagfill.storage.store import ThawTier


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits a step.

    Args:
        workers: tasks at the same time.
        copy, verify: how long one worker takes.
        thaw_requests_per_second: as the settings allow.
        bandwidth: bytes a second of all workers together; ``None``: no bound.
        waits: how long thaws took that were measured; of others the provider's word counts.
        day: when work may be done, and how much of it on one day: what a campaign's caps leave.
    """

    workers: int
    copy: Rate
    verify: Rate
    thaw_requests_per_second: float
    bandwidth: int | None = None
    waits: ThawWaits = field(default_factory=dict)
    day: WorkDay = ANY_TIME


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long one step takes.

    Args:
        step: ``thaw``, ``copy``, ``verify`` or ``spend``.
        seconds: by the bound that limits.
        bound: which that is.
        bounds: seconds by each bound.
    """

    step: str
    seconds: float
    bound: str
    bounds: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "step": self.step,
            "seconds": round(self.seconds),
            "bound": self.bound,
            "bounds": {name: round(seconds) for name, seconds in self.bounds.items()},
        }


@dataclass(frozen=True, slots=True)
class Times:
    """Of a whole plan.

    Args:
        steps: thaw (if anything is archived), copy, verify; spend, where a campaign has a cap of money a day.
        total: from the first request to the last byte read back: what is archived waits for its tier; meanwhile the
            rest of the requests goes out, and copying and reading back share the workers.
    """

    steps: tuple[StepTime, ...]
    total: timedelta

    def spending(self, money: Decimal, day: WorkDay) -> Times:
        """The same, where so much money may not be spent sooner than a campaign's cap by the day lets it."""
        if not day.money or not money:
            return self
        bound = "money a day (campaign)"
        seconds = DAY * float(money / day.money)
        spend = StepTime("spend", seconds, bound, {bound: seconds})
        return Times((*self.steps, spend), max(self.total, timedelta(seconds=seconds)))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"total_seconds": round(self.total.total_seconds()), "steps": [step.to_json() for step in self.steps]}


def step_times(
    classes: Mapping[ClassKey, Amount],
    tier: ThawTier,
    bounds: Bounds,
    source: PriceTable | None,
    destination: PriceTable | None,
) -> Times:
    """How long it takes to move ``classes``.

    Args:
        tier: the thaw tier wanted; a class that does not have it takes the next slower.
        source, destination: for the quotas of the providers; ``None``: not known, no bound.
    """
    whole = Amount()
    for amount in classes.values():
        whole.add(amount.objects, amount.bytes, amount.requests)
    copy = _longest("copy", _copy_bounds(whole, bounds, _quotas(source), _quotas(destination)))
    verify = _longest("verify", _verify_bounds(whole, bounds, _quotas(destination)))
    # Copying and reading back share the hours in which anything may begin.
    working = bounds.day.span(copy.seconds + verify.seconds, whole.bytes)
    copy, verify = _in_days(copy, bounds.day, whole.bytes), _in_days(verify, bounds.day)
    archived = {key: amount for key, amount in classes.items() if key.archived}
    if not archived:
        return Times((copy, verify), timedelta(seconds=working))
    asking, waiting = _thaw_seconds(archived, tier, bounds, _quotas(source))
    asking |= _hours(bounds.day, max(asking.values()))
    limit = max(asking, key=lambda name: asking[name])
    parts = {**asking, f"{tier.value} thaws take": waiting}
    thaw = StepTime("thaw", asking[limit] + waiting, max(parts, key=lambda name: parts[name]), parts)
    return Times((thaw, copy, verify), timedelta(seconds=waiting + max(asking[limit], working)))


def _quotas(table: PriceTable | None) -> Mapping[str, int]:
    return {} if table is None else table.quotas


def _thaw_seconds(
    archived: Mapping[ClassKey, Amount], tier: ThawTier, bounds: Bounds, quotas: Mapping[str, int]
) -> tuple[dict[str, float], float]:
    objects = sum(amount.objects for amount in archived.values())
    asking = {"thaw requests a second (settings)": objects / bounds.thaw_requests_per_second}
    if "thaw_requests_per_second" in quotas:
        asking["thaw requests a second (provider)"] = objects / quotas["thaw_requests_per_second"]
    slowest = (usual_wait(bounds.waits, key.storage_class, tier_for(key.storage_class, tier)) for key in archived)
    return asking, max(slowest).total_seconds()


def _copy_bounds(
    whole: Amount, bounds: Bounds, source: Mapping[str, int], destination: Mapping[str, int]
) -> dict[str, float]:
    found = _worker_bounds(whole, bounds, bounds.copy)
    for name, amount, quotas, quota in (
        ("reads a second (source)", whole.requests, source, "reads_per_second"),
        ("bytes out a second (source)", whole.bytes, source, "bytes_out_per_second"),
        ("writes a second (destination)", whole.requests, destination, "writes_per_second"),
        ("bytes in a second (destination)", whole.bytes, destination, "bytes_in_per_second"),
    ):
        if quota in quotas:
            found[name] = amount / quotas[quota]
    return found


def _verify_bounds(whole: Amount, bounds: Bounds, destination: Mapping[str, int]) -> dict[str, float]:
    found = _worker_bounds(whole, bounds, bounds.verify)
    for name, amount, quota in (
        ("reads a second (destination)", whole.objects, "reads_per_second"),
        ("bytes out a second (destination)", whole.bytes, "bytes_out_per_second"),
    ):
        if quota in destination:
            found[name] = amount / destination[quota]
    return found


def _worker_bounds(whole: Amount, bounds: Bounds, rate: Rate) -> dict[str, float]:
    by_files, by_bytes = rate.seconds(whole.objects, 0), rate.seconds(0, whole.bytes)
    name = "files a second of the workers" if by_files > by_bytes else "bytes a second of the workers"
    found = {name: (by_files + by_bytes) / bounds.workers}
    if bounds.bandwidth is not None:
        found["bandwidth (settings)"] = whole.bytes / bounds.bandwidth
    return found


def _in_days(step: StepTime, day: WorkDay, size: int = 0) -> StepTime:
    """The step, on days of which a campaign's caps leave a part."""
    bounds = {**step.bounds, **_hours(day, step.seconds)}
    if size and not math.isinf(day.bytes):
        bounds["bytes a day (campaign)"] = DAY * size / day.bytes
    return _longest(step.step, bounds)


def _hours(day: WorkDay, seconds: float) -> dict[str, float]:
    return {} if day.open >= DAY else {"hours of the day (campaign)": day.span(seconds)}


def _longest(step: str, bounds: dict[str, float]) -> StepTime:
    limit = max(bounds, key=lambda name: bounds[name])
    return StepTime(step, bounds[limit], limit, bounds)
