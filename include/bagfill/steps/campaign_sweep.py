"""What a campaign starts next: its bags in its order, as many as its caps leave room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.ledger import NotMoved
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.ingests.model import IngestStatus
from bagfill.planning.order import Candidate, Places, begin_now
from bagfill.steps.campaign_look import archived_bytes
from bagfill.steps.services import Services
from bagfill.steps.sweep import LeftAlone
from bagfill.steps.sweep_candidates import SweepSkipped, SweepStart, candidates_at, is_running

_MOST_MORE = 500
"""Bags that are looked at and not started now."""

_OPEN = (IngestStatus.ACCEPTED, IngestStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class CampaignStarts:
    """What a campaign comes to at this moment.

    Args:
        campaign: as it is now; may have become done.
        starts: bags to start, those to thaw first.
        left_alone: bags that lack a replica and are not started, and why.
        waiting: bags that could be started, and have no room yet.
        running: ingests in work.
    """

    campaign: Campaign
    starts: tuple[SweepStart, ...]
    left_alone: LeftAlone
    waiting: int
    running: int


def campaign_starts(services: Services, campaign: Campaign, *, limit: int) -> CampaignStarts:
    """Which bags a campaign starts now; a campaign that has nothing left to do becomes done.

    The registry is asked, never the workflow system: a campaign goes on after that was lost.

    Args:
        campaign: as it was read.
        limit: most bags to start, besides the campaign's own cap.
    """
    left_alone = LeftAlone()
    running = running_ingests(services, campaign.name)
    if not campaign.state.starts_bags:
        ended = _drained(services, campaign) if running == 0 else campaign
        return CampaignStarts(ended, (), left_alone, 0, running)
    free = limit
    if campaign.caps.runs_at_once is not None:
        free = min(free, campaign.caps.runs_at_once - running)
    candidates = _Candidates(services, campaign, left_alone)
    order, places = campaign.definition.order, Places(warm=free, thawing=free)
    # Twice as many as there is room for are looked at, so that there is something warm to do beside the thaws.
    nearest = begin_now(candidates, order, Places(warm=min(2 * free, free + _MOST_MORE), thawing=free))
    begun = begin_now(_looked_at(services, campaign, nearest), order, places)
    starts = tuple(each.start for each in _share(begun, free) if isinstance(each, _Startable))
    if not candidates.startable and not left_alone.kinds and running == 0:
        campaign = _ended(services, campaign, "every bag of its scope is at its destination")
    return CampaignStarts(campaign, starts, left_alone, candidates.startable - len(starts), running)


def running_ingests(services: Services, name: str) -> int:
    """How many ingests of a campaign somebody works on."""
    return sum(is_running(services, ingest) for ingest in services.ingests.of_campaign(name, statuses=_OPEN))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Startable(Candidate):
    start: SweepStart


class _Candidates:
    """Goes through the bags once, and counts those that may be started. Only the chosen ones are held in memory."""

    def __init__(self, services: Services, campaign: Campaign, left_alone: LeftAlone) -> None:
        self._services = services
        self._campaign = campaign
        self._left_alone = left_alone
        self.startable = 0

    def __iter__(self) -> Iterator[Candidate]:
        for each in scope_candidates(self._services, self._campaign):
            if isinstance(each, SweepSkipped):
                self._left_alone.add(each)
                continue
            self.startable += 1
            yield _candidate(each)


def scope_candidates(services: Services, campaign: Campaign) -> Iterator[SweepStart | SweepSkipped]:
    """The bags of a campaign's scope that lack a replica, as starts under its budget, or why they are left alone."""
    definition = campaign.definition
    wishes = {"thaw_tier": definition.thaw_tier, "thaw_days": definition.thaw_days, "campaign": campaign.name}
    fields = {name: value for name, value in wishes.items() if value is not None}
    spaces = list(definition.scope.spaces) or None
    for each in candidates_at(services, definition.destination, spaces):
        if not definition.scope.holds(BagId.parse(each.bag, stored=True)):
            continue
        if isinstance(each, SweepStart):
            each = replace(each, fields={**each.fields, **fields})  # noqa: PLW2901 - the same start, paid for
        yield each


def _candidate(start: SweepStart) -> _Startable:
    # What a parcel gave back is archived; of the others nobody has looked.
    archived = start.bytes if start.own_run else 0
    return _Startable(
        start.bag, start.oldest, start.bytes, archived, start.added, destination=start.destination, start=start
    )


def _looked_at(services: Services, campaign: Campaign, nearest: Sequence[Candidate]) -> Iterator[Candidate]:
    """The same bags, and of each whether it begins with a thaw; such a bag gets a run of its own."""
    startable = [each for each in nearest if isinstance(each, _Startable)]
    archived = archived_bytes(services, [each.start for each in startable], campaign.definition.source)
    for each in startable:
        size = archived.get(each.start.run_id, 0)
        yield replace(each, archived_bytes=size, start=replace(each.start, own_run=each.start.own_run or size > 0))


def _share(begun: Sequence[Candidate], free: int) -> list[Candidate]:
    """As many as there is room for: half of the room is for thaws, and what one half does not need the other has."""
    archived = [each for each in begun if each.is_archived]
    warm = [each for each in begun if not each.is_archived]
    thaws = max(-(-free // 2), free - len(warm))
    chosen = archived[: max(0, thaws)]
    return [*chosen, *warm[: max(0, free - len(chosen))]]


def _drained(services: Services, campaign: Campaign) -> Campaign:
    if campaign.state is not CampaignState.DRAINING:
        return campaign
    return _ended(services, campaign, "drained: what was begun has ended")


def _ended(services: Services, campaign: Campaign, why: str) -> Campaign:
    moved = services.campaigns.move(campaign, CampaignState.DONE, who="the sweep", why=why)
    # Somebody changed it meanwhile: their word counts.
    return moved.campaign if isinstance(moved, NotMoved) else moved
