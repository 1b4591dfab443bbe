"""One look at the archived files of an ingest, and what follows from it: ask, again, faster, prolong, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import PlannedFile
from bagfill.planning.waves import ends_too_soon, prolong_horizon
from bagfill.steps.failures import add_events
from bagfill.steps.listings import list_version
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.thaw_asking import ThawSummary, ask_for
from bagfill.steps.thaw_timing import note_readable
from bagfill.steps.thaw_windows import due_files, pace_of
from bagfill.storage.pace import Pace
from bagfill.storage.store import ArchiveState, ObjectInfo, ThawTier
from bagfill.thaw.asking import Wanted
from bagfill.thaw.ledger import ThawKind, ThawTerms, ThawWant
from bagfill.thaw.states import ThawStates, thaw_states
from bagfill.thaw.tiers import thaw_times

_OVERDUE = 3
"""Times the usual duration of a thaw after which it is reported, where a location says nothing else."""


def thaw_step(ref: IngestRef) -> str:
    """The step as events name it."""
    return f"thawing at {ref.source}"


@dataclass(frozen=True, slots=True)
class ThawRound:
    """What was seen, and done.

    Args:
        summary: what was asked for.
        readable: paths that can be read, or that the destination has by now.
        thawing: paths whose thaw was under way already.
        later: paths whose turn has not come.
    """

    summary: ThawSummary
    readable: frozenset[str]
    thawing: frozenset[str]
    later: frozenset[str]


def thaw_round(services: Services, ref: IngestRef, files: Sequence[PlannedFile]) -> ThawRound | StepFailed:
    """Look, and ask for what is due. The caller holds the claim.

    Args:
        services: of the step.
        ref: the ingest.
        files: archived files of the plan, in its order.

    Raises:
        StoreError: source or destination could not be listed.
    """
    prefix = services.locations[ref.source].version_prefix(ref.id)
    seen = services.clock()
    states = states_of(services, ref, [file.path for file in files])
    if states.missing:
        gone = min(states.missing)
        message = f"{ref.bag_version}: {gone} vanished from {ref.source} while it was thawed."
        return StepFailed(Reason.SOURCE_INCOMPLETE, message)
    note_readable(services, ref, states)
    if (late := _overdue(services, ref, states, seen)) is not None:
        return late
    wanted = _faster(services, ref, states, seen)
    copied: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    days = ref.thaw_days
    if states.archived:
        needed = still_needed(services, ref, files)
        copied = frozenset(file.path for file in files) - {file.path for file in needed}
        classes = {file.path: states.infos[f"{prefix}{file.path}"].storage_class for file in needed}
        due = due_files(services, ref, needed, classes)
        days = due.days
        asking = [file for file in due.files if f"{prefix}{file.path}" in states.archived]
        if asking and (refused := over_limit(services, ref, asking)) is not None:
            return refused
        wanted += [Wanted(states.infos[f"{prefix}{file.path}"]) for file in asking]
        away = {file.path for file in needed if f"{prefix}{file.path}" in states.archived}
        later = frozenset(away) - due.paths
    asked = _ask(services, ref, wanted, seen, days)
    if isinstance(asked, StepFailed):
        return asked
    prolong_ending(services, ref, lambda: files)
    readable = frozenset(key.removeprefix(prefix) for key in states.readable) | copied
    thawing = frozenset(key.removeprefix(prefix) for key in states.thawing)
    return ThawRound(asked, readable, thawing, later)


def states_of(services: Services, ref: IngestRef, paths: Sequence[str]) -> ThawStates:
    """The states of files at the source; looked at one by one, at the declared rate, where listings do not tell."""
    source = services.locations[ref.source]
    prefix = source.version_prefix(ref.id)
    keys = frozenset(f"{prefix}{path}" for path in paths)
    pace = Pace(services.limits.looks_per_second)
    return thaw_states(services.stores.reading(source), prefix, keys, pace=pace)


def over_limit(services: Services, ref: IngestRef, files: Sequence[PlannedFile]) -> StepFailed | None:
    """Why these files are too much to thaw, or ``None``.

    The plan kept to the limit of its time; what is asked for keeps to the limit of now.
    """
    limit = services.limits.max_thaw_bytes
    volume = sum(file.size for file in files)
    if limit is None or volume <= limit:
        return None
    name = f"{ref.bag_version} at {ref.source}"
    message = f"{name}: {volume} archived bytes to thaw, limits.max_thaw_bytes is {limit}."
    return StepFailed(Reason.BUDGET_REACHED, message)


def still_needed(services: Services, ref: IngestRef, files: Sequence[PlannedFile]) -> list[PlannedFile]:
    """The files whose bytes are not at the destination: a thaw of what was copied before would be paid for nothing.

    Raises:
        StoreError: the destination could not be listed.
    """
    if not files:
        return []
    destination = services.locations[ref.destination]
    there = list_version(services.stores.reading(destination), destination, ref.id)
    return [file for file in files if file.path not in there]


def prolong_ending(services: Services, ref: IngestRef, archived: Callable[[], Sequence[PlannedFile]]) -> None:
    """Prolong copies that would go away before what is left of the bag is copied and verified.

    A copy that lives costs a request to prolong; one that went away costs a second retrieval. The ledger knows when
    copies end, so that nothing is asked of a provider as long as none is about to. A prolongation that fails fails
    nothing: the copy is still there, and the next look comes before it ends.

    Args:
        services: of the step.
        ref: the ingest.
        archived: gives the archived files of the plan; called only when copies end soon.
    """
    source = services.locations[ref.source]
    prefix = source.version_prefix(ref.id)
    now = services.clock()
    before = now + prolong_horizon(ref.thaw_days)
    ending = {row.key: row for row in services.thaws.ending(ref.source, prefix, before=before)}
    if not ending:
        return
    needed = still_needed(services, ref, archived())
    left = timedelta(seconds=pace_of(services, ref, ()).left(len(needed), sum(file.size for file in needed)))
    short = [
        row
        for file in needed
        if (row := ending.get(f"{prefix}{file.path}")) and row.until and ends_too_soon(row.until - now, left)
    ]
    states = states_of(services, ref, [row.key.removeprefix(prefix) for row in short]) if short else None
    if states is None:
        return
    living = [info for info in states.infos.values() if info.archive is ArchiveState.THAWED]
    asked = _ask(services, ref, [Wanted(info, ThawKind.LONGER) for info in living], now, ref.thaw_days)
    if isinstance(asked, StepFailed):
        add_events(services, ref, [f"{thaw_step(ref)} - copies that end soon were not prolonged: {asked.message}"])
    elif asked.readable:
        add_events(services, ref, [f"{thaw_step(ref)} - {asked.readable} copies that end soon were prolonged"])


def _ask(
    services: Services, ref: IngestRef, wanted: Sequence[Wanted], seen: datetime, days: int
) -> ThawSummary | StepFailed:
    if not wanted:
        return ThawSummary(0, 0, 0, 0)
    return ask_for(services, ref, wanted, seen=seen, days=days)


def _faster(services: Services, ref: IngestRef, states: ThawStates, seen: datetime) -> list[Wanted]:
    """Thaws under way that this ledger knows at a slower tier; those that it does not know it learns of."""
    rows = services.thaws.of(ref.source, states.thawing)
    tier = ThawTier(ref.thaw_tier)
    unknown = [key for key in states.thawing if key not in rows]
    if unknown:
        # Somebody else's request. Since when it runs nobody knows; from now on it is watched.
        wants = [ThawWant(key, states.infos[key].etag, states.infos[key].size) for key in unknown]
        terms = ThawTerms(ref.ingest_id, f"{ref.ingest_id}-found", tier, ref.thaw_days, seen)
        services.thaws.asked(ref.source, services.thaws.reserve(ref.source, wants, terms), ref.ingest_id, paid=False)
    slower = [key for key, row in rows.items() if row.tier.speed < tier.speed]
    return [Wanted(states.infos[key], ThawKind.FASTER) for key in sorted(slower)]


def _overdue(services: Services, ref: IngestRef, states: ThawStates, now: datetime) -> StepFailed | None:
    if not states.thawing:
        return None
    thaw = services.locations[ref.source].thaw
    limit = thaw.overdue_after or _OVERDUE * _slowest(states.infos, states.thawing, ThawTier(ref.thaw_tier))
    prefix = services.locations[ref.source].version_prefix(ref.id)
    rows = services.thaws.unfinished(ref.source, prefix, before=now - limit)
    late = [row for row in rows if row.key in states.thawing]
    if not late:
        return None
    first = late[0]
    message = (
        f"{ref.bag_version}: {len(late)} objects at {ref.source} were asked for more than {limit} ago and cannot"
        f" be read yet, first {first.key} ({first.tier}, asked {first.since:%Y-%m-%d %H:%M} UTC)."
    )
    return StepFailed(Reason.THAW_OVERDUE, message)


def _slowest(infos: Mapping[str, ObjectInfo], keys: frozenset[str], tier: ThawTier) -> timedelta:
    return max(thaw_times(infos[key].storage_class, tier).last for key in keys)
