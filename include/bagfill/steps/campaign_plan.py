"""The plan of a campaign: what it would come to, kept with it so that the approver and the report see the same.

While it runs, the rest of it is planned again from time to time: that is kept beside the plan, as its forecast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.model import Campaign, Scope
from bagfill.planning.forecast import TierForecast
from bagfill.planning.plan import BackfillPlan
from bagfill.planning.thaw_choice import prospect_of
from bagfill.planning.waves import WorkDay
from bagfill.registry.registry import Registry
from bagfill.registry.sizes import SizedBagVersion
from bagfill.steps.campaign_tiers import Basis, Chosen, choose
from bagfill.steps.plan_collection import Look, plan_collection
from bagfill.steps.plan_scope import PlanScope
from bagfill.steps.services import Services
from bagfill.storage.store import ThawTier

PLAN = "plan"
"""The kind of document that a plan is kept as."""
FORECAST = "forecast"
"""The kind of document that the plan of what is left is kept as."""


@dataclass(frozen=True, slots=True)
class CampaignScope(PlanScope):
    """The scope of a campaign as one that can be planned."""

    scope: Scope = field(default_factory=Scope)

    @property
    def words(self) -> str:
        """The scope for people."""
        return str(self.scope)

    def bags(self, registry: Registry) -> Iterator[list[SizedBagVersion]]:
        """All known versions of each bag of the scope. A bag that is named and not known is left out."""
        if self.scope.bags:
            for name in self.scope.bags:
                bag = BagId.parse(name, stored=True)
                versions = list(registry.sizes(bag=bag)) if self.scope.holds(bag) else []
                if versions:
                    yield versions
            return
        sized = registry.sizes(spaces=self.scope.spaces or None)
        for bag, versions_of in groupby(sized, key=lambda each: each.bag_version.bag):
            if self.scope.holds(bag):
                yield list(versions_of)


@dataclass(frozen=True, slots=True)
class PlannedCampaign:
    """A plan, and what of it counts for this campaign.

    Args:
        plan: for every thaw tier.
        tier: the forecast for the campaign's own tier.
        chosen: what counts: of several classes thawed at different tiers the longest and the dearest.
        money: the whole, if it is known and in the campaign's currency; else ``None``.
        unknown: prices that are not known; why there is no ``money``.
    """

    plan: BackfillPlan
    tier: TierForecast | None
    chosen: Chosen | None
    money: Decimal | None
    unknown: tuple[str, ...]


def plan_campaign(
    services: Services, campaign: Campaign, *, look: Look = Look.AUTO, keep: str = PLAN
) -> PlannedCampaign:
    """Plan what a campaign would do, and keep the plan with it. Pays for nothing but listings.

    Args:
        campaign: as it is.
        look: which bag versions are listed.
        keep: the kind of document that it is kept as.

    Raises:
        StoreError: a location did not answer.
        PriceTableError: a price table cannot be used.
    """
    definition = campaign.definition
    plan = plan_collection(
        services,
        CampaignScope(scope=definition.scope),
        destination=definition.destination,
        source=definition.source,
        look=look,
        days=definition.thaw_days,
        day=WorkDay.under(campaign.caps),
    )
    prospects = [prospect_of(each, _money(each, definition.currency)[0], plan.collection.bytes) for each in plan.tiers]
    moment = services.clock()
    basis = Basis(
        made=moment,
        booked=campaign.account.total.money,
        caps=campaign.caps,
        prospects=tuple(prospects),
        archived=tuple(sorted({key.storage_class for key in plan.classes if key.archived})),
        otherwise=_tier_at(services, plan.source),
    )
    chosen = choose(campaign, basis)
    tier = None if chosen is None else next(each for each in plan.tiers if each.tier is chosen.prospect.tier)
    money, unknown = _money(tier, definition.currency)
    document = {
        **plan.to_json(),
        **basis.to_json(),
        "tier": _told_tier(basis, chosen).value,
        "money": None if money is None else str(money),
        "currency": definition.currency,
    }
    services.campaigns.remember(campaign.name, keep, document)
    return PlannedCampaign(plan, tier, chosen, money, unknown)


def _told_tier(basis: Basis, chosen: Chosen | None) -> ThawTier:
    """What is thawed with; where nothing is archived, what would be."""
    if chosen is None:
        return basis.otherwise
    return chosen.prospect.tier if basis.archived else chosen.otherwise


def _tier_at(services: Services, source: str) -> ThawTier:
    place = services.locations.get(source)
    return ThawTier.STANDARD if place is None else place.thaw.tier


def _money(tier: TierForecast | None, currency: str) -> tuple[Decimal | None, tuple[str, ...]]:
    if tier is None:
        return Decimal(0), ()
    single = tier.totals.single
    if single is not None and (single[0] == currency or not single[1]):
        return single[1], ()
    others = tuple(f"prices in {currency} (a table has {name})" for name in tier.totals.money if name != currency)
    return None, (*tier.totals.unknown, *others) or ("every price",)
