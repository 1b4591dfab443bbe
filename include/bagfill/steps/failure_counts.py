"""What needs a person, as one line a reason and location: a million bags of one kind are counted in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bagfill.ingests.failed_bags import CountedFailure, FailedBags
from bagfill.reports.standing import FailureLine
from bagfill.steps.bag_history import NeedsPerson
from bagfill.steps.failure_places import WantedPlace, named_alone, needing_among, wanted_places
from bagfill.steps.failures_list import command_for, needing_a_person
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepSkipped, candidate_for


def failure_lines(services: Services) -> Iterator[FailureLine]:
    """One line for each reason and location: a million bags of one kind take no more memory than one."""
    if services.failed is None:
        yield from _summed(_line(needs) for needs in needing_a_person(services))
        return
    for place in wanted_places(services):
        yield from _summed(_lines(services, services.failed, place))


def _lines(services: Services, failed: FailedBags, place: WantedPlace) -> Iterator[FailureLine]:
    for part in failed.parts(place.location, spaces=None if place.spaces is None else sorted(place.spaces)):
        for counted in part.counted:
            yield _line_of(services, counted, place.location)
        yield from map(_line, needing_among(services, part.others, place.location))
    yield from map(_line, named_alone(services, failed, place))


def _line_of(services: Services, counted: CountedFailure, location: str) -> FailureLine:
    # Judged as the sweep judges, for its command; somebody may have seen to it since it was counted.
    example = candidate_for(services, counted.example, location)
    needs = example.needs if isinstance(example, SweepSkipped) else None
    return FailureLine(
        reason=counted.reason.code,
        advice=counted.reason.advice,
        destination=location,
        bags=counted.bags,
        first_seen=counted.first_seen,
        last_seen=counted.last_seen,
        example=str(counted.example),
        command=f"bagfill failures --to {location}" if needs is None else command_for(needs),
    )


def _line(needs: NeedsPerson) -> FailureLine:
    return FailureLine(
        reason=needs.reason.code,
        advice=needs.reason.advice,
        destination=needs.destination,
        bags=1,
        first_seen=needs.first_seen,
        last_seen=needs.last_seen,
        example=needs.bag,
        command=command_for(needs),
    )


def _summed(found: Iterator[FailureLine]) -> Iterator[FailureLine]:
    lines: dict[tuple[str, str], FailureLine] = {}
    for each in found:
        key = (each.reason, each.destination)
        known = lines.get(key)
        lines[key] = each if known is None else _sum(known, each)
    yield from lines.values()


def _sum(known: FailureLine, other: FailureLine) -> FailureLine:
    return replace(
        known,
        bags=known.bags + other.bags,
        first_seen=min(known.first_seen, other.first_seen),
        last_seen=max(known.last_seen, other.last_seen),
    )
