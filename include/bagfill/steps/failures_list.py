"""One list of the bags that need a person, grouped by reason; and their release when the person has seen to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from shlex import quote
from typing import Any

from bagfill.bag.identifiers import BagId
from bagfill.ingests.failed_bags import EXAMPLES, CountedFailure
from bagfill.ingests.reasons import Reason
from bagfill.ingests.releases import Release
from bagfill.ingests.remedies import REMEDIES
from bagfill.steps.bag_history import NeedsPerson
from bagfill.steps.campaign_sweep import scope_candidates
from bagfill.steps.failure_places import counted_or_judged, judged_one_by_one, needs_of, wanted_places
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepError, SweepSkipped, sweep_candidates

_RELEASED_AT_ONCE = 500


@dataclass(slots=True)
class FailureGroup:
    """Bags that need a person for the same reason.

    Args:
        reason: why.
        bags: how many.
        first_seen, last_seen: when the oldest and the newest of their failures ended.
        examples: the first bags, each with the command that resolves it.
    """

    reason: Reason
    bags: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    examples: list[NeedsPerson] = field(default_factory=list)

    def add(self, needs: NeedsPerson) -> None:
        """Count one."""
        self.bags += 1
        self.first_seen = needs.first_seen if self.first_seen is None else min(self.first_seen, needs.first_seen)
        self.last_seen = needs.last_seen if self.last_seen is None else max(self.last_seen, needs.last_seen)
        if len(self.examples) < EXAMPLES:
            self.examples.append(needs)

    def add_counted(self, counted: CountedFailure, examples: Sequence[NeedsPerson]) -> None:
        """Count many."""
        self.bags += counted.bags
        self.first_seen = counted.first_seen if self.first_seen is None else min(self.first_seen, counted.first_seen)
        self.last_seen = counted.last_seen if self.last_seen is None else max(self.last_seen, counted.last_seen)
        self.examples += examples[: EXAMPLES - len(self.examples)]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "reason": self.reason.code,
            "advice": self.reason.advice,
            "bags": self.bags,
            "first_seen": None if self.first_seen is None else self.first_seen.isoformat(),
            "last_seen": None if self.last_seen is None else self.last_seen.isoformat(),
            "examples": [{**each.to_json(), "command": command_for(each)} for each in self.examples],
        }


def command_for(needs: NeedsPerson) -> str:
    """What resolves it, as a command line that can be copied: names are quoted for a shell."""
    return REMEDIES[needs.reason].format(
        bag=quote(needs.bag),
        version=needs.version,
        destination=needs.destination,
        source=needs.source,
        ingest=needs.ingest_id,
    )


def needing_a_person(
    services: Services, *, destination: str | None = None, space: str | None = None
) -> Iterator[NeedsPerson]:
    """Every bag that is missing somewhere and is not tried again without a person: of the policies and of campaigns.

    Raises:
        SweepError: ``destination`` is no location.
    """
    seen: set[tuple[str, str]] = set()
    for skipped in _skipped(services, destination, space):
        needs = skipped.needs
        if needs is not None and (needs.bag, needs.destination) not in seen:
            seen.add((needs.bag, needs.destination))
            yield needs


def needing_for_reason(services: Services, reason: Reason, destination: str | None) -> Iterator[NeedsPerson]:
    """Every bag that needs a person for one reason; a rare one is found among a million others without asking of each.

    Args:
        destination: only where they are missing at this location; ``None``: anywhere.

    Raises:
        SweepError: the destination is no location.
    """
    found = needing_a_person(services, destination=destination)
    if services.failed is not None:
        found = judged_one_by_one(services, services.failed, destination=destination, reason=reason)
    yield from (each for each in found if each.reason is reason)


def failure_groups(
    services: Services, *, destination: str | None = None, space: str | None = None
) -> tuple[FailureGroup, ...]:
    """The list, most bags first. Raises SweepError."""
    groups: dict[Reason, FailureGroup] = {}
    for location, found in _found(services, destination, space):
        group = groups.setdefault(found.reason, FailureGroup(found.reason))
        if isinstance(found, NeedsPerson):
            group.add(found)
        else:
            named = (needs_of(services, bag, location) for bag in found.examples)
            group.add_counted(found, [needs for needs in named if needs is not None])
    return tuple(sorted(groups.values(), key=lambda group: (-group.bags, group.reason.code)))


def _found(
    services: Services, destination: str | None, space: str | None
) -> Iterator[tuple[str, CountedFailure | NeedsPerson]]:
    if services.failed is None:
        yield from (
            (each.destination, each) for each in needing_a_person(services, destination=destination, space=space)
        )
        return
    for place in wanted_places(services, destination):
        found = counted_or_judged(services, services.failed, place.narrowed(space))
        yield from ((place.location, each) for each in found)


def release_bag(services: Services, bag: BagId, destination: str, *, who: str, why: str = "") -> Release:
    """Let the next sweep try a bag again, whatever happened before.

    Raises:
        SweepError: the bag is not known, or the destination is no location.
    """
    if destination not in services.locations:
        known = ", ".join(sorted(services.locations))
        raise SweepError(f"destination: found {destination!r}, configured locations are {known}")
    if not services.registry.versions(bag):
        raise SweepError(f"no bag {bag} is known; bagfill import LOCATION learns bags")
    made = Release(bag, destination, services.clock(), who, why)
    services.releases.release(made)
    return made


def release_reason(
    services: Services, reason: Reason, destination: str | None, *, who: str, why: str = ""
) -> Iterator[Release]:
    """Let the next sweep try every bag again that waits for a person for one reason.

    They are released as they are found, some hundreds at once: of a million, those of the first seconds are tried while
    the last are looked for; and what was stopped in the middle goes on when it is asked for again.

    Args:
        destination: only where they are missing at this location; ``None``: anywhere.

    Yields:
        each release, after it was recorded.

    Raises:
        SweepError: the destination is no location.
    """
    found = needing_for_reason(services, reason, destination)
    if services.failed is None:
        # Read whole before the first is released: a release changes what is found.
        found = iter(list(found))
    while some := list(islice(found, _RELEASED_AT_ONCE)):
        yield from release_found(services, some, who=who, why=why)


def release_found(services: Services, found: Sequence[NeedsPerson], *, who: str, why: str = "") -> tuple[Release, ...]:
    """Let the next sweep try bags again that were just found to need a person; all of them, or none."""
    now = services.clock()
    made = tuple(Release(BagId.parse(each.bag, stored=True), each.destination, now, who, why) for each in found)
    services.releases.release(*made)
    return made


def _skipped(services: Services, destination: str | None, space: str | None) -> Iterator[SweepSkipped]:
    served = {location for policy in services.policies for location in policy.locations}
    campaigns = services.campaigns.all()
    if destination is None or destination in served:
        found = sweep_candidates(services, destination=destination, space=space)
        yield from (each for each in found if isinstance(each, SweepSkipped))
    elif destination not in services.locations:
        raise SweepError(
            f"destination: found {destination!r}, configured locations are {', '.join(services.locations)}"
        )
    for campaign in campaigns:
        if destination is None or campaign.definition.destination == destination:
            for each in scope_candidates(services, campaign):
                if isinstance(each, SweepSkipped) and (space is None or each.bag.partition("/")[0] == space):
                    yield each
