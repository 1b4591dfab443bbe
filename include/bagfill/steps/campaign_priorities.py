"""Which bags and spaces of a campaign go first: what people said, the highest number before the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nsmallest

from bagfill.campaigns.model import Campaign
from bagfill.planning.order import Order
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class Priority:
    """One word of somebody.

    Args:
        name: a space, or ``space/external identifier``.
        number: higher goes first; what nobody named has 0.
        of_settings: said for all campaigns, in the settings; else by this campaign.
    """

    name: str
    number: int
    of_settings: bool = False

    @property
    def is_bag(self) -> bool:
        """Of one bag; else of a whole space."""
        return "/" in self.name


@dataclass(frozen=True, slots=True)
class Priorities:
    """What counts for a campaign.

    Args:
        shown: the highest first.
        more: how many are not among them.
    """

    shown: tuple[Priority, ...]
    more: int


def campaign_priorities(services: Services, campaign: Campaign, *, most: int) -> Priorities:
    """The highest priorities that count for a campaign; none where its order asks for none.

    Args:
        most: that are shown, however many were declared.
    """
    if campaign.definition.order is not Order.PRIORITY:
        return Priorities((), 0)
    said = list(_said(services, campaign))
    shown = nsmallest(most, said, key=lambda each: (-each.number, each.name))
    return Priorities(tuple(shown), len(said) - len(shown))


def _said(services: Services, campaign: Campaign) -> Iterator[Priority]:
    declared, spaces = campaign.definition.priorities, campaign.definition.scope.spaces
    for name, number in declared.items():
        yield Priority(name, number)
    for space, number in services.campaign_rules.priorities.items():
        if space not in declared and (not spaces or space in spaces):
            yield Priority(space, number, of_settings=True)
