"""Look how far a thaw is; ask again for what expired. The waiting itself is a sensor's or a loop's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.planning.shards import PlannedFile
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.failures import add_events, attempt
from bagfill.steps.judge_source import TagFilesArchived, judge_when_readable
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.request_thaw import ask_for_tag_files, remarks
from bagfill.steps.services import Services
from bagfill.steps.thaw_round import ThawRound, thaw_round, thaw_step
from bagfill.steps.work import IngestWork


@dataclass(frozen=True, slots=True)
class ThawState:
    """How far the thaw of one ingest is, in objects. While tag files are thawed, nobody has looked at the payload.

    Args:
        total: archived objects of the plan, or of one shard.
        readable: can be read now, or are at the destination by now.
        thawing: under way.
        asked_again: were archived (the payload after the tag files, an expired copy, a request that got lost) and were
            asked for just now.
        later: will be asked for when others are copied, and are not waited for.
    """

    total: int
    readable: int
    thawing: int
    asked_again: int
    later: int = 0

    @property
    def done(self) -> bool:
        """Whether every object that is waited for can be read now."""
        return self.readable + self.later == self.total

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def poll_thaw(services: Services, ref: IngestRef, *, shard: int | None = None) -> ThawState | StepFailed:
    """Look once, ask for what is due, and keep the claim alive. Blocks for as long as a listing takes.

    Args:
        services: of the step.
        ref: the ingest.
        shard: wait for the files of this copy shard, however late their turn comes; ``None``: for all whose turn it is.

    Returns:
        the counts; or a failure, which is retryable when the next look may go better.
    """
    step = thaw_step(ref)

    def act() -> ThawState | StepFailed:
        with ClaimKeeper(services, ref):
            return look(IngestWork(services.work, ref))

    def look(work: IngestWork) -> ThawState | StepFailed:
        plan = work.require_plan()
        files = work.archived_files(plan)
        if not files:
            return ThawState(0, 0, 0, 0)
        first = judge_when_readable(services, ref, work, plan)
        if isinstance(first, StepFailed):
            return first
        if first is not None:
            return _tag_files_first(services, ref, files, first)
        round_ = thaw_round(services, ref, files)
        if isinstance(round_, StepFailed):
            return round_
        asked = round_.summary
        if asked.total:
            text = f"{step} - {asked.total} files are archived, {asked.asked} asked for{remarks(asked)}"
            add_events(services, ref, [text])
        if shard is None:
            return _state(round_, frozenset(file.path for file in files), asked.total)
        own = frozenset(item.file.path for item in work.copy_items(plan, shard) if item.file.archived)
        return _state(round_, own, asked.total, waits=True)

    state = attempt(services, ref, step, act)
    if isinstance(state, ThawState) and state.done and state.total and shard is None:
        files = f"{state.readable} of {state.total} files" if state.later else f"{state.total} files"
        add_events(services, ref, [f"{step} succeeded - {files} can be read"])
    return state


def _state(round_: ThawRound, paths: frozenset[str], asked: int, *, waits: bool = False) -> ThawState:
    later = 0 if waits else len(round_.later & paths)
    under_way = len(round_.thawing & paths)
    return ThawState(len(paths), len(round_.readable & paths), under_way, asked, later)


def _tag_files_first(
    services: Services, ref: IngestRef, files: Sequence[PlannedFile], first: TagFilesArchived
) -> ThawState | StepFailed:
    """Tag files are not readable yet; those whose thaw expired, or was never asked for, are asked for now."""
    if first.archived:
        asked = ask_for_tag_files(services, ref, first)
        if isinstance(asked, StepFailed):
            return asked
        text = f"{thaw_step(ref)} - {len(first.archived)} tag files are archived, {asked.asked} asked for"
        add_events(services, ref, [text])
    # With what was archived since the plan was made: without a verdict nothing is done.
    archived = {file.path for file in files} | first.paths
    readable = set(tag_files_to_read(archived)) - first.paths
    return ThawState(len(archived), len(readable), len(first.thawing), len(first.archived))
