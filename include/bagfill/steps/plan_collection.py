"""Plan a whole scope from the registry: streamed, so that a million bag versions take no more memory than a thousand.

The registry's rows say how many files and bytes there are. Storage classes and names stand in listings alone: of a
small scope all are listed, of a large one a sample, drawn by chance with a fixed seed, so that the same registry gives
the same plan.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from bagfill.ingests.reasons import Reason
from bagfill.planning.collection import ClassKey, Collection
from bagfill.planning.forecast import forecasts
from bagfill.planning.plan import BackfillPlan, Looked
from bagfill.planning.waves import ANY_TIME, WorkDay
from bagfill.registry.sizes import SizedBagVersion
from bagfill.steps.forecasting import bounds_of, pair_of
from bagfill.steps.look_at import Seen, look_at
from bagfill.steps.plan_scope import PlanScope
from bagfill.steps.services import Services

NO_SOURCE = "no-source"
_THREADS = 16
Item = TypeVar("Item")
Result = TypeVar("Result")


class Look(StrEnum):
    """Which bag versions are listed."""

    AUTO = "auto"
    """All, up to as many as a sample has; else a sample."""
    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class _Going:
    """One bag version that can go, as far as the registry knows."""

    sized: SizedBagVersion
    source: str


def plan_collection(
    services: Services,
    scope: PlanScope,
    *,
    destination: str,
    source: str | None = None,
    look: Look = Look.AUTO,
    tag_files: bool = False,
    days: int | None = None,
    day: WorkDay = ANY_TIME,
    counted: Callable[[int], None] = lambda _: None,
    looked: Callable[[int], None] = lambda _: None,
) -> BackfillPlan:
    """Plan what a scope lacks at a location. Changes and pays nothing but listings.

    Args:
        scope: which bags.
        destination: name of the location.
        source: name of the location to read; ``None``: of each bag version the first it was registered at.
        look: which bag versions are listed.
        tag_files: whether those are judged by their tag files too.
        days: how long thawed copies are to live; ``None``: as the source says.
        day: when work may be done.
        counted: told how many bag versions of the registry were gone through.
        looked: told how many were listed.

    Raises:
        ScopeError, StoreError, PriceTableError
    """
    found = Collection()
    sample = _Sample(services.forecast.sample if look in {Look.AUTO, Look.SAMPLE} else 0)
    going = _going(services, scope, destination, source, found, counted)
    sources: dict[str, int] = {}
    if look is Look.ALL:
        _add_looked(services, going, destination, found, sources, tag_files, looked)
    else:
        for each in going:
            found.add_bag(str(each.sized.bag_version), each.sized.files, each.sized.bytes)
            sources[each.source] = sources.get(each.source, 0) + each.sized.bytes
            sample.offer(each)
        _look_at_sample(services, sample, destination, found, tag_files, looked)
    place = source or max(sources, key=lambda name: sources[name], default="")
    pair, bounds = pair_of(services, place, destination), replace(bounds_of(services, place, destination), day=day)
    unlooked = ClassKey("" if pair.source is None else pair.source.default_class, archived=False)
    classes = found.estimated(unlooked, services.limits.block_bytes)
    thawed_for = days or (services.locations[place].thaw.days if place else 0)
    return BackfillPlan(
        scope=scope.words,
        source=source or place,
        destination=destination,
        looked=_how(found),
        collection=found,
        classes=classes,
        tiers=forecasts(classes, pair, days=thawed_for, bounds=bounds),
        days=thawed_for,
        copy=bounds.copy,
        verify=bounds.verify,
        waits=bounds.waits,
        source_prices=pair.source,
        destination_prices=pair.destination,
    )


def _how(found: Collection) -> Looked:
    if found.looked_at >= found.bag_versions:
        return Looked.LISTED
    return Looked.SAMPLED if found.looked_at else Looked.ASSUMED


def _going(
    services: Services,
    scope: PlanScope,
    destination: str,
    source: str | None,
    found: Collection,
    counted: Callable[[int], None],
) -> Iterator[_Going]:
    """The bag versions that can go, as far as the registry knows; the others are counted in ``found``."""
    for versions in scope.bags(services.registry):
        counted(len(versions))
        goes: set[int] = set()
        for each in versions:
            number = each.bag_version.version.number
            if destination in each.locations:
                found.elsewhere += 1
                goes.add(number)
                continue
            chosen = source if source is not None and source in each.locations else None
            if source is None:
                chosen = next((name for name in each.locations if name in services.locations), None)
            if chosen is None:
                place = source or "any location of the settings"
                found.refuse(
                    NO_SOURCE, str(each.bag_version), f"is not registered at {place}", files=each.files, size=each.bytes
                )
                continue
            lacking = _lacking(services, each, goes)
            if lacking:
                found.refuse(
                    Reason.OLDER_VERSION_MISSING.code, str(each.bag_version), lacking, files=each.files, size=each.bytes
                )
                continue
            goes.add(number)
            yield _Going(each, chosen)


def _lacking(services: Services, sized: SizedBagVersion, goes: set[int]) -> str | None:
    """Which older version it needs that will not be there. The manifest is opened only when one is missing at all."""
    number = sized.bag_version.version.number
    if len(goes) == number - 1:
        return None
    stored = services.registry.manifest(sized.bag_version)
    if stored is None:
        return None
    needed = sorted(version for version in stored.manifest.depends_on if version.number not in goes)
    return f"has files in {needed[0]}, which will not be there" if needed else None


class _Sample:
    """So many items, each with the same chance, of a stream of unknown length (Vitter's algorithm R)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._random = random.Random(0)  # noqa: S311 - the same collection is to give the same plan
        self._offered = 0
        self.items: list[_Going] = []

    def offer(self, item: _Going) -> None:
        """Take it, or not."""
        self._offered += 1
        if len(self.items) < self._size:
            self.items.append(item)
        elif (place := self._random.randrange(self._offered)) < self._size:
            self.items[place] = item


def _look_at_sample(
    services: Services,
    sample: _Sample,
    destination: str,
    found: Collection,
    tag_files: bool,
    looked: Callable[[int], None],
) -> None:
    for going, seen in _seen(services, sample.items, destination, tag_files=tag_files):
        looked(1)
        if seen.refusal is not None:
            found.remove_bag(going.sized.files, going.sized.bytes)
        _count(going, seen, found)


def _add_looked(
    services: Services,
    going: Iterable[_Going],
    destination: str,
    found: Collection,
    sources: dict[str, int],
    tag_files: bool,
    looked: Callable[[int], None],
) -> None:
    for each, seen in _seen(services, going, destination, tag_files=tag_files):
        looked(1)
        if seen.refusal is None:
            found.add_bag(str(each.sized.bag_version), each.sized.files, each.sized.bytes)
            sources[each.source] = sources.get(each.source, 0) + each.sized.bytes
        _count(each, seen, found)


def _count(going: _Going, seen: Seen, found: Collection) -> None:
    if seen.refusal is not None:
        code, problem = seen.refusal
        found.refuse(code, str(going.sized.bag_version), problem, files=going.sized.files, size=going.sized.bytes)
        return
    found.looked_at += 1
    found.largest_file.offer(seen.largest_file.name, seen.largest_file.bytes)
    for key, amount in seen.classes.items():
        found.add_objects(key, amount)


def _seen(
    services: Services, going: Iterable[_Going], destination: str, *, tag_files: bool
) -> Iterator[tuple[_Going, Seen]]:
    def look(each: _Going) -> tuple[_Going, Seen]:
        return each, look_at(services, each.sized.bag_version, each.source, destination, tag_files=tag_files)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="plan") as pool:
        yield from _in_order(pool, look, going)


def _in_order(pool: ThreadPoolExecutor, act: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Like ``pool.map``, with few items ahead: ``map`` would take a million at once."""
    ahead: deque[Future[Result]] = deque()
    for item in items:
        ahead.append(pool.submit(act, item))
        if len(ahead) >= 4 * _THREADS:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()
