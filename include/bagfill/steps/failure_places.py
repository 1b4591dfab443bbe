"""Where what failed is looked for: what policies and campaigns want, each location once, each bag once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.model import Scope
from bagfill.ingests.failed_bags import CountedFailure, FailedBags, LackingBag
from bagfill.ingests.reasons import Reason
from bagfill.registry.missing import MissingBag, MissingVersion
from bagfill.steps.bag_history import NeedsPerson
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepError, SweepSkipped, candidate_for, judged_bags, policy_targets

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WantedPlace:
    """What is wanted at one location.

    Args:
        location: its name.
        spaces: that are wanted whole; ``None``: all of them.
        scopes: of campaigns that want some bags of other spaces.
    """

    location: str
    spaces: frozenset[str] | None = frozenset()
    scopes: tuple[Scope, ...] = ()

    def widened(self, spaces: Collection[str] | None) -> Self:
        """Want these spaces whole as well."""
        if self.spaces is None or spaces is None:
            return type(self)(self.location, None)
        return type(self)(self.location, self.spaces | set(spaces), self.scopes)

    def with_scope(self, scope: Scope) -> Self:
        """Want what a campaign wants as well."""
        if self.spaces is None:
            return self
        if not scope.bags and not scope.prefix:
            return self.widened(scope.spaces or None)
        return type(self)(self.location, self.spaces, (*self.scopes, scope))

    def is_wanted_alone(self, bag: LackingBag) -> bool:
        """Whether a campaign names a bag whose space is not wanted whole."""
        whole = self.spaces is None or str(bag.bag.space) in self.spaces
        return not whole and any(scope.holds(bag.bag) for scope in self.scopes)

    def narrowed(self, space: str | None) -> Self:
        """The same for one space; ``None``: as it is."""
        if space is None:
            return self
        if self.spaces is None or space in self.spaces:
            return type(self)(self.location, frozenset({space}))
        found = [scope for scope in self.scopes if not scope.spaces or space in scope.spaces]
        narrow = tuple(Scope((space,), scope.bags, scope.prefix) for scope in found)
        return type(self)(self.location, frozenset(), narrow)

    @property
    def spaces_of_scopes(self) -> Sequence[str] | None:
        """Spaces that the scopes look in; ``None``: all of them."""
        if any(not scope.spaces for scope in self.scopes):
            return None
        return sorted({space for scope in self.scopes for space in scope.spaces})


def wanted_places(services: Services, destination: str | None = None) -> Sequence[WantedPlace]:
    """Every location where policies or campaigns want something.

    Args:
        destination: only this location.

    Raises:
        SweepError: ``destination`` is no location.
    """
    if destination is not None and destination not in services.locations:
        known = ", ".join(services.locations)
        raise SweepError(f"destination: found {destination!r}, configured locations are {known}")
    places = {
        location: WantedPlace(location).widened(spaces) for location, spaces in policy_targets(services, None, None)
    }
    for campaign in services.campaigns.all():
        where, scope = campaign.definition.destination, campaign.definition.scope
        places[where] = places.get(where, WantedPlace(where)).with_scope(scope)
    return [place for name, place in places.items() if destination in {None, name}]


def judged_one_by_one(
    services: Services, failed: FailedBags, *, destination: str | None = None, reason: Reason | None = None
) -> Iterator[NeedsPerson]:
    """Every bag that needs a person, each judged as the sweep does.

    Args:
        failed: says which bags are worth a look.
        destination: only at this location; ``None``: everywhere.
        reason: only bags that failed for it at least once; ``None``: for any.

    Raises:
        SweepError: ``destination`` is no location.
    """
    for place in wanted_places(services, destination):
        spaces = None if place.spaces is None else sorted(place.spaces)
        for some in failed.each(place.location, spaces=spaces, reason=reason):
            yield from needing_among(services, some, place.location)
        yield from named_alone(services, failed, place, reason=reason)


def counted_or_judged(
    services: Services, failed: FailedBags, place: WantedPlace
) -> Iterator[CountedFailure | NeedsPerson]:
    """Everything that needs a person at one place: groups of bags where they can be counted, else bag by bag."""
    for part in failed.parts(place.location, spaces=None if place.spaces is None else sorted(place.spaces)):
        yield from part.counted
        yield from needing_among(services, part.others, place.location)
    yield from named_alone(services, failed, place)


def needs_of(services: Services, bag: BagId, location: str) -> NeedsPerson | None:
    """Why one bag needs a person now; ``None``: it does not, somebody has seen to it since it was counted."""
    judged = candidate_for(services, bag, location)
    return judged.needs if isinstance(judged, SweepSkipped) else None


def named_alone(
    services: Services, failed: FailedBags, place: WantedPlace, *, reason: Reason | None = None
) -> Iterator[NeedsPerson]:
    """Of the bags that campaigns want beside whole spaces, those that need a person."""
    if not place.scopes:
        return
    for some in failed.each(place.location, spaces=place.spaces_of_scopes, reason=reason):
        yield from needing_among(services, [each for each in some if place.is_wanted_alone(each)], place.location)


def needing_among(services: Services, bags: Sequence[LackingBag], location: str) -> Iterator[NeedsPerson]:
    """Of some bags, those that need a person."""
    moment = services.clock()
    for start in range(0, len(bags), _AT_ONCE):
        # How large they are decides about parcels alone.
        missing = [
            MissingBag(each.bag, tuple(MissingVersion(version, 0, 0, moment) for version in each.versions))
            for each in bags[start : start + _AT_ONCE]
        ]
        for judged in judged_bags(services, missing, location):
            if isinstance(judged, SweepSkipped) and judged.needs is not None:
                yield judged.needs
