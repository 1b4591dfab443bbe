"""Acts of an ingest that cost, under the budget of its campaign: permitted and booked before, settled after.

An ingest without a campaign is asked for nothing: its limits are those of the settings.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import assert_never

from bagfill.campaigns.ledger import Act, CampaignHalted, Halted, Permit
from bagfill.campaigns.states import ActKind
from bagfill.ingests.reasons import Reason
from bagfill.logs import Line, about, tell
from bagfill.planning.budget import CapReached
from bagfill.planning.shards import CopyItem
from bagfill.steps.act_costs import ActCost
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.thaw_permits import ThawChunk, ThawSpent

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Begun:
    """The items of a shard of which the source was read, or may have been. Added to from several threads."""

    items: list[CopyItem] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, item: CopyItem) -> None:
        """The item is about to be read."""
        with self._lock:
            self.items.append(item)

    def spared(self, item: CopyItem) -> None:
        """The destination had it: the source was not read."""
        with self._lock:
            self.items.remove(item)


@contextmanager
def copying(services: Services, shard: ShardRef, items: list[CopyItem]) -> Iterator[Begun | StepFailed]:
    """A block in which one shard is copied, and for which it was booked; afterwards what was begun counts as spent.

    Reading back is booked with the copy: what was copied can always be verified and registered.

    Yields:
        where to say what is read; or why nothing may be.
    """
    ref = shard.ingest
    if not ref.campaign:
        yield Begun()
        return
    cost = services.act_costs.of_copy(ref, items)
    act = Act(ref.ingest_id, ActKind.COPY, str(shard.index), cost.spend)
    refused = price_unknown(services, ref, cost) or permitted(services, ref, act)
    if refused is not None:
        yield refused
        return
    services.campaigns.begin(ref.campaign, act)
    begun = Begun()
    try:
        yield begun
    finally:
        services.campaigns.settle(ref.campaign, act, services.act_costs.of_copy(ref, begun.items).spend)


class CampaignThawPermits:
    """The campaigns' budgets as :class:`bagfill.steps.thaw_permits.ThawPermits`.

    Args:
        services: whose campaigns and prices count.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def permit(self, chunk: ThawChunk) -> StepFailed | None:
        """See :meth:`ThawPermits.permit`."""
        ref = chunk.ingest
        if not ref.campaign:
            return None
        cost = self._services.act_costs.of_thaw(chunk, chunk.objects, chunk.bytes)
        act = Act(ref.ingest_id, ActKind.THAW, chunk.id, cost.spend, prolongs=chunk.extension)
        return price_unknown(self._services, ref, cost) or permitted(self._services, ref, act)

    def settle(self, chunk: ThawChunk, spent: ThawSpent) -> None:
        """See :meth:`ThawPermits.settle`."""
        ref = chunk.ingest
        if ref.campaign:
            actual = self._services.act_costs.of_thaw(chunk, spent.objects, spent.bytes).spend
            self._services.campaigns.settle(ref.campaign, Act(ref.ingest_id, ActKind.THAW, chunk.id, actual), actual)


def permitted(services: Services, ref: IngestRef, act: Act) -> StepFailed | None:
    """Book one act, and wait for its turn; or why it may not be done."""
    name = f"{ref.bag_version} to {ref.destination}"
    match services.campaigns.permit(ref.campaign, act):
        case Permit(wait=wait):
            services.sleep(wait.total_seconds())
            return None
        case Halted() as halted:
            _tell_refused(ref, act, str(CampaignHalted(ref.campaign, halted)))
            return StepFailed(Reason.CAMPAIGN_HALTED, f"{name}: {CampaignHalted(ref.campaign, halted)}.")
        case CapReached() as reached:
            _tell_refused(ref, act, str(reached))
            message = f"{name}: campaign {ref.campaign}: {reached}."
            return StepFailed(Reason.CAMPAIGN_HALTED, message, again=reached.again)
        case other:
            assert_never(other)


def _tell_refused(ref: IngestRef, act: Act, why: str) -> None:
    with about(ref):
        tell(logger, Line.ACT_REFUSED, act=act.kind.value, why=why)


def price_unknown(services: Services, ref: IngestRef, cost: ActCost) -> StepFailed | None:
    """The failure that a cap of money cannot be kept to, or ``None`` if it can, or if nobody asks for it."""
    campaign = services.campaigns.get(ref.campaign)
    if campaign is None or (campaign.caps.money is None and campaign.caps.money_a_day is None):
        return None
    unknown = cost.unknown
    if cost.spend.money and cost.currency != campaign.definition.currency:
        unknown = (*unknown, f"prices in {campaign.definition.currency} (the table has {cost.currency})")
    if not unknown or campaign.definition.unknown_prices:
        return None
    message = f"{ref.bag_version} to {ref.destination}: campaign {ref.campaign} has a cap of money; unknown are: "
    return StepFailed(Reason.PRICE_UNKNOWN, message + ", ".join(unknown) + ".")
