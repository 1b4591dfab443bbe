"""Which thaw tiers a campaign uses: what a plan says of each, and what follows from the campaign's wishes and caps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from bagfill.campaigns.model import Campaign, Definition, caps_from_json, caps_to_json
from bagfill.planning.budget import Caps
from bagfill.planning.thaw_choice import AUTO, Prospect, cheapest_in_time, nearest_tier, tier_of_bag, worst_of
from bagfill.storage.store import ThawTier


@dataclass(frozen=True, slots=True)
class Basis:
    """What a choice rests on; kept with the plan that it is part of.

    Args:
        made: when it was planned.
        booked: money that the campaign had booked then.
        caps: that the campaign had then.
        prospects: what was left then, by tier.
        archived: storage classes of what has to be thawed.
        otherwise: the tier of the location that most is read from, for a campaign that names none.
    """

    made: datetime
    booked: Decimal
    caps: Caps
    prospects: tuple[Prospect, ...]
    archived: tuple[str, ...]
    otherwise: ThawTier

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; times in seconds, money as text."""
        return {
            "made": self.made.isoformat(),
            "booked_then": str(self.booked),
            "caps_then": caps_to_json(self.caps),
            "archived_classes": list(self.archived),
            "tier_of_location": self.otherwise.value,
            "prospects": [
                {
                    "tier": each.tier.value,
                    "waiting": each.waiting,
                    "working": each.working,
                    "money": None if each.money is None else str(each.money),
                    "bytes": each.bytes,
                    "requests": each.requests,
                }
                for each in self.prospects
            ],
        }

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> Self | None:
        """The basis of a kept plan; ``None``: there is none, or it was kept before choices were."""
        if document is None or "prospects" not in document:
            return None
        return cls(
            made=datetime.fromisoformat(document["made"]),
            booked=Decimal(document["booked_then"]),
            caps=caps_from_json(document["caps_then"]),
            prospects=tuple(
                Prospect(
                    tier=ThawTier(each["tier"]),
                    waiting=each["waiting"],
                    working=each["working"],
                    money=None if each["money"] is None else Decimal(each["money"]),
                    bytes=each["bytes"],
                    requests=each["requests"],
                )
                for each in document["prospects"]
            ),
            archived=tuple(document["archived_classes"]),
            otherwise=ThawTier(document["tier_of_location"]),
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """What counts for a campaign.

    Args:
        otherwise: the tier of classes for which none was declared.
        prospect: what is left comes to so.
        seconds: how long it takes from when the basis was made, within the caps; may be infinite.
    """

    otherwise: ThawTier
    prospect: Prospect
    seconds: float


def choose(campaign: Campaign, basis: Basis) -> Chosen | None:
    """What counts, by the campaign's wishes and its caps as they are now; ``None``: there is nothing to choose from."""
    definition, caps = campaign.definition, campaign.caps
    if not basis.prospects:
        return None
    if definition.thaw_tier == AUTO:
        left = None if definition.deadline is None else definition.deadline - basis.made
        otherwise = cheapest_in_time(basis.prospects, caps, spent=basis.booked, time_left=left).tier
    else:
        otherwise = basis.otherwise if definition.thaw_tier is None else ThawTier(definition.thaw_tier)
    by_class = tiers_by_class(definition)
    tiers = {by_class.get(name, otherwise) for name in basis.archived} or {otherwise}
    prospect = worst_of([nearest_tier(basis.prospects, tier) for tier in sorted(tiers)])
    return Chosen(otherwise, prospect, prospect.seconds(caps))


def tier_for_bag(definition: Definition, chosen: Chosen | None, classes: Collection[str]) -> ThawTier | None:
    """The tier to start a bag with.

    Args:
        definition: of its campaign.
        chosen: as :func:`choose` has it now.
        classes: of its archived objects; none if it has none, or if nobody has looked.

    Returns:
        ``None``: as its source location says.
    """
    named = None if definition.thaw_tier in {None, AUTO} else ThawTier(str(definition.thaw_tier))
    if not definition.thaw_tiers and definition.thaw_tier != AUTO:
        # What a person named is asked for as it is; the plan of the bag refuses what its classes do not have.
        return named
    otherwise = named or (ThawTier.STANDARD if chosen is None else chosen.otherwise)
    return tier_of_bag(tiers_by_class(definition), otherwise, classes)


def tiers_by_class(definition: Definition) -> Mapping[str, ThawTier]:
    """The tiers that were declared for storage classes."""
    return {name: ThawTier(tier) for name, tier in definition.thaw_tiers.items()}
