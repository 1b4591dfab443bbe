"""Ask for the archived objects of a plan, and only for those."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from bagfill.logs import Line, tell
from bagfill.planning.shards import PlannedFile
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.failures import add_events, attempt
from bagfill.steps.judge_source import TagFilesArchived, judge_when_readable
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.source_fixity import check_archived
from bagfill.steps.thaw_asking import ThawSummary, ask_for
from bagfill.steps.thaw_round import over_limit, states_of, still_needed, thaw_round, thaw_step
from bagfill.steps.work import IngestWork
from bagfill.thaw.asking import Wanted

logger = logging.getLogger(__name__)

__all__ = ["ThawSummary", "ask_for_tag_files", "request_thaw"]


def request_thaw(services: Services, ref: IngestRef) -> ThawSummary | StepFailed:
    """Ask for every archived object of the plan that is due: that the destination lacks, and that can be used in time.

    As long as the bag was not judged, for the tag files alone: see :mod:`bagfill.steps.judge_source`. Asking again
    while a thaw is under way, or its copies live, costs nothing and changes nothing; with a faster tier it moves a thaw
    that is under way.

    Returns:
        the answers, counted; or why not every object was accepted.
    """
    step = thaw_step(ref)

    def act() -> ThawSummary | StepFailed:
        with ClaimKeeper(services, ref):
            work = IngestWork(services.work, ref)
            plan = work.require_plan()
            files = work.archived_files(plan)
            needed = still_needed(services, ref, files)
            refused = over_limit(services, ref, needed)
            if refused is not None:
                return refused
            checked = check_archived(services, ref, needed)
            if isinstance(checked, StepFailed):
                return checked
            first = judge_when_readable(services, ref, work, plan)
            if isinstance(first, StepFailed):
                return first
            there = len(files) - len(needed)
            if first is not None:
                asked = ask_for_tag_files(services, ref, first)
                what = f"{len(first.paths)} tag files first: "
            elif not needed:
                return ThawSummary(len(files), 0, 0, there)
            else:
                asked = _ask_for_due(services, ref, needed)
                what = ""
            if isinstance(asked, StepFailed):
                return asked
            summary = replace(asked, total=len(files), readable=asked.readable + there)
            text = (
                f"{step} started - {summary.total} archived files, tier {ref.thaw_tier}, {ref.thaw_days} days: {what}"
                f"{summary.asked} asked, {summary.in_progress} under way, {summary.readable} readable"
            )
            add_events(services, ref, [f"{text}{remarks(summary)}"])
            tell(
                logger,
                Line.THAW_ASKED,
                files=summary.total,
                asked=summary.asked,
                in_progress=summary.in_progress,
                readable=summary.readable,
                later=summary.later,
                again=summary.again,
                slower=summary.slower,
            )
            return summary

    return attempt(services, ref, step, act)


def ask_for_tag_files(services: Services, ref: IngestRef, first: TagFilesArchived) -> ThawSummary | StepFailed:
    """Ask for the tag files that a verdict waits for. The caller holds the claim and writes the events."""
    seen = services.clock()
    states = states_of(services, ref, sorted(first.paths))
    wanted = [Wanted(states.infos[key]) for key in sorted(states.archived)]
    summary = ask_for(services, ref, wanted, seen=seen, days=ref.thaw_days)
    if isinstance(summary, StepFailed):
        return summary
    under_way = summary.in_progress + len(states.thawing)
    return replace(summary, in_progress=under_way, readable=summary.readable + len(states.readable))


def remarks(summary: ThawSummary) -> str:
    """What else there is to say of some requests, as the end of a sentence."""
    parts = [
        f"{summary.later} later" if summary.later else "",
        f"{summary.again} for another time, since their copies had expired" if summary.again else "",
        f"{summary.slower} as Standard, for the provider had no Expedited capacity" if summary.slower else "",
    ]
    return "".join(f", {part}" for part in parts if part)


def _ask_for_due(services: Services, ref: IngestRef, needed: Sequence[PlannedFile]) -> ThawSummary | StepFailed:
    round_ = thaw_round(services, ref, needed)
    if isinstance(round_, StepFailed):
        return round_
    asked = round_.summary
    return replace(
        asked,
        in_progress=len(round_.thawing) + asked.in_progress,
        readable=len(round_.readable),
        later=len(round_.later),
    )
