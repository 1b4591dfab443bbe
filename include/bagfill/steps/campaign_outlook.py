"""How a campaign stands: what is left of it is planned again from time to time, by the very code that plans."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.planning.thaw_choice import AUTO, Standing, end_after, standing_of
from bagfill.steps.campaign_plan import FORECAST, PLAN, plan_campaign
from bagfill.steps.campaign_tiers import Basis, Chosen, choose
from bagfill.steps.services import PriceTableError, Services
from bagfill.storage.errors import StoreError

logger = logging.getLogger(__name__)

FRESH = timedelta(hours=6)
"""How long a forecast counts: it goes through the registry, and lists a sample."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a campaign stands at a moment.

    Args:
        made: when what was left was planned; ``None``: it never was.
        chosen: the thaw tier that is used for what begins now, and what is left with it; ``None``: not known.
        expected: when it is forecast to end; ``None``: not known, or never within its caps.
        standing: towards its deadline; ``None``: it has none, or has not begun.
        money: what it is forecast to come to in all, in its currency; ``None``: not known.
    """

    made: datetime | None = None
    chosen: Chosen | None = None
    expected: datetime | None = None
    standing: Standing | None = None
    money: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "standing": None if self.standing is None else self.standing.value,
            "expected_end": None if self.expected is None else self.expected.isoformat(),
            "thaw_tier_now": None if self.chosen is None else self.chosen.otherwise.value,
            "forecast_made": None if self.made is None else self.made.isoformat(),
        }


_NOT_BEGUN = frozenset({CampaignState.DRAFT, CampaignState.AWAITING_APPROVAL})
_GOES_ON = frozenset({CampaignState.RUNNING, CampaignState.DRAINING})


def outlook_of(services: Services, campaign: Campaign) -> Outlook:
    """How a campaign stands by what was planned last. Reads the registry's database only."""
    now, ended = services.clock(), campaign.changed if campaign.state.is_final else None
    deadline = None if campaign.state in _NOT_BEGUN | {CampaignState.CANCELLED} else campaign.definition.deadline
    basis = _newest(services, campaign)
    chosen = None if basis is None else choose(campaign, basis)
    if basis is None or chosen is None:
        expected = None
        # Nothing is known of its end: only a deadline that is over says anything.
        is_late = standing_of(deadline, now=now, ended=ended, expected=now) is Standing.LATE
        return Outlook(None if basis is None else basis.made, None, None, Standing.LATE if is_late else None)
    # What waits for a person moves its end with it.
    begin = basis.made if campaign.state in _GOES_ON else max(basis.made, now)
    expected = None if ended is not None else end_after(begin, chosen.seconds)
    if expected is not None:
        expected = max(expected, now)
    left = chosen.prospect.money
    return Outlook(
        made=basis.made,
        chosen=chosen,
        expected=expected,
        standing=standing_of(deadline, now=now, ended=ended, expected=expected),
        # Both of the moment when it was planned: what was booked since is part of what was left then.
        money=None if left is None else basis.booked + left,
    )


def renewed_outlook(services: Services, campaign: Campaign) -> Outlook:
    """The same, after what is left was planned again: if that was long ago or under other caps, and if it matters.

    A location that does not answer, or a price table that cannot be used, leaves the older forecast in force.
    """
    definition = campaign.definition
    if definition.deadline is not None or definition.thaw_tier == AUTO:
        basis = _newest(services, campaign)
        if basis is None or services.clock() - basis.made >= FRESH or basis.caps != campaign.caps:
            try:
                plan_campaign(services, campaign, keep=FORECAST)
            except (StoreError, PriceTableError) as error:
                logger.warning("%s: what is left of it was not planned again: %s", campaign.name, error)
    return outlook_of(services, campaign)


def _newest(services: Services, campaign: Campaign) -> Basis | None:
    found = (Basis.of(services.campaigns.remembered(campaign.name, kind)) for kind in (FORECAST, PLAN))
    return max((basis for basis in found if basis is not None), key=lambda basis: basis.made, default=None)
