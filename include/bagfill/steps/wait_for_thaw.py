"""Look how far a thaw is; ask again for what expired. The waiting itself is a sensor's or a loop's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import PlannedFile
from bagfill.steps.claims import claim_of
from bagfill.steps.failures import add_events, attempt
from bagfill.steps.judge_source import TagFilesArchived, judge_when_readable
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.request_thaw import ask, over_limit, still_needed, thaw_step
from bagfill.steps.services import Services
from bagfill.steps.work import IngestWork
from bagfill.thaw.requests import thaw_states


@dataclass(frozen=True, slots=True)
class ThawState:
    """How far the thaw of one ingest is, in objects. While tag files are thawed, nobody has looked at the payload.

    Args:
        total: archived objects of the plan.
        readable: can be read now, or are at the destination by now.
        thawing: under way.
        asked_again: were archived (the payload after the tag files, an expired copy, a request that got lost) and were
            asked for just now.
    """

    total: int
    readable: int
    thawing: int
    asked_again: int

    @property
    def done(self) -> bool:
        """Whether every object can be read now."""
        return self.readable == self.total

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def poll_thaw(services: Services, ref: IngestRef) -> ThawState | StepFailed:
    """Look once, and keep the claim alive. Blocks for as long as a listing takes.

    Returns:
        the counts; or a failure, which is retryable when the next look may go better.
    """
    step = thaw_step(ref)

    def act() -> ThawState | StepFailed:
        services.registry.heartbeat(claim_of(services, ref), lease=services.limits.lease)
        work = IngestWork(services.work, ref)
        plan = work.require_plan()
        files = work.archived_files(plan)
        if not files:
            return ThawState(0, 0, 0, 0)
        first = judge_when_readable(services, ref, work, plan)
        if isinstance(first, StepFailed):
            return first
        if first is not None:
            return _tag_files_first(services, ref, files, first)
        source = services.locations[ref.source]
        prefix = source.version_prefix(ref.id)
        keys = frozenset(f"{prefix}{file.path}" for file in files)
        states = thaw_states(services.stores.reading(source), prefix, keys)
        if states.missing:
            message = f"{ref.bag_version}: {min(states.missing)} vanished from {ref.source} while it was thawed."
            return StepFailed(Reason.SOURCE_INCOMPLETE, message)
        archived = [file for file in files if f"{prefix}{file.path}" in states.archived]
        needed = still_needed(services, ref, archived)
        if needed:
            refused = over_limit(services, ref, needed)
            asked = ask(services, ref, [f"{prefix}{file.path}" for file in needed]) if refused is None else refused
            if isinstance(asked, StepFailed):
                return asked
            add_events(services, ref, [f"{step} - {len(needed)} files are archived, {asked.asked} asked for"])
        readable = len(states.readable) + len(archived) - len(needed)
        return ThawState(len(files), readable, len(states.thawing), len(needed))

    state = attempt(services, ref, step, act)
    if isinstance(state, ThawState) and state.done and state.total:
        add_events(services, ref, [f"{step} succeeded - {state.total} files can be read"])
    return state


def _tag_files_first(
    services: Services, ref: IngestRef, files: list[PlannedFile], first: TagFilesArchived
) -> ThawState | StepFailed:
    """Tag files are not readable yet; those whose thaw expired, or was never asked for, are asked for now."""
    if first.archived:
        prefix = services.locations[ref.source].version_prefix(ref.id)
        asked = ask(services, ref, [f"{prefix}{path}" for path in first.archived])
        if isinstance(asked, StepFailed):
            return asked
        text = f"{thaw_step(ref)} - {len(first.archived)} tag files are archived, {asked.asked} asked for"
        add_events(services, ref, [text])
    # With what was archived since the plan was made: without a verdict nothing is done.
    archived = {file.path for file in files} | first.paths
    readable = set(tag_files_to_read(archived)) - first.paths
    return ThawState(len(archived), len(readable), len(first.thawing), len(first.archived))
