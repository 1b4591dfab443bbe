"""What a campaign starts next: its bags in its order, as many as its caps leave room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.ledger import NotMoved
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import AfterDeadline, CampaignState
from bagfill.ingests.model import IngestStatus
from bagfill.planning.order import Candidate, Places, begin_now
from bagfill.planning.thaw_choice import AUTO
from bagfill.steps.campaign_look import Frozen, frozen_parts
from bagfill.steps.campaign_moves import move_campaign
from bagfill.steps.campaign_outlook import renewed_outlook
from bagfill.steps.campaign_tiers import Chosen, tier_for_bag
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
    campaign = _after_deadline(services, campaign)
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
    chosen = renewed_outlook(services, campaign).chosen
    begun = begin_now(_looked_at(services, campaign, nearest, chosen), order, places)
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
            yield _candidate(each, priority_of(self._services, self._campaign, each.bag))


def scope_candidates(services: Services, campaign: Campaign) -> Iterator[SweepStart | SweepSkipped]:
    """The bags of a campaign's scope that lack a replica, as starts under its budget, or why they are left alone."""
    definition = campaign.definition
    tier = None if definition.thaw_tier == AUTO else definition.thaw_tier
    wishes = {"thaw_tier": tier, "thaw_days": definition.thaw_days, "campaign": campaign.name}
    fields = {name: value for name, value in wishes.items() if value is not None}
    spaces = list(definition.scope.spaces) or None
    for each in candidates_at(services, definition.destination, spaces):
        if not definition.scope.holds(BagId.parse(each.bag, stored=True)):
            continue
        if isinstance(each, SweepStart):
            each = replace(each, fields={**each.fields, **fields})  # noqa: PLW2901 - the same start, paid for
        yield each


def priority_of(services: Services, campaign: Campaign, bag: str) -> int:
    """How soon a bag goes: the campaign's word for the bag, else for its space, else what the settings say of it.

    Args:
        bag: ``space/external identifier``.
    """
    declared, space = campaign.definition.priorities, bag.partition("/")[0]
    for name in (bag, space):
        if name in declared:
            return declared[name]
    return services.campaign_rules.priorities.get(space, 0)


def _candidate(start: SweepStart, priority: int) -> _Startable:
    # What a parcel gave back is archived; of the others nobody has looked.
    archived = start.bytes if start.own_run else 0
    return _Startable(
        start.bag,
        start.oldest,
        start.bytes,
        archived,
        start.added,
        priority,
        destination=start.destination,
        start=start,
    )


def _looked_at(
    services: Services, campaign: Campaign, nearest: Sequence[Candidate], chosen: Chosen | None
) -> Iterator[Candidate]:
    """The same bags, and of each whether it begins with a thaw, and how fast; such a bag gets a run of its own."""
    startable = [each for each in nearest if isinstance(each, _Startable)]
    frozen = frozen_parts(services, [each.start for each in startable], campaign.definition.source)
    for each in startable:
        part = frozen.get(each.start.run_id, Frozen())
        tier = tier_for_bag(campaign.definition, chosen, part.classes)
        fields = {**each.start.fields, **({} if tier is None else {"thaw_tier": tier.value})}
        own_run = each.start.own_run or part.bytes > 0
        yield replace(each, archived_bytes=part.bytes, start=replace(each.start, fields=fields, own_run=own_run))


def _share(begun: Sequence[Candidate], free: int) -> list[Candidate]:
    """As many as there is room for: half of the room is for thaws, and what one half does not need the other has."""
    archived = [each for each in begun if each.is_archived]
    warm = [each for each in begun if not each.is_archived]
    thaws = max(-(-free // 2), free - len(warm))
    chosen = archived[: max(0, thaws)]
    return [*chosen, *warm[: max(0, free - len(chosen))]]


def _after_deadline(services: Services, campaign: Campaign) -> Campaign:
    """A campaign that begins nothing after its deadline drains from then on."""
    definition = campaign.definition
    is_over = definition.deadline is not None and services.clock() > definition.deadline
    if not is_over or definition.after_deadline is AfterDeadline.GO_ON or campaign.state is not CampaignState.RUNNING:
        return campaign
    why = f"its deadline was {definition.deadline:%Y-%m-%d %H:%M} UTC, and it starts nothing after it"
    return _moved(services, campaign, CampaignState.DRAINING, why)


def _drained(services: Services, campaign: Campaign) -> Campaign:
    if campaign.state is not CampaignState.DRAINING:
        return campaign
    return _ended(services, campaign, "drained: what was begun has ended")


def _ended(services: Services, campaign: Campaign, why: str) -> Campaign:
    return _moved(services, campaign, CampaignState.DONE, why)


def _moved(services: Services, campaign: Campaign, to: CampaignState, why: str) -> Campaign:
    moved = move_campaign(services, campaign, to, who="the sweep", why=why)
    # Somebody changed it meanwhile: their word counts.
    return moved.campaign if isinstance(moved, NotMoved) else moved
